"""gdb as Debian's package gdb-minimal has it: without Python, without CTF, and with half as many shared libraries.

On an emulated processor gdb takes 0.7 s to start, this one 0.2 s; most tests start one and take little more than a second. The
package conflicts with that of gdb, so it is not installed but unpacked in the lab's cache.
"""

import functools
import subprocess
from pathlib import Path

from tests.lab.ringlab import cache
from tests.linux.packages import download, unpack

PACKAGE = "gdb-minimal"


@functools.cache
def program() -> Path | None:
    """The program, of the installed gdb's version; None if that cannot be had, or gdb is not Debian's."""
    version = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", "gdb"], capture_output=True, text=True, check=False).stdout

    def make(path: Path) -> None:
        unpack(download(PACKAGE, version, path.parent), path.parent, "./usr/bin/gdb")
        (path.parent / "usr" / "bin" / "gdb").rename(path)

    try:
        return cache.entry(f"{PACKAGE}_{version}", make) if version else None
    except subprocess.CalledProcessError:
        return None
