"""Other people's hypervisors in the lab, looked at from outside by a gdb that stays here."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.harness.gdb import GdbSession
from tests.harness.streams import Collector
from tests.linux.lab import LAB


@contextlib.contextmanager
def attached(ringside: Path, folder: Path, host: str, limit: float, *options: object, symbols: Path | None = None) -> Iterator[GdbSession]:
    """A gdb attached to a machine in the lab before its first instruction. `options` are those of `ringside run`; the limit is in
    seconds, for the lab's start."""
    socket = folder / "gdb"
    server = subprocess.Popen([LAB / "gdb-server", "--host", host, "--endpoint", f"unix:{socket}", "--ringside", ringside, "--", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    console, session = Collector(server.stdout), GdbSession(symbols)
    try:
        console.wait_for("a debugger may connect", limit)
        session.connect_to(str(socket))
        yield session
    finally:
        session.close()
        server.terminate()
        server.wait()
        print(console.text(), session.transcript())


def until(gdb: GdbSession, command: str, limit: float) -> str:
    """What the stop says that one of the monitor's commands makes the next `continue` end with."""
    gdb.console(f"monitor {command}")
    gdb.run("continue", limit)
    return gdb.printed()


def in_l2(gdb: GdbSession) -> bool:
    return "in its guest (L2)" in gdb.console("info threads")
