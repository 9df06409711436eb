"""The file system of a Linux guest that tests talk to: busybox and a shell on the console.

As a program: writes the archive to the file that is named.
"""

import importlib
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
cpio = importlib.import_module("ringlab.cpio")


def build() -> bytes:
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if busybox is None:
        raise FileNotFoundError("busybox: install busybox-static")
    archive = cpio.Archive()
    archive.add_file("/init", (HERE / "init").read_bytes(), executable=True)
    archive.add_file("/bin/busybox", Path(busybox).read_bytes(), executable=True)
    archive.add_link("/bin/sh", "busybox")
    for folder in ("/proc", "/sys", "/dev", "/tmp", "/run", "/root"):
        archive.add_folder(folder)
    return archive.to_bytes()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(build())
