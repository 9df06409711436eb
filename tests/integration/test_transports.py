"""The ways in which a gdb can reach a guest."""

import shlex
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside
from tests.harness.timeouts import FACTOR

pytestmark = pytest.mark.sample


class TestTransports(RingsideTest):
    def use(self, gdb) -> None:
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert "run_scheduler" in gdb.console("bt")

    def test_tcp_listens_on_loopback_alone(self):
        vm = self.ringside(self.guest("demo64"))
        port = vm.port()
        listening = Path(f"/proc/{vm.pid}/net/tcp").read_text(encoding="ascii")
        assert f"0100007F:{port:04X} 00000000:0000 0A" in listening

    def test_stdio_under_target_remote_pipe(self):
        gdb = self.gdb(self.guest("demo64"))
        command = shlex.join([str(paths.RINGSIDE), "run", "-m", "64M", "--gdb=stdio", "--serial", "none",
                              str(self.guest("demo64"))])
        gdb.connect_to(f"| {command}")
        self.use(gdb)

    def test_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "socket")
            vm = self.ringside(self.guest("demo64"), gdb=f"unix:{path}")
            vm.stderr.wait_for("gdb: listening on unix:")
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert path.stat().st_mode & 0o077 == 0, "only its owner may use it"
            gdb = self.gdb(self.guest("demo64"))
            gdb.connect_to(str(path))
            self.use(gdb)

    def test_qemus_habits(self):
        vm = self.keep(Ringside("run", "-S", "--gdb=tcp:127.0.0.1:0", self.guest("demo64")))
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        self.use(gdb)

    def test_attaching_to_a_running_guest_stops_it(self):
        vm = self.ringside(self.guest("demo64"), wait=False)
        vm.serial("round 1:")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        assert gdb.integer("rounds_done") >= 1
        self.use(gdb)

    def test_ringside_gdb_brings_its_own_gdb(self):
        done = subprocess.run(
            [paths.RINGSIDE, "gdb", "-m", "64M", self.guest("demo64"), "--", "-nx", "-batch", "-ex", "break report_round",
             "-ex", "continue", "-ex", "bt", "-ex", "kill"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120 * FACTOR, check=False)
        assert "#1" in done.stdout, done.stdout + done.stderr
        assert "run_scheduler" in done.stdout
