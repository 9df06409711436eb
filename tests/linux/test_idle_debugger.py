"""The boot of Debian's kernel with an idle debugger attached, beside the one without: the kernel must say the same.

Numbers differ from one boot to the next, and lines of several CPUs come in any order; what is compared is the rest.
"""

import re
import subprocess
import tempfile
import time
from pathlib import Path

from tests.linux import initramfs
from tests.linux.debugged import LIMIT, DebuggedLinux, expect
from tests.linux.lab import LAB, kernel

READY = "guest: ready"
COMMAND_LINE = "console=ttyS0 reboot=k panic=-1 nokaslr"
HERE = Path(__file__).resolve().parent

# Said or not by what the clocks are found to be, in the emulator as on hardware.
BY_CHANCE = re.compile(r"clocksource|tsc:|sched_clock|random:|Freeing|perf:|calibrat", re.IGNORECASE)


def spoken(console: str) -> set[str]:
    """What the kernel said, without times and numbers."""
    lines = (re.match(r"\[ *\d+\.\d+\] (.*)", line.strip()) for line in console.split(READY)[0].splitlines())
    return {re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", "#", line[1]) for line in lines if line and not BY_CHANCE.search(line[1])}


def alone(ringside: Path, folder: Path) -> tuple[set[str], float]:
    archive = folder / "guest.cpio"
    archive.write_bytes(initramfs.build())
    bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
    files = [option for path in (ringside, HERE / "session", archive, bzimage) for option in ("--file", path)]
    guest = [ringside, "run", "-m", "256M", "--serial", "stdio", "-i", archive, "--append", COMMAND_LINE, bzimage]
    start = time.monotonic()
    done = subprocess.run([LAB / "run", "--host", "intel", "--timeout", str(LIMIT), *files, "--",
                           "sh", HERE / "session", "--type", "poweroff -f", "--", *guest],
                          capture_output=True, text=True, check=False)
    expect(done.returncode == 0 and READY in done.stdout, "the guest boots without a debugger")
    return spoken(done.stdout), time.monotonic() - start


def attended(ringside: Path) -> tuple[set[str], float]:
    start = time.monotonic()
    with DebuggedLinux(ringside, append="nokaslr") as linux:
        linux.gdb.start("continue")
        console = linux.console.wait_for(rf"(?s).*{READY}", LIMIT)[0]
        return spoken(console), time.monotonic() - start


def test_the_boot_is_the_same_with_an_idle_debugger(ringside: Path) -> None:
    with_one, its_time = attended(ringside)
    with tempfile.TemporaryDirectory(prefix="ringside-linux-") as folder:
        without, other_time = alone(ringside.resolve(), Path(folder))
    print(f"{len(without)} lines; boot and all: {its_time:.0f} s with a debugger, {other_time:.0f} s without", flush=True)
    expect(len(without) > 100, "there is something to compare")
    for line in sorted(with_one ^ without):
        print(("with:    " if line in with_one else "without: ") + line, flush=True)
    expect(with_one == without, "the kernel says the same")
