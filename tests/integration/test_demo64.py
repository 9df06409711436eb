"""Long mode, by the commands that a user types every day."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError
from tests.harness.rsp import frame

EXIT_STATUS = (0x10 << 1) | 1


def arguments(frame: dict) -> dict[str, str]:
    return {argument["name"]: argument["value"] for argument in frame["args"]}


class TestDemo64(RingsideTest):
    def start(self, append: str = "rounds=20"):
        return self.attached("demo64", f"--append={append}")

    def stopped_in(self, location: str, append: str = "rounds=20"):
        """Attached, and stopped at a breakpoint that is then deleted."""
        vm, gdb = self.start(append)
        gdb.console(f"break {location}")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        gdb.console("delete")
        return vm, gdb

    def run_to_end(self, vm, gdb):
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    # ---- Stopping

    def test_break_and_backtrace_with_arguments(self):
        vm, gdb = self.stopped_in("step if number == 3")
        frames = gdb.command("-stack-list-frames")["stack"]
        assert [frame["func"] for frame in frames[:2]] == ["step", "task_main"]
        shown = gdb.command("-stack-list-arguments 1")["stack-args"]
        assert arguments(shown[0])["number"] == "3"
        self.run_to_end(vm, gdb)

    def test_a_condition_stops_only_where_it_holds(self):
        vm, gdb = self.start()
        gdb.console("break mix if value == 25")
        stop = gdb.run("continue")
        self.assert_breakpoint(stop, "mix")
        assert arguments(stop["frame"])["value"] == "25"
        gdb.console("delete")
        self.run_to_end(vm, gdb)

    def test_a_condition_can_ask_for_an_address_space_and_a_privilege_level(self):
        """It is evaluated where the breakpoint is hit: hits that do not stop are counted there."""
        vm, gdb = self.stopped_in("run_scheduler")
        cr3 = gdb.integer("$cr3")  # gdb compares such a register itself, unless it is a number
        gdb.console("break mix if (long)$cr3 != %d || ($cs & 3) == 3" % cr3)
        gdb.console("break report_round if (long)$cr3 == %d && ($cs & 3) == 0 && round == 3" % cr3)
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.console("info breakpoints").count("(target evals)") == 2
        assert re.search(r"hit [1-9](?s:.*)hit 3 times", gdb.console("monitor breakpoints"))
        gdb.console("delete")
        self.run_to_end(vm, gdb)

    def test_watch_shows_the_old_and_the_new_value(self):
        vm, gdb = self.stopped_in("run_scheduler")
        gdb.console("watch rounds_done")
        for old, new in ((0, 1), (1, 2)):
            stop = gdb.run("continue", seconds=240)
            assert stop["reason"] == "watchpoint-trigger"
            assert stop["value"] == {"old": str(old), "new": str(new)}
            self.assert_stopped_in(stop, "run_scheduler")

    def test_rwatch_stops_at_a_read(self):
        vm, gdb = self.stopped_in("run_scheduler")
        gdb.console("rwatch total_consumed")
        stop = gdb.run("continue", seconds=240)
        assert stop["reason"] in ("read-watchpoint-trigger", "access-watchpoint-trigger")

    def test_hardware_breakpoint(self):
        vm, gdb = self.start()
        gdb.console("hbreak on_timer_interrupt")
        self.assert_breakpoint(gdb.run("continue"), "on_timer_interrupt")
        assert "wait_for_next_tick" in gdb.console("bt")
        gdb.console("delete")
        self.run_to_end(vm, gdb)

    def test_ignored_hits_are_counted(self):
        _, gdb = self.start()
        gdb.console("break report_round")
        gdb.console("ignore 1 4")
        stop = gdb.run("continue")
        assert arguments(stop["frame"])["round"] == "5"

    def test_a_page_fault_is_no_trouble(self):
        _, gdb = self.stopped_in("on_page_fault")
        assert "touch_demand_page" in gdb.console("bt")
        assert gdb.integer("$cr2") >> 32 == 0x4000

    def test_ctrl_c_stops_a_guest_that_sleeps_or_works(self):
        _, gdb = self.start("rounds=0")
        gdb.start("continue")
        stop = gdb.interrupt()
        assert (stop["reason"], stop["signal-name"]) == ("signal-received", "SIGINT")

    @pytest.mark.parametrize("end", ("spin", "halt"))
    def test_ctrl_c_stops_a_tight_loop_and_a_halted_cpu(self, end):
        _, gdb = self.stopped_in(f"guest::{end}_forever", f"rounds=1 end={end}")
        gdb.start("continue")
        stop = gdb.interrupt()
        assert stop["signal-name"] == "SIGINT"
        assert f"{end}_forever" in gdb.console("bt")

    # ---- Stepping

    def test_next_goes_over_calls(self):
        _, gdb = self.stopped_in("report_round")
        self.assert_stopped_in(gdb.run("next"), "report_round")
        assert "round" in gdb.console("info args")

    def test_step_goes_into_calls_and_finish_out_of_them(self):
        _, gdb = self.stopped_in("step if number == 2")
        gdb.run("next")
        self.assert_stopped_in(gdb.run("step"), "produce")
        stop = gdb.run("finish")
        assert (stop["reason"], stop["return-value"]) == ("function-finished", "true")

    def test_until_and_stepi(self):
        _, gdb = self.stopped_in("step")
        before = gdb.integer("$pc")
        gdb.run("stepi")
        assert gdb.integer("$pc") != before
        gdb.run("nexti")

    def test_stepping_stays_with_the_code_while_the_timer_ticks(self):
        _, gdb = self.stopped_in("checksum")
        for _ in range(12):
            stop = gdb.run("next")
            assert "interrupt" not in stop["frame"]["func"]

    # ---- State

    def test_prints_structures(self):
        _, gdb = self.stopped_in("report_round if round == 3")
        assert gdb.evaluate("rounds_done") == "3"
        assert 'name = 0x' in gdb.evaluate("*task_list")
        assert '"producer"' in gdb.evaluate("task_list->name")
        assert gdb.evaluate("task_list->flags.priority") == "1"
        assert gdb.evaluate("task_list->next->kind") == "TaskKind::Consumer"

    def test_registers_are_listed_and_written(self):
        _, gdb = self.stopped_in("report_round")
        text = gdb.console("info registers")
        for name in ("rax", "rip", "eflags", "cs", "fs_base", "cr0", "cr3", "efer"):
            assert re.search(rf"(?m)^{name}\s", text)
        assert gdb.integer("$cr0") & (1 << 31) != 0
        assert re.search(r"LMA", gdb.evaluate("$efer"))
        gdb.console("set var $r15 = 0x123456789abcdef0")
        gdb.console("maint flush register-cache")
        assert gdb.integer("$r15") == 0x123456789abcdef0

    def test_vector_registers_are_written_and_read_back(self):
        _, gdb = self.stopped_in("report_round")
        gdb.console("set var $xmm3.v2_int64[1] = 0x1122334455667788")
        gdb.console("maint flush register-cache")
        assert gdb.integer("$xmm3.v2_int64[1]") == 0x1122334455667788

    def test_memory_that_is_written_changes_what_the_guest_does(self):
        vm, gdb = self.stopped_in("run_scheduler", "rounds=500")
        gdb.console("set var rounds = 2")
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS
        assert "round 2:" in vm.stdout.text()
        assert "round 3:" not in vm.stdout.text()

    def test_disassembly_shows_the_code_and_never_a_breakpoint(self):
        _, gdb = self.start()
        clean = gdb.console("x/6xb report_round")
        gdb.console("set breakpoint always-inserted on")
        gdb.console("break *report_round")
        assert gdb.console("x/6xb report_round") == clean
        assert "push" in gdb.console("x/i report_round")
        gdb.run("continue")
        assert gdb.console("x/6xb report_round") == clean

    def test_an_int3_of_the_guests_own_goes_to_the_guest(self):
        vm, gdb = self.stopped_in("run_scheduler")
        gdb.console("set var *(unsigned char*)&wake_sleepers = 0xcc")
        gdb.console("break report_round")  # so that there are breakpoints of the debugger's
        gdb.start("continue")
        vm.serial("unexpected interrupt 3,")  # the guest has no handler for it, and says so

    # ---- Leaving

    def test_detach_leaves_a_running_guest_without_breakpoints(self):
        vm, gdb = self.start()
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.console("detach")
        assert vm.wait() == EXIT_STATUS
        assert "round 20:" in vm.stdout.text()

    def test_a_second_session_finds_the_code_as_it_was(self):
        vm, gdb = self.start("rounds=0")
        clean = gdb.console("x/6xb report_round")
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.console("detach")
        again = self.gdb(self.guest("demo64"))
        again.connect(vm.port())
        assert again.console("x/6xb report_round") == clean
        again.console("break report_round")
        self.assert_breakpoint(again.run("continue"), "report_round")

    def test_a_client_that_dies_leaves_the_guest_running_and_clean(self):
        vm, gdb = self.start()
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.kill()
        assert vm.wait() == EXIT_STATUS

    def test_on_disconnect_pause_keeps_the_guest_for_the_next_client(self):
        vm, gdb = self.attached("demo64", "--append=rounds=20", "--on-disconnect=pause")
        gdb.console("break report_round if round == 2")
        gdb.run("continue")
        stopped_at = gdb.integer("$rip")
        gdb.kill()
        again = self.gdb(self.guest("demo64"))
        again.connect(vm.port())
        assert again.integer("$rip") == stopped_at
        self.run_to_end(vm, again)

    def test_detach_always_lets_the_guest_run(self):
        """Whatever is to happen when a client just vanishes; stopped or, by the packet itself, running."""
        for running in (False, True):
            vm, gdb = self.attached("demo64", "--append=rounds=20", "--on-disconnect=pause")
            gdb.console("break report_round if round == 2")
            gdb.run("continue")
            if not running:
                gdb.console("detach")
            else:
                gdb.console("delete")
                gdb.kill()
                client = self.client(vm)
                assert client.ask(b"?").startswith(b"T")
                client.send(frame(b"vCont;c") + frame(b"D"))
                assert client.receive() == b"OK"
            assert vm.wait() == EXIT_STATUS

    def test_on_disconnect_quit_ends_the_machine(self):
        vm, gdb = self.attached("demo64", "--append=rounds=0", "--on-disconnect=quit")
        gdb.kill()
        vm.wait()
        assert not vm.running()

    def test_kill_ends_the_machine(self):
        vm, gdb = self.start("rounds=0")
        gdb.console("kill")
        vm.wait()
        assert not vm.running()

    # ---- Registers

    def test_64_bit_code_in_a_32_bit_file(self):
        """Multiboot loaders want kernels wrapped so."""
        with tempfile.TemporaryDirectory(prefix="ringside-wrapped-") as folder:
            wrapped = Path(folder) / "demo32"
            subprocess.run(["objcopy", "-O", "elf32-i386", self.guest("demo64"), wrapped], check=True)
            vm = self.ringside(wrapped, "--append=rounds=20")
            gdb = self.gdb(self.guest("demo64"))
            gdb.connect(vm.port())
            gdb.console("break step")
            self.assert_breakpoint(gdb.run("continue"), "step")
            assert "i386:x86-64" in gdb.console("show architecture")


class TestBreakpointList(RingsideTest):
    def test_the_monitor_lists_at_a_stop_what_gdb_has_taken_out(self):
        _, gdb = self.attached("demo64", "--append=rounds=20")
        gdb.console("break report_round if round == 3")
        assert "There are no breakpoints" in gdb.console("monitor breakpoints")
        gdb.run("continue")
        assert re.search(r"^0x[0-9a-f]+ +software +by .* hit 3 times$", gdb.console("monitor breakpoints"), re.MULTILINE)
        gdb.run("next")
        gdb.console("condition 1 round == 4")
        gdb.run("continue")
        assert "hit 4 times" in gdb.console("monitor breakpoints")


class TestDeadVcpu(RingsideTest):
    def test_its_registers_are_not_written(self):
        """gdb's `unwindonsignal` would show what the vCPU does not have."""
        _, gdb = self.attached("demo64", "--append=rounds=1 end=triple")
        gdb.run("continue")
        at = gdb.integer("$pc")
        with pytest.raises(GdbError, match="cannot run on"):
            gdb.console("set $rax = 0x1234")
        assert gdb.integer("$pc") == at


class TestSteppingOptions(RingsideTest):
    def test_interrupts_during_a_step(self):
        _, gdb = self.attached("demo64")
        assert "lets the guest take interrupts" in gdb.console("monitor step irq on")
        answer = gdb.console("monitor step irq off")
        assert re.search("blocks the guest's interrupts|cannot block interrupts", answer)
        assert "Usage" in gdb.console("monitor step irq perhaps")
