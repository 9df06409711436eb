"""What the monitor does to a guest, seen by the guest itself; and the same commands without a debugger."""

import json
import re
import socket

import pytest

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside


class TestActs(RingsideTest):
    def stopped(self, guest: str, place: str):
        vm, gdb = self.attached(guest, "--append=rounds=0")
        gdb.console(f"break {place}")
        gdb.run("continue")
        gdb.console("delete")
        return vm, gdb

    @pytest.mark.parametrize(("command", "vector", "code"), [("nmi", 2, "0x0"), ("inject exception 6", 6, "0x0"),
                                                             ("inject exception 13 0x18", 13, "0x18")])
    def test_the_guest_gets_what_is_injected(self, command, vector, code):
        vm, gdb = self.stopped("demo64", "report_round")
        assert "is delivered at vCPU 0's next entry" in gdb.console(f"monitor {command}")
        gdb.start("continue")
        vm.serial(rf"unexpected interrupt {vector}, error code {code},")

    def test_a_line_that_is_pulsed_requests_its_vector(self):
        _, gdb = self.stopped("chips", "blocked if cause[1] == 'd'")  # idle: the pin is open, the device silent
        assert json.loads(gdb.console("monitor lapic --json"))["requested"] == []
        gdb.console("monitor inject irq 4")
        assert json.loads(gdb.console("monitor lapic --json"))["requested"] == [0x34]

    def test_two_exceptions_are_one_too_many(self):
        _, gdb = self.stopped("demo64", "report_round")
        gdb.console("monitor inject exception 6")
        assert json.loads(gdb.console("monitor events --json"))["exception"] == 6
        assert "another exception has not been delivered yet" in gdb.console("monitor inject exception 6")

    def test_a_debugger_decides_when_the_guest_runs(self):
        _, gdb = self.stopped("demo64", "report_round")
        assert "The guest is stopped." in gdb.console("monitor stop")
        assert "a debugger is attached" in gdb.console("monitor cont")

    @pytest.mark.parametrize(("command", "sentence"), [
        ("inject irq 24", "a line from 0 to 23"), ("inject irq", "a line from 0 to 23"), ("inject exception 2", "the vector of an"),
        ("inject exception 32", "the vector of an exception"), ("inject exception 13", "#GP pushes an error code"),
        ("inject exception 6 1", "#UD does not push an error code"), ("serial break help", '"help" is not a single key'), ("nmi 1", '"1" is one too many')])
    def test_wrong_arguments(self, command, sentence):
        _, gdb = self.attached("demo64")
        assert sentence in gdb.console(f"monitor {command}")


class TestControlSocket(RingsideTest):
    def machine(self, *options: str) -> Ringside:
        vm = self.ringside(self.guest("demo64"), "--append=rounds=0", f"--control=unix:{self.control}", *options, gdb=None)
        vm.serial("round 2:")
        return vm

    def test_looks_at_a_guest_that_runs(self):
        vm = self.machine()
        assert json.loads(self.ctl("lapic --json"))["mode"] == "xAPIC"
        assert "0x0 " in self.ctl("vmmap")
        assert "monitor lapic" in self.ctl("help")
        assert 'nothing: there is no such monitor command' in self.ctl("nothing", refused=True)
        vm.serial(r"round 4:")

    def test_stop_dump_and_cont(self):
        vm = self.machine()
        assert "the guest is running" in self.ctl(f"dump {self.folder}/early", refused=True)
        assert self.ctl("stop") == "The guest is stopped.\n"
        assert self.ctl("stop") == "The guest is stopped.\n"
        assert "MiB of memory" in self.ctl(f"dump {self.folder}/vmcore")
        rounds = len(re.findall("round", vm.stdout.text()))
        dead = self.gdb(self.guest("demo64"))
        dead.console(f"core-file {self.folder}/vmcore")
        assert abs(dead.integer("rounds_done") - rounds) <= 1
        assert self.ctl("cont") == "The guest runs.\n"
        vm.serial(f"round {rounds + 2}:")

    def test_the_socket_may_be_named_as_control_names_it(self):
        self.machine()
        client = self.keep(Ringside("ctl", f"unix:{self.control}", "version"))
        assert client.wait() == 0
        assert client.stdout.text().startswith("ringside ")

    @pytest.mark.parametrize(("sent", "answer"), [
        (b"version\n", rb"ringside \S+\n"), (b"status version\n", rb"ok\nringside \S+\n"),
        (b"status nothing\n", rb"refused\nnothing: there is no such monitor command\. .*\n"),
        (b"status\n", rb"status: there is no such monitor command\. .*\n"), (b"status \n", rb"(?s)ok\nmonitor help .*\n"),
        (b"\n", rb"(?s)monitor help .*\n")])
    def test_what_a_program_sends_and_gets(self, sent, answer):
        self.machine()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.control))
            client.sendall(sent)
            with client.makefile("rb") as reply:
                assert re.fullmatch(answer, reply.read())

    @pytest.mark.parametrize("command", ["stop vcpu 0", "snapshot list vcpu 0", "snapshot save name vcpu 0", "pic vcpu 0"])
    def test_a_command_about_the_machine_has_no_vcpu(self, command):
        self.machine()
        assert re.search(r"about the machine, not about one vCPU\. Usage: monitor|one too many\. Usage: monitor", self.ctl(command, refused=True))

    @pytest.mark.no_kvm
    @pytest.mark.parametrize("sent", [b"", b"half an ans"])
    def test_a_machine_that_ends_before_it_has_answered(self, sent):
        machine = self.ends.enter_context(socket.socket(socket.AF_UNIX))
        machine.bind(str(self.control))
        machine.listen()
        client = self.keep(Ringside("ctl", self.control, "version"))
        connection, _ = machine.accept()
        with connection:
            assert connection.recv(100) == b"status version\n"
            connection.sendall(sent)
        assert client.wait() == 1
        assert "closed before the whole answer had come" in client.stderr.text()

    def test_nothing_listens(self):
        assert "A machine that was started with --control" in self.ctl("help", refused=True)

    def test_a_path_that_is_no_endpoint(self):
        vm = self.keep(Ringside("run", "--control=tcp:1234", self.guest("demo64")))
        assert vm.wait() == 2
        assert "it must be unix: and a path" in vm.stderr.text()
