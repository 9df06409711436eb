"""The guest's user processes. Two run the same program, so that one address means two things: which, CR3 says."""

from pathlib import Path

from tests.linux.debugged import DebuggedLinux, expect

# Of CR3: which of the two tables of PTI, of which the process has one with nearly nothing of the kernel; and what they
# have in common, without the PCID.
USER_TABLES, ROOT = 0x1000, ~0x1fff

COMMAND_LINE = "pti=on"  # also on processors that do without
SCRIPT = """\
hostname "$(dmesg | grep -o 'page tables isolation: enabled')"
worker alpha & worker beta &
hostname workers
hostname done
"""


def run(linux: DebuggedLinux, worker: Path) -> None:
    gdb = linux.gdb
    gdb.console(f"add-symbol-file {worker}")
    linux.meet("page tables isolation: enabled")
    linux.meet("workers")
    gdb.console("delete")
    gdb.console("break worker_work")
    first, cr3 = stop_in_worker(linux)
    backtrace = linux.backtrace()
    expect("worker_work ()" in backtrace and "main (argc=2" in backtrace, "a backtrace and arguments in a user process")
    expect(cr3 & USER_TABLES != 0, "it runs with the tables that hide the kernel")
    expect(gdb.console("x/s (char*)&linux_banner").count("Linux version") == 1, "the kernel can be read from there all the same")
    other, others_cr3 = stop_in_another(linux, first)
    expect(cr3 & ROOT != others_cr3 & ROOT, "they have different page tables")
    one_of_two(linux, first, cr3, other)
    gdb.console("monitor address-space off")
    stop_in_another(linux, stop_in_worker(linux)[0])


def identity(linux: DebuggedLinux) -> str:
    return chr(linux.gdb.integer("(unsigned char)worker_name"))


def stop_in_worker(linux: DebuggedLinux) -> tuple[str, int]:
    """Goes to the next worker at work. Returns who it is, and its CR3."""
    gdb = linux.gdb
    function = linux.go_on()
    if function != "worker_work" or gdb.integer("$cs & 3") != 3:
        expect(False, f"a breakpoint in user code: stopped in {function}")
    return identity(linux), gdb.integer("$cr3")


def stop_in_another(linux: DebuggedLinux, first: str) -> tuple[str, int]:
    for _ in range(20):
        other = stop_in_worker(linux)
        if other[0] != first:
            print(f"ok       the breakpoint stops '{first}' and '{other[0]}'", flush=True)
            return other
    raise AssertionError("the other worker never comes")


def one_of_two(linux: DebuggedLinux, first: str, cr3: int, other: str) -> None:
    """`other` has just stopped."""
    gdb = linux.gdb
    gdb.console(f"monitor address-space {cr3:#x}")
    expect(identity(linux) == first, f"'{first}' is read while '{other}' is stopped")
    stops = [(*stop_in_worker(linux), gdb.integer("worker_rounds")) for _ in range(6)]
    expect([stop[0] for stop in stops] == [first] * 6, "its breakpoint stops nobody else")
    expect([stop[2] - stops[0][2] for stop in stops] == list(range(6)), "and misses none of its rounds")
    linux.stop_at("tbreak", "do_syscall_64")
    expect(gdb.integer("$cr3") & USER_TABLES == 0, "in the kernel other tables are in use")
    expect(identity(linux) == first, "its memory can be read from there as well")
    gdb.console("set var worker_name = 'Z'")
    expect(identity(linux) == "Z", "and written")
    gdb.console(f"set var worker_name = '{first}'")
