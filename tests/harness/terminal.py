"""A program on its own terminal."""

import fcntl
import os
import pty
import subprocess
import termios

from tests.harness.streams import Collector
from tests.harness.timeouts import FACTOR


class Terminal:
    """It is the controlling terminal of the program, so that Ctrl-C is a signal unless the program wants it otherwise."""

    def __init__(self, *command: object, **environment: str):
        self._command = list(map(str, command))
        self._ours, self._theirs = pty.openpty()
        self._mode = termios.tcgetattr(self._theirs)
        self._process = subprocess.Popen(self._command, stdin=self._theirs, stdout=self._theirs, stderr=self._theirs,
                                         env={**os.environ, **environment}, start_new_session=True, preexec_fn=_take_terminal)
        self.output = Collector(open(self._ours, "rb", closefd=False))  # pylint: disable=consider-using-with

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def resize(self, rows: int, columns: int) -> None:
        """The foreground process is told."""
        termios.tcsetwinsize(self._theirs, (rows, columns))

    def wait(self, seconds: float = 120) -> int:
        """The exit status."""
        return self._process.wait(seconds * FACTOR)

    def restored(self) -> bool:
        """True if the terminal is as it was before the program."""
        return termios.tcgetattr(self._theirs) == self._mode

    def close(self) -> None:
        """A program that is still there gets a hangup."""
        os.close(self._theirs)
        self._process.terminate()
        self._process.wait()
        os.close(self._ours)

    def transcript(self) -> str:
        return f"$ {' '.join(self._command)}\n{self.output.text()}"


def _take_terminal() -> None:
    """Standard input becomes the controlling terminal of a process that leads its session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
