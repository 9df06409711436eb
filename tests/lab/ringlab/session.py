"""One boot, from power-on to the report's last mark: the loop that listens to the machine and gives up on it in time."""

import os
import re
import select
import selectors
import time
from collections.abc import Iterator
from contextlib import suppress

from . import channel
from .batch import Test
from .emulator import Emulator
from .errors import LabError

PANIC = b"Kernel panic - not syncing"
PANIC_END = b"---[ end Kernel panic"
PANIC_SECONDS = 10  # how long a kernel that panics may go on to say why
CONSOLE_TAIL = 6000  # bytes of the console that go with a failure
SCREEN_TAIL = 1000  # and of what the emulator itself has said
TERMINAL_CODES = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])")
CLOSING_SECONDS = 120  # of silence while the files come at the end: they may be large, and the line is slow
LAST_MARK = "last mark"

# A command's own limit is counted inside, by the machine's clock. Outside, this many times as long must have passed before
# the machine itself is taken for dead.
PATIENCE = 5


def slowness() -> float:
    """RINGSIDE_LAB_SLOW: how many times as long as usual all limits are, for a busy or slow host."""
    try:
        return max(1.0, float(os.environ.get("RINGSIDE_LAB_SLOW", "1")))
    except ValueError as error:
        raise LabError("RINGSIDE_LAB_SLOW must be a number") from error


