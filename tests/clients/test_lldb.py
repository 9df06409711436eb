"""LLDB on the project's guests: what its users do, with every version that Debian has."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.lldb import Lldb
from tests.clients.lldb_versions import VERSIONS, LldbVersion
from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside

PASSED = 33


@pytest.fixture(scope="module", params=VERSIONS, ids="lldb{}".format)
def version(request) -> LldbVersion:
    return LldbVersion(request.param)


class LldbTest(RingsideTest):
    @pytest.fixture(autouse=True)
    def choose(self, version, clean_up) -> None:
        self._version = version

    def lldb(self, symbols: object = None) -> Lldb:
        return self.keep(Lldb(self._version, symbols))

    def lldb_on(self, kernel: str, *options: object, symbols: str | None = None) -> tuple[Ringside, Lldb]:
        """One of the project's guests, stopped at its first instruction, and an LLDB attached to it."""
        vm = self.ringside(self.guest(kernel), *options)
        client = self.lldb(self.guest(symbols or kernel))
        client.connect(vm.port())
        return vm, client

    def lldb_in_step(self) -> Lldb:
        """An LLDB on demo64, stopped in step()."""
        _, client = self.lldb_on("demo64")
        client.command("breakpoint set --name step")
        client.command("continue")
        return client


class TestSource(LldbTest):
    """Breakpoints by source, and moving from one stop to the next."""

    def test_breakpoint_set_before_attaching(self):
        vm = self.ringside(self.guest("demo64"))
        client = self.lldb(self.guest("demo64"))
        client.command("breakpoint set --name step")
        client.connect(vm.port())
        assert "stop reason = breakpoint 1.1" in client.command("continue")
        assert "demo64`step(task=" in client.command("frame info")

    @pytest.mark.parametrize("when", ["before attaching", "after attaching"])
    def test_breakpoint_at_a_line_of_the_source(self, when):
        source = paths.ROOT / "guests" / "demo64" / "work.cpp"
        line = next(number for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1) if "return sum * 31" in text)
        vm = self.ringside(self.guest("demo64"))
        client = self.lldb(self.guest("demo64"))
        if when == "after attaching":
            client.connect(vm.port())
        client.command(f"breakpoint set --file work.cpp --line {line}")
        if when == "before attaching":
            client.connect(vm.port())
        assert "stop reason = breakpoint 1.1" in client.command("continue")
        assert f"work.cpp:{line}" in client.command("frame info")

    def test_backtrace_names_functions_and_arguments(self):
        _, client = self.lldb_on("demo64")
        client.command("breakpoint set --name mix --condition 'value == 25'")
        assert "stop reason = breakpoint 1.1" in client.command("continue")
        frames = client.command("thread backtrace")
        assert re.search(r"frame #0: .*mix\(sum=16, value=25\)", frames)
        assert re.search(r"frame #4: .*guest_main", frames)

    def test_step_in_over_and_out(self):
        _, client = self.lldb_on("demo64")
        client.command("breakpoint set --name step --one-shot true")
        client.command("continue")
        line = int(client.python("thread.frames[0].line_entry.line"))
        assert "stop reason = step over" in client.command("thread step-over")
        assert int(client.python("thread.frames[0].line_entry.line")) > line
        assert "produce(" in client.command("thread step-in")
        out = client.command("thread step-out")
        assert "stop reason = step out" in out
        assert client.python("thread.frames[0].GetFunctionName().split('(')[0]") == "step"

    def test_step_by_instruction(self):
        _, client = self.lldb_on("demo64")
        before = int(client.python("thread.frames[0].pc"))
        assert "stop reason = instruction step" in client.command("thread step-inst")
        assert int(client.python("thread.frames[0].pc")) == before + 1  # CLD

    def test_ignore_count(self):
        _, client = self.lldb_on("demo64")
        client.command("breakpoint set --name report_round --ignore-count 2")
        client.command("continue")
        assert client.python("thread.frames[0].FindVariable('round').unsigned") == "3"

    def test_hardware_breakpoint(self):
        _, client = self.lldb_on("demo64")
        client.command("breakpoint set --hardware --name mix")
        assert "stop reason = breakpoint 1.1" in client.command("continue")
        assert client.python("target.GetBreakpointAtIndex(0).IsHardware()") == "True"

    def test_temporary_breakpoints_do_not_stay(self):
        vm, client = self.lldb_on("demo64", "--append=rounds=3")
        client.command("breakpoint set --name step --one-shot true")
        client.command("continue")
        client.command("continue")
        assert vm.wait() == PASSED


