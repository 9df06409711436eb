"""The outer end of a guest's console: the terminal, a file, a socket or a pseudo-terminal, as vmm/devices/console_endpoint.cpp has it."""

import os
import pty
import socket
import sys
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress

from .errors import LabError
from .handover import Console

ESCAPE, QUIT = 0x01, ord("x")  # Ctrl-A x


class Outside:
    """Use it as a context manager: leaving it gives the terminal back as it was."""

    def __init__(self, console: Console, option: str = "--serial"):
        self._saved: list[object] | None = None  # a terminal's mode before it was ours
        self._input = self._output = -1
        try:
            match console.kind:
                case "stdio":
                    self._input, self._output = 0, 1
                case "stderr":
                    self._output = 2
                case "file":
                    self._output = os.open(console.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                case "unix":
                    self._socket = socket.socket(socket.AF_UNIX)
                    self._socket.connect(console.path)
                    self._input = self._output = self._socket.fileno()
                case "pty":
                    self._input, self._theirs = pty.openpty()
                    self._output = self._input
                    tty.setraw(self._theirs)
                    name = option.removeprefix("--").replace("-", " ")
                    print(f"{name}: {os.ttyname(self._theirs)}", file=sys.stderr, flush=True)
        except OSError as error:
            raise LabError(f"open {option} {console.kind}:{console.path}: {error.strerror}") from error

    def takes_input(self) -> bool:
        return self._input >= 0

    def __enter__(self) -> "Outside":
        return self

    def __exit__(self, *_: object) -> None:
        if self._saved is not None:
            termios.tcsetattr(0, termios.TCSANOW, self._saved)  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        with suppress(OSError):  # a reader that has left must not end the guest
            while data and self._output >= 0:
                data = data[os.write(self._output, data) :]

    def start_input(self, send: Callable[[bytes], None], quit_run: Callable[[], None]) -> None:
        """Gives the terminal to the guest: a thread passes its input on. A terminal's Ctrl-A x calls `quit_run`."""
        if not self.takes_input():
            return
        if self._input == 0 and os.isatty(0):
            self._saved = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSANOW)
            mode = termios.tcgetattr(0)
            mode[1] |= termios.OPOST | termios.ONLCR  # for messages
            termios.tcsetattr(0, termios.TCSANOW, mode)
        threading.Thread(target=self._pass_on, args=(send, quit_run), daemon=True).start()

    def _pass_on(self, send: Callable[[bytes], None], quit_run: Callable[[], None]) -> None:
        escapes = Escapes(quit_run)
        with suppress(OSError):
            while data := os.read(self._input, 256):
                send(data if self._saved is None else escapes.take(data))


class Escapes:
    """Takes Ctrl-A x out of what is typed at a terminal; Ctrl-A twice is one Ctrl-A."""

    def __init__(self, quit_run: Callable[[], None]):
        self._quit = quit_run
        self._escaped = False

    def take(self, data: bytes) -> bytes:
        """What is meant for the guest."""
        passed = bytearray()
        for byte in data:
            if not self._escaped and byte == ESCAPE:
                self._escaped = True
                continue
            if self._escaped and byte == QUIT:
                self._quit()
            elif not self._escaped or byte == ESCAPE:
                passed.append(byte)
            self._escaped = False
        return bytes(passed)
