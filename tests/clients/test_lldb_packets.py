"""What newer LLDBs than Debian's send, by its packets."""

import json
import re
import subprocess

import pytest

from tests.clients.lldb import Lldb
from tests.clients.lldb_versions import VERSIONS, LldbVersion
from tests.harness.case import RingsideTest
from tests.harness.rsp import RspClient, frame

FEATURES = b"qSupported:xmlRegisters=i386,arm,mips,arc;multiprocess+;fork-events+;vfork-events+"
RIP = 16


class PacketTest(RingsideTest):
    def greeted(self, *options: object) -> RspClient:
        """A client that has greeted as LLDB does."""
        client = self.client(self.ringside(self.guest("demo64"), *options))
        assert client.ask(b"QStartNoAckMode") == b"OK"
        self.features = client.ask(FEATURES).split(b";")
        for packet in (b"QThreadSuffixSupported", b"QListThreadsInStopReply", b"QEnableErrorStrings"):
            assert client.ask(packet) == b"OK"
        assert client.ask(b"?").startswith(b"T05")
        return client


class TestReverse(PacketTest):
    """`process continue --reverse`, which came after LLDB 19."""

    def address(self, function: str) -> int:
        names = subprocess.run(["nm", "-C", self.guest("demo64")], capture_output=True, text=True, check=True).stdout
        return int(re.search(rf"(?m)^([0-9a-f]+) [tT] (?:\(anonymous namespace\)::)?{function}\(", names)[1], 16)

    def rip(self, client: RspClient) -> int:
        return int.from_bytes(bytes.fromhex(client.ask(b"p%x;thread:1;" % RIP).decode()), "little")

    def resume(self, client: RspClient, packet: bytes) -> bytes:
        client.send(frame(packet))
        return client.receive()

    def test_goes_back_to_a_breakpoint_and_to_the_beginning(self):
        client = self.greeted("--record")
        assert {b"ReverseContinue+", b"ReverseStep+"} <= set(self.features)
        start = self.rip(client)
        report, step = self.address("report_round"), self.address("step")
        assert client.ask(b"Z0,%x,1" % report) == b"OK"
        assert self.resume(client, b"vCont;c").startswith(b"T05")
        assert self.rip(client) == report
        assert client.ask(b"Z0,%x,1" % step) == b"OK"
        assert client.ask(b"Hc-1") == b"OK"
        assert b"replaylog" not in self.resume(client, b"bc")
        assert self.rip(client) == step
        assert client.ask(b"z0,%x,1" % step) == b"OK"
        assert self.resume(client, b"vCont;s:1").startswith(b"T05")
        assert self.rip(client) != step
        self.resume(client, b"bs")
        assert self.rip(client) == step
        assert b"replaylog:begin;" in self.resume(client, b"bc")
        assert self.rip(client) == start

    def test_says_why_it_does_not_go_back_where_nothing_is_recorded(self):
        client = self.greeted()
        said = self.resume(client, b"bc")
        assert b"Nothing is recorded" in bytes.fromhex(said.removeprefix(b"O").decode())
        assert b"replaylog:begin;" in client.receive()

    @pytest.mark.parametrize("version", VERSIONS)
    def test_no_version_here_has_the_option(self, version):
        vm = self.ringside(self.guest("demo64"), "--record")
        client = self.keep(Lldb(LldbVersion(version), self.guest("demo64")))
        client.connect(vm.port())
        assert "unknown or ambiguous option" in client.command("process continue --reverse")


class TestSeveralAtOnce(PacketTest):
    """Packets that read several ranges or set several breakpoints, which came after LLDB 19."""

    def symbols(self) -> dict[str, int]:
        names = subprocess.run(["nm", self.guest("demo64")], capture_output=True, text=True, check=True).stdout
        return {name: int(address, 16) for address, _, name in (line.split() for line in names.splitlines())}

    def test_reads_what_single_packets_read(self):
        client = self.greeted()
        assert b"MultiMemRead+" in self.features
        start = self.symbols()["pvh_entry"]
        single = [bytes.fromhex(client.ask(b"m%x,%x" % place).decode()) for place in ((start, 8), (start + 16, 4))]
        counts, _, data = client.ask(b"MultiMemRead:ranges:%x,8,%x,4,ffffffff00000000,4;" % (start, start + 16)).partition(b";")
        assert counts == b"8,4,0"
        assert re.sub(rb"}(.)", lambda escaped: bytes([escaped[1][0] ^ 0x20]), data) == b"".join(single)

    def test_reads_physical_memory(self):
        client = self.greeted()
        assert b"address-spaces+" in self.features
        spaces = client.ask(b"jAddressSpacesInfo").replace(b"}]", b"}")
        assert json.loads(spaces) == [{"name": "physical", "space_id": 1, "is_thread_specific": False}]
        start = self.symbols()["pvh_entry"]
        assert client.ask(b"m%x,8;address_space:1;" % start) == client.ask(b"m%x,8" % start)
        assert client.ask(b"m%x,8;address_space:7;" % start).startswith(b"E16;")
        assert client.ask(b"qqemu.PhyMemMode") == b"0"

    def test_sets_breakpoints_that_are_hit(self):
        client = self.greeted()
        assert b"jMultiBreakpoint+" in self.features
        entry = self.symbols()["long_mode_entry"]
        request = b'jMultiBreakpoint:{"breakpoint_requests":["Z1,%x,1","Z0,12","Z9,0,1"]}\x5d' % entry
        results = client.ask(request)
        assert re.fullmatch(rb'{"results":\["OK","E16;[0-9a-f]+",""\]}]', results), results
        client.send(frame(b"vCont;c"))
        assert client.receive().startswith(b"T05")
        assert int.from_bytes(bytes.fromhex(client.ask(b"p%x;thread:1;" % RIP).decode()), "little") == entry

