"""The base of the integration tests: what a test starts ends with it, and is shown if the test fails."""

import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.gdb import GdbSession
from tests.harness.ringside import Ringside
from tests.harness.rsp import RspClient


class RingsideTest:
    @pytest.fixture(autouse=True)
    def clean_up(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Fixtures of derived classes that start something ask for this one, so that they come after it."""
        self._started: list[Ringside | GdbSession] = []
        self._full_gdb = request.node.get_closest_marker("full_gdb") is not None
        with contextlib.ExitStack() as self.ends:  # tests register here what must end with them
            yield

    def diagnostics(self) -> str:
        """Added to the report of a failure (conftest.py)."""
        return "\n".join(thing.transcript() for thing in self._started)

    def keep(self, thing):
        """Closes `thing` at the end of the test and shows its transcript if the test fails."""
        self._started.append(thing)
        self.ends.callback(thing.close)
        return thing

    @functools.cached_property
    def folder(self) -> Path:
        """An empty folder. Its path is short enough for a socket in it, and other users can be let in."""
        return Path(self.ends.enter_context(tempfile.TemporaryDirectory(prefix="ringside-test-", ignore_cleanup_errors=True)))

    def guest(self, name: str) -> Path:
        """One of the project's guests, or its symbols."""
        return paths.GUESTS / name

    def copied(self, name: str) -> Path:
        """A kernel file that the test may change; at first it is the guest."""
        return Path(shutil.copy(self.guest(name), self.folder / "kernel"))

    def ringside(self, kernel: object, *options: object, **how: object) -> Ringside:
        return self.keep(Ringside.run(kernel, *options, **how))

    @property
    def control(self) -> Path:
        """The machine's control socket, where `--control` has asked for one."""
        return self.folder / "control"

    def ctl(self, command: str, refused: bool | None = False) -> str:
        """The machine's answer over its control socket; None: it may be a refusal."""
        client = self.keep(Ringside("ctl", self.control, *command.split()))
        status = client.wait()
        answer, complaint = client.stdout.text(), client.stderr.text()
        expected = (0, 1) if refused is None else (int(refused),)
        assert status in expected and "" in (answer, complaint), (command, status, answer, complaint)
        return complaint if status else answer

    def gdb(self, symbols: object = None) -> GdbSession:
        return self.keep(GdbSession(symbols, full=self._full_gdb))

    def source_script(self, gdb: GdbSession) -> None:
        """Makes the monitor's commands gdb's own. They are in Python: the test is marked full_gdb."""
        assert self._full_gdb
        script = self.folder / "ringside.py"
        assert "source" in gdb.console(f"monitor gdb-script {script}")
        gdb.console(f"source {script}")

    def attached(self, name: str, *options: object, symbols: str | None = None, **how: object) -> tuple[Ringside, GdbSession]:
        """One of the project's guests, stopped at its first instruction, and a gdb attached to it."""
        vm = self.ringside(self.guest(name), *options, **how)
        gdb = self.gdb(self.guest(symbols or name))
        gdb.connect(vm.port())
        return vm, gdb

    def with_code(self, code: list[int], *options: str) -> tuple[Ringside, GdbSession]:
        """demo64, about to execute the code in place of its function report_round, where $start is."""
        vm, gdb = self.attached("demo64", "--append=rounds=0", *options)
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console("delete")
        gdb.console(f"set {{unsigned char[{len(code)}]}}report_round = {{{', '.join(map(hex, code))}}}")
        gdb.console("set $pc = report_round")
        gdb.console("set $start = $pc")
        return vm, gdb

    def client(self, vm: Ringside) -> RspClient:
        client = RspClient(vm.port())
        self.ends.callback(client.close)
        return client

    def assert_stopped_in(self, stop: dict, function: str) -> None:
        """`function` without its namespaces."""
        assert stop.get("frame", {}).get("func", "").split("::")[-1] == function, stop

    def assert_breakpoint(self, stop: dict, function: str) -> None:
        assert stop.get("reason") == "breakpoint-hit", stop
        self.assert_stopped_in(stop, function)
