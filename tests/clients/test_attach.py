"""How clients come: two at once, after a probe of the port, again and again, from another architecture, and without any features."""

import re
import threading
from collections.abc import Callable

import pytest

from tests.clients.lldb import Lldb
from tests.clients.lldb_versions import VERSIONS, LldbVersion
from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError, GdbSession
from tests.harness.ringside import Ringside

REFUSAL = "another debugger (127.0.0.1:"


class ClientTest(RingsideTest):
    def start(self, *options: object) -> Ringside:
        return self.ringside(self.guest("demo64"), "--append=rounds=0", *options)

    def gdb_attaches(self, vm: Ringside) -> GdbSession:
        """A gdb that comes now, and what it can do."""
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        return gdb

    def lldb_attaches(self, vm: Ringside, version: int) -> Lldb:
        client = self.keep(Lldb(LldbVersion(version), self.guest("demo64")))
        client.connect(vm.port())
        client.command("breakpoint set --name report_round")
        assert "stop reason = breakpoint 1.1" in client.command("continue")
        return client


class TestRaces(ClientTest):
    def at_once(self, *attach: Callable[[], str]) -> list[str]:
        """What several clients say that attach at the same time."""
        said = [""] * len(attach)
        together = threading.Barrier(len(attach))

        def run(number: int) -> None:
            together.wait()
            said[number] = attach[number]()

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(attach))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return said

    def test_one_of_two_gdbs_attaches(self):
        vm = self.start()
        clients = [self.gdb(self.guest("demo64")) for _ in range(2)]
        said = self.at_once(*(lambda gdb=gdb: attach(gdb, vm) for gdb in clients))
        assert sorted(said) == ["attached", "refused"]
        first, second = clients[said.index("attached")], clients[said.index("refused")]
        assert REFUSAL in second.transcript()
        first.console("detach")
        second.connect(vm.port())
        assert second.integer("$rip")

    @pytest.mark.parametrize("version", VERSIONS)
    def test_one_of_a_gdb_and_an_lldb_attaches(self, version):
        vm = self.start()
        gdb, lldb = self.gdb(self.guest("demo64")), self.keep(Lldb(LldbVersion(version), self.guest("demo64")))
        said = self.at_once(lambda: attach(gdb, vm), lambda: lldb.connect(vm.port()))
        if said[0] == "refused":
            assert "stop reason" in said[1]
        else:
            assert "Connection shut down by remote side" in said[1]

    @pytest.mark.parametrize("version", VERSIONS)
    def test_an_lldb_that_comes_second_says_so_at_once(self, version):
        vm = self.start()
        first = self.gdb_attaches(vm)
        second = self.keep(Lldb(LldbVersion(version), self.guest("demo64")))
        assert "Connection shut down by remote side" in second.connect(vm.port())
        first.console("detach")
        assert "stop reason" in second.connect(vm.port())


def attach(gdb: GdbSession, vm: Ringside) -> str:
    try:
        gdb.connect(vm.port())
    except GdbError:
        return "refused"
    return "attached"


class TestProbes(ClientTest):
    """An IDE that checks whether something listens before it starts its debugger."""

    @pytest.mark.parametrize("version", VERSIONS)
    def test_lldb_after_probes(self, version):
        vm = self.start()
        for _ in range(3):
            self.client(vm).close()
        client = self.keep(Lldb(LldbVersion(version), self.guest("demo64")))
        client.connect(vm.port())
        assert client.python("thread.frames[0].GetFunctionName()") == "pvh_entry"

    def test_a_probe_during_a_session_leaves_it_alone(self):
        vm = self.start()
        gdb = self.gdb_attaches(vm)
        for _ in range(3):
            self.client(vm).close()
        self.assert_breakpoint(gdb.run("continue"), "report_round")


class TestReconnecting(ClientTest):
    """An IDE whose debugger has died starts another at once."""

    def test_gdb_after_gdb(self):
        vm = self.start()
        for _ in range(5):
            self.gdb_attaches(vm).kill()

    def test_gdb_after_gdb_finds_a_fresh_guest_if_asked_to(self):
        vm = self.start("--on-disconnect=restart")
        for _ in range(5):
            gdb = self.gdb_attaches(vm)
            assert gdb.integer("round") == 1
            gdb.kill()

    @pytest.mark.parametrize("version", VERSIONS)
    def test_lldb_after_lldb(self, version):
        vm = self.start()
        for _ in range(2):
            self.lldb_attaches(vm, version).kill()


class TestStrangers(ClientTest):
    def test_a_gdb_that_was_set_to_another_architecture(self):
        """The target's description counts: gdb goes over to it."""
        vm = self.start()
        gdb = self.gdb()
        gdb.console("set architecture i8086")
        gdb.connect(vm.port())
        assert gdb.integer("$rip") == gdb.integer("$pc")

    @pytest.mark.parametrize("version", VERSIONS)
    def test_an_lldb_with_a_file_of_another_architecture(self, version):
        """LLDB drops the file, and debugs the machine as what it is."""
        vm = self.start()
        foreign = self.folder / "foreign"
        foreign.write_bytes(arm(self.guest("demo64").read_bytes()))
        client = self.keep(Lldb(LldbVersion(version), foreign))
        client.connect(vm.port())
        assert "x86_64" in client.command("target list")
        assert re.search(r"rip = 0x[0-9a-f]+", client.command("register read rip"))

    def test_a_client_without_features(self):
        """No qSupported, or an empty one: the packets of old are enough to debug."""
        for first in (b"?", b"qSupported", b"qSupported:"):
            client = self.client(self.start())
            client.ask(first)
            assert re.match(rb"[TS]05", client.ask(b"?"))
            address = int.from_bytes(bytes.fromhex(client.ask(b"g").decode())[16 * 8:17 * 8], "little")
            code = client.ask(b"m%x,4" % address)
            assert re.fullmatch(rb"[0-9a-f]{8}", code)
            assert re.match(rb"[TS]05", client.ask(b"s"))
            assert client.ask(b"Z0,%x,1" % address) == b"OK"
            assert client.ask(b"z0,%x,1" % address) == b"OK"
            assert client.ask(b"m%x,4" % address) == code
            client.send(b"$c#63")
            client.send(b"\x03")
            assert re.match(rb"[TS]0[25]", client.receive())
            assert client.ask(b"D") == b"OK"


def arm(elf: bytes) -> bytes:
    """An ELF file, declared to be of AArch64."""
    return elf[:18] + (183).to_bytes(2, "little") + elf[20:]
