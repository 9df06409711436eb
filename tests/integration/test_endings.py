"""How a guest can end, and what the user and the shell are told."""

import re
import signal
import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.timeouts import FACTOR


class TestEndings(RingsideTest):
    def alone(self, end: str):
        return self.ringside(self.guest("demo64"), f"--append=rounds=1 end={end}", gdb=None)

    def test_debug_exit_gives_its_status(self):
        assert self.alone("exit").wait() == 33

    def test_a_triple_fault_is_status_3_and_one_line(self):
        vm = self.alone("triple")
        assert vm.wait() == 3
        assert re.search(r"(?i)triple fault", vm.stderr.text())

    def test_a_reset_ends_the_run_in_good_order(self):
        assert self.alone("reset").wait() == 0

    def test_a_panic_is_status_4_and_one_line(self):
        vm = self.alone("panic")
        assert vm.wait() == 4
        assert re.search(r"(?m)^ringside: the guest's kernel has panicked", vm.stderr.text())

    def test_a_panic_under_a_debugger_stops_there_and_is_not_forgotten(self):
        _, gdb = self.attached("demo64", "--append=rounds=1 end=panic")
        stop = gdb.run("continue")
        assert any("has panicked" in line for line in gdb.log), gdb.log
        assert re.search(r"report_panic.*\n.*panic", gdb.console("bt"))
        assert gdb.run("continue")["reason"] == "signal-received", "the kernel resets the machine"
        stop = gdb.run("continue")
        assert (stop["reason"], int(stop["exit-code"], 8)) == ("exited", 4)

    def test_a_triple_fault_under_a_debugger_stops_where_it_happened(self):
        _, gdb = self.attached("demo64", "--append=rounds=1 end=triple")
        stop = gdb.run("continue")
        assert stop["reason"] == "signal-received", stop
        assert any("triple fault" in line.lower() for line in gdb.log)
        self.assert_stopped_in(stop, "triple_fault")

    def test_a_reset_under_a_debugger_stops_where_it_happened(self):
        _, gdb = self.attached("demo64", "--append=rounds=1 end=reset")
        stop = gdb.run("continue")
        assert (stop["reason"], stop["signal-name"]) == ("signal-received", "SIGTRAP"), stop
        assert any("The guest has reset the machine" in line for line in gdb.log), gdb.log
        assert "guest_main" in gdb.console("bt")
        assert gdb.integer("rounds_done") == 1, "memory is there to look at"
        assert gdb.run("continue")["reason"] == "exited-normally"

    def test_a_client_that_leaves_after_a_reset_ends_the_run(self):
        vm, gdb = self.attached("demo64", "--append=rounds=1 end=reset")
        gdb.run("continue")
        gdb.console("detach")
        assert vm.wait() == 0

    def test_a_reset_ends_the_run_if_asked_to(self):
        vm, gdb = self.attached("demo64", "--on-reset=exit", "--append=rounds=1 end=reset")
        assert gdb.run("continue")["reason"] == "exited-normally"
        assert vm.wait() == 0

    def test_a_gdb_that_ringside_has_started_outlives_the_guest(self):
        done = subprocess.run([paths.RINGSIDE, "gdb", "-m", "64M", "--append=rounds=1 end=exit", self.guest("demo64"), "--", "-nx", "-batch",
                               "-ex", "continue", "-ex", "print 41 + 1"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120 * FACTOR, check=False)
        assert "exited with code 041" in done.stdout, done.stdout + done.stderr
        assert "$1 = 42" in done.stdout, done.stdout + done.stderr
        assert done.returncode == 0, "the status is gdb's"

    def test_gdb_is_told_the_exit_status(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        stop = gdb.run("continue")
        assert (stop["reason"], int(stop["exit-code"], 8)) == ("exited", 33)

    @pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM), ids=lambda number: number.name)
    def test_sigint_and_sigterm_end_a_vm_without_a_debugger(self, number):
        vm = self.ringside(self.guest("demo64"), gdb=None)
        vm.serial("round 1:")
        vm.signal(number)
        vm.wait()
        assert not vm.running()

    @pytest.mark.parametrize("target", ("none", "file:/dev/null"))
    def test_serial_to_a_file_and_to_nowhere(self, target):
        vm = self.ringside(self.guest("demo64"), "--serial", target, "--append=rounds=1", gdb=None)
        assert vm.wait() == 33
        assert vm.stdout.text() == ""
