"""`ringside core`: a vmcore as a stopped machine, under a real gdb, next to the guest that it was taken of."""

import os
import re
import shutil
import struct

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError
from tests.harness.qemu import Qemu
from tests.harness.ringside import Ringside

pytestmark = pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")

HEADER, PROGRAM_HEADER = 64, 56


class CoreTest(RingsideTest):
    def dumped(self, guest: str, *options: str, place: str):
        """A gdb with the live guest, and the path of its vmcore."""
        _, live = self.attached(guest, *options)
        live.console(f"break {place}")
        live.run("continue")
        path = self.folder / "vmcore"
        assert "MiB of memory" in live.console(f"monitor dump {path}")
        return live, path

    def served(self, path, guest: str):
        """A gdb whose machine is the vmcore."""
        dead = self.gdb(self.guest(guest))
        dead.console(f"target remote | {paths.RINGSIDE} core --gdb=stdio {path}")
        return dead


class TestCore(CoreTest):
    def test_gdb_shows_what_the_guest_shows(self):
        live, path = self.dumped("demo64", "--append=rounds=20", place="report_round if round == 3")
        dead = self.served(path, "demo64")
        for question in ("bt", "info registers rip rsp rax efer cr3 xmm0 lstar dr7", "p *task_list", "p queue",
                         "x/8xb 0x400000000000",  # a page that the guest has mapped on demand
                         *(f"monitor {command}" for command in
                           ("registers all", "translate 0x400000000000", "vmmap", "info mem", "info tlb", "idt", "gdt", "tss",
                            "disas", "xp /8x 0x1000", "phys read 0x1000 32", "find-phys 0x1000"))):
            assert dead.console(question) == live.console(question), question

    def test_every_vcpu_is_a_thread(self):
        live, path = self.dumped("smp", "--cpus=4", "--append=cpus=4", place="cpu_work if cpu == 3")
        dead = self.served(path, "smp")
        assert dead.console("info threads").count("vCPU") == 4
        for thread in range(1, 5):
            live.console(f"thread {thread}")
            dead.console(f"thread {thread}")
            for register in ("$rip", "$gs_base", "$cr3"):
                assert dead.integer(register) == live.integer(register)

    def test_nothing_runs_or_changes(self):
        _, path = self.dumped("demo64", "--append=rounds=20", place="report_round")
        dead = self.served(path, "demo64")
        before = dead.integer("rounds_done"), dead.integer("$pc"), dead.integer("$rax")
        for command in ("stepi", "continue"):
            dead.run(command)
        for command in ("set var rounds_done = 77", "set $rax = 5"):
            with pytest.raises(GdbError):
                dead.console(command)
        assert (dead.integer("rounds_done"), dead.integer("$pc"), dead.integer("$rax")) == before
        assert "nothing can run in it" in dead.transcript()

    def test_commands_of_a_machine_are_refused_by_name(self):
        """A command of the machine's either works on its vmcore or says why it does not."""
        live, path = self.dumped("demo64", "--append=rounds=20", place="report_round")
        dead = self.served(path, "demo64")
        names = [re.split(r" [\[A-Z]|  |\|", line.removeprefix("monitor "))[0].strip()
                 for line in live.console("monitor help").splitlines()]
        assert len(names) > 40
        for name in names:
            answer = dead.console(f"monitor {name}")
            assert "there is no such monitor command" not in answer, name
        assert "lapic: a vmcore does not contain the state of interrupt controllers" in dead.console("monitor lapic")
        assert "nmi: nothing runs in a vmcore" in dead.console("monitor nmi")
        assert 'nothing: there is no such monitor command' in dead.console("monitor nothing")

    def test_qemus_form_has_fewer_registers(self):
        live, path = self.dumped("demo64", "--append=rounds=20", place="report_round")
        whole = path.read_bytes()
        assert whole.count(b"RINGSIDE\0") == 1
        path.write_bytes(whole.replace(b"RINGSIDE\0", b"SOMEBODY\0"))
        dead = self.served(path, "demo64")
        for question in ("bt", "info registers rip rsp cr3 fs_base", "monitor vmmap"):
            assert dead.console(question) == live.console(question), question
        for register in ("efer", "xmm0", "lstar", "dr7"):
            assert "<unavailable>" in dead.console(f"info registers {register}"), register
        assert "has only some of them" in dead.console("monitor registers")


QEMU = shutil.which("qemu-system-x86_64")
# The registers that both QEMU's gdbstub and its note have.
SHARED = ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags cs ss ds es fs gs fs_base gs_base k_gs_base "
          "cr0 cr2 cr3 cr4").split()


