"""The loop that listens to a machine, with a process in the machine's place that panics, vanishes, hangs or works."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from ringlab import batch, channel
from ringlab.emulator import Emulator, Setup
from ringlab.errors import LabError
from ringlab.kernel import Kernel
from ringlab.session import CLOSING_SECONDS, PANIC, Session
from test_channel import TOKEN, command, file, mark

TESTS = [batch.Test("only", 1, "true")]
NO_KERNEL = Kernel("none", Path(), Path(), 0, 0, Path())


class Unsaved(Emulator):
    """What no test of a session needs."""

    @classmethod
    def identity(cls, setup: Setup) -> list[object]:
        return []

    def save(self, folder: Path) -> None:
        raise AssertionError


class FakeMachine(Unsaved):
    """A process that writes given bytes to the console, the report and the screen, then ends or stays."""

    module = "none"
    boot_seconds = 60

    stopped_prompt = b"<prompt:"
    greeting = mark("started")

    def __init__(self, console: bytes, report: bytes, stays: bool, screen: bytes):
        super().__init__(Setup(NO_KERNEL, Path(), Path(), Path()))
        self._says = (console, self.greeting + report, screen)
        self._stays = stays

    def _start(self) -> "subprocess.Popen[bytes]":
        lines = [socket.socketpair() for _ in range(3)]
        for (_, theirs), text in zip(lines, self._says):
            theirs.sendall(text)
        script = "import signal; signal.pause()" if self._stays else ""
        process = self.spawn([sys.executable, "-c", script], pass_fds=[theirs.fileno() for _, theirs in lines])
        self.console, self.report, self.screen = (ours.detach() for ours, _ in lines)
        self.theirs = [theirs.dup() for _, theirs in lines] if self._stays else []
        for _, theirs in lines:
            theirs.close()
        return process

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        for theirs in self.theirs:
            theirs.close()

    def log_tail(self) -> str:
        return "the emulator's log"


class DrawingMachine(Unsaved):
    """A process that says where it draws, draws more than fits into a line that is not read, and then reports."""

    module = "none"
    boot_seconds = 60
    ANNOUNCEMENT = b"drawing\n"
    PROGRAM = """
import os, sys
display, report = map(int, sys.argv[1:])
for _ in range(64):
    os.write(display, bytes(65536))
