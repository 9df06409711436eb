"""Debian's kernel under a real gdb on emulated VT-x, from its first instruction to its processes, KASLR and two CPUs on.

Ends with status 0 if everything was as it should be. The program is started in the lab; gdb runs here.
"""

from pathlib import Path

from tests.linux import debug_kernel, debug_modules, debug_processes
from tests.linux.debugged import DebuggedLinux

PARTS = (debug_kernel, debug_modules, debug_processes)


def test_the_kernel_its_modules_and_its_processes(ringside: Path) -> None:
    worker = ringside.resolve().parent / "tests" / "linux" / "worker"
    files = {"/bin/worker": worker.read_bytes(), "/root/module.ko": debug_modules.module().read_bytes()}
    script = "".join(part.SCRIPT for part in PARTS)
    with DebuggedLinux(ringside, script, files, "--cpus 2", f"quiet {debug_processes.COMMAND_LINE}") as linux:
        debug_kernel.boot(linux)
        linux.expect_meetings()
        debug_kernel.run(linux)
        debug_modules.run(linux)
        debug_processes.run(linux, worker)
        debug_kernel.interrupts(linux)
