"""`ringside top` next to a machine that runs: what it counts, and that it ends when the machine does."""

import re
import signal

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside
from tests.harness.terminal import Terminal


class TopTest(RingsideTest):
    def machine(self, guest: str, *options: str) -> Ringside:
        self.path = self.folder / "control"
        vm = self.ringside(self.guest(guest), f"--control=unix:{self.path}", *options, gdb=None)
        vm.serial("round 2:" if guest == "demo64" else ".")
        return vm

    def top(self, *options: str) -> Ringside:
        return self.keep(Ringside("top", *options, self.path))


class TestTop(TopTest):
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


class TestTerminal(TopTest):
    """At a terminal it is a screen, which fits the window, and ends by a key."""

    def screen(self, rows: int, columns: int) -> Terminal:
        self.machine("demo64", "--append=rounds=0")
        terminal = self.keep(Terminal(paths.RINGSIDE, "top", "--interval", "0.2", self.path))
        terminal.resize(rows, columns)
        return terminal

    def test_q_ends_it(self):
        terminal = self.screen(40, 100)
        terminal.output.wait_for(r"vCPU 0, userspace exits")
        terminal.type(b"xq")
        assert terminal.wait() == 0
        assert terminal.restored()
        terminal.output.wait_for(r"\x1b\[\?25h")  # the cursor is back
        assert "xq" not in terminal.output.text(), "keys are not shown"

    def test_ctrl_c_ends_it(self):
        terminal = self.screen(40, 100)
        terminal.output.wait_for(r"vCPU 0, userspace exits")
        terminal.type(b"\x03")
        assert terminal.wait() == 128 + signal.SIGINT
        assert terminal.restored()

    def test_ends_with_the_machine_and_gives_the_terminal_back(self):
        self.path = self.folder / "control"
        vm = self.machine("demo64", "--append=rounds=0")
        terminal = self.keep(Terminal(paths.RINGSIDE, "top", "--interval", "0.2", self.path))
        terminal.output.wait_for(r"vCPU 0, userspace exits")
        vm.signal(signal.SIGTERM)
        vm.wait()
        assert terminal.wait() == 0
        assert terminal.restored()

    def test_fits_the_window_and_follows_it(self):
        terminal = self.screen(4, 20)
        terminal.output.wait_for(r"\d+ more lines")
        terminal.resize(50, 100)
        terminal.output.wait_for(r"\x1b\[J[^\x1b]*rip[^\x1b]*\x1b\[H")
        frames = terminal.output.text().split("\x1b[H\x1b[J")[1:]
        small = [frame for frame in frames if "more lines" in frame]
        assert small and all(frame.count("\n") <= 3 and max(map(len, frame.split("\r\n"))) <= 20 for frame in small), small

    def test_a_file_gets_plain_lines(self):
        self.machine("demo64", "--append=rounds=0")
        top = self.top("--interval", "0.5", "--count", "1")  # its output is a pipe
        assert top.wait() == 0
        assert "\x1b" not in top.stdout.text()
        assert re.match(r"userspace 0 reason \d+ ", top.stdout.text())
