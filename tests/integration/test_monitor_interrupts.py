"""The interrupt controllers as the monitor shows them, compared with what the guest has read from them itself."""

import json
import re

import pytest

from tests.harness.case import RingsideTest

NAMES = ["CMCI", "timer", "thermal", "performance", "LINT0", "LINT1", "error"]
LOCAL_VECTORS = dict(zip(NAMES, [0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370]))

PIT_MODES = ["interrupt on terminal count", "hardware one-shot", "rate generator", "square wave", "software strobe",
             "hardware strobe", "rate generator", "square wave"]
# What is in the way of the serial port's interrupt, in the guest's order, and whether the port holds its line up.
CAUSES = {"masked": True, "flag": True, "priority": True, "in service": True, "idle": False, "disabled": True}


class TestInterruptControllers(RingsideTest):
    @pytest.fixture(autouse=True)
    def ready(self, clean_up) -> None:
        _, self.gdb_session = self.attached("chips")
        self.gdb_session.console("break ready")
        self.gdb_session.run("continue")

    def ask(self, command: str) -> dict:
        return json.loads(self.gdb_session.console(f"monitor {command} --json"))

    def seen(self, what: str) -> int:
        return self.gdb_session.integer(f"seen.{what}")

    def local_register(self, offset: int) -> int:
        return self.seen(f"local_apic[{offset // 16}]")

    def test_local_apic(self):
        shown = self.ask("lapic")
        for name, offset in [("version", 0x30), ("task_priority", 0x80), ("processor_priority", 0xa0),
                             ("logical_destination", 0xd0), ("destination_format", 0xe0), ("spurious_vector", 0xf0),
                             ("timer_initial", 0x380)]:
            assert shown[name] == self.local_register(offset), name
        assert shown["id"] == self.local_register(0x20) >> 24
        assert shown["base"] == self.seen("apic_base") & ~0xfff
        assert shown["enabled"] and shown["timer_mode"] == "periodic" and shown["timer_divisor"] == 1

    def test_local_vector_table(self):
        entries = {entry["source"]: entry for entry in self.ask("lapic")["local_vectors"]}
        for name, offset in LOCAL_VECTORS.items():
            if name in entries or name != "CMCI":  # older local APICs do not have it
                assert entries[name]["raw"] == self.local_register(offset), name
        assert entries["LINT0"]["delivery"] == "ExtINT" and entries["LINT0"]["masked"]
        assert entries["LINT1"]["delivery"] == "NMI" and not entries["LINT1"]["masked"]
        assert entries["timer"]["vector"] == 0x41

    def test_io_apic(self):
        pins = self.ask("ioapic")["pins"]
        assert [pin["raw"] for pin in pins] == [self.seen(f"redirection[{pin}]") for pin in range(24)]
        assert pins[9]["vector"] == 0x49 and pins[9]["logical"] and pins[9]["trigger"] == "level, active low"
        assert pins[10]["delivery"] == "NMI"

    def test_8259s(self):
        chips = self.ask("pic")["8259a"]
        for number, chip in enumerate(chips):
            assert chip["vector_base"] == 0x20 + 8 * number
            assert chip["in_service"] == self.seen(f"pic_in_service[{number}]")
        assert [self.seen("pic_masks[0]"), self.seen("pic_masks[1]")] == [0xf7, 0xef]
        assert [chip["masked"] for chip in chips] == [0xff, 0xff], "the guest masks everything after it has looked"

    def test_8254(self):
        channels = self.ask("pit")["8254_channels"]
        assert [channels[number]["reload"] for number in (0, 2)] == [0x2e9c, 0x1234]
        assert [channels[number]["mode"] for number in (0, 2)] == ["square wave", "rate generator"]
        for number in (0, 2):  # nobody has set up the other
            channel = channels[number]
            status = self.seen(f"pit_status[{number}]")
            assert PIT_MODES[status >> 1 & 7] == channel["mode"], number
            assert bool(status & 1) == channel["bcd"], number

    def test_lines(self):
        lines = self.ask("irq")["lines"]
        assert [line["line"] for line in lines] == list(range(24))
        devices = {line["line"]: line["device"] for line in lines if line["device"]}
        assert devices == {0: "8254", 1: "i8042", 4: "serial", 9: "ACPI PM"}
        assert lines[4]["io_apic"]["vector"] == 0x34 and lines[4]["io_apic"]["masked"]
        assert lines[9]["io_apic"]["level_triggered"] and lines[9]["io_apic"]["logical"]
        assert lines[10]["io_apic"]["delivery"] == "NMI"
        assert lines[16]["8259a"] is None
        assert lines[16]["raised"] is None, "an edge that only the I/O APIC has seen"
        text = self.gdb_session.console("monitor irq")
        assert re.search(r"(?m)^  9 +ACPI PM +- +0x29, masked +0x49 to logical 0xff, level, masked$", text), text
        assert re.search(r"(?m)^  20 +- +unknown +- +masked$", text), text

    def test_one_line(self):
        assert [line["device"] for line in self.ask("irq 4")["lines"]] == ["serial"]
        for wrong in ("24", "serial", "-1"):
            assert f'"{wrong}" is not a line: lines are from 0 to 23' in self.gdb_session.console(f"monitor irq {wrong}")
        assert '"5" is one too many' in self.gdb_session.console("monitor irq 4 5")

    @pytest.mark.parametrize("command", ["lapic", "ioapic", "pic", "pit"])
    def test_words_that_are_one_too_many(self, command):
        answer = self.gdb_session.console(f"monitor {command} much")
        assert '"much" is one too many' in answer and f"Usage: monitor {command}" in answer

    def test_a_vcpu_that_is_not_there(self):
        assert "a number from 0 to 0 must follow" in self.gdb_session.console("monitor lapic vcpu 1")


