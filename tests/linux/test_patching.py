"""Debian's kernel patches its own code, under a debugger with breakpoints on that code.

The function tracer, kprobes and a static key change the very instructions that gdb has breakpoints on. Neither may notice
the other: the kernel finds the code that it expects and counts what there is to count, and gdb stops exactly where it
should.
"""

import re
import struct
from pathlib import Path

from tests.linux.debugged import DebuggedLinux, expect
from tests.linux.lab import kernel
from tests.linux.symbols import KERNEL_MAP

JUMPED_OVER = 16  # bytes into a function: past what a kprobe at its 5th may replace by a jump

COMPLAINTS = "WARNING: CPU|BUG:|Oops|ftrace failed"

SCRIPT = f"""\
T=/sys/kernel/tracing
mount -t tracefs tracefs $T
hostname ready
mkdir /tmp/a; sync; hostname untraced
echo vfs_mkdir ksys_sync >$T/set_ftrace_filter
echo function >$T/current_tracer
mkdir /tmp/b; sync; sync; hostname traced
cat $T/trace >/tmp/trace
echo nop >$T/current_tracer
mkdir /tmp/c; hostname silent
hostname "traced $(grep -c vfs_mkdir /tmp/trace) $(grep -c ksys_sync /tmp/trace)"
echo 'p:ringside/entry vfs_mkdir' >$T/kprobe_events
echo 'p:ringside/middle vfs_rmdir+5' >>$T/kprobe_events
echo 1 >$T/events/ringside/enable
mkdir /tmp/d; rmdir /tmp/d; hostname probed
mkdir /tmp/e; rmdir /tmp/e; hostname shared
echo 0 >$T/events/ringside/enable
mkdir /tmp/f; rmdir /tmp/f; hostname unprobed
hostname "$(echo $(cat $T/kprobe_profile))"
/bin/busybox true; hostname on
echo 1 >$T/events/sched/sched_process_exec/enable
/bin/busybox true; /bin/busybox true; hostname counted
echo 0 >$T/events/sched/sched_process_exec/enable
/bin/busybox true; hostname over
hostname "executed $(grep -c sched_process_exec: $T/trace)"
hostname "complaint: $(dmesg | grep -m 1 -E '{COMPLAINTS}')"
"""


def test_gdb_while_the_kernel_patches_itself(ringside: Path) -> None:
    with DebuggedLinux(ringside, SCRIPT, options="--cpus 2") as linux:
        linux.expect_meetings()
        linux.meet("ready")
        function_tracer(linux)
        kprobes(linux)
        static_key(linux)
        linux.meet("complaint: ")


def expect_stops(linux: DebuggedLinux, *places: str) -> None:
    """The next stops, one after the other; a meeting's name in the end."""
    for place in places[:-1]:
        linux.go_on()
        at = linux.gdb.console("x/i $pc")
        expect(f"<{place}>" in at, f"a stop at {place}" if f"<{place}>" in at else f"a stop at {place}, not {at}")
    linux.meet(places[-1])


def instruction(linux: DebuggedLinux, place: str) -> str:
    return linux.gdb.console(f"x/i {place}").split(":")[1].split()[0]


def function_tracer(linux: DebuggedLinux) -> None:
    """It turns a NOP at a function's start into a call, and back."""
    for function in ("vfs_mkdir", "ksys_sync"):
        linux.gdb.console(f"break *{function}")
    expect(instruction(linux, "vfs_mkdir") == "nopl", "the kernel has put its NOPs in place during the boot")
    expect_stops(linux, "vfs_mkdir", "ksys_sync", "untraced")
    expect_stops(linux, "vfs_mkdir", "ksys_sync", "ksys_sync", "traced")
    expect(instruction(linux, "vfs_mkdir") == "call", "the tracer has patched its call in")
    expect_stops(linux, "vfs_mkdir", "silent")
    expect(instruction(linux, "vfs_mkdir") == "nopl", "and out again")
    linux.meet("traced 1 2")
    linux.gdb.console("delete")
    linux.expect_meetings()


