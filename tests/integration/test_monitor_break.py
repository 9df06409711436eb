"""`monitor break` and `monitor watch`: breakpoints of Ringside's own, beside those of the debugger."""

import re

import pytest

from tests.harness.case import RingsideTest

ALIAS = 1 << 39  # the second entry of the top page table: a copy of the first one maps everything again there
CODE = [0x90, 0x90, 0x90, 0xc3]  # nop; nop; nop; ret
DATA = 0x700000  # nothing of the guest's is there
PASSED = 0x21
LOOP = b"\xb9\x0a\x00\x00\x00\x90\xff\xc9\x75\xfb\xc3"  # mov $10, %ecx; 1: nop; dec %ecx; jnz 1b; ret
LOOP_NOP, LOOP_RET = 5, 10
REFUSED = [("break main", '"main" is not an address'), ("break main", r"eval .*\(unsigned long\) &main"),
           ("break 0x100000 if cr3 > 5", "only be compared by == and !="),
           ("break 0x100000 if cr3 == 0x7fffffff000", "no page table can be at CR3 0x7fffffff000"),
           ("break 0x100000 if cpl == 4", "cpl is from 0 to 3"), ("break 0x100000 vcpu 1", "from 0 to 0"),
           ("break 0x100000 if xmm0 == 1", '"xmm0" is not cr3, cpl or a general or system register'),
           ("break 0x100000 if nothing == 1", '"nothing" is not cr3'), ("break 0x100000 if rax", "the end was found"),
           ("break 0x100000 if vcpu == 0", "vcpu N"), ("break 0x100000 ignore", "a number"),
           ("break 0x100000 else", '"else" was found'), ("break phys 0xfee00000", "no RAM or ROM at physical 0xfee00000"),
           ("break phys 0xffffffffffffffff", "no RAM or ROM"), ("break phys", "a number"), ("break delete 7", "no breakpoint or watchpoint 7"),
           ("break delete x", '"x" is not the number'), ("watch 0x5000 8", "only physical addresses"),
           ("watch phys 0x5000 8 read", "reads of physical memory cannot be watched"), ("watch phys 0x5000 8 access", "find-phys"),
           ("watch phys 0x5000 0", "from 1 to 4096"), ("watch phys 0x5000 4097", "from 1 to 4096"),
           ("watch phys 0xfee00000 4", "no RAM at physical 0xfee00000"), ("watch phys 0x5000", "a number")]


class BreakTest(RingsideTest):
    def assert_hit(self, gdb, stop: dict, words: str, signal: str = "SIGTRAP") -> None:
        assert stop.get("signal-name") == signal, (stop, gdb.log[-20:])
        assert re.search("Ringside: vCPU " + words, gdb.printed()), gdb.printed()

    def looping(self, *options: str):
        """About to run LOOP, whose first NOP is at $start + LOOP_NOP."""
        vm, gdb = self.with_code(list(LOOP), *options)
        return vm, gdb, gdb.integer("$start")

    def with_alias(self, code: list[int], *options: str):
        """As with_code(), and everything is mapped a second time at ALIAS."""
        vm, gdb = self.with_code(code, *options)
        gdb.console("set {unsigned long}($cr3 + 8) = {unsigned long}$cr3")
        gdb.console(f"set $pc = $start + {ALIAS:#x}")
        return vm, gdb, gdb.integer("$start")