os.write(report, sys.stdin.buffer.read())
"""

    def __init__(self, report: bytes):
        super().__init__(Setup(NO_KERNEL, Path(), Path(), Path()))
        self._says = mark("started") + report

    def _start(self) -> "subprocess.Popen[bytes]":
        self.report, their_report = (end.detach() for end in socket.socketpair())
        self.screen, their_screen = os.pipe()
        self._drawn, their_display = os.pipe()
        os.write(their_screen, self.ANNOUNCEMENT)
        theirs = (their_display, their_report)
        process = self.spawn([sys.executable, "-c", self.PROGRAM, *map(str, theirs)], pass_fds=theirs, stdin=subprocess.PIPE)
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(self._says)
        for fd in (*theirs, their_screen):
            os.close(fd)
        return process

    def open_display(self, said: bytes) -> None:
        if self.ANNOUNCEMENT in said:
            self.display = self._drawn

    def log_tail(self) -> str:
        return ""


class TestSession:
    def listen(self, console: bytes = b"", report: bytes = b"", stays: bool = True, screen: bytes = b"") -> list[object]:
        with FakeMachine(console, report, stays, screen) as machine:
            self.machine = machine
            return self.events_of(machine)

    def events_of(self, machine: Emulator) -> list[object]:
        session = Session(machine, TOKEN, TESTS)
        session.start()
        return list(session.events())

    def failure(self, *arguments: object) -> LabError:
        with pytest.raises(LabError) as raised:
            self.listen(*arguments)  # type: ignore[arg-type]
        return raised.value

    def test_a_whole_report(self) -> None:
        events = self.listen(b"", command(0, b"fine\n") + mark("done 1"))
        assert events == [channel.Begin(0), channel.Output(b"fine\n"), channel.End(0, 0), channel.Done(1)]

    def test_a_report_is_read_to_its_end_after_the_machine_has_ended(self) -> None:
        events = self.listen(b"", command(0, b"fine\n") + mark("done 1"), False)
        assert events[-1] == channel.Done(1)

    def test_a_machine_that_powers_off_early(self) -> None:
        error = self.failure(b"reboot: Power down\n", command(0, b"fine\n"), False)
        assert "went away before its last mark" in str(error)
        assert "reboot: Power down" in error.details
        assert "the emulator's log" in error.details

    def test_a_machine_that_ends_inside_a_command(self) -> None:
        assert "went away before its end of only" in str(self.failure(b"", mark("begin 0000") + b"half", False))

    def test_a_panic(self) -> None:
        error = self.failure(PANIC + b": why\nmore\n---[ end Kernel panic", mark("begin 0000"))
        assert "panicked" in str(error)
        assert "why\nmore" in error.details

    def test_an_emulator_that_stops_at_its_own_prompt(self) -> None:
        error = self.failure(b"", mark("begin 0000"), True, b"\x1b[1mwhy it stopped\r\n<prompt:2> ")
        assert "its own debugger's prompt" in str(error)
        assert "the emulator's screen\nwhy it stopped\n<prompt:2>" in error.details

    def test_what_an_emulator_draws_is_read_so_that_it_can_go_on(self) -> None:
        with DrawingMachine(command(0, b"fine\n") + mark("done 1")) as machine:
            assert self.events_of(machine)[-1] == channel.Done(1)

    def test_a_display_that_was_found_before_is_read_too(self) -> None:
        """Like that of a machine that resumes from a saved state."""
        with DrawingMachine(command(0, b"fine\n") + mark("done 1")) as machine:
            machine.open_display(DrawingMachine.ANNOUNCEMENT)
            assert self.events_of(machine)[-1] == channel.Done(1)

    def test_a_machine_that_never_gets_to_its_first_command(self) -> None:
        with mock.patch.object(FakeMachine, "boot_seconds", 0):
            error = self.failure()
        assert "hangs: no first command in time" in str(error)
        assert "the console is silent" in error.details

    def test_a_file_that_comes_slowly_may_take_its_time(self) -> None:
        content = os.urandom(3000)
        clock = mock.Mock(return_value=0)

        def read_slowly(line: int) -> bytes:
            clock.return_value += 10  # seconds for 100 bytes
            return os.read(line, 100)

        with mock.patch("ringlab.session._read", read_slowly), mock.patch("time.monotonic", clock):
            events = self.listen(b"", command(0, b"") + file("/slow", content) + mark("done 1"))
        assert channel.File("/slow", content) in events
        assert clock() > 2 * CLOSING_SECONDS

    def test_a_machine_that_does_not_take_its_job(self) -> None:
        with mock.patch.object(FakeMachine, "greeting", b""):
            with mock.patch.object(FakeMachine, "restore_seconds", 0):
                assert "hangs: no sign that it took its job in time" in str(self.failure())
            assert "went away before its sign that it took its job" in str(self.failure(b"", b"", False))
            assert "does not take its job: no cpio" in str(self.failure(b"", b"no cpio\n"))

    def test_a_machine_gets_its_job_as_a_line(self) -> None:
        with FakeMachine(b"", mark("done 0"), True, b"") as machine:
            with mock.patch("time.time", lambda: 1700000000.5):
                self.events_of(machine)
            assert machine.theirs[1].recv(100) == f"\n{TOKEN} 1700000000\n".encode()

    def test_a_machine_that_waits_for_a_job(self) -> None:
        with mock.patch.object(FakeMachine, "greeting", b"noise" + channel.READY), FakeMachine(b"", b"", True, b"") as machine:
            Session(machine).wait_until_ready()
        failed = channel.FAILED + b"no such driver\n"
        with mock.patch.object(FakeMachine, "greeting", failed), FakeMachine(b"", b"", True, b"") as machine:
            with pytest.raises(LabError, match="cannot work: no such driver"):
                Session(machine).wait_until_ready()

    def test_the_process_has_ended_afterwards(self) -> None:
        self.listen(b"", mark("done 0"))
        assert self.machine.process is not None
        assert self.machine.process.returncode == -signal.SIGKILL
        with pytest.raises(ProcessLookupError):
            os.kill(self.machine.process.pid, 0)
