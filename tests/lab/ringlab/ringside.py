"""Where Ringside is, and how it is started inside so that a debugger outside can reach its stub."""

import argparse
import re
import shlex
from pathlib import Path

from . import file_line, places
from .batch import Test
from .errors import LabError
from .runner import Job

ROOT = Path(__file__).parents[3]
LINE = "/dev/debugger"  # inside: what carries RSP (guest/init)
LISTENS = b"gdb: listening on"  # what it writes when a debugger may talk to it
DEFAULT_GUEST = 256  # MiB of a guest that is given no -m
OWN_MEMORY = 256  # MiB that the machine needs for its kernel, Ringside and the files of a job
SMALLEST_MACHINE = 512
DEFAULT_BINARY = places.BINARY


def held(binary: Path, arguments: list[str]) -> str:
    """The command `ringside run --wait ARGUMENTS...`."""
    if not binary.is_file():
        raise LabError(f"{binary} is missing: cmake --preset release && cmake --build --preset release")
    command = shlex.join([str(binary.resolve()), "run", "--wait", f"--gdb=serial:{LINE}", *arguments])
    return f"{file_line.ENVIRONMENT} {command}"


def job(host: str, binary: Path, arguments: list[str], endpoint: str) -> Job:
    """`ringside run --wait ARGUMENTS...`, served at `endpoint` outside."""
    tests = [Test("ringside", 0, held(binary, arguments))]
    memory = machine_memory(arguments)
    return Job(host=host, tests=tests, memory_mib=memory, debugger_endpoint=endpoint, debugger_sign=LISTENS)


def machine_memory(arguments: list[str]) -> int:
    """MiB for a machine in which `ringside run ARGUMENTS...` has room."""
    return memory_for(_guest_memory(arguments))


def memory_for(content: int) -> int:
    """MiB for a machine whose guest and files take `content` MiB. The less it has, the faster it starts; there are only a few sizes, as
    each has its own saved machine."""
    memory = SMALLEST_MACHINE
    while memory < content + OWN_MEMORY:
        memory *= 2
    return memory


def _guest_memory(arguments: list[str]) -> int:
    """What -m or --memory says, in MiB; a size that cannot be read is left for Ringside to refuse."""
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    reader.add_argument("-m", "--memory", nargs="?", default="", const="")
    given = re.fullmatch(r"(\d+)([kmg]?)i?b?", reader.parse_known_args(arguments)[0].memory.lower())
    if not given:
        return DEFAULT_GUEST
    return (int(given[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[given[2]]) >> 20
