"""External programs: where they come from and how they are run."""

import shutil
import subprocess
from pathlib import Path

from .errors import LabError

# Every program that the lab calls, and the Debian package that has it.
PACKAGES = {
    "apt-cache": "apt",
    "apt-get": "apt",
    "as": "binutils",
    "bochs": "bochs bochsbios bochs-term",
    "busybox": "busybox-static",
    "dpkg": "dpkg",
    "ld": "binutils",
    "ldd": "libc-bin",
    "lz4": "lz4",
    "objcopy": "binutils",
    "qemu-system-x86_64": "qemu-system-x86",
    "readelf": "binutils",
    "strip": "binutils",
    "xz": "xz-utils",
    "zstd": "zstd",
}


def find(program: str) -> str:
    """The path of a program, or an error that names the package to install."""
    path = shutil.which(program)
    if path is None:
        raise LabError(f"{program} is missing: apt-get install {PACKAGES[program]}")
    return path


def require_file(path: str, package: str) -> Path:
    """A data file of a Debian package, or an error that names the package to install."""
    if not Path(path).exists():
        raise LabError(f"{path} is missing: apt-get install {package}")
    return Path(path)


def run(program: str, *arguments: object, cwd: Path | None = None) -> bytes:
    """Run a program to its end and return its standard output; a failure carries what it wrote to standard error."""
    command = [find(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed with status {done.returncode}", done.stderr.decode(errors="replace"))
    return done.stdout
