"""A vmcore that the monitor has written, read by gdb without a guest."""

import os
import re

from tests.harness.case import RingsideTest


class TestDump(RingsideTest):
    def dumped(self, guest: str, *options: str, place: str):
        """A gdb with the live guest, another with its vmcore, and what `monitor dump` has said."""
        vm, live = self.attached(guest, *options)
        live.console(f"break {place}")
        live.run("continue")
        path = self.folder / "vmcore"
        said = live.console(f"monitor dump {path}")
        assert path.exists(), said
        dead = self.gdb(self.guest(guest))
        dead.console(f"core-file {path}")
        return live, dead, said

    def test_gdb_shows_what_the_guest_shows(self):
        live, dead, _ = self.dumped("demo64", "--append=rounds=20", place="report_round if round == 3")
        for question in ("bt", "info registers rip rsp rax", "p *task_list", "p rounds_done", "p queue",
                         "x/8xb 0x400000000000"):  # a page that the guest has mapped on demand
            assert dead.console(question) == live.console(question), question

    def test_breakpoints_are_not_in_it(self):
        vm, live = self.attached("demo64", "--append=rounds=20")
        clean = live.console("x/8xb report_round")
        live.console("set breakpoint always-inserted on")
        live.console("break *report_round")
        path = self.folder / "vmcore"
        live.console(f"monitor dump {path}")
        dead = self.gdb(self.guest("demo64"))
        dead.console(f"core-file {path}")
        assert dead.console("x/8xb report_round") == clean

    def test_every_vcpu_is_a_thread(self):
        live, dead, _ = self.dumped("smp", "--cpus=4", "--append=cpus=4", place="cpu_work if cpu == 3")
        for thread in range(1, 5):
            live.console(f"thread {thread}")
            dead.console(f"thread {thread}")
            assert dead.integer("$rip") == live.integer("$rip")
            assert dead.integer("$gs_base") == live.integer("$gs_base")

    def test_zeros_take_no_room(self):
        _, _, said = self.dumped("demo64", "--append=rounds=20", place="report_round")
        assert re.search(r"has 64 MiB of memory, \d MiB of it not zero", said), said
        status = os.stat(self.folder / "vmcore")
        assert status.st_size > 64 << 20
        assert status.st_blocks * 512 < 8 << 20

    def test_a_panic_leaves_one(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=1 end=panic", f"--dump-on-panic={self.folder}", gdb=None)
        assert vm.wait() == 4
        path, = self.folder.glob("ringside-*.vmcore")
        assert f"{path} has 64 MiB" in vm.stderr.text()
        dead = self.gdb(self.guest("demo64"))
        dead.console(f"core-file {path}")
        assert re.search(r"report_panic.*\n.*panic", dead.console("bt"))

    def test_a_panic_whose_folder_is_missing_is_a_panic(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=1 end=panic", "--dump-on-panic=/nonexistent", gdb=None)
        assert vm.wait() == 4
        assert "create /nonexistent" in vm.stderr.text()

    def test_wrong_arguments(self):
        _, gdb = self.attached("demo64")
        assert "the file is missing" in gdb.console("monitor dump")
        assert "No such file" in gdb.console("monitor dump /nonexistent/vmcore")
        assert '"b" is one too many' in gdb.console("monitor dump a b")