class TestBreak(BreakTest):
    def test_it_stops_the_guest_where_the_debugger_has_no_breakpoint(self):
        vm, gdb = self.attached("demo64", "--append=rounds=20")
        at = gdb.integer("(unsigned long) &mix")
        assert re.search(rf"Breakpoint 1 at {at:#x} <mix>: by ", gdb.console(f"monitor break {at:#x}"))
        for count in (1, 2):
            self.assert_hit(gdb, gdb.run("continue"), rf"0 has hit breakpoint 1 at {at:#x} <mix>: hit {count}, CPL 0, CR3 0x")
            assert gdb.integer("$pc") == at
        assert "reached 2 times, hit 2" in gdb.console("monitor break")
        assert re.search(rf"{at:#x}  software  by .*the monitor's.*hit 2 times", gdb.console("monitor breakpoints"))
        assert "1 is deleted" in gdb.console("monitor break delete 1")
        assert "no breakpoints of its own" in gdb.console("monitor break")
        gdb.start("continue")
        assert vm.wait() == PASSED

    def test_ignored_hits_and_conditions_do_not_stop(self):
        _, gdb, start = self.looping()
        gdb.console(f"monitor break {start + LOOP_NOP} if $rcx & 1 and cpl == 0 ignore 2")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 .*: hit 3")
        assert gdb.integer("$rcx") == 5  # of 9, 7, 5
        assert "reached 6 times, hit 3" in gdb.console("monitor break")

    def test_filters_that_are_false_let_the_guest_run_to_its_end(self):
        vm, gdb = self.attached("demo64", "--append=rounds=2")
        gdb.console(f"monitor break {gdb.integer('(unsigned long) &mix')} if cpl == 3")
        gdb.console(f"monitor break {gdb.integer('(unsigned long) &report_round')} if cr3 == 0x3000 and cr3 != 0x3000")
        gdb.start("continue")
        assert vm.wait() == PASSED

    def test_the_page_tables_choose(self):
        _, gdb, start = self.looping()
        tables = gdb.integer("$cr3")
        gdb.console(f"monitor break {start + LOOP_NOP} if cr3 != {tables}")
        gdb.console(f"monitor break {start + LOOP_RET} if cr3 == {tables | 0x18}")  # but for the bits that are no address
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 2 ")

    def test_each_vcpu_or_one(self):
        _, gdb = self.attached("smp", "--cpus", 4, "--append=cpus=4 rounds=0")
        gdb.console(f"monitor break {gdb.integer('(unsigned long) &cpu_work')} vcpu 2")
        for count in (1, 2, 3):
            stop = gdb.run("continue")
            self.assert_hit(gdb, stop, f"2 has hit breakpoint 1 .*: hit {count}, ")
            assert stop["thread-id"] == "3"

    def test_wrong_ones_are_refused_by_name(self):
        _, gdb = self.attached("demo64", "--append=rounds=0")
        for command, words in REFUSED:
            assert re.search(words, answer := gdb.console("monitor " + command)), (command, answer)
        assert "no breakpoints of its own" in gdb.console("monitor break")

    def test_with_one_of_the_debuggers_at_the_same_place(self):
        """Each counts each arrival once, and the guest goes on from there."""
        _, gdb, start = self.looping()
        gdb.console(f"monitor break {start + LOOP_NOP}")
        gdb.console(f"break *{start + LOOP_NOP}")
        for count in range(1, 4):
            stop = gdb.run("continue")
            assert stop.get("reason") == "breakpoint-hit", stop
            assert f"has hit breakpoint 1 at {start + LOOP_NOP:#x} <report_round+0x5>: hit {count}, " in gdb.printed()
            assert gdb.integer("$rcx") == 11 - count
        gdb.console("delete")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 .*: hit 4")
        gdb.console(f"hbreak *{start + LOOP_NOP} if $rcx == 100")  # which gdb would take a SIGTRAP for
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 .*: hit 5", "SIGINT")
        assert gdb.integer("$rcx") == 6

    def test_where_the_guest_is_stopped_it_is_hit_the_next_time(self):
        _, gdb, start = self.looping()
        gdb.console(f"monitor break {start}")
        gdb.console(f"monitor break {start + LOOP_NOP}")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 2 .*: hit 1")

    def test_deleted_where_the_guest_is_stopped_by_it(self):
        vm, gdb, start = self.looping()
        gdb.console(f"monitor break {start + LOOP_NOP}")
        gdb.console(f"monitor break phys {start + LOOP_NOP}")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 ")
        assert "has hit breakpoint 2 at physical" in gdb.printed()
        assert "All breakpoints" in gdb.console("monitor break delete")
        gdb.console(f"break *{start + LOOP_RET}")
        assert gdb.run("continue").get("reason") == "breakpoint-hit"

    def test_a_step_over_lines_is_not_taken_to_end_there(self):
        """gdb steps through a range of addresses, and takes a SIGTRAP in it for one of these steps."""
        _, gdb, start = self.looping()
        gdb.console(f"monitor break {start + LOOP_NOP} ignore 4")
        stop = gdb.run("next")
        assert stop.get("signal-name") == "SIGINT", stop
        assert ": hit 5, " in gdb.printed()
        assert gdb.integer("$rcx") == 6

    def test_it_goes_when_the_debugger_leaves(self):
        vm, gdb = self.attached("demo64", "--append=rounds=20")
        gdb.console(f"monitor break {gdb.integer('(unsigned long) &mix')}")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 ")
        gdb.console("detach")
        assert vm.wait() == PASSED

    def test_it_stays_over_a_restart_and_a_restored_snapshot(self):
        _, gdb = self.attached("demo64", "--append=rounds=0")
        gdb.console("monitor snapshot save start")
        at = gdb.integer("(unsigned long) &report_round")
        gdb.console(f"monitor break {at}")
        gdb.console(f"monitor break phys {at}")
        counts = iter(range(1, 9))
        for again in ("snapshot restore start", "system_reset", "system_reset"):
            self.assert_hit(gdb, gdb.run("continue"), f"0 has hit breakpoint 1 .*: hit {(count := next(counts))}, ")
            assert re.search(f"breakpoint 2 at physical {at:#x}, as {at:#x} <report_round>: hit {count}", gdb.printed())
            gdb.console("monitor " + again)
            gdb.console("maintenance flush register-cache")
        self.assert_hit(gdb, gdb.run("continue"), f"0 has hit breakpoint 1 .*: hit {next(counts)}, ")

    def test_going_back_stops_there(self):
        _, gdb, start = self.looping()
        gdb.console("monitor record on 64M")
        gdb.console(f"monitor break {start + LOOP_NOP} if rcx == 7")
        gdb.console(f"monitor break phys {start + LOOP_NOP} if rcx == 3")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 ")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 2 ")
        gdb.console(f"break *{start + LOOP_RET}")
        assert gdb.run("continue").get("reason") == "breakpoint-hit"
        for number, value in ((2, 3), (1, 7)):
            self.assert_hit(gdb, gdb.run("reverse-continue"), f"0 has hit breakpoint {number} ")
            assert gdb.integer("$rcx") == value
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 2 ")

    def test_without_a_debugger(self):
        vm = self.ringside(self.guest("smp"), f"--control=unix:{self.control}", "--append=cpus=1 rounds=0", gdb=None)
        vm.serial("cpus 1")
        assert "the guest is running" in self.ctl("break 0x100000", refused=True)
        self.ctl("stop")
        at = self.gdb(self.guest("smp")).integer("(unsigned long) &cpu_work")
        assert "Breakpoint 1" in self.ctl(f"break {at:#x}")
        self.ctl("cont")
        vm.stderr.wait_for("(?s)Ringside: vCPU 0 has hit breakpoint 1 .*The guest is stopped")
        self.ctl("break delete")
        self.ctl("cont")


