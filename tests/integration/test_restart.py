"""The machine restarts: by `monitor system_reset`, and by the guest's own reset."""

import re
import shutil
import socket
from collections.abc import Callable

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside

CPUS = 4
EXIT_STATUS = (0x10 << 1) | 1


class TestSystemReset(RingsideTest):
    def in_round(self, number: int, *options: str, kernel=None):
        """demo64, which has run for some rounds, and its debugger."""
        vm = self.ringside(kernel or self.guest("demo64"), "--append=rounds=0", *options)
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.console(f"break report_round if round == {number}")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        return vm, gdb

    def reset(self, gdb) -> str:
        answer = gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        return answer

    def look(self, gdb) -> dict[str, str]:
        """All that is to be as at the start, without the clocks, which count on."""
        commands = ("monitor registers all", "monitor msr", "monitor lapic", "monitor ioapic", "monitor pic", "monitor pit",
                    "monitor events", "x/64xb &rounds_done", "x/256xb &queue")
        texts = {command: gdb.console(command).splitlines() for command in commands}
        return {command: "\n".join(line for line in lines if not re.search(r"(?i)\btsc\b|count", line))
                for command, lines in texts.items()}

    def test_registers_devices_and_memory_are_as_at_the_start(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=0")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        at_start = self.look(gdb)
        gdb.console("break report_round if round == 2")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        used = self.look(gdb)
        assert all(used[command] != at_start[command] for command in ("monitor msr", "monitor pic", "x/256xb &queue"))
        assert "at its first instruction" in self.reset(gdb)
        assert self.look(gdb) == at_start

    def test_breakpoints_hold_and_the_guest_boots_again(self):
        vm, gdb = self.in_round(2)
        self.reset(gdb)
        assert gdb.integer("rounds_done") == 0
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.integer("round") == 2
        gdb.console("delete")
        gdb.start("continue")
        vm.serial(r"(?s)round 1:.*round 1:.*round 3:")

    def test_the_kernel_is_read_again(self):
        kernel = self.copied("demo64")
        vm, gdb = self.in_round(2, kernel=kernel)
        kernel.write_bytes(kernel.read_bytes().replace(b": queued ", b": QUEUED "))
        self.reset(gdb)
        gdb.console("delete")
        gdb.start("continue")
        vm.serial(r"round 1: QUEUED")

    def test_a_broken_kernel_is_refused_and_the_old_guest_stays(self):
        kernel = self.copied("demo64")
        vm, gdb = self.in_round(2, kernel=kernel)
        kernel.write_bytes(b"")
        assert re.search(r"load \S+/kernel: the file is empty", gdb.console("monitor system_reset"))
        assert gdb.integer("rounds_done") == 2
        gdb.console("delete")
        gdb.start("continue")
        vm.serial("round 3:")

    def with_a_32_bit_kernel(self, *options: str):
        """In a round of demo64, and its file has become a 32-bit kernel; what a reset says."""
        kernel = self.copied("demo64")
        vm, gdb = self.in_round(2, *options, kernel=kernel)
        shutil.copy(self.guest("protected32"), kernel)
        return vm, gdb, gdb.console("monitor system_reset")

    def test_a_kernel_for_another_mode_is_refused_in_words_that_help(self):
        vm, gdb, said = self.with_a_32_bit_kernel()
        assert "another processor mode" in said
        assert "start it with the new file and connect to it" in said
        assert gdb.integer("rounds_done") == 2
        gdb.console("delete")
        gdb.start("continue")
        vm.serial("round 3:")

    def test_with_registers_that_were_chosen_it_is_taken(self):
        _, gdb, _ = self.with_a_32_bit_kernel("--gdb-arch=x86-64")
        gdb.console("delete")
        gdb.console(f"file {self.guest('protected32')}")
        gdb.console("hbreak area")
        self.assert_stopped_in(gdb.run("continue"), "area")

    def test_every_vcpu_begins_again(self):
        vm, gdb = self.attached("smp", "--cpus", CPUS, f"--append=cpus={CPUS} rounds=20")
        gdb.console(f"break cpu_work if cpu == {CPUS - 1}")
        assert gdb.run("continue")["thread-id"] == str(CPUS)
        self.reset(gdb)
        gdb.console("thread 1")
        states = [thread["details"] for thread in gdb.command("-thread-info")["threads"]]
        assert sum("SIPI" in state for state in states) == CPUS - 1, states
        assert gdb.run("continue")["thread-id"] == str(CPUS)
        gdb.console("delete")
        assert gdb.run("continue")["reason"] == "exited"
        assert vm.wait() == EXIT_STATUS

    def test_a_recording_is_dropped_and_the_user_reads_so(self):
        vm, gdb = self.in_round(2)
        gdb.console("monitor record on")
        gdb.run("stepi 20")
        self.reset(gdb)
        assert "There is no recording" in gdb.console("monitor record status")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert any("The recording is gone" in line for line in gdb.log), gdb.log

    def test_exits_are_caught_in_the_new_boot_too(self):
        _, gdb = self.attached("demo64", "--append=rounds=0")
        assert "Rule 1" in gdb.console("monitor exits catch msr 0xc0000080 write")
        for hits in (1, 2):
            gdb.run("continue")
            assert any(f"exit caught by rule 1 (msr 0xc0000080 write), hit {hits}" in line for line in gdb.log), gdb.log
            self.reset(gdb)

    def test_a_triple_fault_is_survived(self):
        vm, gdb = self.attached("demo64", "--append=rounds=1 end=triple")
        assert gdb.run("continue")["signal-name"] == "SIGSEGV"
        self.reset(gdb)
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")

    def from_a_shell(self, guest: str, *options: object) -> tuple[Ringside, Callable[[], str]]:
        """A guest without a debugger, and what resets it."""
        vm = self.ringside(self.guest(guest), *options, f"--control=unix:{self.control}", gdb=None)
        return vm, lambda: self.ctl("system_reset")

    def test_without_a_debugger_the_guest_runs_on(self):
        vm, reset = self.from_a_shell("demo64", "--append=rounds=0")
        vm.serial("round 2:")
        assert "restarts" in reset()
        vm.serial(r"(?s)round 2:.*round 1:.*round 2:")

    def test_virtio_devices_lose_what_they_were_doing(self):
        disk, path = self.folder / "disk", self.folder / "console"
        disk.write_bytes(bytes(1 << 16))
        listener = self.ends.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        vm, reset = self.from_a_shell("virtio", "--disk", disk, f"--virtio-console=unix:{path}")
        vm.serial("console: waiting")  # the device holds a buffer of the old guest
        reset()
        vm.serial(r"(?s)disk: run 1.*disk: run 2.*console: waiting")
        self.ends.enter_context(listener.accept()[0]).sendall(b"hello")
        vm.serial("console: hello")
        assert vm.wait() == EXIT_STATUS


class TestTheGuestsOwnReset(RingsideTest):
    RESETS = "--append=rounds=2 end=reset"

    def test_restarts_it_if_asked_to(self):
        vm = self.ringside(self.guest("demo64"), "--on-reset=restart", self.RESETS, gdb=None)
        vm.serial(r"(?s)(round 2:.*){3}")

    def test_breakpoints_are_hit_in_each_boot(self):
        vm, gdb = self.attached("demo64", "--on-reset=restart", self.RESETS)
        gdb.console("break report_round if round == 1")
        for _ in range(3):
            self.assert_breakpoint(gdb.run("continue"), "report_round")
            assert gdb.integer("rounds_done") == 1
        assert any("The guest has reset the machine (i8042), and restarts" in line for line in gdb.log), gdb.log

    def test_a_kernel_that_is_broken_by_then_ends_the_run(self):
        kernel = self.copied("demo64")
        gdb = self.gdb(self.guest("demo64"))
        vm = self.ringside(kernel, "--on-reset=restart", self.RESETS)
        gdb.connect(vm.port())
        gdb.console("break report_round if round == 2")
        gdb.run("continue")
        kernel.write_bytes(b"")
        stop = gdb.run("continue")
        assert stop["reason"] == "signal-received", stop
        assert any("cannot restart: load" in line for line in gdb.log), gdb.log
        assert gdb.integer("rounds_done") == 2, "the old guest is there to look at"
        assert gdb.run("continue")["reason"] == "exited"
        assert vm.wait() == 1

    def test_a_power_off_stays_one(self):
        vm = self.ringside(self.guest("demo64"), "--on-reset=restart", "--append=rounds=1 end=exit", gdb=None)
        assert vm.wait() == EXIT_STATUS


class TestTheNextDebugger(RingsideTest):
    """--on-disconnect=restart, for clients whose Restart is to leave and to come again."""

    def again(self, vm):
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        assert gdb.integer("rounds_done") == 0
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        return gdb

    def test_finds_the_guest_at_its_first_instruction(self):
        vm = self.ringside(self.guest("demo64"), "--on-disconnect=restart", "--append=rounds=1")
        self.again(vm).console("detach")
        self.again(vm).kill()
        gdb = self.again(vm)
        assert gdb.run("continue")["reason"] == "exited", "the guest has ended"
        self.again(vm).console("kill")
        self.again(vm)

    def built_as(self, kernel, name: bytes) -> None:
        """The kernel as a linker writes it: a new file in the old one's place."""
        new = kernel.with_suffix(".new")
        new.write_bytes(self.guest("demo64").read_bytes().replace(b": queued ", b": " + name + b" "))
        new.replace(kernel)

    def serial_of_the_next(self, vm, pattern: str) -> None:
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.console("break report_round if round == 2")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        vm.serial(pattern)
        gdb.console("detach")

    def test_gets_the_kernel_that_was_built_while_nobody_was_attached(self):
        """Edit, build, F5; also before the first debugger comes."""
        kernel = self.folder / "kernel"
        self.built_as(kernel, b"first0")
        vm = self.ringside(kernel, "--on-disconnect=restart", "--append=rounds=0")
        vm.port()
        for name in (b"SECOND", b"THIRD0"):
            self.built_as(kernel, name)
            self.serial_of_the_next(vm, f"round 1: {name.decode()}")
        assert "first0" not in vm.stdout.text()

    def test_gets_a_kernel_that_was_broken_when_the_last_one_left(self):
        kernel = self.folder / "kernel"
        self.built_as(kernel, b"first0")
        vm = self.ringside(kernel, "--on-disconnect=restart", "--append=rounds=0")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        kernel.write_bytes(b"")
        gdb.console("detach")
        vm.stderr.wait_for("cannot restart: load")
        self.built_as(kernel, b"mended")
        self.serial_of_the_next(vm, "round 1: mended")
