"""python3 -m tests.gdb_testsuite [--jobs N] [--counts FILE.json] [--update] [FILE.exp...]

Runs gdb's own test suite against Ringside: the files that tests.txt names, or those given. What differs from tests.txt and
expected.txt is a failure. --update writes the counts into tests.txt, and prints what expected.txt lacks.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.gdb_testsuite import expectations, suite


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.gdb_testsuite", description="gdb's own test suite, against Ringside.")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="test files at the same time (2)")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="write the counts there, as JSON")
    parser.add_argument("--update", action="store_true", help="write how many tests pass into tests.txt")
    parser.add_argument("--mode", choices=expectations.MODES, default="plain", help="of files that tests.txt does not name (plain)")
    parser.add_argument("files", nargs="*", metavar="FILE.exp", help="as in gdb.base/break.exp (all of tests.txt)")
    arguments = parser.parse_args()

    listed = expectations.read_tests()
    chosen = [test for test in listed if not arguments.files or test.name in arguments.files]
    named = {test.name for test in chosen}
    chosen += [expectations.Test(name, arguments.mode, 0) for name in arguments.files if name not in named]
    suite.unpack()
    objects = suite.build_runtime()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = dict(zip(chosen, pool.map(lambda test: suite.run_file(test.name, test.mode, objects), chosen)))
    expected = expectations.read_expected()
    failures = 0
    for test, result in results.items():
        found = expectations.compare(test, result, expected)
        failures += len(found)
        print(f"{test.name} ({test.mode}): {result.passed} passed, {len(result.others)} others, {len(found)} unexpected")
        for line in found:
            print(f"    {line}")
    passed = sum(result.passed for result in results.values())
    others = sum(len(result.others) for result in results.values())
    print(f"{len(results)} files: {passed} passed, {others} expected or not, {failures} unexpected")
    if arguments.update:
        expectations.write_tests({**{test: test.passes for test in listed}, **{test: result.passed for test, result in results.items()}})
    if arguments.counts:
        arguments.counts.write_text(json.dumps({"passed": passed, "failed": failures, "skipped": others}), encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
