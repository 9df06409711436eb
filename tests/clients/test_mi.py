"""gdb's machine interface as IDEs use it: the commands that each sends when its user attaches, breaks, steps and looks.

The sequences were written from what the IDEs' debugger back ends send: cpptools (VS Code), CLion and Eclipse CDT.
"""

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError, GdbSession


class MiTest(RingsideTest):
    def stopped(self, kernel: str = "demo64", *options: object) -> tuple[int, GdbSession]:
        """A guest at its first instruction; its port, and a gdb that is not attached and has no symbols yet."""
        return self.ringside(self.guest(kernel), *options).port(), self.gdb()

    def stop_after(self, gdb: GdbSession, command: str) -> dict:
        gdb.command(command)
        return gdb.wait_stop()


class TestCpptools(MiTest):
    """VS Code's C/C++ extension: "MIMode": "gdb" with "miDebuggerServerAddress"."""

    def attached(self) -> GdbSession:
        port, gdb = self.stopped()
        for command in ('-interpreter-exec console "set pagination off"', "-gdb-set auto-solib-add on",
                        f"-file-exec-and-symbols {paths.GUESTS / 'demo64'}", "-gdb-set solib-search-path .",
                        f"-target-select remote 127.0.0.1:{port}"):
            gdb.command(command)
        gdb.wait_stop()
        return gdb

    def test_launch_breaks_and_shows_everything(self):
        gdb = self.attached()
        inserted = gdb.command("-break-insert -f mix")["bkpt"]
        assert inserted["func"].startswith("mix")
        stop = self.stop_after(gdb, "-exec-continue")
        self.assert_breakpoint(stop, "mix")
        thread = stop["thread-id"]
        assert gdb.command("-thread-info")["current-thread-id"] == thread
        frames = gdb.command(f"-stack-list-frames --thread {thread} 0 1000")["stack"]
        assert [frame["func"] for frame in frames][:2] == ["mix", "checksum"]
        variables = gdb.command(f"-stack-list-variables --thread {thread} --frame 0 --simple-values")["variables"]
        assert {variable["name"] for variable in variables} == {"sum", "value"}
        created = gdb.command(f"-var-create --thread {thread} --frame 0 - * \"value\"")
        assert created["type"] == "unsigned long"
        gdb.command(f"-var-delete {created['name']}")
        names = gdb.command("-data-list-register-names")["register-names"]
        rip = names.index("rip")
        values = gdb.command(f"-data-list-register-values --thread {thread} x {rip}")["register-values"]
        assert values[0]["value"] == frames[0]["addr"].replace("0x0000000000", "0x")
        disassembly = gdb.command(f"-data-disassemble -s $pc -e \"$pc + 16\" -- 2")
        assert disassembly["asm_insns"]
        memory = gdb.command("-data-read-memory-bytes $sp 16")["memory"]
        assert len(memory[0]["contents"]) == 32

    def test_steps(self):
        gdb = self.attached()
        gdb.command("-break-insert -f -t step")
        self.stop_after(gdb, "-exec-continue")
        assert self.stop_after(gdb, "-exec-next")["reason"] == "end-stepping-range"
        self.assert_stopped_in(self.stop_after(gdb, "-exec-step"), "produce")
        assert self.stop_after(gdb, "-exec-finish")["reason"] == "function-finished"
        assert self.stop_after(gdb, "-exec-step-instruction")["reason"] == "end-stepping-range"

    def test_condition_and_ignore_count(self):
        gdb = self.attached()
        number = gdb.command("-break-insert -f mix")["bkpt"]["number"]
        gdb.command(f'-break-condition {number} value == 25')
        self.stop_after(gdb, "-exec-continue")
        assert gdb.evaluate("value") == "25"

    def test_reverse_buttons(self):
        """Step Back and Reverse, which IDEs send with --reverse; the machine records from its first instruction."""
        vm = self.ringside(self.guest("demo64"), "--record")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.command("-break-insert -f -t report_round")
        self.assert_breakpoint(self.stop_after(gdb, "-exec-continue"), "report_round")
        gdb.command("-break-insert -f step")
        stop = self.stop_after(gdb, "-exec-continue --reverse")
        self.assert_breakpoint(stop, "step")
        line = int(stop["frame"]["line"])
        forth = self.stop_after(gdb, "-exec-next")
        assert int(forth["frame"]["line"]) > line
        back = self.stop_after(gdb, "-exec-next --reverse")
        assert int(back["frame"]["line"]) == line
        assert self.stop_after(gdb, "-exec-step-instruction --reverse")["reason"] == "end-stepping-range"

    def test_pause(self):
        gdb = self.attached()
        gdb.command("-exec-continue")
        gdb.interrupt()
        assert gdb.command("-thread-info")["threads"][0]["state"] == "stopped"

    def test_disconnect(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=3")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.command("-break-insert -f step")
        self.stop_after(gdb, "-exec-continue")
        gdb.command("-target-detach")
        assert vm.wait() == 33

    def test_what_cannot_be_read_is_an_error(self):
        gdb = self.attached()
        gdb.command("-break-insert -f step")
        self.stop_after(gdb, "-exec-continue")
        with pytest.raises(GdbError):
            gdb.command("-data-read-memory-bytes 0xffff900000000000 16")


class TestClion(MiTest):
    """CLion's "Remote Debug": commands by the console, and threads by thread groups."""

    def test_attach_break_look_and_detach(self):
        vm = self.ringside(self.guest("smp"), "--cpus=2", "--append=cpus=2 rounds=3")
        gdb = self.gdb()
        gdb.command(f"-file-exec-and-symbols {paths.GUESTS / 'smp'}")
        gdb.command("-gdb-set breakpoint pending on")
        gdb.command(f'-interpreter-exec console "target remote 127.0.0.1:{vm.port()}"')
        gdb.wait_stop()
        gdb.command("-break-insert -f cpu_work")
        stop = self.stop_after(gdb, "-exec-continue --all")
        self.assert_breakpoint(stop, "cpu_work")
        groups = gdb.command("-list-thread-groups --recurse 1")["groups"]
        assert [thread["id"] for thread in groups[0]["threads"]] == ["1", "2"]
        for thread in ("1", "2"):
            assert gdb.command(f"-stack-info-depth --thread {thread} 16")["depth"]
        gdb.command("-break-delete")
        gdb.command("-target-detach")
        assert vm.wait() == 33


class TestEclipse(MiTest):
    """Eclipse CDT's "C/C++ Remote Application" and "GDB Hardware Debugging"."""

    def test_attach_with_memory_and_registers(self):
        port, gdb = self.stopped()
        for command in ("-environment-cd /", "-gdb-set breakpoint pending on", "-enable-pretty-printing", "-gdb-set python print-stack none",
                        "-gdb-set print object on", "-gdb-set auto-solib-add on", f"-file-exec-and-symbols {paths.GUESTS / 'demo64'}",
                        f"-target-select remote 127.0.0.1:{port}"):
            gdb.command(command)
        gdb.wait_stop()
        gdb.command("-list-thread-groups")
        gdb.command("-break-insert -t -f guest_main")
        self.assert_stopped_in(self.stop_after(gdb, "-exec-continue --thread-group i1"), "guest_main")
        assert gdb.command("-data-list-changed-registers")["changed-registers"]
        assert gdb.command("-data-read-memory-bytes -o 0 $sp 64")["memory"]
        gdb.command("-break-watch rounds_done")
        stop = gdb.run("continue")
        assert stop["reason"] == "watchpoint-trigger"
        assert stop["value"] == {"old": "0", "new": "1"}

    def test_system_tables(self):
        """The tables of `info os`, which Eclipse's OS Resources view shows."""
        port, gdb = self.stopped()
        gdb.connect(port)
        assert gdb.command("-info-os")["OSDataTable"]["body"]
