"""Python's unittest with one line per test and counts that the lanes can read.

/usr/bin/python3 -m tests.lanes.unittests [--json FILE] FOLDER: runs the test_*.py of a folder.
"""

import argparse
import json
import sys
import time
import traceback
import unittest
from pathlib import Path


class Result(unittest.TestResult):
    """One line per test with its time; a failure shows what the programs under test had to say."""

    def __init__(self):
        super().__init__()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def startTest(self, test):
        super().startTest(test)
        self._verdict, self._details, self._started = "passed", [], time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self._started
        name = test.id().removeprefix("tests.")
        self.counts[self._verdict] += 1
        print(f"{self._verdict:<8} {name} ({seconds:.1f} s)", *self._details, sep="\n", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._verdict, self._details = "skipped", [f"    {reason}"]

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(test, f"{subtest}\n{''.join(traceback.format_exception(*err))}")

    def _fail(self, test, trace):
        self._verdict = "failed"
        self._details += [trace, test.diagnostics() if hasattr(test, "diagnostics") else ""]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lanes.unittests")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    arguments = parser.parse_args()
    result = Result()
    unittest.TestLoader().discover(str(arguments.folder)).run(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result.counts), encoding="utf-8")
    return 1 if result.counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
