"""Recordings: where a journey stops, what of the machine's own output and devices goes back, and clients that do not wait."""

import json
import re

from tests.harness.case import RingsideTest


class TestConditions(RingsideTest):
    """Conditions that the stub evaluates, on the way back and forward again."""

    def recorded(self):
        _, gdb = self.attached("demo64")
        gdb.console("set breakpoint condition-evaluation target")
        gdb.console("monitor record on 64M")
        gdb.console("break report_round if round == 4")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console("delete")
        return gdb

    def test_a_breakpoint_stops_where_it_holds(self):
        gdb = self.recorded()
        gdb.console("break report_round if round == 2")
        self.assert_breakpoint(gdb.run("reverse-continue"), "report_round")
        assert gdb.integer("round") == 2
        gdb.console("delete")
        gdb.console("break report_round if round == 3")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.integer("round") == 3

    def test_a_watchpoint_stops_where_it_holds(self):
        gdb = self.recorded()
        gdb.console("watch rounds_done if rounds_done == 1")
        stop = gdb.run("reverse-continue")
        assert stop["reason"] == "watchpoint-trigger", stop
        assert gdb.integer("rounds_done") == 1

    def test_a_breakpoint_that_never_held_is_not_hit(self):
        gdb = self.recorded()
        gdb.console("break report_round if round == 5")
        gdb.run("reverse-continue")
        assert "No more reverse-execution history" in gdb.printed()

    def test_a_step_back_goes_into_the_function_that_has_returned(self):
        gdb = self.recorded()
        gdb.run("reverse-finish")
        for _ in range(20):
            gdb.run("reverse-step")
            if "run_scheduler" not in gdb.console("frame"):
                break
        assert "run_scheduler" in gdb.console("backtrace")
        assert "run_scheduler" not in gdb.console("frame")


class TestTheOutside(RingsideTest):
    """Output that has left the machine stays outside; the device goes back."""

    def test_output_is_written_once(self):
        vm, gdb = self.attached("demo64", "--append=rounds=3")
        assert "not what has left the machine" in gdb.console("monitor record on 256M").replace("\n", " ")
        gdb.console("break guest::debug_exit")
        self.assert_breakpoint(gdb.run("continue"), "debug_exit")
        written = vm.stdout.text()
        assert re.findall(r"(?m)^round (\d)", written) == ["1", "2", "3"]
        gdb.console("monitor goto start")
        gdb.console("maintenance flush register-cache")
        self.assert_breakpoint(gdb.run("continue"), "debug_exit")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33
        assert vm.stdout.text() == written

    def devices_that_changed(self, gdb) -> set[str]:
        return {row["name"] for row in json.loads(gdb.console("monitor snapshot diff first --json"))["devices"]}

    def test_a_device_goes_back_over_an_out(self):
        _, gdb = self.attached("demo64")
        gdb.console("monitor snapshot save first")
        gdb.console("monitor record on 64M")
        gdb.console("break report_round")
        gdb.run("continue")
        there = self.devices_that_changed(gdb)
        assert "serial" in there, there
        gdb.console("monitor goto start")
        assert "serial" not in self.devices_that_changed(gdb)
        gdb.console("monitor goto end")
        assert "serial" in self.devices_that_changed(gdb)


class TestTheLastOfIt(RingsideTest):
    def test_of_a_long_run_the_end_is_kept(self):
        vm = self.ringside(self.guest("demo64"), "--record-last=512K", "--append=rounds=6 end=triple", wait=False)
        vm.stderr.wait_for("The guest stays stopped there")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        status = gdb.console("monitor record status")
        assert int(re.search(r"first (\d+) steps have been dropped", status)[1]) > 0
        assert int(re.search(r"in (\d+) KiB of 512 KiB", status)[1]) <= 512
        gdb.console("break end")
        self.assert_breakpoint(gdb.run("reverse-continue"), "end")
        assert gdb.integer("rounds_done") == 6


class TestClientsThatLeave(RingsideTest):
    def test_the_next_one_finds_the_present(self):
        vm, gdb = self.attached("demo64", "--on-disconnect=pause")
        for number in (3, 6):
            gdb.console("monitor record on 64M")
            gdb.console(f"break report_round if round == {number}")
            self.assert_breakpoint(gdb.run("continue"), "report_round")
            gdb.console("delete")
            present = gdb.integer("$pc")
            gdb.start("reverse-continue")
            gdb.kill()
            gdb = self.gdb(self.guest("demo64"))
            gdb.connect(vm.port())
            assert gdb.integer("$pc") == present
            assert gdb.integer("rounds_done") == number
            assert "There is no recording" in gdb.console("monitor record status")