class TestPhysical(BreakTest):
    def test_it_is_hit_at_every_address_that_maps_it(self):
        _, gdb, start = self.with_alias(CODE)
        gdb.console(f"monitor break {start + 1:#x}")
        gdb.console(f"monitor break phys {start + 2:#x}")
        self.assert_hit(gdb, gdb.run("continue"),
                        rf"0 has hit breakpoint 2 at physical {start + 2:#x}, as {start + 2 + ALIAS:#x}: hit 1, CPL 0, CR3 0x")
        gdb.console("set $pc = $start")
        self.assert_hit(gdb, gdb.run("continue"), rf"0 has hit breakpoint 1 at {start + 1:#x}")
        self.assert_hit(gdb, gdb.run("continue"), rf"0 has hit breakpoint 2 .*, as {start + 2:#x} <report_round\+0x2>: hit 2")

    def test_in_a_page_where_code_comes_later(self):
        """It is stepped for meanwhile: nothing in the memory tells when the guest writes code there."""
        target = DATA
        code = [0xbf, *target.to_bytes(4, "little"), 0xc6, 0x07, 0x90, 0xc6, 0x47, 0x01, 0xc3, 0xff, 0xd7, 0xc3]
        _, gdb = self.with_code(code)  # mov $target, %edi; movb $0x90, (%rdi); movb $0xc3, 1(%rdi); call *%rdi; ret
        gdb.console(f"set {{short}}{target} = 0")
        assert "by stepping (there was no code yet)" in gdb.console(f"monitor break phys {target:#x}")
        self.assert_hit(gdb, gdb.run("continue"), f"0 has hit breakpoint 1 at physical {target:#x}")
        assert gdb.integer("$pc") == target

    def test_memory_shows_the_guests_bytes(self):
        _, gdb = self.with_code(CODE)
        gdb.console(f"monitor break phys {gdb.integer('$start + 1')}")
        gdb.console("maintenance flush dcache")
        assert gdb.integer("*(unsigned char*)($start + 1)") == 0x90


