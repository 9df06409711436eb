"""A PVH ELF64 kernel that this project did not make: Debian's own vmlinux, which the lab keeps in its cache."""

import subprocess
from pathlib import Path

import pytest

from tests.harness import elf, paths
from tests.harness.case import RingsideTest

STEPS = 12


class TestForeignKernel(RingsideTest):
    def vmlinux(self) -> Path:
        found = subprocess.run([paths.ROOT / "tests" / "lab" / "kernel"], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            pytest.skip(found.stderr.strip())
        return Path(found.stdout.split()[1])

    def start(self, kernel: Path):
        vm = self.ringside(kernel, "--serial", "none", memory="256M")
        gdb = self.gdb()
        gdb.connect(vm.port())
        return vm, gdb

    def test_starts_at_the_entry_that_its_note_names(self):
        kernel = self.vmlinux()
        _, gdb = self.start(kernel)
        assert gdb.integer("$pc") == elf.pvh_entry(kernel.read_bytes())
        assert gdb.integer("$cr0") & 0x80000001 == 1, "protected mode without paging"
        assert gdb.integer("*(unsigned*)$rbx") == 0x336ec578, "RBX points to hvm_start_info"

    @pytest.mark.parametrize("command", ("break", "hbreak"))
    def test_breakpoints_and_steps_agree(self, command):
        kernel = self.vmlinux()
        _, stepped = self.start(kernel)
        for _ in range(STEPS):
            stepped.run("stepi")
        there = stepped.integer("$pc")
        _, gdb = self.start(kernel)
        gdb.console(f"{command} *{there:#x}")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        assert gdb.integer("$pc") == there
        assert gdb.integer("$rsp") == stepped.integer("$rsp")
