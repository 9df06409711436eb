"""gdb's own test suite: unpacked once from Debian's gdb-source, run by DejaGnu's runtest with Ringside as its board."""

import os
import re
import shutil
import signal
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness import paths

HERE = Path(__file__).resolve().parent
ARCHIVE = Path("/usr/src/gdb.tar.xz")
WORK = paths.ROOT / "build" / "gdb_testsuite"
SOURCE = WORK / "source"
TESTS = SOURCE / "gdb" / "gdb" / "testsuite"
# Header of DWARF constants, which some tests read, and the suite itself.
NEEDED = ("gdb/gdb/testsuite/", "gdb/gdb/features/", "gdb/include/")
COMPILE = ("gcc", "-c", "-O1", "-mgeneral-regs-only", "-mno-red-zone", "-ffreestanding", "-fno-builtin", "-fno-pie",
           "-fno-stack-protector", f"-I{paths.ROOT}")
MINUTES_EACH = 10  # a test file that takes longer hangs
# Results by which a file differs from a run where all is well. A failure that gdb's people know is counted apart.
REMARKABLE = ("FAIL", "UNRESOLVED", "UNSUPPORTED", "UNTESTED", "XPASS")


@dataclass
class FileResult:
    """What one test file has shown: how many tests passed, and the other results as in gdb.sum."""

    passed: int = 0
    known: int = 0  # XFAIL and KFAIL
    others: list[str] = field(default_factory=list)
    hung: bool = False


def unpack() -> None:
    """Unpacks the suite's folder, unless it exists."""
    done = SOURCE / "done"
    if done.exists() and done.stat().st_mtime >= ARCHIVE.stat().st_mtime:
        return
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if member.name.startswith(NEEDED):
                archive.extract(member, SOURCE)
    done.touch()


def build_runtime() -> list[Path]:
    """The objects that each test program is linked with."""
    objects = WORK / "runtime"
    objects.mkdir(parents=True, exist_ok=True)
    built = []
    guest_library = paths.ROOT / "guests" / "lib"
    for source in (guest_library / "boot64.S", guest_library / "memory.c", *sorted((HERE / "runtime").glob("*.[cS]"))):
        built.append(objects / f"{source.name}.o")
        subprocess.run([*COMPILE, str(source), "-o", str(built[-1])], check=True)
    return built


def site(folder: Path) -> str:
    """What runtest reads first."""
    return "".join(f"{line}\n" for line in (
        "set tool gdb", f"set srcdir {TESTS}", f"set objdir {folder}", "set target_triplet x86_64-unknown-elf",
        "set host_triplet x86_64-pc-linux-gnu", "set build_triplet x86_64-pc-linux-gnu", "set enable_libctf no",
        f"lappend boards_dir {HERE}", f"set GDB {paths.GDB}", 'set GDBFLAGS ""'))


def run_file(name: str, mode: str, objects: list[Path]) -> FileResult:
    """Runs one test file in its own folder, which keeps gdb.log and gdb.sum."""
    folder = WORK / "results" / mode / name.removesuffix(".exp")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "s").mkdir(parents=True)
    (folder / "site.exp").write_text(site(folder), encoding="utf-8")
    (folder / "Makefile").touch()  # style.exp shows the name of a file that a build has
    environment = {**os.environ, "LC_ALL": "C", "RINGSIDE_TESTSUITE_PROGRAM": str(paths.RINGSIDE), "RINGSIDE_TESTSUITE_MODE": mode,
                   "RINGSIDE_TESTSUITE_OBJECTS": " ".join(map(str, objects)), "RINGSIDE_TESTSUITE_SOCKETS": str(folder / "s")}
    with open(folder / "output", "w", encoding="utf-8") as output:
        process = subprocess.Popen(["runtest", "--target_board", "ringside", name], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            process.wait(timeout=MINUTES_EACH * 60)
            hung = False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            hung = True
    shutil.rmtree(folder / "outputs", ignore_errors=True)
    summary = folder / "gdb.sum"
    result = read_summary(summary.read_text(encoding="utf-8", errors="replace") if summary.exists() else "")
    result.hung = hung
    return result


def read_summary(text: str) -> FileResult:
    """gdb.sum, without what differs from one machine to another: folders and remarks in brackets at the end."""
    result = FileResult()
    for line in text.splitlines():
        status, colon, rest = line.partition(": ")
        if not colon:
            continue
        if status in ("PASS", "KPASS"):  # KPASS: gdb's people know it to fail elsewhere
            result.passed += 1
        elif status in ("XFAIL", "KFAIL"):
            result.known += 1
        elif status in REMARKABLE:
            rest = re.sub(r" \((timeout|the program (exited|is no longer running)|got interactive prompt)\)$", "", rest)
            result.others.append(f"{status}: {re.sub(r'/[^ ]*/testsuite/', '', rest)}")
    return result
