"""Commands that run where a breakpoint is hit, next to the guest: gdb's dprintf in agent style."""

import re

from tests.harness.case import RingsideTest

EXIT_STATUS = (0x10 << 1) | 1


class TestAgentCommands(RingsideTest):
    def start(self):
        vm, gdb = self.attached("demo64", "--append=rounds=2")
        gdb.console("set dprintf-style agent")
        return vm, gdb

    def test_dprintf_prints_and_does_not_stop(self):
        vm, gdb = self.start()
        gdb.console(r'dprintf report_round,"round=%d\n",round')
        gdb.start("continue")
        printed = self.printed_until_exit(gdb)
        assert re.findall(r"^round=(\d+)$", printed, re.MULTILINE) == ["1", "2"]
        assert vm.wait() == EXIT_STATUS

    def test_a_condition_chooses_what_is_printed(self):
        vm, gdb = self.start()
        gdb.console(r'dprintf report_round,"round=%d\n",round')
        gdb.console("condition 1 round == 2")
        gdb.start("continue")
        assert re.findall(r"round=(\d+)", self.printed_until_exit(gdb)) == ["2"]
        assert vm.wait() == EXIT_STATUS

    def test_a_breakpoint_elsewhere_still_stops(self):
        _, gdb = self.start()
        gdb.console(r'dprintf report_round,"round=%d\n",round')
        gdb.console("break report_round if round == 2")
        self.assert_breakpoint(gdb.run("continue"), "report_round")

    def test_what_cannot_be_read_is_reported_and_the_guest_runs_on(self):
        vm, gdb = self.start()
        gdb.console(r'dprintf report_round,"%d\n",*(int*)0xffff000000000000')
        gdb.start("continue")
        assert "failed: memory cannot be read" in self.printed_until_exit(gdb)
        assert vm.wait() == EXIT_STATUS

    def lost(self, *settings: str):
        """A guest that runs past a dprintf forever, after its gdb has died."""
        vm, gdb = self.attached("demo64", "--log-level=info")
        for setting in ("dprintf-style agent", *settings):
            gdb.console(f"set {setting}")
        gdb.console(r'dprintf report_round,"round=%d\n",round')
        gdb.start("continue")
        vm.serial("round 2:")
        gdb.kill()
        return vm

    def attach_again(self, vm):
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        return gdb

    def test_dprintf_goes_on_in_the_log_when_gdb_is_lost(self):
        vm = self.lost()
        vm.stderr.wait_for(r"(?s)round=\d+\n.*round=\d+\n.*round=\d+\n")

    def test_the_next_client_finds_no_breakpoint_of_the_last(self):
        vm = self.lost()
        vm.stderr.wait_for(r"round=\d+")
        gdb = self.attach_again(vm)
        assert "There are no breakpoints" in gdb.console("monitor breakpoints")
        gdb.console("tbreak report_round")
        gdb.run("continue")
        assert not re.search(r"^round=", gdb.printed(), re.MULTILINE)

    def test_nothing_goes_on_if_gdb_does_not_want_it(self):
        vm = self.lost("disconnected-dprintf off")
        gdb = self.attach_again(vm)  # by then the last client has been let go
        printed = vm.stderr.text().count("round=")
        gdb.console("tbreak report_round")
        gdb.run("continue")
        gdb.console("detach")
        round_now = int(re.findall(r"round (\d+):", vm.stdout.text())[-1])
        vm.serial(f"round {round_now + 5}:")
        assert vm.stderr.text().count("round=") == printed

    @staticmethod
    def printed_until_exit(gdb) -> str:
        """gdb's console while the guest runs to its end."""
        stop = gdb.wait_stop(120)
        assert stop["reason"].startswith("exited"), stop
        return gdb.printed()
