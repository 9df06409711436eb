"""gdb's own life cycle: `target extended-remote`, run, kill, start."""

import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError
from tests.harness.timeouts import FACTOR

EXIT_STATUS = (0x10 << 1) | 1


class TestExtendedRemote(RingsideTest):
    def extended(self, *options: str, kernel=None):
        vm = self.ringside(kernel or self.guest("demo64"), *options)
        gdb = self.gdb(kernel or self.guest("demo64"))
        gdb.connect(vm.port(), extended=True)
        return vm, gdb

    def test_run_begins_again_and_breakpoints_stay(self):
        vm, gdb = self.extended("--append=rounds=0")
        gdb.console("break report_round if round == 2")
        for _ in range(3):
            self.assert_breakpoint(gdb.run("run"), "report_round")
            assert gdb.integer("rounds_done") == 2
        gdb.console("delete")
        gdb.start("continue")
        vm.serial(r"(?s)(demo64: four tasks.*){3}round 4:")

    def test_starti_stops_at_the_first_instruction(self):
        _, gdb = self.extended("--append=rounds=0")
        gdb.console("break report_round")
        gdb.run("continue")
        self.assert_stopped_in(gdb.run("starti"), "pvh_entry")
        assert gdb.integer("rounds_done") == 0

    def test_edit_build_run(self):
        kernel = self.copied("demo64")
        vm, gdb = self.extended("--append=rounds=0", kernel=kernel)
        gdb.console("break report_round")
        gdb.run("continue")
        kernel.write_bytes(kernel.read_bytes().replace(b": queued ", b": QUEUED "))
        self.assert_breakpoint(gdb.run("run"), "report_round")
        gdb.console("delete")
        gdb.start("continue")
        vm.serial(r"round 1: QUEUED")

    def test_a_kernel_that_cannot_be_loaded_is_refused_and_the_old_guest_stays(self):
        kernel = self.copied("demo64")
        vm = self.ringside(kernel, "--append=rounds=0")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port(), extended=True)
        gdb.console("break report_round if round == 2")
        gdb.run("continue")
        kernel.write_bytes(b"")
        with pytest.raises(GdbError, match="remote target failed"):
            gdb.console("run")
        vm.stderr.wait_for(r"cannot restart: load \S+/kernel: the file is empty")
        gdb.run("attach 1")
        assert gdb.integer("rounds_done") == 2
        gdb.console("delete")
        gdb.start("continue")
        vm.serial("round 3:")

    def test_arguments_are_the_kernels_command_line(self):
        vm, gdb = self.extended("--append=rounds=1")
        stop = gdb.run("run rounds=3 end=exit")
        assert (stop["reason"], int(stop["exit-code"], 8)) == ("exited", EXIT_STATUS)
        vm.serial(r"round 3:")
        gdb.console("set args")
        gdb.run("run")
        vm.serial(r"(?s)round 3:.*round 1:.*done")
        assert vm.stdout.text().count("round 3:") == 1, "without arguments it is the first one again"

    def test_another_program_is_refused(self):
        vm, gdb = self.extended("--append=rounds=0")
        gdb.console("set remote exec-file /bin/sh")
        with pytest.raises(GdbError, match="remote target failed"):
            gdb.console("run")
        vm.stderr.wait_for(r"this machine boots \S+demo64")
        gdb.console(f"set remote exec-file {self.guest('demo64')}")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("run"), "report_round")

    def test_kill_leaves_the_connection(self):
        _, gdb = self.extended("--append=rounds=0")
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.console("kill")
        with pytest.raises(GdbError, match="The program has no registers now"):
            gdb.console("info registers rip")
        self.assert_breakpoint(gdb.run("run"), "report_round")

    def test_what_was_killed_ends_when_the_client_leaves(self):
        vm, gdb = self.extended("--append=rounds=0")
        gdb.console("kill")
        gdb.kill()
        assert vm.wait() == 0

    @pytest.mark.parametrize("end", ("exit", "reset", "triple"))
    def test_a_guest_that_has_ended_runs_again(self, end):
        _, gdb = self.extended(f"--append=rounds=1 end={end}")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.run("continue")
        if end == "reset":  # it has stopped where it did that
            assert gdb.run("continue")["reason"] == "exited-normally"
        self.assert_breakpoint(gdb.run("run"), "report_round")

    def test_the_guests_status_is_the_runs_when_the_client_has_left(self):
        vm, gdb = self.extended("--append=rounds=1")
        assert gdb.run("continue")["reason"] == "exited"
        assert vm.running()
        assert "KVM_EXIT" in gdb.console("monitor exits")
        gdb.kill()
        assert vm.wait() == EXIT_STATUS

    def test_detach_lets_it_run_and_run_takes_it_again(self):
        vm, gdb = self.extended("--append=rounds=0")
        gdb.console("detach")
        vm.serial("round 2:")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("run"), "report_round")
        assert gdb.integer("rounds_done") == 1

    def test_every_vcpu_begins_again(self):
        cpus = 4
        vm = self.ringside(self.guest("smp"), "--cpus", cpus, f"--append=cpus={cpus} rounds=20")
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(vm.port(), extended=True)
        gdb.console(f"break cpu_work if cpu == {cpus - 1}")
        for _ in range(3):
            assert gdb.run("run")["core"] == str(cpus - 1)  # gdb counts threads as it meets them
        gdb.console("delete")
        assert gdb.run("continue")["reason"] == "exited"


class TestRingsideGdb(RingsideTest):
    def test_run_begins_again(self):
        commands = ("break report_round if round == 2", "continue", "run", "run", "print rounds_done + 40", "kill", "quit 7")
        done = subprocess.run([paths.RINGSIDE, "gdb", "-m", "64M", "--append=rounds=0", self.guest("demo64"), "--", "-nx", "-batch",
                               *(word for command in commands for word in ("-ex", command))],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120 * FACTOR, check=False)
        assert "$1 = 42" in done.stdout, done.stdout + done.stderr
        assert done.stdout.count("Breakpoint 1, report_round (round=2)") == 3
        assert done.returncode == 7, "the status is gdb's, not the guest's"
