"""Where Ringside is, and how it is started inside with its debugger's line on the machine's /dev/ttyS1."""

import shlex
from pathlib import Path

from . import places
from .batch import Test
from .errors import LabError
from .runner import Job

ROOT = Path(__file__).parents[3]
LISTENS = b"gdb: listening on"  # what it writes when a debugger may talk to it
DEFAULT_BINARY = places.BINARY


def held(binary: Path, arguments: list[str]) -> str:
    """The command `ringside run --wait ARGUMENTS...`."""
    if not binary.is_file():
        raise LabError(f"{binary} is missing: cmake --preset release && cmake --build --preset release")
    return shlex.join([str(binary.resolve()), "run", "--wait", "--gdb=serial:/dev/ttyS1", *arguments])


def job(host: str, binary: Path, arguments: list[str], endpoint: str) -> Job:
    """`ringside run --wait ARGUMENTS...`, served at `endpoint` outside."""
    tests = [Test("ringside", 0, held(binary, arguments))]
    return Job(host=host, tests=tests, debugger_endpoint=endpoint, debugger_sign=LISTENS)
