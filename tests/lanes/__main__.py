"""./tests/run [--quick] [--lane NAME]... [-k EXPRESSION] [--list]"""

import argparse
import signal
import subprocess
import sys
import time

from tests.lanes.lane import ROOT, Counts, run_lane
from tests.lanes.lanes import LANES


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run", description="Builds Ringside and runs its tests.")
    parser.add_argument("--quick", action="store_true", help="only what takes a few minutes: changed files, main lanes")
    parser.add_argument("--lane", action="append", metavar="NAME", choices=[lane.name for lane in LANES],
                        help="only this lane (may be given several times)")
    parser.add_argument("-k", default="", metavar="EXPRESSION", dest="selection", help="of the tests in Python, only those that pytest's -k takes")
    parser.add_argument("--list", action="store_true", help="name the lanes and stop")
    arguments = parser.parse_args()

    if arguments.list:
        for lane in LANES:
            when = "  [quick]" if lane.quick else ""
            print(f"{lane.name:<14} {lane.about}{when}")
        return 0

    # Ending us ends what we started: see LaneRun.run().
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen = [lane for lane in LANES
              if (lane.name in arguments.lane if arguments.lane else lane.quick or not arguments.quick)]
    groups = [] if len(chosen) == len(LANES) else sorted({group for lane in chosen for group in lane.groups})
    if subprocess.run([ROOT / "tests" / "install-packages", *groups], check=False).returncode != 0:
        return 1
    started = time.monotonic()
    results = {lane.name: run_lane(lane, arguments.quick, arguments.selection) for lane in chosen}

    total = Counts()
    print(f"\nSummary, {time.monotonic() - started:.0f} s:")
    for name, counts in results.items():
        state = "FAILED" if counts.failed else "passed" if counts.passed else "skipped"
        print(f"  {name:<14} {state:<8} {counts}; log: build/logs/{name}.log")
        total.add(counts)
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
