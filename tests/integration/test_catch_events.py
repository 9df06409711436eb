"""Catching exceptions and interrupts: the stop is at the handler's first instruction, and says what has happened."""

import re

import pytest

from tests.harness.case import RingsideTest

UD2 = [0x0f, 0x0b]
INT3_RET = [0xcc, 0xc3]
STORE_TO_NOWHERE = [0x48, 0xb8, 0, 0, 0xad, 0xde, 0, 0x40, 0, 0, 0xc6, 0x00, 0x01, 0xc3]  # movb $1, 0x4000dead0000
NOWHERE = 0x4000dead0000
LOAD_WRONG_SELECTOR = [0x66, 0xb8, 0xf8, 0x00, 0x8e, 0xd8, 0xc3]  # mov $0xf8, %ax; mov %ax, %ds
KINDS = [("ud", UD2, 0, r"#UD \(vector 6\), at 0x{at:x} <report_round"),
         ("#BP", INT3_RET, 1, r"#BP \(vector 3\), at 0x{at:x} <report_round"),
         ("pf", STORE_TO_NOWHERE, 10,
          r"#PF \(vector 14\), error 0x2 \(write, supervisor, page not present\), CR2 0x4000dead0000, at 0x{at:x}"
          r" <report_round\+0xa>\."),
         ("13", LOAD_WRONG_SELECTOR, 4, r"#GP \(vector 13\), error 0xf8 \(selector 0xf8 of the GDT\), at 0x{at:x}")]


class TestCatchEvents(RingsideTest):
    def assert_took(self, gdb, stop, words: str) -> None:
        assert stop.get("signal-name") == "SIGTRAP", (stop, gdb.log[-20:])
        assert any(re.search(f"Ringside: vCPU 0 took {words}", line) for line in gdb.log), gdb.log[-20:]

    def at_the_handler(self, gdb, vector: int) -> None:
        assert gdb.integer("$pc") == gdb.integer(f"(unsigned long) interrupt_stubs + {vector * 16}")

    @pytest.mark.parametrize(("name", "code", "offset", "words"), KINDS)
    def test_an_exception_is_told_in_words(self, name, code, offset, words):
        _, gdb = self.with_code(code)
        assert "Rule 1: exception" in gdb.console(f"monitor catch exception {name}")
        stop = gdb.run("continue")
        self.assert_took(gdb, stop, words.format(at=gdb.integer("$start") + offset))
        assert "| exception" in (listed := gdb.console("monitor catch")) or "exception" in listed
        assert re.search(r"1\s+exception \S+\s+1\s+the handler at 0x", listed), listed

    def test_from_the_first_instruction_and_on(self):
        vm, gdb = self.attached("demo64", "--append=rounds=2")
        answer = gdb.console("monitor catch exception pf")
        assert "no handler: the guest has loaded no table" in answer
        for _ in range(2):
            self.assert_took(gdb, gdb.run("continue"), r"#PF \(vector 14\), error 0x\d+ \(.*\), CR2 0x")
            self.at_the_handler(gdb, 14)
        assert "no exit is caught" in gdb.console("monitor exits uncatch")
        gdb.start("continue")
        assert vm.wait() == 0x21

    def test_a_condition_chooses(self):
        vm, gdb = self.with_code(STORE_TO_NOWHERE)
        gdb.console("monitor catch exception pf if error & 1")
        gdb.console(f"monitor catch exception pf if error & 2 and cr2 == {NOWHERE} and cpl == 0 and rax == {NOWHERE}")
        self.assert_took(gdb, gdb.run("continue"), "#PF")
        listed = gdb.console("monitor catch")
        assert re.search(r"1\s+exception pf if error & 1\s+0", listed) and re.search(r"2\s+.*\s1\s+the handler", listed)

    def test_a_false_condition_lets_the_guest_go_on(self):
        vm, gdb = self.attached("demo64", "--append=rounds=2")
        gdb.console("monitor catch exception pf if rip == 1")
        gdb.start("continue")
        assert vm.wait() == 0x21

    def test_an_interrupt(self):
        _, gdb = self.attached("demo64", "--append=rounds=5")
        gdb.console("monitor catch interrupt 32 count 3")
        self.assert_took(gdb, gdb.run("continue"), r"interrupt \(vector 32\), at 0x")
        self.at_the_handler(gdb, 32)

    def test_a_breakpoint_at_the_handler_is_reported_as_one(self):
        _, gdb = self.with_code(UD2)
        gdb.console("monitor catch exception ud if rip == 1")
        gdb.console("break *(unsigned long) interrupt_stubs + 96")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"

    def test_after_a_restart(self):
        _, gdb = self.attached("demo64", "--append=rounds=2")
        gdb.console("monitor catch exception pf")
        self.assert_took(gdb, gdb.run("continue"), "#PF")
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        gdb.log.clear()
        self.assert_took(gdb, gdb.run("continue"), "#PF")

    @pytest.mark.parametrize(("rule", "sentence"), [
        ("exception", "an exception's name"), ("exception 32", "an exception's name"),
        ("exception pq", "an exception's name"), ("interrupt 256", "an interrupt's vector"),
        ("exception pf if nonsense == 1", "\\\"nonsense\\\" is not error, cr2, cpl, rip or a register"),
        ("exception pf if error &", "a number is expected")])
    def test_wrong_rules(self, rule, sentence):
        _, gdb = self.attached("demo64")
        assert sentence.replace("\\", "") in gdb.console(f"monitor catch {rule}")

    def test_real_mode(self):
        vm, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        assert "real mode's vector for it is 0" in gdb.console("monitor catch interrupt 0x60")
        self.assert_took(gdb, gdb.run("continue"), r"interrupt \(vector 96\), at 0000:7c")
        gdb.start("continue")
        assert vm.wait() == 0x21

    def test_protected_mode(self):
        _, gdb = self.attached("protected32")
        gdb.console("break before_paging")
        self.assert_breakpoint(gdb.run("continue"), "before_paging")
        gdb.console("delete")
        gdb.console("set {unsigned char[2]}before_paging = {0x0f, 0x0b}")
        gdb.console("set $pc = before_paging")
        gdb.console("set $start = $pc")
        gdb.console("monitor catch exception ud if eax == 0x1234")
        gdb.console("monitor catch exception ud if eip == %d" % gdb.integer("$start"))
        self.assert_took(gdb, gdb.run("continue"), r"#UD \(vector 6\), at 0x\w+ <before_paging")


