"""A real gdb, driven through its machine interface as an IDE does it.

Nothing here sleeps: commands end with their result record, resumed targets with a *stopped record.
"""

import os
import selectors
import signal
import subprocess
import tempfile
from typing import Any

from tests.harness import mi, paths
from tests.harness.timeouts import Deadline


class GdbError(Exception):
    """gdb answered ^error; the text is its message."""


SETTINGS = ("pagination off", "confirm off", "width 0", "height 0", "debuginfod enabled off", "remotetimeout 60", "style enabled off")


class GdbSession:
    """With `full`, gdb has Python and CTF; without, it may lack them."""

    def __init__(self, symbols: object = None, *, full: bool = False):
        self._home = tempfile.TemporaryDirectory(prefix="ringside-gdb-")
        self._process = subprocess.Popen(
            [paths.GDB if full else paths.GDB_MINIMAL, "-q", "-nx", "--interpreter=mi3",
             *(word for setting in SETTINGS for word in ("-iex", f"set {setting}")), *([str(symbols)] if symbols else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
            env={**os.environ, "HOME": self._home.name, "LC_ALL": "C.UTF-8"})
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._partial = b""
        self._lines: list[str] = []
        self._token = 0
        self._stops: list[dict[str, Any]] = []
        self._running = False
        self._text = ""  # console and target output of the command in progress
        self.log: list[str] = []

    # ---- Commands

    def command(self, text: str, seconds: float = 60) -> dict[str, Any]:
        """An MI command; returns its results and raises GdbError for ^error."""
        self._token += 1
        self._text = ""
        self._write(f"{self._token}{text}")
        deadline = Deadline(seconds)
        while True:
            record = self._next(deadline, text)
            if record.kind == "result" and record.token == self._token:
                if record.name == "error":
                    raise GdbError(record.values.get("msg", ""))
                return record.values

    def console(self, line: str, seconds: float = 60) -> str:
        """A command as a user types it; returns what it printed. One that resumes returns at once: see run()."""
        quoted = line.replace("\\", "\\\\").replace('"', '\\"')
        self.command(f'-interpreter-exec console "{quoted}"', seconds)
        return self._text

    def run(self, line: str, seconds: float = 60) -> dict[str, Any]:
        """A command that resumes the guest, and the stop that ends it."""
        self.start(line)
        return self.wait_stop(seconds)

    def start(self, line: str) -> None:
        """A command that resumes the guest and leaves it running."""
        self._stops.clear()
        self.console(line)
        deadline = Deadline(60)
        while not self._running and not self._stops:
            self._next(deadline, f"the start of {line!r}")

    def wait_stop(self, seconds: float = 60) -> dict[str, Any]:
        """The next *stopped record: reason, frame, thread-id, ..."""
        deadline = Deadline(seconds)
        while not self._stops:
            self._next(deadline, "a stop")
        return self._stops.pop(0)

    def printed(self) -> str:
        """What gdb and the guest have printed since the last command was given."""
        return self._text

    def interrupt(self, seconds: float = 60) -> dict[str, Any]:
        """Ctrl-C at gdb's terminal."""
        self._process.send_signal(signal.SIGINT)
        return self.wait_stop(seconds)

    def evaluate(self, expression: str) -> str:
        quoted = expression.replace("\\", "\\\\").replace('"', '\\"')
        return self.command(f'-data-evaluate-expression "{quoted}"')["value"]

    def integer(self, expression: str) -> int:
        return int(self.evaluate(f"(unsigned long long)({expression})"), 0)

    # ---- Connections

    def connect(self, port: int, *, extended: bool = False) -> dict[str, Any]:
        """`target remote` or `target extended-remote`, and the stop that it reports."""
        return self.connect_to(f"127.0.0.1:{port}", extended=extended)

    def connect_to(self, target: str, *, extended: bool = False) -> dict[str, Any]:
        self._stops.clear()
        self.console(f"target {'extended-remote' if extended else 'remote'} {target}")
        return self.wait_stop()

    # ---- Ends

    def kill(self) -> None:
        """Dies as a crashed client does: the connection just closes."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        self._selector.close()
        self._process.stdin.close()
        self._process.stdout.close()
        self._home.cleanup()

    def transcript(self) -> str:
        return "-- gdb:\n" + "\n".join(self.log[-80:])

    # ---- Records

    def _write(self, line: str) -> None:
        self.log.append(line)
        self._process.stdin.write(line.encode() + b"\n")

    def _next(self, deadline: Deadline, what: str) -> mi.Record:
        while True:
            record = mi.parse(self._line(deadline, what))
            if record is None:
                continue
            if record.kind in ("console", "target"):
                self._text += record.text
            elif record.kind == "exec":
                self._running = record.name == "running"
                if record.name == "stopped":
                    self._stops.append(record.values)
            return record

    def _line(self, deadline: Deadline, what: str) -> str:
        while not self._lines:
            if not self._selector.select(deadline.left()):
                raise AssertionError(f"gdb did not come to {what}")
            chunk = self._process.stdout.read(65536)
            if not chunk:
                raise AssertionError(f"gdb ended while waiting for {what}")
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            self._lines += [line.decode("utf-8", "replace") for line in lines]
        line = self._lines.pop(0)
        self.log.append(line)
        return line
