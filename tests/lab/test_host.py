"""`ringside --host intel|amd` as a user has it: a guest in the lab, and all that belongs to it outside."""

import json
import random
import re
import signal
import subprocess

import pytest
from ringlab import cache, gdb_command

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside
from tests.harness.terminal import Terminal
from tests.harness.timeouts import FACTOR
from tests.linux.symbols import kernel

LIMIT = 120  # seconds, for the machine's start
DEBUG_EXIT = 33  # the status of a guest that found everything right

pytestmark = pytest.mark.boots


class LabTest(RingsideTest):
    def lab(self, guest: str, *options: object, host: str = "amd", **how: object) -> Ringside:
        return self.ringside(self.guest(guest), f"--host={host}", *options, **how)

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


class TestDoctor:
    def test_it_measures_the_machines_kvm(self) -> None:
        done = subprocess.run([paths.RINGSIDE, "doctor", "--host=amd", "--json"], capture_output=True, text=True, timeout=LIMIT * FACTOR,
                              check=True)
        assert "kvm_amd" in json.dumps(json.loads(done.stdout))


class TestDebugger(LabTest):
    @pytest.mark.parametrize("host", ("amd", "intel"))
    def test_gdb_over_tcp(self, host: str) -> None:
        vm = self.lab("demo64", "--append=rounds=3 end=exit", host=host)
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(self.listening(vm))
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.integer("round") == 1
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == DEBUG_EXIT

    @pytest.mark.parametrize("host", ("amd", "intel"))
    def test_much_data_goes_both_ways_unchanged(self, host: str) -> None:
        vm = self.lab("demo64", host=host)
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(self.listening(vm))
        blob, seen = self.folder / "blob", self.folder / "seen"
        blob.write_bytes(random.Random(1).randbytes(300_000))
        gdb.console(f"restore {blob} binary 0x2000000")
        gdb.console(f"dump binary memory {seen} 0x2000000 0x2000000+{len(blob.read_bytes())}")
        assert seen.read_bytes() == blob.read_bytes()
        gdb.console("kill")
        assert vm.wait() == 0

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

