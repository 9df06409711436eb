"""The debug conformance matrix: run here or in the lab, counted, and compared with the page in the tree."""

import json
from pathlib import Path

from tests.lanes.lane import LOGS, LabMachine, LaneRun

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


def machines_in_lab(run: LaneRun, host: str, build: Path, number: int) -> list[LabMachine]:
    """The whole matrix, dealt out to so many of the lab's machines: what count_in_lab() counts then.

    Each command fails only if there are no results: those are counted one by one. A machine has one CPU for its one program:
    QEMU's SVM was seen to hang with two CPUs whose guests are stepped at once."""
    for results in results_in_lab(run, host, number):
        results.unlink(missing_ok=True)
    return [
        LabMachine({"conformance": (480, f"GTEST_TOTAL_SHARDS={number} GTEST_SHARD_INDEX={index} {program(build)} --json {results} ; "
                                         "test $? -le 1")}, files(build), (results,))
        for index, results in enumerate(results_in_lab(run, host, number))
    ]


def results_in_lab(run: LaneRun, host: str, number: int) -> list[Path]:
    return [LOGS / f"{run.lane.name}-{host}-matrix-{index}.json" for index in range(1, number + 1)]


def count_in_lab(run: LaneRun, host: str, number: int) -> None:
    count(run, TITLES[host], *results_in_lab(run, host, number))


def count(run: LaneRun, title: str, *results: Path) -> None:
    """Counts the results and holds them against the page."""
    for each in results:
        run.count_file(each)
    run.one_test(f"{PAGE}, which is not what this run has produced: see the log", "/usr/bin/python3", "-m",
                 "tests.conformance", PAGE, "--check", f"{title}={','.join(map(str, results))}")
