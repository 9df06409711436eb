"""/usr/bin/python3 -m tests.integration [-k WORD]... [--json FILE] [--jobs N] [MODULE]...

Runs the tests of this folder; modules run beside each other, as most of their time is waiting.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.integration.harness import paths
from tests.lanes.unittests import Result

HERE = Path(__file__).parent


def run_here(module: str, patterns: list[str] | None) -> dict[str, int]:
    loader = unittest.TestLoader()
    if patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns]
    suite = loader.loadTestsFromName(f"tests.integration.{module}")
    result = Result()
    suite.run(result)
    return result.counts


def run_apart(module: str, patterns: list[str] | None) -> tuple[str, dict[str, int]]:
    """One module in a process of its own: its output and its counts."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [sys.executable, "-m", "tests.integration", "--json", report.name, "--here", module]
        for pattern in patterns or []:
            command += ["-k", pattern]
        done = subprocess.run(command, cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        try:
            counts = json.loads(Path(report.name).read_text(encoding="utf-8"))
        except ValueError:
            counts = {"passed": 0, "failed": 1, "skipped": 0}
            return f"{done.stdout}\nFAILED   {module}: ended with status {done.returncode} and no results", counts
        return done.stdout, counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.integration", description=__doc__.splitlines()[2])
    modules = sorted(path.stem for path in HERE.glob("test_*.py"))
    parser.add_argument("modules", nargs="*", metavar="MODULE", choices=[[], *modules])
    parser.add_argument("-k", action="append", metavar="WORD", dest="patterns", help="only tests with this in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--here", action="store_true", help="in this process, one module after the other")
    arguments = parser.parse_args()

    if not os.access(paths.RINGSIDE, os.X_OK):
        parser.error(f"{paths.RINGSIDE} is not there: build it first (cmake --preset release && ninja -C build/release)")
    total = {"passed": 0, "failed": 0, "skipped": 0}

    def add(counts: dict[str, int]) -> None:
        for key in total:
            total[key] += counts[key]

    chosen = arguments.modules or modules
    if arguments.here:
        for module in chosen:
            add(run_here(module, arguments.patterns))
    else:
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            for output, counts in pool.map(lambda module: run_apart(module, arguments.patterns), chosen):
                print(output, end="", flush=True)
                add(counts)
        print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    if arguments.json:
        arguments.json.write_text(json.dumps(total), encoding="utf-8")
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
