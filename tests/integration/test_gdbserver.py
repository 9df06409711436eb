"""`gdbserver`: a machine that was started without --gdb is served to a debugger later."""

import re

import pytest

from tests.harness.case import RingsideTest


class TestGdbserver(RingsideTest):
    @pytest.fixture(autouse=True)
    def machine(self, clean_up) -> None:
        self.vm = self.ringside(self.guest("demo64"), "--append=rounds=0", f"--control=unix:{self.control}", gdb=None)
        self.vm.serial("round 1:")

    def serve(self) -> str:
        """Where gdb finds the machine, on a port that the system chooses."""
        answer = self.ctl("gdbserver tcp:127.0.0.1:0")
        return re.fullmatch(r"A debugger can attach at (tcp:\S+:[1-9]\d*), as by `target remote \1`\.\n", answer).group(1)

    def assert_debugs(self, gdb) -> None:
        rounds = gdb.integer("rounds_done")
        assert rounds >= 1
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert "run_scheduler" in gdb.console("bt")
        gdb.console("delete")

    def test_tcp_with_a_port_of_the_systems_choice(self):
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect_to(self.serve())
        self.assert_debugs(gdb)
        assert "a debugger is already served at tcp:127.0.0.1:" in gdb.console("monitor gdbserver")
        assert "gdbserver: a debugger is attached. Detach it first" in gdb.console("monitor gdbserver none")
        rounds = gdb.integer("rounds_done")
        gdb.console("detach")
        self.vm.serial(f"round {rounds + 2}:")

    def test_a_unix_socket(self):
        path = self.folder / "gdb"
        assert f"as by `target remote {path}`" in self.ctl(f"gdbserver unix:{path}")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect_to(str(path))
        self.assert_debugs(gdb)

    def test_a_guest_that_was_stopped_before(self):
        self.ctl("stop")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect_to(self.serve())
        self.assert_debugs(gdb)

    def test_none_ends_it_and_another_follows(self):
        assert self.ctl("gdbserver none") == "No debugger is served.\n"
        path = self.folder / "gdb"
        self.ctl(f"gdbserver unix:{path}")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect_to(str(path))
        assert "Detach it first" in self.ctl("gdbserver none", refused=True)
        gdb.console("detach")
        assert self.ctl("gdbserver none") == f"No debugger is served at unix:{path} any more.\n"
        assert not path.exists()
        again = self.gdb(self.guest("demo64"))
        again.connect_to(self.serve())
        self.assert_debugs(again)

    def test_one_at_a_time(self):
        where = self.serve()
        assert f"a debugger is already served at {where}. `gdbserver none` closes it" in self.ctl("gdbserver tcp:127.0.0.1:0", refused=True)

    def test_endpoints_that_cannot_be(self):
        (self.folder / "file").write_text("")
        for endpoint, why in [("nonsense", "bad endpoint 'nonsense': the port must be a number from 0 to 65535"),
                              ("tcp:127.0.0.1:65536", "the port must be a number"), ("unix:", "no path is given"),
                              ("stdio", "stdin and stdout cannot be used for this while the machine runs"),
                              (f"unix:{self.folder}/file", "a file or another server is there"),
                              (f"unix:{self.folder}/none/gdb", "its directory does not exist"),
                              (f"unix:{self.folder}/{'x' * 100}", "the path is too long"),
                              ("serial:/dev/null", "cannot use /dev/null for the debugger: Inappropriate ioctl for device; it is neither a terminal"),
                              ("tcp:0 tcp:1", '"tcp:1" is one too many')]:
            assert why in self.ctl(f"gdbserver {endpoint}", refused=True), endpoint
        assert self.ctl("gdbserver none") == "No debugger is served.\n"
        self.assert_debugs(self.attached_gdb())

    def attached_gdb(self):
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect_to(self.serve())
        return gdb
