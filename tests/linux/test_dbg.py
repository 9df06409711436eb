"""Source-level debugging of Debian's kernel: gdb with the -dbg package's vmlinux and Linux's own lx-* scripts, KASLR and two CPUs
on, in the lab's Intel machine. What a user types is in debug(); nothing of it says where the kernel is.
"""

import tempfile
import time
from pathlib import Path

from tests.harness.gdb import GdbSession
from tests.linux import dbg_packages
from tests.linux.debugged import LIMIT, DebuggedLinux, expect
from tests.linux.lab import cache, kernel
from tests.linux.symbols import LINKED

MODULES = ("virtio_ring", "virtio", "virtio_mmio")  # the last one's probe function meets the guest's --rng device
SCRIPT = """\
insmod /root/virtio_ring.ko
insmod /root/virtio.ko
hostname loading
insmod /root/virtio_mmio.ko
"""


def open_gdb(tree: Path) -> GdbSession:
    """gdb with the kernel's symbols and scripts. Its cache of indices, 37 MB, spares it half a minute at the first type."""
    gdb = GdbSession()
    for command in (f"set index-cache directory {cache.root() / 'gdb-index'}", "set index-cache enabled on",
                    f"add-auto-load-safe-path {tree}", f"file {tree / 'vmlinux'}"):
        gdb.console(command, LIMIT)
    return gdb


def timed(gdb: GdbSession, command: str, *wanted: str) -> str:
    """A command's output, which must have all that is wanted; says how long it took."""
    started = time.monotonic()
    output = gdb.console(command, LIMIT)
    missing = [text for text in wanted if text not in output]
    expect(not missing, f"{command}: {time.monotonic() - started:.1f} s, {len(output.splitlines())} lines"
           + (f"; without {missing}:\n{output}" if missing else ""))
    return output


def source_ringsides_script(gdb: GdbSession) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as script:
        script.write(gdb.console("monitor gdb-script"))
        script.flush()
        gdb.console(f"source {script.name}")


def debug_start(linux: DebuggedLinux) -> None:
    """From the first instruction to the first lines of C."""
    gdb = linux.gdb
    moved = gdb.integer("&_text") - LINKED
    expect(0 <= moved < 1 << 30 and moved % (2 << 20) == 0, f"symbols moved by {moved:#x} at connect")
    source_ringsides_script(gdb)
    expect(gdb.integer("&_text") - LINKED == moved, "and where they were, once Ringside's script is in")
    expect(gdb.integer("&current_task") < 1 << 20, "but for the per-CPU variables: they are offsets")
    backtrace = linux.stop_at("break", "start_kernel")
    expect("start_kernel () at init/main.c:" in backtrace and "arch/x86/kernel/head_64.S:" in backtrace, "files and lines")
    timed(gdb, "info locals", "command_line = ", "after_dashes = ")
    timed(gdb, "ptype struct task_struct", "char comm[16];", "struct thread_struct thread;")
    timed(gdb, "p init_task.comm", '"swapper')


def debug_processes(linux: DebuggedLinux) -> None:
    """With both CPUs up, at the first process that is no helper of the kernel's."""
    gdb = linux.gdb
    gdb.console("tbreak kernel_execve if kernel_filename[1] == 'i'")
    expect(linux.go_on() == "kernel_execve", "a condition on an argument")
    backtrace = linux.backtrace()
    expect('"/init"' in backtrace and "run_init_process (init_filename=" in backtrace and "kernel_init (unused=" in backtrace,
           "arguments")
    timed(gdb, "p $lx_current().comm", '"swapper/0')
    timed(gdb, "p $lx_current().pid", "= 1")
    expect([gdb.integer(f'$lx_per_cpu("cpu_number", {cpu})') for cpu in (0, 1)] == [0, 1], "per-CPU variables of both CPUs")
    timed(gdb, "lx-version", "Linux version 6.1.")
    timed(gdb, "lx-cmdline", "console=ttyS0")
    timed(gdb, "lx-cpus", "Online CPUs   : [0, 1]")
    timed(gdb, "lx-ps", "swapper/0", "kthreadd", "rcu_preempt", "migration/1")
    timed(gdb, "lx-mounts", "rootfs")
    timed(gdb, "lx-dmesg", "Linux version 6.1.", "smp: Brought up 1 node, 2 CPUs")


def debug_module(linux: DebuggedLinux, modules: Path) -> None:
    """A breakpoint in a module that is not there yet."""
    gdb = linux.gdb
    linux.expect_meetings()
    linux.meet("loading")
    timed(gdb, "lx-lsmod", "virtio_ring", "virtio ")
    timed(gdb, f"lx-symbols {modules}", "virtio_ring.ko")
    expect(gdb.integer("&current_task") < 1 << 20, "per-CPU variables as before")
    gdb.console("set breakpoint pending on")
    gdb.console("break virtio_mmio_probe")
    expect(linux.go_on() == "virtio_mmio_probe", "the module's function is reached")
    backtrace = linux.backtrace()
    expect("virtio_mmio_probe (pdev=0x" in backtrace and "drivers/virtio/virtio_mmio.c:" in backtrace, "with its source")
    expect("do_init_module (mod=0x" in backtrace, "and who called it")
    timed(gdb, "p *pdev", 'name = 0x', "LNRO0005")
    timed(gdb, "lx-lsmod", "virtio_mmio")


def test_gdb_with_source(ringside: Path) -> None:
    tree = dbg_packages.prepare()
    files = {f"/root/{name}.ko": kernel.prepare().module(name).read_bytes() for name in MODULES}
    with DebuggedLinux(ringside, SCRIPT, files, "--cpus 2 --rng", gdb=open_gdb(tree)) as linux:
        debug_start(linux)
        debug_processes(linux)
        debug_module(linux, tree / "modules")
