"""The debug conformance matrix: run here or in the lab, counted, and compared with the page in the tree."""

import json
from pathlib import Path

from tests.lanes.lane import LOGS, LaneRun

PAGE = Path("tests/conformance/MATRIX.md")
# The page's columns. The first is for a host that runs kvm_pvm: elsewhere the lane `kvm` has no column to compare with.
TITLES = {"kvm_pvm": "kvm_pvm", "intel": "kvm_intel, in Bochs", "amd": "kvm_amd, in QEMU"}
GUESTS = ("conformance", "conformance32", "conformance16.bin", "conformance16.elf", "smp")


def program(build: Path) -> Path:
    return build / "tests" / "conformance" / "conformance"


def files(build: Path) -> tuple[Path, ...]:
    """What the program needs besides itself."""
    return (build / "ringside", *(build / "guests" / name for name in GUESTS))


def kvm_of(results: Path) -> str:
    """The kind of KVM that results are from."""
    try:
        return str(json.loads(results.read_text(encoding="utf-8"))["kvm"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def results_in_lab(run: LaneRun, host: str) -> Path:
    return LOGS / f"{run.lane.name}-{host}-matrix.json"


def command_in_lab(run: LaneRun, host: str, build: Path) -> tuple[int, str]:
    """A command for the lab, with its limit. It fails only if there are no results: those are counted one by one.
    One CPU for one program: QEMU's SVM was seen to hang with two CPUs whose guests are stepped at once."""
    results = results_in_lab(run, host)
    results.unlink(missing_ok=True)
    return 900, f"{program(build)} --json {results} ; test $? -le 1"


def count(run: LaneRun, title: str, results: Path) -> None:
    """Counts the results and holds them against the page."""
    run.count_file(results)
    run.one_test(f"{PAGE}, which is not what this run has produced: see the log", "/usr/bin/python3", "-m",
                 "tests.conformance", PAGE, "--check", f"{title}={results}")
