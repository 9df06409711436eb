"""A PVH ELF64 kernel that this project did not make: Debian's own vmlinux, which the lab keeps in its cache."""

import subprocess
from pathlib import Path

from tests.integration.harness import elf, paths
from tests.integration.harness.case import RingsideCase

STEPS = 12


class ForeignKernel(RingsideCase):
    def vmlinux(self) -> Path:
        found = subprocess.run([paths.ROOT / "tests" / "lab" / "kernel"], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            self.skipTest(found.stderr.strip())
        return Path(found.stdout.split()[1])

    def start(self, kernel: Path):
        vm = self.ringside(kernel, "--serial", "none", memory="256M")
        gdb = self.gdb()
        gdb.connect(vm.port())
        return vm, gdb

    def test_starts_at_the_entry_that_its_note_names(self):
        kernel = self.vmlinux()
        _, gdb = self.start(kernel)
        self.assertEqual(gdb.integer("$pc"), elf.pvh_entry(kernel.read_bytes()))
        self.assertEqual(gdb.integer("$cr0") & 0x80000001, 1, "protected mode without paging")
        self.assertEqual(gdb.integer("*(unsigned*)$rbx"), 0x336ec578, "RBX points to hvm_start_info")

    def test_breakpoints_and_steps_agree(self):
        kernel = self.vmlinux()
        _, stepped = self.start(kernel)
        for _ in range(STEPS):
            stepped.run("stepi")
        there = stepped.integer("$pc")
        for command in ("break", "hbreak"):
            with self.subTest(command):
                _, gdb = self.start(kernel)
                gdb.console(f"{command} *{there:#x}")
                self.assertEqual(gdb.run("continue")["reason"], "breakpoint-hit")
                self.assertEqual(gdb.integer("$pc"), there)
                self.assertEqual(gdb.integer("$rsp"), stepped.integer("$rsp"))
