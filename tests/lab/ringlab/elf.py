"""What the lab has to know of an ELF file: is it one of the host's programs, and which shared libraries go with it."""

import json
import re
from pathlib import Path

from . import cache, tools
from .errors import LabError


def is_host_program(path: Path) -> bool:
    """True for a program or shared library that the host's dynamic loader runs; false for kernels and everything else."""
    return _libraries(path) is not None


def shared_libraries(path: Path) -> list[Path]:
    """The libraries of a dynamic program, its loader among them, at the paths where it looks for them."""
    return _libraries(path) or []


def _libraries(path: Path) -> list[Path] | None:
    """None if it is not a program of the host. readelf and ldd run once for each version of the file."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
    known = cache.remembered("libraries", path, lambda made: made.write_text(json.dumps(_ask(path))))
    names = json.loads(known.read_text())
    found = None if names is None else [Path(name) for name in names]
    if found and not all(library.exists() for library in found):
        found = [Path(name) for name in _ask(path) or []]
    return found


def _ask(path: Path) -> list[str] | None:
    if "(NEEDED)" not in tools.run("readelf", "-dW", path).decode():
        return None
    found: list[str] = []
    for line in tools.run("ldd", path).decode().splitlines():
        if "not found" in line:
            raise LabError(f"{path} needs a library that is not installed: {line.strip()}")
        match = re.match(r"\s*(?:\S+ => )?(/\S+) \(0x", line)
        if match:
            found.append(match[1])
    return found


def stripped(path: Path) -> bytes:
    """A program or library without symbols and debug information, which nothing inside the lab reads and which are most of its size."""
    return _stripped(path, "--strip-all")


def stripped_module(path: Path) -> bytes:
    """A kernel module without debug information. The kernel links it by its symbols."""
    return _stripped(path, "--strip-debug")


def _stripped(path: Path, option: str) -> bytes:
    name = f"{cache.digest('strip', option, path)}.stripped"
    return cache.entry(name, lambda made: tools.run("strip", option, "-o", made, path)).read_bytes()
