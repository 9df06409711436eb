"""A module: gdb stops in its first function, is told where its sections are, and stops in the rest of it by name."""

import re
import subprocess
from pathlib import Path

from tests.linux.debugged import DebuggedLinux, expect
from tests.linux.lab import kernel

SCRIPT = """\
hostname module
insmod /root/module.ko numdummies=0
hostname $(cat /sys/module/dummy/sections/.text)
ip link add dummy7 type dummy
"""


def module() -> Path:
    return kernel.prepare().module("dummy")


def offset_of(symbol: str) -> int:
    """Within its section."""
    table = subprocess.run(["readelf", "-sW", module()], capture_output=True, text=True, check=True).stdout
    return int(re.search(rf"([0-9a-f]{{16}}) .* {symbol}$", table, re.MULTILINE)[1], 16)


def run(linux: DebuggedLinux) -> None:
    gdb = linux.gdb
    linux.meet("module")
    linux.stop_at("break", "do_init_module")
    linux.stop_at("break", "do_one_initcall")
    start = gdb.integer("$rdi")
    gdb.console(f"add-symbol-file {module()} -s .init.text {start - offset_of('init_module'):#x}")
    gdb.console(f"tbreak *{start:#x}")
    linux.go_on()
    backtrace = linux.backtrace()
    expect(gdb.integer("$pc") == start and "init_module" in backtrace, "stopped in the module's first function")
    expect("do_one_initcall" in backtrace, "which the kernel has called")
    linux.go_on()
    text = int(linux.meeting(), 16)
    gdb.console(f"remove-symbol-file -a {start:#x}")
    gdb.console(f"add-symbol-file {module()} {text:#x}")
    linux.stop_at("break", "dummy_setup")
    expect(gdb.integer("$pc") == text + offset_of("dummy_setup"), "stopped in the module by name, where its text is")
