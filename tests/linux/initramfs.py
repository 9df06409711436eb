"""The file system of a Linux guest that tests talk to: busybox and a shell on the console.

As a program: writes the archive to the file that is named.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.linux.lab import cpio

HERE = Path(__file__).resolve().parent


def build(files: Mapping[str, bytes] | None = None) -> bytes:
    """`files` are a test's programs, in folders that the archive has; `/script` runs before the shell."""
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if busybox is None:
        raise FileNotFoundError("busybox: install busybox-static")
    archive = cpio.Archive()
    archive.add_file("/init", (HERE / "init").read_bytes(), executable=True)
    archive.add_file("/bin/busybox", Path(busybox).read_bytes(), executable=True)
    archive.add_link("/bin/sh", "busybox")
    for folder in ("/proc", "/sys", "/dev", "/tmp", "/run", "/root"):
        archive.add_folder(folder)
    for path, content in (files or {}).items():
        archive.add_file(path, content, executable=True)
    return archive.to_bytes()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(build())
