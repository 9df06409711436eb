"""What the lab has to know of an ELF file: is it one of the host's programs, and which shared libraries go with it."""

import re
from pathlib import Path

from . import cache, tools
from .errors import LabError


def is_host_program(path: Path) -> bool:
    """True for a program or shared library that the host's dynamic loader runs; false for kernels and all else."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return False
    return "(NEEDED)" in tools.run("readelf", "-dW", path).decode()


def shared_libraries(path: Path) -> list[Path]:
    """The libraries of a dynamic program, its loader among them, at the paths where it looks for them."""
    found: list[Path] = []
    for line in tools.run("ldd", path).decode().splitlines():
        if "not found" in line:
            raise LabError(f"{path} needs a library that is not installed: {line.strip()}")
        match = re.match(r"\s*(?:\S+ => )?(/\S+) \(0x", line)
        if match:
            found.append(Path(match[1]))
    return found


def stripped(path: Path) -> bytes:
    """The file without debug information, which nothing inside the lab reads and which makes up most of its size."""
    name = f"{cache.digest('strip', path)}.stripped"
    return cache.entry(name, lambda made: _strip(path, made)).read_bytes()


def _strip(path: Path, made: Path) -> None:
    tools.run("strip", "--strip-debug", "-o", made, path)
