"""Do the unit tests notice? Plants faults in the debugger's core, and runs the core's tests with one of them at a time.

    python3 -m tests.mutation [PART-OF-A-NAME]...

Every fault must make a test fail. Exits with 1 if one goes unnoticed, or if its place in the source is not found any
more. All are compiled at once, each behind a switch, in a copy of the sources: `build/mutation`.
"""

import os
import subprocess
import sys
import time

from tests.harness import paths
from tests.mutation.faults import FAULTS, plant
from tests.mutation.sources import renew

COPY = paths.ROOT / "build" / "mutation"
PROGRAMS = ("debug/run_control_test", "machine/machine_test")
PATIENCE = 60  # seconds: a fault may make a test wait for a stop that never comes


def build() -> bool:
    renew(paths.ROOT, COPY, plant(FAULTS, lambda path: (paths.ROOT / path).read_text(encoding="utf-8")))
    targets = [program.rpartition("/")[2] for program in PROGRAMS]
    for command in (["cmake", "--preset", "release"], ["ninja", "-C", "build/release", *targets]):
        done = subprocess.run(command, cwd=COPY, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
            return False
    return True


def failure(program: str, fault: int) -> str | None:
    """The first test that fails with this fault, or how the program ends. 0: no fault."""
    path = COPY / "build" / "release" / "tests" / "unit" / "vmm" / program
    try:
        run = subprocess.run([path, "--gtest_brief=1", "--gtest_fail_fast"], env={**os.environ, "RINGSIDE_FAULT": str(fault)},
                             capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"{program} hangs"
    if run.returncode == 0:
        return None
    words = [line.split()[3] for line in run.stdout.splitlines() if line.startswith("[  FAILED  ] ")]
    named = [word.rstrip(",") for word in words if "." in word]  # others are of the summary
    return named[0] if named else f"{program} dies"


def first_failure(fault: int) -> str | None:
    return next((found for program in PROGRAMS if (found := failure(program, fault))), None)


def main() -> int:
    wanted = [number for number, fault in enumerate(FAULTS, 1)
              if not sys.argv[1:] or any(part in fault.name for part in sys.argv[1:])]
    start = time.monotonic()
    if not build():
        return 1
    print(f"built in {time.monotonic() - start:.0f} s", flush=True)
    if found := first_failure(0):
        print(f"without a fault there is a failure, too: {found}")
        return 1
    unnoticed = 0
    for number in wanted:
        start = time.monotonic()
        found = first_failure(number)
        unnoticed += found is None
        print(f"{FAULTS[number - 1].name}: {f'noticed by {found}' if found else 'NOT NOTICED'}, {time.monotonic() - start:.1f} s", flush=True)
    print(f"{len(wanted) - unnoticed} of {len(wanted)} faults were noticed")
    return 1 if unnoticed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
