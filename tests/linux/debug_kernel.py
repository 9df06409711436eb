"""The kernel itself: its boot from the first instruction, backtraces, per-CPU variables, and two CPUs that stop and step."""

from tests.linux.debugged import DebuggedLinux, expect
from tests.linux.symbols import LINKED

# Each write to stat_refresh is work for a kernel thread on every CPU: there is some while the test looks for it.
SCRIPT = """\
hostname kernel
for i in $(seq 500); do echo 1 >/proc/sys/vm/stat_refresh; done
taskset -c 1 sh -c 'while :; do :; done' & busy=$!
hostname busy
kill $busy
"""


def boot(linux: DebuggedLinux) -> None:
    gdb = linux.gdb
    moved = gdb.integer("(unsigned long)&_text") - LINKED
    expect(gdb.integer("$pc") == 0x1000000, "held at the first instruction")
    expect(0 <= moved < 1 << 30 and moved % (2 << 20) == 0, f"symbols moved by {moved:#x} at connect")
    linux.stop_at("break", "start_kernel")
    expect(gdb.integer("$pc") == gdb.integer("(unsigned long)&start_kernel"), "at its first instruction")
    expect("waiting for SIPI" in gdb.console("info threads"), "the second CPU waits for its start")
    linux.stop_at("break", "kernel_init")
    expect("kernel_init_freeable" in linux.stop_at("hbreak", "smp_init"), "who called it")
    linux.stop_at("break", "kernel_execve")
    threads = gdb.console("info threads")
    expect("waiting for SIPI" not in threads and threads.count("vCPU") == 2, "both CPUs run")


def run(linux: DebuggedLinux) -> None:
    linux.meet("kernel")
    backtraces(linux)
    per_cpu_variables(linux)
    linux.meet("busy")
    step_one(linux, 1, 2)


def backtraces(linux: DebuggedLinux) -> None:
    """Without DWARF gdb knows a frame's caller at the function's first instruction, and guesses from there on."""
    expect("entry_SYSCALL_64_after_hwframe" in linux.stop_at("break", "do_syscall_64"), "bt in a system call")
    expect("asm_sysvec_apic_timer_interrupt" in linux.stop_at("break", "sysvec_apic_timer_interrupt"),
           "bt in an interrupt handler")
    expect("worker_thread" in linux.stop_at("break", "process_one_work"), "bt in a kernel thread")


def per_cpu_variables(linux: DebuggedLinux) -> None:
    """A per-CPU symbol is an offset into the area that GS leads to. gdb moves it with the kernel, and __per_cpu_start, too."""
    gdb = linux.gdb
    for cpu in range(2):
        gdb.console(f"thread {cpu + 1}")
        area = "$gs_base" if gdb.integer("$cs & 3") == 0 else "$k_gs_base"

        def address(variable: str, area: str = area) -> str:
            return f"({area} + (unsigned long)&{variable} - (unsigned long)&__per_cpu_start)"

        expect(gdb.integer(f"*(int*){address('cpu_number')}") == cpu, f"thread {cpu + 1} sees its own cpu_number")
        own = gdb.integer(f"*(unsigned long*){address('this_cpu_off')}")
        expect(own == gdb.integer(f"((unsigned long*)&__per_cpu_offset)[{cpu}]"), "and its own part of the per-CPU area")


def registers(linux: DebuggedLinux) -> list[int]:
    return [linux.gdb.integer(f"${name}") for name in ("pc", "sp", "rax", "rcx")]


def step_one(linux: DebuggedLinux, stepped: int, cpus: int) -> None:
    """One CPU, which runs a busy loop, steps while the others are parked."""
    gdb = linux.gdb

    def others() -> list[list[int]]:
        found = []
        for cpu in range(cpus):
            if cpu != stepped:
                gdb.console(f"thread {cpu + 1}")
                found.append(registers(linux))
        return found

    gdb.console("set scheduler-locking on")
    before = others()
    gdb.console(f"thread {stepped + 1}")
    states = set()  # not only places: a string instruction takes a step for each of its repetitions
    for _ in range(20):
        gdb.run("stepi")
        states.add(tuple(registers(linux)))
    expect(len(states) > 3, f"CPU {stepped} steps")
    expect(others() == before, "all others stand still meanwhile")
    gdb.console("set scheduler-locking off")


def interrupts(linux: DebuggedLinux) -> None:
    gdb = linux.gdb
    gdb.console("delete")
    for _ in range(3):
        gdb.start("continue")
        stop = gdb.interrupt()
        expect(stop.get("signal-name") == "SIGINT", "Ctrl-C stops both")
        threads = gdb.console("info threads")
        expect("(running)" not in threads and threads.count("vCPU") == 2, "and both have registers to show")
