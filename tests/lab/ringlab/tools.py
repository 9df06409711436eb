"""External programs: where they come from and how they are run."""

import shutil
import subprocess
from pathlib import Path

from .errors import LabError

# Every program that the lab calls, and every file that it reads, with the Debian package that has it. A link into another package
# is named by where it leads: that package may be one that is only recommended. test_packages.py holds this against dpkg.
PROGRAMS = {
    "apt-cache": "apt",
    "apt-get": "apt",
    "as": "binutils",
    "bochs-bin": "bochs",  # the program itself: `bochs` is a shell script around it
    "busybox": "busybox-static",
    "dpkg": "dpkg",
    "gdb": "gdb",
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
BOCHS_BIOS = "/usr/share/bochs/BIOS-bochs-latest"
BOCHS_TERMINAL = "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so"
VGA_BIOS = "/usr/share/vgabios/vgabios.bin"
FILES = {
    BOCHS_BIOS: "bochsbios",
    BOCHS_TERMINAL: "bochs-term",
    VGA_BIOS: "vgabios",
    "/usr/share/qemu/pvh.bin": "qemu-system-x86",  # QEMU itself reads these two to start a kernel
    "/usr/share/seabios/bios-256k.bin": "seabios",
}


def find(program: str) -> str:
    """The path of a program, or an error that names the package to install."""
    path = shutil.which(program)
    if path is None:
        raise LabError(f"{program} is missing: apt-get install {PROGRAMS[program]}")
    return path


def require_file(path: str) -> Path:
    """A file of a Debian package, or an error that names the package to install."""
    if not Path(path).exists():
        raise LabError(f"{path} is missing: apt-get install {FILES[path]}")
    return Path(path)


def run(program: str, *arguments: object, cwd: Path | None = None) -> bytes:
    """Run a program to its end and return its standard output; a failure carries what it wrote to standard error."""
    command = [find(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed with status {done.returncode}", done.stderr.decode(errors="replace"))
    return done.stdout
