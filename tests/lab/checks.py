"""Checks that are shown one by one, and counted as the lanes want it."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path


def parser(program: str, about: str | None) -> argparse.ArgumentParser:
    """The command line of a program that makes checks; `about` is its docstring."""
    options = argparse.ArgumentParser(prog=program, description=(about or "").splitlines()[0])
    options.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    return options


def show(name: str, seconds: float, problem: str = "") -> bool:
    """One check's line and, if there is a problem, what it was; whether the check passed."""
    print(f"{'failed' if problem else 'passed':<8} {name} ({seconds:.1f} s)", flush=True)
    if problem:
        print(f"    {problem}", flush=True)
    return not problem


def finish(results: Iterable[bool], report: Path | None) -> int:
    """Writes the counts; the exit status for the whole."""
    passed = list(results)
    if report:
        report.write_text(json.dumps({"passed": sum(passed), "failed": len(passed) - sum(passed), "skipped": 0}), encoding="utf-8")
    return 0 if passed and all(passed) else 1
