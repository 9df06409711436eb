"""The lanes, in the order in which they run: cheap and telling ones first.

A lane is a function and a line in LANES. The function builds what it needs, runs it, and leaves the counts in its run;
it raises Skipped with a reason where the machine cannot do it.
"""

import fcntl
import os
import shutil
import sys

from tests.lanes.lane import BUILD, ROOT, Lane, LaneRun

PYTHON = sys.executable


def lint(run: LaneRun) -> None:
    for check in ("format", "files", "layers", "shell"):
        run.one_test(check, PYTHON, "-m", f"tests.lint.{check}")
    run.one_test("layers' own test", PYTHON, "-m", "unittest", "tests.lint.test_layers")
    # The fuzzers are sources like any other; no link, so nothing is instrumented.
    if run.one_test("configure", "cmake", "--preset", "clang", "-DRINGSIDE_FUZZ=ON"):
        run.one_test("clang-tidy", PYTHON, "-m", "tests.lint.tidy", "--build", BUILD / "clang",
                     *(["--changed"] if run.quick else []))
    if not run.quick:
        for foundation in ("arch", "gdbstub"):
            stands_alone(run, foundation)


def stands_alone(run: LaneRun, foundation: str) -> None:
    """A foundation builds where nothing else of the project can be seen."""
    place = BUILD / "alone" / foundation
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "tests" / "lint" / "alone.cmake", place / "CMakeLists.txt")
    for name in (".cmake", foundation):
        link = place / name
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / name)
    if run.one_test(f"{foundation} configures alone", "cmake", "-G", "Ninja", "-S", place, "-B", place / "build",
                    f"-DFOUNDATION={foundation}"):
        run.one_test(f"{foundation} builds alone", "ninja", "-C", place / "build")


def unit(run: LaneRun) -> None:
    run.ctest(run.build("release"), "unit")


LANES = [
    Lane("lint", "format, layers, sizes, clang-tidy, shellcheck", lint, quick=True, minutes=40),
    Lane("unit", "unit tests, release build", unit, quick=True),
]
