"""Shows what takes longer than a second: on a terminal one line that counts the seconds, elsewhere plain lines."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

PATIENCE = 1.0  # seconds of silence


@contextmanager
def stage(what: str, output: TextIO | None = None, patience: float = PATIENCE) -> Iterator[None]:
    """Say `what` is being done while the context lasts, if it lasts."""
    line = _Line(what, output or sys.stderr, patience)
    line.start()
    try:
        yield
    finally:
        line.end()


class _Line(threading.Thread):
    def __init__(self, what: str, output: TextIO, patience: float):
        super().__init__(daemon=True)
        self._what = what
        self._output = output
        self._patience = patience
        self._began = time.monotonic()
        self._over = threading.Event()

    def run(self) -> None:
        if self._over.wait(self._patience):
            return
        if not self._output.isatty():
            self._write(f"lab: {self._what} ...\n")
            self._over.wait()
            self._write(f"lab: {self._what}: {self._elapsed():.1f} s\n")
            return
        while not self._over.is_set():
            self._write(f"\r\033[Klab: {self._what} ... {self._elapsed():.0f} s")
            self._over.wait(1)
        self._write("\r\033[K")

    def end(self) -> None:
        self._over.set()
        self.join()

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()
