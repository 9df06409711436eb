"""Debian's kernel on eight CPUs, under gdb, in the lab's AMD machine: all start, all stop, one steps.

That machine has no breakpoints but by stepping, so gdb stops the guest by Ctrl-C.
"""

from pathlib import Path

from tests.linux.debug_kernel import step_one
from tests.linux.debugged import LIMIT, DebuggedLinux, expect

CPUS, BUSY = 8, 5
SCRIPT = f"""\
taskset -c {BUSY} sh -c 'while :; do :; done' &
echo "guest: $(nproc) CPUs"
"""


def test_eight_cpus(ringside: Path) -> None:
    with DebuggedLinux(ringside, SCRIPT, options=f"--cpus {CPUS}", host="amd") as linux:
        gdb = linux.gdb
        expect(gdb.console("info threads").count("waiting for SIPI") == CPUS - 1, "all but one wait for their start")
        gdb.start("continue")
        linux.console.wait_for(f"guest: {CPUS} CPUs", LIMIT)
        for _ in range(3):
            stop = gdb.interrupt(LIMIT)
            threads = gdb.console("info threads")
            expect(stop.get("signal-name") == "SIGINT" and threads.count("vCPU") == CPUS, f"Ctrl-C stops {CPUS} threads")
            expect("(running)" not in threads and "waiting for SIPI" not in threads, "and all have registers to show")
            step_one(linux, BUSY, CPUS)
            gdb.start("continue")
