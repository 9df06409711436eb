"""./tests/run [--quick] [--short] [--lane NAME]... [-k EXPRESSION] [--list]"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Collection

from tests.lanes.lane import ROOT, Counts, Form, Lane, Result, run_lane
from tests.lanes.lanes import LANES


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run", description="Builds Ringside and runs its tests.")
    parser.add_argument("--quick", action="store_true", help="only what takes a few minutes: changed files, main lanes")
    parser.add_argument("--short", action="store_true", help="the short forms of the lanes that have one")
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
    form = Form(arguments.quick, arguments.short, arguments.selection, frozenset(lane.name for lane in chosen))
    started = time.monotonic()
    results = {lane: run_lane(lane, form) for lane in chosen}
    total = show_summary(results, time.monotonic() - started, arguments.short)
    return 1 if total.failed else 0


def show_summary(results: dict[Lane, Result], seconds: float, short: bool) -> Counts:
    """A table of the lanes; its last line is the sum."""
    total = Counts()
    print(f"\nSummary, {seconds:.0f} s:")
    for lane, result in results.items():
        print(f"  {lane.name:<14} {result.state():<8}{result.seconds:>6.0f} s  {result.counts}; log: build/logs/{lane.name}.log")
        total.add(result.counts)
    if short:
        print("\n".join(f"  {line}" for line in left_out(results)))
    print(total)
    return total


def left_out(results: Collection[Lane]) -> list[str]:
    """What only ./tests/run without options shows."""
    return ([f"not run: {lane.name}, {lane.about}" for lane in LANES if lane not in results] +
            [f"short form: {lane.name}, without {lane.only_long}" for lane in results if lane.only_long])


if __name__ == "__main__":
    sys.exit(main())