def boundaries(linux: DebuggedLinux, function: str) -> list[int]:
    """Where a function's first instructions begin, in bytes from its start."""
    return [int(at) for at in re.findall(rf"<{function}\+(\d+)>:", linux.gdb.console(f"x/12i {function}"))]


def kprobes(linux: DebuggedLinux) -> None:
    """One by way of the function tracer; one that is an int3 of the kernel's own, and a breakpoint behind it."""
    gdb = linux.gdb
    for function in ("vfs_mkdir", "vfs_rmdir"):
        gdb.console(f"break *{function}")
    behind = next(f"vfs_rmdir+{at}" for at in boundaries(linux, "vfs_rmdir") if at >= JUMPED_OVER)
    expect_stops(linux, "vfs_mkdir", "vfs_rmdir", "probed")
    expect(instruction(linux, "vfs_rmdir+5") in ("int3", "jmp"), "the kernel's own breakpoint, or what it made of it")
    gdb.console(f"break *({behind})")
    expect_stops(linux, "vfs_mkdir", "vfs_rmdir", behind, "shared")
    expect_stops(linux, "vfs_mkdir", "vfs_rmdir", behind, "unprobed")
    expect(instruction(linux, "vfs_rmdir+5") not in ("int3", "jmp"), "the kernel has taken its breakpoint out")
    gdb.console("delete")
    linux.expect_meetings()
    linux.meet("entry 2 0 middle 2 0")  # hits and misses of each


def tracepoint_site(linux: DebuggedLinux, tracepoint: str) -> int:
    """Where the kernel branches on a tracepoint's static key: an entry of its jump table says so."""
    gdb = linux.gdb
    debian = kernel.prepare()
    moved = gdb.integer("(unsigned long)&_text") - debian.load_address - KERNEL_MAP
    start, stop, key = (gdb.integer(f"(unsigned long)&{name}") - moved
                        for name in ("__start___jump_table", "__stop___jump_table", f"__tracepoint_{tracepoint}"))
    key += 8  # struct tracepoint: the name's address, then the key
    image = debian.flat.read_bytes()
    offset = start - KERNEL_MAP - debian.load_address
    for at in range(0, stop - start, 16):
        code, _, relative_key = struct.unpack_from("<iiq", image, offset + at)
        if start + at + 8 + (relative_key & ~3) == key:
            return start + at + code + moved
    raise AssertionError(f"{tracepoint} has no place in the jump table")


def static_key(linux: DebuggedLinux) -> None:
    """A tracepoint that is off is a NOP, and one that is on a jump."""
    gdb = linux.gdb
    site = tracepoint_site(linux, "sched_process_exec")
    gdb.console(f"break *{site:#x}")
    expect(instruction(linux, hex(site)) in ("nopl", "xchg"), "the tracepoint is off")
    expect(hits_before_meeting(linux, site, "on") > 0, "a stop at a tracepoint that is off")
    hits = hits_before_meeting(linux, site, "counted")
    expect(hits >= 2 and instruction(linux, hex(site)) == "jmp", f"{hits} stops at one that is on")
    expect(hits_before_meeting(linux, site, "over") > 0, "a stop after it was turned off")
    expect(instruction(linux, hex(site)) in ("nopl", "xchg"), "it is a NOP again")
    gdb.console("delete")
    linux.expect_meetings()
    linux.meet(f"executed {hits}")


def hits_before_meeting(linux: DebuggedLinux, site: int, name: str) -> int:
    for hits in range(100):
        linux.go_on()
        if met := linux.meeting():
            expect(met == name, f"the script comes to '{name}'")
            return hits
        if linux.gdb.integer("$pc") != site:
            break
    raise AssertionError(f"a stop that nobody asked for, before '{name}'")
