"""How fast `dump` is: a guest's memory, filled, beside a plain copy of as many bytes to the same place.

    python3 -m tests.bench.dump_speed [MIB [FOLDER]]

MIB of random bytes are an initrd, which fills the guest's memory; FOLDER (/dev/shm) is where the dump and the copy go. Three pairs,
by turns. Nothing is asserted: a busy machine shows noise of its own.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.harness import paths
from tests.harness.ringside import Ringside

PAIRS = 3
CHUNK = 1 << 20


def fill(path: Path, size: int) -> None:
    with open("/dev/urandom", "rb") as noise, path.open("wb") as file:
        for _ in range(size // CHUNK):
            file.write(noise.read(CHUNK))


def copy(source: Path, target: Path) -> float:
    """Seconds, by read() and write() of 1 MiB."""
    start = time.monotonic()
    with source.open("rb", buffering=0) as read, target.open("wb", buffering=0) as write:
        while data := read.read(CHUNK):
            write.write(data)
    seconds = time.monotonic() - start
    target.unlink()
    return seconds


def ctl(control: Path, *words: str) -> str:
    client = Ringside("ctl", control, *words)
    try:
        client.wait(600)
        return client.stdout.text()
    finally:
        client.close()


def dump(control: Path, target: Path) -> float:
    start = time.monotonic()
    said = ctl(control, "dump", str(target))
    seconds = time.monotonic() - start
    if "MiB of memory" not in said:
        raise SystemExit(said)
    target.unlink()
    return seconds


def main() -> int:
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 3500
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else "/dev/shm") as name:
        folder = Path(name)
        fill(folder / "initrd", mib * CHUNK)
        vm = Ringside.run(paths.GUESTS / "demo64", f"--initrd={folder}/initrd", "--append=rounds=0", f"--control=unix:{folder}/control",
                          memory=f"{mib + 596}M", gdb=None)
        try:
            vm.serial("round 1:", 300)
            ctl(folder / "control", "stop")
            rows = [(dump(folder / "control", folder / "vmcore"), copy(folder / "initrd", folder / "copy")) for _ in range(PAIRS)]
        finally:
            vm.close()
    dumped, copied = (statistics.median(column) for column in zip(*rows))
    print(f"{mib} MiB: dump {dumped:.2f} s ({mib / dumped:.0f} MiB/s), copy {copied:.2f} s ({mib / copied:.0f} MiB/s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
