"""Descriptor tables, MSRs and CPUID as the monitor shows them, compared with what the guest has read from them itself."""

import json

import pytest

from tests.harness.case import RingsideTest


class TestCpuCommands(RingsideTest):
    @pytest.fixture(autouse=True)
    def ready(self, clean_up) -> None:
        _, self.session = self.attached("chips")
        self.session.console("break ready")
        self.session.run("continue")

    def say(self, command: str) -> str:
        return self.session.console(f"monitor {command}")

    def ask(self, command: str) -> dict:
        return json.loads(self.say(f"{command} --json"))

    def seen(self, what: str) -> int:
        return self.session.integer(f"seen.{what}")

    def test_idt(self):
        shown = self.ask("idt")
        assert (shown["base"], shown["limit"]) == (self.seen("idt.base"), self.seen("idt.limit"))
        gates = {gate["vector"]: gate for gate in shown["gates"]}
        for vector in (3, 14, 0x34):
            assert gates[vector]["offset"] == self.session.integer(f"(char*)&interrupt_stubs + {vector} * 16")
            assert (gates[vector]["kind"], gates[vector]["selector"]) == ("interrupt", 8)
        assert 0x50 not in gates

    def test_one_gate(self):
        assert [gate["vector"] for gate in self.ask("idt 14")["gates"]] == [14]
        assert not self.ask("idt 0x50")["gates"][0]["present"]

    def test_gdt(self):
        shown = self.ask("gdt")
        assert (shown["base"], shown["limit"]) == (self.seen("gdt.base"), self.seen("gdt.limit"))
        kinds = {row["selector"]: row["kind"] for row in shown["descriptors"]}
        assert kinds[8] == "code, execute/read, 64-bit"
        assert kinds[self.seen("task_selector")] == "64-bit TSS, busy"

    def test_tss(self):
        shown = self.ask("tss")
        assert shown["selector"] == self.seen("task_selector")
        assert shown["base"] == self.session.integer("&task_state")
        assert shown["stack_0"] == self.session.integer("&boot_stack_top")
        assert shown["ist_3"] == 0x123450

    @pytest.mark.parametrize(("name", "field"), [("LSTAR", "lstar"), ("ia32_star", "star"), ("0x277", "pat"),
                                                 ("apic_base", "apic_base")])
    def test_msr(self, name, field):
        assert self.ask(f"msr {name}")["msrs"][0]["value"] == self.seen(field)

    def test_msr_that_is_written_shows_in_gdb(self):
        before = self.session.integer("$lstar")
        self.say("msr LSTAR =0x123000")
        self.session.console("maint flush register-cache")
        assert (before, self.session.integer("$lstar")) == (self.seen("lstar"), 0x123000)

    def test_all_named_msrs(self):
        names = [row["name"] for row in self.ask("msr")["msrs"]]
        assert "IA32_LSTAR" in names and "IA32_EFER" in names

    def test_cpuid(self):
        leaf = self.ask("cpuid 0")["leaves"][0]
        assert [leaf[name] for name in ("ebx", "ecx", "edx")] == [self.seen(f"cpuid_vendor[{i}]") for i in (1, 2, 3)]
        assert leaf["text"] in ("GenuineIntel", "AuthenticAMD")
        assert self.ask("cpuid 1")["leaves"][0]["eax"] == self.seen("cpuid_version[0]")

    @pytest.mark.parametrize(("command", "sentence"), [
        ("idt 256", "vectors are from 0 to 255"), ("idt x", '"x" is not a vector'), ("gdt 8", '"8" is one too many'),
        ("msr NOTHING", "neither a known name nor"), ("msr LSTAR 5", '"5" is not a value to write'),
        ("msr 0x12345678", "does not have MSR 0x12345678"), ("msr 0x100000000", "neither a known name nor"),
        ("cpuid 0x12340000", "no such leaf"), ("cpuid one", '"one" is not a 32-bit number')])
    def test_wrong_arguments(self, command, sentence):
        assert sentence in self.say(command)


    @pytest.mark.parametrize("name", ["rsp", "pc", "cs", "cr3", "gs_base"])
    def test_registers_as_arguments(self, name):
        value = self.session.integer(f"${name}")
        assert self.say(f"translate ${name}") == self.say(f"translate {value:#x}")

    @pytest.mark.parametrize("name, sentence", [
        ("nothing", "there is no register of this name"), ("xmm0", "only general and system registers")])
    def test_registers_that_are_no_arguments(self, name, sentence):
        assert sentence in self.say(f"translate ${name}")


class TestTablesInOtherModes(RingsideTest):
    def test_registers_of_sixteen_bit_code(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        assert gdb.console("monitor translate $eip") == gdb.console(f"monitor translate {gdb.integer('$eip'):#x}")

    def test_vectors_of_real_mode(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        vectors = json.loads(gdb.console("monitor idt 8 --json"))["vectors"]
        gdb.console("set architecture i8086")
        assert vectors == [{"vector": 8, "segment": gdb.integer("*(unsigned short*)34"),
                            "offset": gdb.integer("*(unsigned short*)32")}]

    def test_no_task_register(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        assert "null selector" in gdb.console("monitor tss")
