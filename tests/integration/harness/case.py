"""The base of the tests: what they start is ended with them, and shown when they fail."""

import unittest
from pathlib import Path

from tests.integration.harness import paths
from tests.integration.harness.gdb import GdbSession
from tests.integration.harness.ringside import Ringside
from tests.integration.harness.rsp import RspClient


class RingsideCase(unittest.TestCase):
    def setUp(self) -> None:
        self._started: list[Ringside | GdbSession] = []

    def diagnostics(self) -> str:
        """Said beside a failure."""
        return "\n".join(thing.transcript() for thing in self._started)

    def keep(self, thing):
        """Ends `thing` with the test and shows its transcript if the test fails."""
        self._started.append(thing)
        self.addCleanup(thing.close)
        return thing

    def guest(self, name: str) -> Path:
        """One of our kernels, or its symbols."""
        return paths.GUESTS / name

    def ringside(self, kernel: object, *options: object, **how: object) -> Ringside:
        return self.keep(Ringside.run(kernel, *options, **how))

    def gdb(self, symbols: object = None) -> GdbSession:
        return self.keep(GdbSession(symbols))

    def attached(self, name: str, *options: object, symbols: str | None = None) -> tuple[Ringside, GdbSession]:
        """A guest of ours held at its first instruction, and a gdb attached to it."""
        vm = self.ringside(self.guest(name), *options)
        gdb = self.gdb(self.guest(symbols or name))
        gdb.connect(vm.port())
        return vm, gdb

    def client(self, vm: Ringside) -> RspClient:
        client = RspClient(vm.port())
        self.addCleanup(client.close)
        return client

    def assert_stopped_in(self, stop: dict, function: str) -> None:
        """`function` without its namespaces."""
        self.assertEqual(stop.get("frame", {}).get("func", "").split("::")[-1], function, stop)

    def assert_breakpoint(self, stop: dict, function: str) -> None:
        self.assertEqual(stop.get("reason"), "breakpoint-hit", stop)
        self.assert_stopped_in(stop, function)