class TestLinesOfVirtio(RingsideTest):
    def test_have_their_devices(self):
        _, gdb = self.attached("virtio", "--rng")
        lines = json.loads(gdb.console("monitor irq --json"))["lines"]
        assert {line["line"]: line["device"] for line in lines[16:] if line["device"]} == {16: "virtio rng"}


class TestWhileAnInterruptWaits(RingsideTest):
    """The same while it changes: at each thing that blocks an interrupt, the guest has just read its controllers."""

    def test_shows_what_the_guest_reads(self):
        _, self.gdb_session = self.attached("chips")
        self.gdb_session.console("break blocked")
        for cause, raised in CAUSES.items():
            self.assert_breakpoint(self.gdb_session.run("continue"), "blocked")
            assert f'"{cause}"' in self.gdb_session.evaluate("cause")
            self.assert_local_apic()
            self.assert_8259s()
            pins = self.ask("ioapic")["pins"]
            assert [pin["raw"] for pin in pins] == [self.seen(f"redirection[{pin}]") for pin in range(24)], cause
            taken = cause == "in service" and not self.gdb_session.integer("in_service_seen")
            self.assert_line(cause, raised and not taken)  # on some hosts not even the guest finds its interrupt in service
            assert self.ask("events")["interrupts_enabled"] == bool(self.seen("flags") & 0x200), cause

    def ask(self, command: str) -> dict:
        return json.loads(self.gdb_session.console(f"monitor {command} --json"))

    def seen(self, what: str) -> int:
        return self.gdb_session.integer(f"seen.{what}")

    def vectors(self, first_register: int) -> list[int]:
        """As the guest has read them from eight registers of 32 bits."""
        words = [self.seen(f"local_apic[{first_register // 16 + word}]") for word in range(8)]
        return [vector for vector in range(256) if words[vector // 32] >> vector % 32 & 1]

    def assert_local_apic(self) -> None:
        shown = self.ask("lapic")
        for name, register in [("in_service", 0x100), ("level_triggered", 0x180), ("requested", 0x200)]:
            assert shown[name] == self.vectors(register), name
        for name, register in [("task_priority", 0x80), ("processor_priority", 0xa0), ("spurious_vector", 0xf0)]:
            assert shown[name] == self.seen(f"local_apic[{register // 16}]"), name

    def assert_8259s(self) -> None:
        timer = 1  # it ticks on
        for number, chip in enumerate(self.ask("pic")["8259a"]):
            assert chip["masked"] == self.seen(f"pic_masks[{number}]")
            assert chip["requested"] & ~timer == self.seen(f"pic_requests[{number}]") & ~timer
            assert chip["in_service"] == self.seen(f"pic_in_service[{number}]")

    def assert_line(self, cause: str, raised: bool) -> None:
        line, = self.ask("irq 4")["lines"]
        assert line["raised"] == raised, cause
        assert line["8259a"]["requested"] == bool(self.seen("pic_requests[0]") & 0x10), cause
        assert line["8259a"]["masked"] == bool(self.seen("pic_masks[0]") & 0x10), cause
        assert line["io_apic"]["masked"] == (cause == "masked"), cause
        assert line["io_apic"]["vector"] == 0x34, cause
