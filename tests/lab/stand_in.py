"""Where there is no usable /dev/kvm the lab stands in, and one line says so.

/usr/bin/python3 -m tests.lab.stand_in [--json FILE]: hides the device and runs what a user runs.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.lab import checks

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "build" / "logs" / "without-kvm"  # the inner run's own, so that it does not overwrite the outer one's

# What is run, and the one line.
COMMANDS = {
    "demo": (["guests/demo"], "No usable /dev/kvm here: the demo runs inside the lab, on emulated virtualisation hardware."),
    "gdb": (["tests/run", "--lane", "gdb"], "no usable /dev/kvm: Inappropriate ioctl for device: in the lab"),
}


def check(name: str) -> bool:
    command, line = COMMANDS[name]
    started = time.monotonic()
    done = subprocess.run(["tests/lab/without-kvm", *command], cwd=ROOT, env={**os.environ, "RINGSIDE_TEST_LOGS": str(LOGS)},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    said = sum(line == each.strip() for each in done.stdout.splitlines())
    right = done.returncode == 0 and said == 1
    problem = "" if right else f"status {done.returncode}, and {said} times the line {line!r} in:\n{done.stdout}"
    return checks.show(f"stand_in.{name}", time.monotonic() - started, problem)


def main() -> int:
    arguments = checks.parser("tests.lab.stand_in", __doc__).parse_args()
    return checks.finish(map(check, COMMANDS), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
