"""The disk that brings a job into the machine: one cpio archive, which guest/init unpacks when it has been given the job.

Its size is one of a few, since a saved machine has found out the size of its disk when it booted.
"""

from pathlib import Path

from . import elf
from .batch import Test
from .cpio import Archive

SMALLEST = 16 << 20
# The flags in a .pyc file's second word: in force whatever its source's time, which the archive does not keep (PEP 552).
PYC_UNCHECKED = (1).to_bytes(4, "little")


def write(disk: Path, files: dict[str, Path], archive: Archive) -> None:
    """Add `files` (path inside -> file outside) to `archive` and write it to `disk`."""
    for inside, outside in sorted(files.items()):
        content = elf.stripped(outside) if elf.is_host_program(outside) else outside.read_bytes()
        if outside.suffix == ".pyc":
            content = content[:4] + PYC_UNCHECKED + content[8:]
        archive.add_file(inside, content, executable=bool(outside.stat().st_mode & 0o111))
    data = archive.to_bytes()
    with disk.open("wb") as file:
        file.write(data)
        file.truncate(size_for(len(data)))


def size_for(length: int) -> int:
    """The smallest disk that holds so many bytes."""
    size = SMALLEST
    while size < length:
        size *= 2
    return size


def settings(folder: str, tests: list[Test], collect: list[str], network: bool) -> Archive:
    """What guest/init reads of a job: its settings and one folder for each command."""
    archive = Archive()
    for needed in (folder, *(str(Path(path).parent) for path in collect)):
        archive.add_folder(needed)
    archive.add_file("/lab/folder", f"{folder}\n".encode())
    archive.add_file("/lab/collect", "".join(f"{path}\n" for path in collect).encode())
    if network:
        archive.add_file("/lab/network", b"")
    for number, test in enumerate(tests):
        archive.add_file(f"/lab/tests/{number:04}/command", test.command.encode())
        archive.add_file(f"/lab/tests/{number:04}/seconds", f"{test.seconds}\n".encode())
    return archive