class TestWatch(BreakTest):
    # movl $7, (%rdi); movb $8, 3(%rdi); nop; ret
    WRITES = list(b"\xc7\x07\x07\x00\x00\x00" b"\xc6\x47\x03\x08" b"\x90\xc3")

    def test_a_write_at_any_address_is_told_with_both_values(self):
        _, gdb, start = self.with_alias(self.WRITES)
        gdb.console(f"set {{long}}{DATA} = 0")
        gdb.console(f"set $rdi = {DATA + ALIAS}")
        answer = gdb.console(f"monitor watch phys {DATA:#x} 4")
        protects = "Its pages are write-protected" in answer
        assert protects or "by stepping" in answer
        assert "Writes by devices are not seen" in answer
        for count, (before, after, behind) in enumerate(((0, 7, 6), (7, 0x8000007, 10)), 1):
            self.assert_hit(gdb, gdb.run("continue"),
                            rf"0 has hit watchpoint 1 on physical {DATA:#x} \(4 bytes\), from {before:#x} to {after:#x}, "
                            rf"before {start + behind + ALIAS:#x}: hit {count}")
            assert gdb.printed().count("a debug slot cannot hold a physical address") == (count == 1)
            assert gdb.integer("$pc") == start + behind + ALIAS
            assert ("by protected page" if protects else "by stepping") in gdb.console("monitor watch")

    def test_an_entry_of_a_page_table(self):
        """The processor walks the table at the same time."""
        _, gdb = self.with_code(self.WRITES)
        entry = gdb.integer("$cr3 + 0x28")
        gdb.console(f"set $rdi = {entry}")
        gdb.console(f"monitor watch phys {entry:#x} 8")
        for before, after in ((0, 7), (7, 0x8000007)):
            self.assert_hit(gdb, gdb.run("continue"), rf"0 has hit watchpoint 1 .* from {before:#x} to {after:#x}, ")

    def test_conditions_and_a_long_range(self):
        _, gdb = self.with_code(self.WRITES)
        gdb.console(f"set {{long}}{DATA} = 0")
        gdb.console(f"set $rdi = {DATA}")
        gdb.console(f"monitor watch phys {DATA - 0x10:#x} 0x20 write if rip == {gdb.integer('$start') + 10}")
        self.assert_hit(gdb, gdb.run("continue"), r"0 has hit watchpoint 1 .* at offset 0x13 from 00 00 .* to 08 00 ")
        assert "reached 2 times, hit 1" in gdb.console("monitor watch")

    def test_with_one_of_the_debuggers_on_the_same_bytes(self):
        _, gdb = self.with_code(self.WRITES)
        gdb.console(f"set {{long}}{DATA} = 0")
        gdb.console(f"set $rdi = {DATA}")
        gdb.console(f"monitor watch phys {DATA:#x} 4")
        gdb.console(f"watch *(int*){DATA:#x}")
        assert gdb.run("continue")["reason"] == "watchpoint-trigger"
        assert "has hit watchpoint 1 on physical" in gdb.printed()

    def test_a_read_and_a_write_of_the_same_value_do_not_stop(self):
        _, gdb = self.with_code([0x8b, 0x07, 0x89, 0x07, 0x90, 0xc3])  # mov (%rdi), %eax; mov %eax, (%rdi); nop; ret
        gdb.console(f"set $rdi = {DATA}")
        gdb.console(f"monitor watch phys {DATA:#x} 4")
        gdb.console("break *($start + 4)")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        assert "reached 0 times" in gdb.console("monitor watch")

    def test_the_vcpu_that_has_written_is_named(self):
        _, gdb = self.attached("smp", "--cpus", 2, "--append=cpus=2 rounds=0")
        gdb.console("break cpu_work if cpu == 1")
        gdb.run("continue")
        gdb.console("delete")
        gdb.console(f"monitor watch phys {gdb.integer('(unsigned long) &per_cpu[1].counter')} 8")
        for _ in range(3):
            stop = gdb.run("continue")
            self.assert_hit(gdb, stop, "1 has hit watchpoint 1 ")
            assert stop["thread-id"] == "2"

    def test_going_back_stops_there(self):
        _, gdb = self.with_code(self.WRITES)
        gdb.console(f"set {{long}}{DATA} = 0")
        gdb.console(f"set $rdi = {DATA}")
        gdb.console("monitor record on 64M")
        gdb.console("break *($start + 11)")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        gdb.console(f"monitor watch phys {DATA:#x} 4")
        self.assert_hit(gdb, gdb.run("reverse-continue"), "0 has hit watchpoint 1 .* from 0x7 to 0x8000007, ")
        assert gdb.integer("$pc - $start") == 6
        self.assert_hit(gdb, gdb.run("reverse-continue"), "0 has hit watchpoint 1 .* from 0x0 to 0x7, ")


@pytest.mark.parametrize("leaves", ["detach", "kill"])
class TestLeaving(BreakTest):
    def test_nothing_stays_in_memory(self, leaves):
        """The next debugger finds none, and the guest passes the place."""
        vm, gdb = self.attached("demo64", "--append=rounds=0", "--on-disconnect=resume")
        at = gdb.integer("(unsigned long) &mix")
        gdb.console(f"monitor break {at}")
        self.assert_hit(gdb, gdb.run("continue"), "0 has hit breakpoint 1 ")
        if leaves == "detach":
            gdb.console("detach")
        else:
            gdb.kill()
        second = self.gdb(self.guest("demo64"))
        second.connect(vm.port())
        assert "no breakpoints of its own" in second.console("monitor break")
        second.console("break report_round")
        self.assert_breakpoint(second.run("continue"), "report_round")