class TestWatchpoints(LldbTest):
    def test_a_write_stops_with_old_and_new_value(self):
        _, client = self.lldb_on("demo64")
        client.command("watchpoint set variable rounds_done")
        stop = client.command("continue", seconds=120)
        assert "stop reason = watchpoint 1" in stop
        assert re.search(r"old value: 0\s+new value: 1", stop)
        assert "run_scheduler" in stop

    def test_the_address_tells_which_of_two_was_hit(self):
        _, client = self.lldb_on("demo64")
        for number, name in enumerate(("total_consumed", "rounds_done"), 1):
            client.command(f"watchpoint set variable {name}")
            address = client.python(f"target.FindFirstGlobalVariable('{name}').GetLoadAddress()")
            assert client.python(f"target.FindWatchpointByID({number}).GetWatchAddress()") == address
        written = {"1": "drain", "2": "run_scheduler"}
        hit = {}
        for _ in range(6):
            client.command("continue", seconds=120)
            hit[client.python("thread.GetStopReasonDataAtIndex(0)")] = client.python("thread.frames[0].GetFunctionName().split('(')[0]")
        assert {number: name.removeprefix("::") for number, name in hit.items()} == written


class TestState(LldbTest):
    """Registers, memory and expressions."""

    def test_registers_come_in_groups(self):
        _, client = self.lldb_on("demo64")
        sets = client.python("[s.name for s in thread.frames[0].registers]")
        assert sets.startswith("['general', 'float', 'vector', 'system'")
        everything = client.command("register read --all")
        assert re.search(r"(?m)^ +rip = 0x", everything)
        assert re.search(r"(?m)^ +cr3 = 0x", everything)

    def test_a_register_is_written(self):
        _, client = self.lldb_on("demo64")
        client.command("register write rbx 0x1122334455667788")
        assert "0x1122334455667788" in client.command("register read rbx")

    def test_memory_is_read_and_written(self):
        client = self.lldb_in_step()
        client.command("memory write --size 8 `&rounds_done` 0x29a")
        assert client.python("target.FindFirstGlobalVariable('rounds_done').unsigned") == "666"

    def test_memory_regions_follow_the_page_tables(self):
        client = self.lldb_in_step()
        assert re.search(r"\[0x0+-0x[0-9a-f]+\) rwx", client.command("memory region $pc"))

    def test_what_is_not_mapped_is_an_error(self):
        client = self.lldb_in_step()
        assert "error:" in client.command("memory read 0xffff900000000000")

    def test_expressions_use_the_guest(self):
        client = self.lldb_in_step()
        assert re.search(r"= 7\b", client.command("expression rounds_done + 7"))

    def test_a_call_is_refused_and_changes_nothing(self):
        """LLDB compiles a call into memory that the stub would have to allocate, and a guest's memory is the guest's."""
        client = self.lldb_in_step()
        before = client.command("register read rip rsp rdi rsi")
        assert "error:" in client.command("expression mix(16, 28)")
        assert values(client.command("register read rip rsp rdi rsi")) == values(before)


class TestProcess(LldbTest):
    """A whole session's comings and goings."""

    def test_interrupt(self):
        _, client = self.lldb_on("demo64")
        client.command("script lldb.debugger.SetAsync(True)")
        client.start("continue")
        client.wait_for(r"Process \d+ resuming")
        client.interrupt("stop reason = signal SIGINT")

    def test_detach_lets_the_guest_run_to_its_end(self):
        vm, client = self.lldb_on("demo64", "--append=rounds=3")
        client.command("breakpoint set --name step")
        client.command("continue")
        client.command("process detach")
        assert vm.wait() == PASSED

    def test_attach_again(self):
        vm = self.ringside(self.guest("demo64"))
        first = self.lldb(self.guest("demo64"))
        first.connect(vm.port())
        first.command("breakpoint set --name step")
        first.command("continue")
        first.command("process detach")
        second = self.lldb(self.guest("demo64"))
        second.connect(vm.port())
        second.command("breakpoint set --name mix")
        assert "stop reason = breakpoint 1.1" in second.command("continue")

    def test_a_client_that_dies_leaves_a_running_guest(self):
        vm, client = self.lldb_on("demo64", "--append=rounds=3")
        client.command("breakpoint set --name step")
        client.command("continue")
        client.kill()
        assert vm.wait() == PASSED

    def test_the_guests_end_is_an_exit_status(self):
        _, client = self.lldb_on("demo64", "--append=rounds=1")
        assert f"exited with status = {PASSED}" in client.command("continue")

    def test_monitor_commands(self):
        _, client = self.lldb_on("demo64")
        assert "rip" in client.command("process plugin packet monitor registers")


