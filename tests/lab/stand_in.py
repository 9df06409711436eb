"""Where there is no usable /dev/kvm the lab stands in, and one line says so.

/usr/bin/python3 -m tests.lab.stand_in [--json FILE]: hides the device and runs what a user runs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "build" / "logs" / "without-kvm"  # the inner run's own, so that it does not overwrite the outer one's

# What is run, and the one line.
COMMANDS = {
    "demo": (["guests/demo"], "No usable /dev/kvm here: the demo runs inside the lab, on emulated virtualisation hardware."),
    "gdb": (["tests/run", "--lane", "gdb"], "no usable /dev/kvm: Inappropriate ioctl for device: in the lab"),
}


def show(name: str) -> bool:
    command, line = COMMANDS[name]
    started = time.monotonic()
    done = subprocess.run(["tests/lab/without-kvm", *command], cwd=ROOT, env={**os.environ, "RINGSIDE_TEST_LOGS": str(LOGS)},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    said = sum(line == each.strip() for each in done.stdout.splitlines())
    right = done.returncode == 0 and said == 1
    print(f"{'passed' if right else 'failed':<8} stand_in.{name} ({time.monotonic() - started:.1f} s)", flush=True)
    if not right:
        print(f"    status {done.returncode}, and {said} times the line {line!r} in:\n{done.stdout}")
    return right


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lab.stand_in", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    arguments = parser.parse_args()
    results = [show(name) for name in COMMANDS]
    counts = {"passed": results.count(True), "failed": results.count(False), "skipped": 0}
    if arguments.json:
        arguments.json.write_text(json.dumps(counts), encoding="utf-8")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