@pytest.mark.skipif(not QEMU, reason="QEMU is not installed")
class TestQemusDump(CoreTest):
    def compared(self, options: str):
        """QEMU itself, a gdb with it, and a gdb with its dump of two vCPUs, whose registers are the same."""
        qemu = self.ends.enter_context(Qemu(QEMU, self.folder, self.guest("smp"), "cpus=2", "-smp", "2"))
        theirs = self.gdb(self.guest("smp"))
        theirs.connect_to(str(qemu.gdb_endpoint))
        theirs.console("hbreak cpu_work if cpu == 1")
        assert theirs.run("continue")["reason"] == "breakpoint-hit"
        path = self.folder / "vmcore"
        assert qemu.monitor(f"dump-guest-memory {options}{path}") == ""
        ours = self.served(path, "smp")
        assert ours.console("info threads").count("vCPU") == 2
        for thread in (1, 2):
            for register in SHARED:
                value = [gdb.console(f"thread apply {thread} -q info registers {register}").split()[:2] for gdb in (ours, theirs)]
                assert value[0] == value[1], thread
        return qemu, theirs, ours

    def test_gdb_shows_what_qemu_shows(self):
        qemu, theirs, ours = self.compared("")
        for thread in (1, 2):
            theirs.console(f"thread {thread}")
            ours.console(f"thread {thread}")
            for question in ("bt", "info locals", "x/256xg $rsp - 1024", "x/40i $pc"):
                assert ours.console(question) == theirs.console(question), (thread, question)
        assert ours.console("monitor xp /4096xw 0x100000") == qemu.monitor("xp /4096xw 0x100000")
        assert ours.console("monitor info mem") == qemu.monitor("info mem")

    def test_what_qemus_headers_leave_out_is_an_error_and_no_zeros(self):
        """With -p they contain only the first piece of RAM of a large page, which ends at 640 KiB."""
        qemu, theirs, ours = self.compared("-p ")
        assert theirs.integer("*(unsigned*)0x100000") != 0
        with pytest.raises(GdbError, match="Cannot access memory"):
            ours.console("x/xw 0x100000")
        assert "there is no RAM" in ours.console("monitor xp /xw 0x100000")
        assert ours.console("monitor xp /1024xw 0x1000") == qemu.monitor("xp /1024xw 0x1000")

    def test_a_compressed_dump_is_refused(self):
        path = self.folder / "vmcore"
        path.write_bytes(b"makedumpfile".ljust(4096, b"\0"))
        vm = self.keep(Ringside("core", f"--gdb=unix:{self.folder}/socket", path))
        assert vm.wait() == 1
        assert "not an ELF file" in vm.stderr.text()


class TestAFileThatIsCut(CoreTest):
    def test_memory_is_missing_and_registers_stay(self):
        live, path = self.dumped("demo64", "--append=rounds=20", place="report_round if round == 3")
        dead = self.served(path, "demo64")
        assert dead.integer("rounds_done") == live.integer("rounds_done")
        os.truncate(path, HEADER)
        dead.console("maintenance flush dcache")
        with pytest.raises(GdbError, match="Cannot access memory"):
            dead.console("x/xg 0x1000")
        assert "the file that has this memory cannot be read there any more" in dead.console("monitor xp /x 0x1000")
        assert "cannot be read" in dead.console(f"monitor pmemsave 0x1000 4096 {self.folder}/saved")
        assert dead.console("monitor info mem") != live.console("monitor info mem")
        for register in ("$rip", "$rsp", "$cr3"):
            assert dead.integer(register) == live.integer(register)
        assert "no RAM" in dead.console("monitor xp /x 0x100000000000")


class TestBrokenFiles(RingsideTest):
    def refused(self, path) -> str:
        vm = self.keep(Ringside("core", "--gdb=unix:" + str(self.folder / "socket"), path))
        assert vm.wait() == 1
        return vm.stderr.text()

    @pytest.fixture
    def vmcore(self) -> bytes:
        _, gdb = self.attached("demo64")
        path = self.folder / "vmcore"
        gdb.console(f"monitor dump {path}")
        return path.read_bytes()

    def test_cut_off(self, vmcore):
        """Wherever the file ends: in each part of its header, its tables, its notes, and its memory."""
        count, = struct.unpack_from("<H", vmcore, 56)
        notes = HEADER + count * PROGRAM_HEADER
        sizes = [0, 3, 16, HEADER - 1, HEADER, HEADER + 1, HEADER + PROGRAM_HEADER, notes - 1, notes, notes + 11, notes + 400,
                 len(vmcore) // 2, len(vmcore) - 1]
        path = self.folder / "cut"
        path.write_bytes(vmcore)
        for size in reversed(sizes):
            os.truncate(path, size)
            said = self.refused(path)
            assert re.search(r"ringside: read .*cut: .*(cut off|not an ELF file|cannot be read|damaged|ends within)", said), (size, said)

    def test_other_files(self, vmcore):
        path = self.folder / "other"
        for what, contents, sentence in (
                ("text", b"hello\n", "not an ELF file"), ("a program", (paths.RINGSIDE).read_bytes(), "no core file"),
                ("32 bits", vmcore[:4] + b"\1" + vmcore[5:4096], "32-bit|not an ELF"),
                ("no notes of QEMU's", vmcore.replace(b"QEMU\0", b"XEMU\0"), "no notes of CPUs' system registers"),
                ("registers", vmcore.replace(b"\nrip=", b"\nrip:"), "a note about a CPU's registers is damaged")):
            path.write_bytes(contents)
            assert re.search(sentence, self.refused(path)), what
        assert "No such file" in self.refused(self.folder / "missing")
        assert "it is not a file" in self.refused(self.folder)
        os.mkfifo(self.folder / "fifo")
        assert "it is not a file" in self.refused(self.folder / "fifo")