class TestCpus(LldbTest):
    """All vCPUs are threads, and each has its own reason to have stopped."""

    def test_every_vcpu_is_a_thread(self):
        _, client = self.lldb_on("smp", "--cpus=3", "--append=cpus=3")
        client.command("breakpoint set --name cpu_work --condition 'cpu == 2'")
        client.command("continue")
        threads = client.command("thread list")
        assert len(re.findall(r"thread #\d+: tid = ", threads)) == 3
        assert re.search(r"thread #3: .*name = 'vCPU 2', stop reason = breakpoint", threads), threads

    def test_two_that_hit_together_are_both_reported(self):
        """Both vCPUs are about to execute the same instruction when they are resumed."""
        _, client = self.lldb_on("smp", "--cpus=2", "--append=cpus=2")
        client.command("breakpoint set --name cpu_work")
        reported = set()
        for _ in range(12):
            client.command("continue")
            stopped = client.python("[t.GetIndexID() for t in process.threads if t.GetStopReason() == lldb.eStopReasonBreakpoint]")
            reported.update(re.findall(r"\d", stopped))
        assert reported == {"1", "2"}


class TestNarrowGuests(LldbTest):
    """32-bit and 16-bit code."""

    def test_32_bit_code(self):
        _, client = self.lldb_on("protected32")
        client.command("breakpoint set --name area")
        stop = client.command("continue")
        assert "stop reason = breakpoint 1.1" in stop
        assert "area(rectangle" in client.command("frame info")
        assert "i386" in client.command("target list")
        assert re.search(r"frame #1: .*guest_main", client.command("thread backtrace"))

    def test_16_bit_code(self):
        _, client = self.lldb_on("hello16.bin", symbols="hello16.elf")
        client.command("breakpoint set --name print")
        assert "stop reason = breakpoint 1.1" in client.command("continue")


class TestForeignFiles(LldbTest):
    def test_a_kernel_with_linux_s_abi_tag_keeps_its_file(self):
        """GNU's toolchain for Linux marks what it links with an ABI tag; kernels inherit it by accident. LLDB takes them for Linux
        programs, and looks among its own host's processes for the one that has the stub's number: here it can read each."""
        kernel = tagged(self.guest("demo64"), self.folder)
        vm = self.ringside(self.guest("demo64"))
        rights = () if os.geteuid() == 0 else ("--map-root-user",)
        # `unchanged`: in a chroot, the root directory is no mount whose propagation could be changed.
        alone = ("unshare", *rights, "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "unchanged")
        client = self.keep(Lldb(self._version, wrapper=alone))
        client.command(f"target create {kernel}")
        client.connect(vm.port())
        client.command("breakpoint set --name step")
        assert "stop reason = breakpoint 1.1" in client.command("continue")


def values(registers: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+) = (0x[0-9a-f]+)", registers))


def tagged(kernel: Path, folder: Path) -> Path:
    """A copy of a kernel with the note that GNU's linker scripts for Linux add (Linux Standard Base, .note.ABI-tag)."""
    note = folder / "note"
    note.write_bytes(b"".join(number.to_bytes(4, "little") for number in (4, 16, 1)) + b"GNU\0"
                     + b"".join(number.to_bytes(4, "little") for number in (0, 3, 2, 0)))
    copy = folder / "tagged"
    subprocess.run(["objcopy", f"--add-section=.note.ABI-tag={note}", "--set-section-flags=.note.ABI-tag=alloc,readonly,data",
                    kernel, copy], check=True)
    return copy
