"""What newer LLDBs than Debian's send, by its packets."""

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
    """Packets that read several ranges or set several breakpoints. They are not offered, so that LLDB sends single packets. A client
    that sends one all the same learns that it was not obeyed."""

    def test_one_that_sets_breakpoints_is_unknown(self):
        client = self.greeted()
        assert b"jMultiBreakpoint+" not in self.features
        # In RSP a closing brace escapes the next byte.
        assert client.ask(b'jMultiBreakpoint:{"breakpoint_requests":["Z0,100000,1"]}\x5d') == b""

    def test_one_that_reads_is_an_error(self):
        """It begins as a write of memory does, M, and is none."""
        client = self.greeted()
        assert b"MultiMemRead+" not in self.features
        assert client.ask(b"MultiMemRead:ranges:100000,4,200000,4;").startswith(b"E16;")
