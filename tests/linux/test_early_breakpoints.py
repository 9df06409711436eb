"""More breakpoints on Debian's kernel than there are debug slots, all of them set at its first instruction.

No page table leads to their places then, so that none of them can be an int3 yet, and the guest is stepped. That ends as soon as
the kernel has its page tables: a few thousand steps, where the boot has billions of instructions.
"""

import re
from pathlib import Path

from tests.linux.debugged import DebuggedLinux, expect

PLACES = ("rest_init", "kernel_init", "smp_init", "driver_init", "kernel_execve")  # in the order of the boot
MOST_STEPS = 100_000
SCRIPT = "hostname booted\n"


def test_many_breakpoints_from_the_first_instruction_on(ringside: Path) -> None:
    with DebuggedLinux(ringside, SCRIPT) as linux:
        gdb = linux.gdb
        gdb.console("set breakpoint always-inserted on")
        for place in PLACES:
            gdb.console(f"break {place}")
        expect("stepping" in gdb.console("monitor breakpoints"), "one more than there are slots for")
        for place in PLACES:
            met = linux.go_on()
            expect(met == place, f"the boot comes to {place}" + ("" if met == place else f", not to {met}"))
            how = gdb.console("monitor breakpoints")
            expect("stepping" not in how, "nothing is stepped for any more")
            expect(how.count("on code that the kernel patches") == 1, "one is said to be on code that the kernel patches")
        steps = int(re.search(r"^DEBUG +(\d+)", gdb.console("monitor exits"), re.MULTILINE)[1])
        expect(steps < MOST_STEPS, f"{steps} steps")
        gdb.console("delete")
        linux.expect_meetings()
        linux.meet("booted")
