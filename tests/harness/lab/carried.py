"""The files that go into a lab machine so that pytest, gdb and the tests run there as they do here."""

import shutil
import subprocess
from pathlib import Path

from tests.harness import paths
from tests.harness.lab import gdb_minimal
from tests.lab.ringlab import cache, kernel
from tests.linux import symbols

PYTHON = Path("/usr/lib/python3.11")  # Debian 12's
PACKAGES = Path("/usr/lib/python3/dist-packages")
# pytest and what it imports; Debian may provide some of these elsewhere, so each is copied if it exists.
MODULES = ("_pytest", "pytest", "py", "py.py", "pluggy", "iniconfig", "packaging", "attr", "attrs", "exceptiongroup", "tomli",
           "pkg_resources", "pytest-*", "pluggy-*")
# Of the standard library: what no test imports.
LEFT_OUT = {"test", "idlelib", "lib2to3", "tkinter", "ensurepip", "config-3.11-x86_64-linux-gnu", "pydoc_data", "distutils"}
PROGRAMS = ("python3", "gdb", "as", "ld", "objcopy", "readelf", "setpriv", "prlimit", "unshare", "mount", "passt", "strace")
DATA = ("/usr/share/gdb", "/usr/share/seabios", "/usr/lib/locale/C.utf8", "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
        "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache", "/usr/lib/x86_64-linux-gnu/gconv/UTF-32.so")


def files(build: tuple[Path, ...] = (paths.RINGSIDE, paths.GUESTS)) -> list[Path]:
    """Files and folders, in no order. What is not installed is left out: the tests that need it say so."""
    found = [Path(path) for path in map(shutil.which, PROGRAMS) if path]
    found += [Path(path) for path in DATA]
    if minimal := gdb_minimal.program():
        found.append(minimal)
    found += [path for path in PYTHON.iterdir() if path.name not in LEFT_OUT]
    found += [path for name in MODULES for path in PACKAGES.glob(name)]
    found += _of_the_project() + _of_the_lab() + list(build)
    return [path for path in found if path.exists()]


def _of_the_project() -> list[Path]:
    """The tests, and what they read of the sources."""
    listed = subprocess.run(["git", "-C", paths.ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "tests", "guests/**.h",
                             "README.md", "vmm/debug/*/README.md"], check=True, capture_output=True, text=True).stdout
    return [path for path in map(paths.ROOT.joinpath, listed.splitlines()) if path.suffix != ".cpp" and path.is_file()]


def _of_the_lab() -> list[Path]:
    """The kernel that the lab's machines run, which is also used as a guest; with its symbols, if available."""
    prepared = kernel.prepare()
    found = [prepared.vmlinux, prepared.flat, *prepared.tree.glob("boot/vmlinuz-*")]
    try:
        found.append(symbols.prepare())
    except (kernel.LabError, subprocess.CalledProcessError):
        pass
    return found


def environment() -> dict[str, str]:
    """What the machine's shell sets for pytest."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1",
            "XDG_CACHE_HOME": str(cache.root().parents[1]), "RINGSIDE": str(paths.RINGSIDE), "RINGSIDE_GUESTS": str(paths.GUESTS),
            "GDB_MINIMAL": str(gdb_minimal.program() or paths.GDB)}
