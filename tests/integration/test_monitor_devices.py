"""What is at a port or a physical address, compared with where the guest finds it."""

import json

import pytest

from tests.harness.case import RingsideTest

MIB = 1 << 20
IO_APIC = 0xfec00000  # guests/chips/chips.h


class TestDevices(RingsideTest):
    @pytest.fixture(autouse=True)
    def start(self, clean_up) -> None:
        _, self.session = self.attached("chips")

    def say(self, command: str) -> str:
        return self.session.console(f"monitor {command}")

    def ask(self, command: str, table: str) -> list[dict]:
        return json.loads(self.say(f"{command} --json"))[table]

    def test_ports_that_the_guest_uses(self):
        for port, name in [(0x3fd, "serial"), (0x21, "8259A (first)"), (0x43, "8254"), (0xf4, "debug exit")]:
            (device,) = self.ask(f"devices {port:#x}", "ports")
            assert name.split()[0] in device["name"].replace("-", " "), device
            assert device["first"] <= port <= device["last"]

    def test_memory(self):
        (ram,) = self.ask("mtree 0x100000", "memory")
        assert (ram["kind"], ram["first"], ram["size"]) == ("RAM", 0, 64 * MIB)
        (chip,) = self.ask(f"mtree {IO_APIC:#x}", "memory")
        assert chip["name"] == "I/O APIC"

    @pytest.mark.parametrize(("command", "sentence"), [
        ("devices 0x10000", "not a number from 0 to 0xffff"), ("devices com1", '"com1" is not a number'),
        ("devices 0x999", "there is nothing at 0x999"), ("mtree 64M", '"64M" is not a number'),
        ("mtree 0x4000000", "there is nothing at 0x4000000"), ("mtree 1 2", '"2" is one too many')])
    def test_wrong_arguments(self, command, sentence):
        assert sentence in self.say(command)