class TestCatchStates(RingsideTest):
    def caught(self, rule: str, words: str, *, guest: str = "demo64", count: int = 1):
        vm, gdb = self.attached(guest, *(["--append=rounds=3"] if guest == "demo64" else ["--cpus=2"]))
        assert "Rule 1" in gdb.console(f"monitor catch {rule}")
        for _ in range(count):
            stop = gdb.run("continue")
            assert stop.get("signal-name") == "SIGTRAP", (stop, gdb.log[-20:])
        assert any(re.search(words, line) for line in gdb.log), gdb.log[-20:]
        return vm, gdb

    def test_from_protected_to_long_mode(self):
        _, gdb = self.caught("mode-change", "vCPU 0 has gone from protected mode to long mode")
        assert gdb.integer("$efer") & 0x400 != 0

    def test_from_real_mode_on(self):
        """A second vCPU starts in real mode, and sets PE and PG at once; the first one has changed before it."""
        self.caught("mode-change", "vCPU 1 has gone from real mode to long mode", guest="smp", count=2)

    def test_the_page_tables(self):
        _, gdb = self.caught("cr3", r"CR3")
        assert gdb.integer("$cr3") != 0

    def test_a_halt(self):
        vm, gdb = self.caught("halt count 2", r"HLT")
        gdb.console("monitor exits uncatch")
        gdb.start("continue")
        assert vm.wait() == 0x21

    def test_a_range_of_ports(self):
        self.caught("io 0x3f8-0x3ff write", r"0x3f[89a-f]")

    def test_an_msr_by_name(self):
        _, gdb = self.attached("demo64")
        assert "Rule 1: msr LSTAR" in gdb.console("monitor catch msr LSTAR write")

    @pytest.mark.parametrize(("rule", "sentence"), [
        ("io 0x3ff-0x3f8", "the range ends before it begins"), ("mode-change read", "a change of mode has no value"),
        ("reset", "stops without a rule"), ("msr NONSENSE", "NONSENSE")])
    def test_wrong_rules(self, rule, sentence):
        _, gdb = self.attached("demo64")
        assert sentence in gdb.console(f"monitor catch {rule}")