class TestGdb(LabTest):
    def test_a_prompt_in_debians_kernel(self) -> None:
        bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
        done = subprocess.run([paths.RINGSIDE, "gdb", "--host=amd", "-m", "256M", bzimage, "--", "-nx", "-batch", "-ex", "stepi",
                               "-ex", "info registers rip", "-ex", "exits", "-ex", "kill"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT * FACTOR, check=False)
        assert re.search(r"^rip +0x1000007 ", done.stdout, re.MULTILINE), done.stdout + done.stderr
        assert "userspace exits" in done.stdout
        assert done.returncode == 0, done.stderr

    def session(self, *commands: str, host: str = "amd") -> str:
        words = [word for command in commands for word in ("-ex", command)]
        done = subprocess.run([paths.RINGSIDE, "gdb", f"--host={host}", "-m", "64M", self.guest("demo64"), "--", "-nx", "-batch", *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LIMIT * FACTOR, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def test_run_restarts_the_guest(self) -> None:
        said = self.session("break report_round", "continue", "continue", "print round", "run", "print round", "kill")
        assert re.findall(r"^\$\d = (\d+)$", said, re.MULTILINE) == ["2", "1"]

    @pytest.mark.parametrize("host", ("amd", "intel"))
    def test_the_files_of_monitor_commands_are_there_at_once(self, host: str) -> None:
        names = {name: self.folder / name for name in ("dump", "state", "some exits.json", "script.py")}
        at_once = f"assert open({str(names['script.py'])!r}).read(1)"
        said = self.session(
            f"monitor dump {names['dump']}", f"monitor snapshot save here {names['state']}",
            f"monitor exits export chrome {names['some exits.json']}", f"monitor gdb-script {names['script.py']}", f"python {at_once}",
            f"monitor pmemsave 0x100000 0x2000 {self.folder}/memory", f"dump binary memory {self.folder}/seen 0x100000 0x102000",
            f"monitor dump {self.folder}/none/dump", "kill", host=host)
        assert f"{names['dump']} has 64 MiB of memory" in said
        assert f"write {self.folder}/none/dump: No such file or directory" in said
        assert (self.folder / "memory").read_bytes() == (self.folder / "seen").read_bytes() != bytes(0x2000)
        core = subprocess.run(["readelf", "-h", names["dump"]], capture_output=True, text=True, check=True).stdout
        assert "CORE (Core file)" in core
        assert json.loads(names["some exits.json"].read_text())
        self.lab("demo64", f"--restore={names['state']}", host=host, gdb=None).serial("round 1: ", LIMIT)

    def test_the_script_that_the_first_gdb_keeps_is_the_programs(self) -> None:
        kept = cache.root() / gdb_command.script_name(paths.RINGSIDE)
        kept.unlink(missing_ok=True)
        same = f"python print('same', open({str(kept)!r}).read().rpartition('#')[0] == gdb.execute('monitor gdb-script', to_string=True))"
        for _ in ("made", "found"):
            said = self.session("exits", same, "kill")
            assert "userspace exits" in said
            assert "same True" in said
        assert not list(cache.root().glob(".making-*.py-*"))


class TestFiles(LabTest):
    def test_recordings_and_disks_come_back(self) -> None:
        image, report, trace = (self.folder / name for name in ("image", "report.html", "trace"))
        image.write_bytes(bytes(1 << 20))
        vm = self.lab("virtio", "--rng", "--disk", image, "--exit-report", report, "--exit-trace", trace, gdb=None)
        assert vm.wait(LIMIT) == DEBUG_EXIT
        assert image.read_bytes() != bytes(1 << 20)
        assert report.read_text().startswith("<!DOCTYPE html>")
        assert "IO" in subprocess.run([paths.RINGSIDE, "exits", trace], capture_output=True, text=True, check=True).stdout

    def test_a_disk_that_is_read_only_stays_as_it_is(self) -> None:
        image = self.folder / "image"
        image.write_bytes(bytes(1 << 20))
        vm = self.lab("virtio", "--rng", "--disk", f"{image},ro", gdb=None)
        vm.wait(LIMIT)
        assert image.read_bytes() == bytes(1 << 20)


class TestTerminal(LabTest):
    def terminal(self, **environment: str) -> Terminal:
        return self.keep(Terminal(paths.RINGSIDE, "run", "--host=amd", "-m", "64M", self.guest("demo64"), **environment))

    def test_ctrl_c_is_the_guests_and_ctrl_a_x_ends_it(self) -> None:
        terminal = self.terminal()
        terminal.output.wait_for("round 2: ", LIMIT)
        terminal.type(b"\x03")
        reached = int(re.findall(r"round (\d+): ", terminal.output.text())[-1])
        terminal.output.wait_for(f"round {reached + 3}: ", LIMIT)
        terminal.type(b"\x01x")
        assert terminal.wait() == 0
        assert terminal.restored()

    def test_ctrl_c_before_there_is_a_guest_ends_the_lab(self) -> None:
        own = self.folder / "ringside" / "lab"  # without a saved machine: it boots one, which takes long enough to be shown
        own.mkdir(parents=True)
        for path in cache.root().glob(f"{cache.KEPT}*"):
            (own / path.name).symlink_to(path)
        terminal = self.terminal(XDG_CACHE_HOME=str(self.folder))
        terminal.output.wait_for("lab: starting the machine", LIMIT)
        terminal.type(b"\x03")
        assert terminal.wait() == 128 + signal.SIGINT
        assert terminal.restored()

    def test_gdbs_prompt_outlives_the_guest_and_ctrl_c_stops_it(self) -> None:
        terminal = self.keep(Terminal(paths.RINGSIDE, "gdb", "--host=amd", "-m", "64M", self.guest("demo64"), "--", "-nx"))
        for answer, keys in ((r"\(gdb\) $", b"continue\n"), ("round 2: ", b"\x03"), (r"SIGINT[^$]*\(gdb\) $", b"kill\n"),
                             (r"\(y or n\) $", b"y\n"), (r"killed\][^$]*\(gdb\) $", b"print 41 + 1\n"), ("= 42", b"quit\n")):
            terminal.output.wait_for(answer, LIMIT)
            terminal.type(keys)
        assert terminal.wait() == 0
        assert terminal.restored()
