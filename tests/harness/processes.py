"""Processes that were started here, known by a mark in their environment, however they were started and whoever their parent is."""

import os
import select
import uuid
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 30  # seconds until a process whose end has been ordered is gone


class Mark:
    """Goes into the environment of what is started; what that starts inherits it."""

    def __init__(self, name: str):
        self.environment = {name: str(uuid.uuid4())}
        self._entry = "=".join(*self.environment.items()).encode()

    def processes(self) -> Iterator[int]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._entry in (process / "environ").read_bytes().split(b"\0"):
                    yield int(process.name)
            except OSError:
                continue  # it has ended, or is somebody else's

    def left(self) -> list[int]:
        """Those that do not end in time. Some die with their parent, a moment later."""
        return [pid for pid in self.processes() if not gone(pid)]


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "gone"


def gone(pid: int) -> bool:
    """Whether a process ends in time."""
    try:
        with open(os.pidfd_open(pid), "rb") as process:
            return bool(select.select([process], [], [], PATIENCE)[0])
    except ProcessLookupError:
        return True
