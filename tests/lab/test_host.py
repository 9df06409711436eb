"""`ringside --host intel|amd` as a user has it: a guest in the lab, and all that belongs to it outside."""

import re
import signal

import pytest

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside

LIMIT = 120  # seconds, for the machine's start
DEBUG_EXIT = 33  # the status of a guest that found everything right

pytestmark = pytest.mark.boots


class LabTest(RingsideTest):
    host = "amd"

    def lab(self, guest: str, *options: object, **how: object) -> Ringside:
        return self.ringside(self.guest(guest), f"--host={self.host}", *options, **how)

    def listening(self, vm: Ringside) -> int:
        vm.stderr.wait_for("gdb: listening on", LIMIT)
        return vm.port()


class TestRun(LabTest):
    def test_the_guests_output_and_exit_status_come_out(self) -> None:
        vm = self.lab("demo64", "--append=rounds=3 end=exit", gdb=None)
        assert vm.wait(LIMIT) == DEBUG_EXIT
        assert "\nround 3: " in vm.stdout.text()

    def test_an_error_inside_is_one_line_outside(self) -> None:
        vm = self.lab("missing", gdb=None)
        assert vm.wait(LIMIT) == 1
        assert vm.stderr.text().splitlines()[-1] == f"ringside: load {self.guest('missing')}: No such file or directory. Check the path"

    def test_sigint_ends_the_guest(self) -> None:
        vm = self.lab("demo64", gdb=None)
        vm.serial("round 2: ", LIMIT)
        vm.signal(signal.SIGINT)
        assert vm.wait() == 128 + signal.SIGINT


class TestDebugger(LabTest):
    def test_gdb_over_tcp(self) -> None:
        vm = self.lab("demo64", "--append=rounds=3 end=exit")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(self.listening(vm))
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.integer("round") == 1
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == DEBUG_EXIT

    def test_the_guest_of_a_client_that_dies_runs_on_and_the_next_client_attaches(self) -> None:
        vm = self.lab("demo64")
        port = self.listening(vm)
        first = self.gdb(self.guest("demo64"))
        first.connect(port)
        first.start("continue")
        vm.serial("round 2: ")
        first.interrupt()
        stopped_in = first.integer("rounds_done")
        first.kill()
        vm.serial(f"round {stopped_in + 3}: ")
        second = self.gdb(self.guest("demo64"))
        second.connect(port)
        assert second.integer("rounds_done") >= stopped_in + 2
        second.console("kill")
        assert vm.wait() == 0

    def test_a_second_client_is_told_why_it_is_refused(self) -> None:
        vm = self.lab("demo64")
        port = self.listening(vm)
        self.gdb(self.guest("demo64")).connect(port)
        second = self.client(vm)
        assert re.match(rb"E\.another debugger \(127\.0\.0\.1:\d+\) is attached to this guest: detach it first$", second.ask(b"qSupported"))
        assert second.closed_by_peer()

    def test_two_guests_cannot_have_one_port(self) -> None:
        port = self.listening(self.lab("demo64"))
        second = self.lab("demo64", gdb=f"tcp:127.0.0.1:{port}")
        assert second.wait() == 1
        assert second.stderr.text() == (f"ringside: cannot listen on tcp:127.0.0.1:{port}: Address already in use; another program has it: "
                                        "choose another, or port 0 for any free one\n")

    def test_a_client_that_dies_takes_the_guest_with_it_if_asked_to(self) -> None:
        vm = self.lab("demo64", "--on-disconnect=quit")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(self.listening(vm))
        gdb.kill()
        assert vm.wait() == 0
