"""Output of a child process, collected as it comes, to wait on."""

import re
import threading
from typing import BinaryIO

from tests.harness.timeouts import Deadline


class Collector:
    """Reads a pipe, or a terminal's outer end, in its own thread, until its end."""

    def __init__(self, pipe: BinaryIO):
        self._pipe = pipe
        self._data = bytearray()
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := self._chunk():
            with self._changed:
                self._data += chunk
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _chunk(self) -> bytes:
        try:
            return self._pipe.read1(65536)
        except OSError:  # EIO: the end, where the pipe is a terminal
            return b""

    def text(self) -> str:
        with self._changed:
            return self._data.decode("utf-8", "replace")

    def wait_for(self, pattern: str, seconds: float = 30) -> re.Match[str]:
        """The first match of a regular expression in all the output; fails at the output's end and after `seconds`."""
        deadline = Deadline(seconds)
        with self._changed:
            while True:
                text = self._data.decode("utf-8", "replace")
                if match := re.search(pattern, text):
                    return match
                if self._ended:
                    raise AssertionError(f"the output ended without {pattern!r}:\n{text}")
                if deadline.over():
                    raise AssertionError(f"no {pattern!r} within {seconds} s in:\n{text}")
                self._changed.wait(deadline.left())

    def join(self, seconds: float = 10) -> None:
        """Waits for the end of the output."""
        deadline = Deadline(seconds)
        with self._changed:
            while not self._ended and not deadline.over():
                self._changed.wait(deadline.left())
