"""`ringside top` next to a machine that runs: what it counts, and that it ends when the machine does."""

import re
import signal

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside


class TestTop(RingsideTest):
    def machine(self, guest: str, *options: str) -> Ringside:
        self.path = self.folder / "control"
        vm = self.ringside(self.guest(guest), f"--control=unix:{self.path}", *options, gdb=None)
        vm.serial("round 2:" if guest == "demo64" else ".")
        return vm

    def top(self, *options: str) -> Ringside:
        return self.keep(Ringside("top", *options, self.path))

    def test_lines_for_scripts(self):
        self.machine("demo64", "--append=rounds=0")
        top = self.top("--batch", "--interval", "1.5", "--count", "2")
        assert top.wait() == 0
        lines = top.stdout.text().splitlines()
        assert all(line == "" or re.fullmatch(r"(userspace|hardware) 0 (reason|port|gpa|rip) \d+ \S.*", line) for line in lines), lines
        assert any(re.fullmatch(r"userspace 0 reason \d+ IO", line) for line in lines), lines
        assert any(re.match(r"userspace 0 port \d+ 0x3f8 write", line) for line in lines), "the guest's serial line"
        assert lines.count("") == 1, "between two moments"

    def test_each_vcpu_has_its_own(self):
        self.machine("smp", "--cpus=2", "--append=cpus=2 rounds=0")
        top = self.top("--batch", "--interval", "1.5", "--count", "1")
        assert top.wait() == 0
        vcpus = {line.split()[1] for line in top.stdout.text().splitlines()}
        assert vcpus <= {"0", "1"} and vcpus

    def test_ends_with_the_machine(self):
        vm = self.machine("demo64", "--append=rounds=0")
        top = self.top("--batch", "--interval", "0.3")
        top.stdout.wait_for("userspace 0 reason")
        vm.signal(signal.SIGTERM)
        vm.wait()
        assert top.wait() == 0

    def test_wrong_arguments(self):
        self.path = self.folder / "control"
        top = self.top("--batch")
        assert top.wait() == 1
        assert "A machine that was started with --control" in top.stderr.text()
        top = self.top("--interval", "0")
        assert top.wait() == 2
