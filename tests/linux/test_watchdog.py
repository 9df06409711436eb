"""Debian's kernel is stopped for longer than its watchdogs' patience, and they must not bark.

The guest is told by way of kvmclock that it was stopped. The same stop without kvmclock, of which the guest then learns nothing,
shows that it is long enough for them.
"""

from pathlib import Path

from tests.linux.debugged import DebuggedLinux, expect

STOPPED = 25  # seconds: longer than the limits that follow
LIMITS = "quiet watchdog_thresh=4 rcupdate.rcu_cpu_stall_timeout=6 rcupdate.rcu_exp_cpu_stall_timeout=6000"
WATCHDOGS = ("soft lockup", "detected stall")
COMPLAINTS = "|".join((*WATCHDOGS, "as unstable", "blocked for more", "WARNING: CPU", "BUG:", "Oops"))

SCRIPT = f"""\
taskset -c 1 sh -c 'while :; do :; done' & busy=$!
hostname busy
sleep 12; kill $busy
hostname "complaint: $(dmesg | grep -m 1 -o -E '{COMPLAINTS}')"
"""


def complaint(ringside: Path, more: str = "") -> str:
    """What the kernel says about the stop. It takes time by its nature."""
    with DebuggedLinux(ringside, SCRIPT, options="--cpus 2", append=f"{LIMITS} {more}") as linux:
        linux.expect_meetings()
        linux.meet("busy")
        linux.gdb.console(f"shell sleep {STOPPED}", 2 * STOPPED)
        linux.go_on()
        return linux.meeting().removeprefix("complaint: ")


def test_gdb_holds_the_kernel_for_long(ringside: Path) -> None:
    said = complaint(ringside)
    expect(said == "", "no complaint about a long stop" + (f", but: {said}" if said else ""))
    said = complaint(ringside, "no-kvmclock")
    expect(said in WATCHDOGS, f"without kvmclock a watchdog speaks of the same stop: '{said}'")
