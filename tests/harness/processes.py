"""Processes that were started here, recognized by a mark in their environment, however they were started and whatever their parent is."""

import os
import select
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 30  # seconds until a process that was told to end has ended
SETTLING = 2  # seconds until a process that executes a program shows the environment of that program


class Mark:
    """Goes into the environment of what is started; what that starts inherits it."""

    def __init__(self, name: str):
        self.environment = {name: str(uuid.uuid4())}
        self._entry = "=".join(*self.environment.items()).encode()

    def processes(self) -> Iterator[int]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._entry in environment(process).split(b"\0"):
                    yield int(process.name)
            except OSError:
                continue  # it has ended, or belongs to another user

    def left(self) -> list[int]:
        """Those that do not end in time. Some die with their parent, a moment later."""
        return [pid for pid in self.processes() if not gone(pid)]


def environment(process: Path) -> bytes:
    """The environment of a process, by its folder in /proc. It reads as empty for a moment while the process executes a program,
    so an empty one is read again. Kernel threads and zombies have none, and no program either."""
    end = time.monotonic() + SETTLING
    while True:
        found = (process / "environ").read_bytes()
        if found:
            return found
        (process / "exe").readlink()  # an OSError if there is no program
        if time.monotonic() > end or not _still_runs(int(process.name), 0.01):
            return found


def _still_runs(pid: int, seconds: float) -> bool:
    with open(os.pidfd_open(pid), "rb") as process:
        return not select.select([process], [], [], seconds)[0]


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "gone"


def gone(pid: int) -> bool:
    """Returns true if a process ends in time."""
    try:
        return not _still_runs(pid, PATIENCE)
    except ProcessLookupError:
        return True
