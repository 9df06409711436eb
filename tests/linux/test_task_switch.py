"""`monitor linux task-switch` under gdb, in the lab's Intel machine, where breakpoints are real."""

import re
from pathlib import Path

from tests.linux.debugged import LIMIT, DebuggedLinux, expect

SCRIPT = """\
while :; do usleep 1000; done &
hostname ready
hostname after
"""
SWITCH = re.compile(r"Linux switches from PID \d+ \(.*?\) to PID (\d+) \((.*?)\) on vCPU 0")


def switch(linux: DebuggedLinux) -> tuple[int, str]:
    """The task that the guest is about to run at the stop that comes."""
    stop = linux.gdb.run("continue", LIMIT)
    expect(stop.get("signal-name") == "SIGTRAP", "gdb shows the stop, whose breakpoint it does not know")
    expect(linux.gdb.integer("$pc") == linux.gdb.integer("(unsigned long)&__switch_to"), "at __switch_to")
    pid, command = SWITCH.findall(linux.gdb.transcript())[-1]
    return int(pid), command


def test_stops_once_and_at_a_tasks_own(ringside: Path) -> None:
    with DebuggedLinux(ringside, SCRIPT) as linux:
        gdb = linux.gdb
        linux.expect_meetings()
        linux.meet("ready")
        expect("stop at the next task switch" in gdb.console("monitor linux task-switch"), "it is armed")
        switch(linux)
        expect(" kthreadd" in gdb.console("monitor linux ps"), "tasks can be listed there")
        gdb.console("monitor linux task-switch")
        expect("does not stop" in gdb.console("monitor linux task-switch off"), "it can be taken back")
        linux.meet("after")
        expect("there is none" in gdb.console("monitor linux task-switch 4194304"), "a task that is not there is refused")
        expect("switch to PID 1 (" in gdb.console("monitor linux task-switch 1"), "it is armed for a task")
        pid, _ = switch(linux)
        expect(pid == 1, "the next stop is at the switch to that one")