class Session:
    """Listens to a started emulator. `events()` ends after channel.Done; everything else that ends it is a LabError.

    First wait_until_ready(), for a machine that boots; then start(), for every machine; then events(). Who only wants a
    machine that waits for a job stops after the first.
    """

    def __init__(self, emulator: Emulator, token: str = "", tests: list[Test] | None = None):
        self._emulator = emulator
        self._token = token
        self._decoder = channel.Decoder(token)
        self._tests = tests or []
        self._greeting = bytearray()
        self._events: Iterator[channel.Event] = iter(())
        self._console = bytearray()
        self._screen = bytearray()
        self._panicked = False
        self._deadline: float | None = None
        self._waiting_for = "start"

    @property
    def debugger(self) -> int:
        """Our end of the machine's /dev/debugger."""
        return self._emulator.debugger

    @property
    def files(self) -> int:
        """Our end of the machine's /dev/files."""
        return self._emulator.files

    def send_input(self, data: bytes) -> None:
        """Write to the machine's /dev/ttyS2. From any thread; OSError when the machine has ended."""
        _write(self._emulator.report, data)

    def send_control(self, data: bytes) -> None:
        """Write to the machine's /dev/ttyS0, likewise."""
        _write(self._emulator.console, data)

    def wait_until_ready(self) -> None:
        """Return when the booted machine waits for a job."""
        self._allow(self._emulator.boot_seconds * slowness(), "start")
        for data in self._reports():
            self._greeting += data
            if channel.READY in self._greeting:
                return
            if channel.FAILED in self._greeting and self._greeting.endswith(b"\n"):
                why = self._greeting.partition(channel.FAILED)[2].decode(errors="replace").strip()
                raise LabError(f"the machine cannot work: {why}", self._tail())

    def start(self) -> None:
        """Give the machine its job; return when it has taken it."""
        self._allow(self._emulator.restore_seconds * slowness(), "sign that it took its job")
        for _ in self._reports():
            if self._emulator.running_sign in self._screen:
                break
        with suppress(OSError):  # the machine has ended, which is noticed below; a few bytes a terminal or socket takes at once
            os.write(self._emulator.report, channel.job_line(self._token, time.time()))
        self._events = self._decoded()
        for event in self._events:
            if isinstance(event, channel.Started):
                self._allow(self._emulator.boot_seconds * slowness(), "first command")
                return
            if isinstance(event, channel.Note) and event.data.strip():
                raise LabError(f"the machine does not take its job: {event.data.decode(errors='replace').strip()}", self._tail())

    def events(self) -> Iterator[channel.Event]:
        """The report's events as they arrive."""
        yield from self._events

    def _decoded(self) -> Iterator[channel.Event]:
        for data in self._reports():
            if data and self._waiting_for == LAST_MARK:
                self._allow_closing()
            try:
                for event in self._decoder.feed(data):
                    self._follow(event)
                    yield event
                    if isinstance(event, channel.Done):
                        return
            except LabError as error:
                raise LabError(str(error), error.details + self._tail()) from error

    def _reports(self) -> Iterator[bytes]:
        """What the machine sends on its report's line."""
        with selectors.DefaultSelector() as selector:
            for line in (self._emulator.report, self._emulator.console, self._emulator.screen, self._emulator.display):
                if line >= 0:
                    os.set_blocking(line, False)
                    selector.register(line, selectors.EVENT_READ)
            try:
                yield from self._listen(selector)
            except LabError as error:
                raise LabError(str(error), error.details + self._tail()) from error

    def _listen(self, selector: selectors.BaseSelector) -> Iterator[bytes]:
        yield b""
        while True:
            ended = self._emulator.process is None or self._emulator.process.poll() is not None
            ready = [key.fd for key, _ in selector.select(0 if ended else self._patience())]
            for line in ready:
                data = _read(line)
                if not data:
                    selector.unregister(line)
                elif line == self._emulator.console:
                    self._console += data
                elif line == self._emulator.screen:
                    self._screen += data
                    self._listen_to_display(selector)
                    yield b""
                elif line == self._emulator.report:
                    yield data
            self._check(ended and not ready)

    def _listen_to_display(self, selector: selectors.BaseSelector) -> None:
        """What is drawn is read, so that the emulator can go on, and of no interest."""
        if self._emulator.display < 0:
            self._emulator.open_display(bytes(self._screen))
            if self._emulator.display >= 0:
                selector.register(self._emulator.display, selectors.EVENT_READ)

    def _check(self, ended: bool) -> None:
        if PANIC in self._console and not self._panicked:
            self._panicked = True
            self._allow(PANIC_SECONDS, "recovery")
        said_all = PANIC_END in self._console or ended or time.monotonic() > (self._deadline or 0)
        if self._panicked and said_all:
            raise LabError("the machine's kernel panicked")
        if self._emulator.stopped_prompt and self._emulator.stopped_prompt in self._screen:
            raise LabError("the emulator has stopped, at its own debugger's prompt")
        if ended:
            raise LabError(f"the machine went away before its {self._waiting_for}")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise LabError(f"the machine hangs: no {self._waiting_for} in time")

    def _follow(self, event: channel.Event) -> None:
        """Set the limit for what must come next."""
        if isinstance(event, channel.Begin):
            seconds = self._tests[event.number].seconds
            limit = seconds * PATIENCE + CLOSING_SECONDS * slowness() if seconds else None
            self._allow(limit, f"end of {self._tests[event.number].name}")
        elif isinstance(event, channel.End):
            self._allow_closing()

    def _allow_closing(self) -> None:
        self._allow(CLOSING_SECONDS * slowness(), LAST_MARK)

    def _allow(self, seconds: float | None, what: str) -> None:
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._waiting_for = what

    def _patience(self) -> float:
        """How long to wait for a byte before looking around: the emulator's end is noticed within a second."""
        return 1.0 if self._deadline is None else min(1.0, max(0.0, self._deadline - time.monotonic()))

    def _tail(self) -> str:
        console = self._console[-CONSOLE_TAIL:].decode(errors="replace").replace("\r\n", "\n").strip()
        log = self._emulator.log_tail().strip()
        screen = TERMINAL_CODES.sub(b"", self._screen)[-SCREEN_TAIL:].decode(errors="replace").replace("\r", "").strip()
        parts = [f"--- the console's last lines\n{console}"] if console else ["--- the console is silent"]
        if screen:
            parts.append(f"--- the emulator's screen\n{screen}")
        if log:
            parts.append(f"--- the emulator's last lines\n{log}")
        return "\n".join(parts) + "\n"


def _write(line: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(line, data) :]
        except BlockingIOError:
            select.select([], [line], [])


def _read(line: int) -> bytes:
    """The available bytes; none once the other end is closed (a terminal reports this with EIO)."""
    try:
        return os.read(line, 65536)
    except OSError:
        return b""
