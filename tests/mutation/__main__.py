"""Do the unit tests notice? Plants one fault at a time in the debugger's core, builds, and runs the core's tests.

    python3 -m tests.mutation [PART-OF-A-NAME]...

Every fault must make a test fail. Exits with 1 if one goes unnoticed, or if its place in the source is not found any
more. The sources are put back after each: do not edit them, or build, meanwhile.
"""

import subprocess
import sys

from tests.harness import paths
from tests.mutation.faults import FAULTS, Fault

BUILD = paths.ROOT / "build" / "release"
PROGRAMS = ("debug/run_control_test", "debug/debug_test", "machine/machine_test")
PATIENCE = 60  # seconds: a fault may make a test wait for a stop that never comes


def build() -> subprocess.CompletedProcess:
    targets = [program.rpartition("/")[2] for program in PROGRAMS]
    return subprocess.run(["ninja", "-C", BUILD, *targets], capture_output=True, text=True, check=False)


def failures() -> list[str]:
    """The tests that fail, or the programs that die or hang."""
    found = []
    for program in PROGRAMS:
        try:
            run = subprocess.run([BUILD / "tests/unit/vmm" / program, "--gtest_brief=1"], capture_output=True,
                                 text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            found.append(f"{program} hangs")
            continue
        words = [line.split()[3] for line in run.stdout.splitlines() if line.startswith("[  FAILED  ] ")]
        named = {word.rstrip(",") for word in words if "." in word}  # others are of the summary
        found += sorted(named) if named or run.returncode == 0 else [f"{program} dies"]
    return found


def verdict(fault: Fault) -> str:
    """Says if the tests notice the fault; begins with "NOT" if they do not."""
    path = paths.ROOT / fault.path
    text = path.read_text(encoding="utf-8")
    if text.count(fault.right) != 1:
        return f"NOT PLANTED: {fault.path} has its place {text.count(fault.right)} times"
    try:
        path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
        built = build()
        if built.returncode != 0:
            return "NOT BUILT: " + next((line for line in built.stdout.splitlines() if "error:" in line), "")
        found = failures()
        return "noticed by " + ", ".join(found[:3]) if found else "NOT NOTICED"
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> int:
    wanted = [fault for fault in FAULTS
              if not sys.argv[1:] or any(part in fault.name for part in sys.argv[1:])]
    if build().returncode != 0 or failures():
        print("the tests must build and pass before a fault is planted: " + ", ".join(failures()))
        return 1
    wrong = 0
    for fault in wanted:
        result = verdict(fault)
        wrong += result.startswith("NOT")
        print(f"{fault.name}: {result}", flush=True)
    build()
    print(f"{len(wanted) - wrong} of {len(wanted)} faults were noticed")
    return 1 if wrong or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
