"""Clients that break the protocol, disconnect in the middle, or connect twice: the VM keeps running and serves the next one."""

import re
import socket

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError
from tests.harness.rsp import INTERRUPT, frame

pytestmark = pytest.mark.sample


class TestHostileClient(RingsideTest):
    def start(self):
        return self.ringside(self.guest("demo64"), "--append=rounds=0")

    def assert_alive(self, vm) -> None:
        """A gdb that comes now finds everything in order."""
        assert vm.running()
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")

    def connect_and_send(self, vm, *each: bytes) -> None:
        """A client for each, which does nothing else."""
        for data in each:
            client = self.client(vm)
            client.send(data)
            client.close()

    def test_noise(self):
        vm = self.start()
        self.connect_and_send(vm, bytes(range(256)) * 64)
        self.assert_alive(vm)

    def test_a_port_that_is_only_probed_leaves_a_held_guest_held(self):
        vm = self.start()
        self.connect_and_send(vm, b"", b"GET / HTTP/1.0\r\n\r\n", b"+", b"\x03", b"$?#")
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        assert gdb.integer("$rip") == gdb.integer("(unsigned long)pvh_entry")

    def test_an_idle_connection_neither_stops_the_guest_nor_keeps_others_out(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=0", wait=False)
        vm.serial("round 1:")
        self.client(vm)  # and it says nothing
        vm.serial("round 9:")
        self.assert_alive(vm)

    def test_noise_and_then_reason(self):
        vm = self.start()
        client = self.client(vm)
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n++--++")
        assert client.ask(b"?").startswith(b"T")

    def test_malformed_packets_get_an_error_or_the_empty_reply(self):
        client = self.client(self.start())
        client.ask(b"?")
        for payload in (b"m", b"m,", b"mzz,1", b"m0,", b"m0,ffffffffffffffffff", b"M0,4:12", b"X0,4:1", b"p", b"pzzzz",
                        b"P0", b"P0=zz", b"G00", b"Hg", b"Hgzz", b"Tzz", b"T7fffffff", b"Z", b"Z9,0,1", b"Z0,,", b"z0",
                        b"vCont;", b"vCont;q", b"vCont;r", b"vCont;r5,", b"qXfer:features:read:target.xml:zz,1",
                        b"qXfer:features:read:absent:0,100", b"qRcmd,zz", b"qRcmd,1", b"qNoSuchThing", b"vNoSuchThing",
                        b"\x00", b"\xff\xfe", b"}", b"{", b"m-1,4", b"mffffffffffffffff,ffffffff"):
            reply = client.ask(payload)
            assert re.search(rb"^(E[0-9a-f]{2}.*|E\..*|)$", reply), payload
        assert client.ask(b"?").startswith(b"T")

    def test_a_wrong_checksum_is_refused_and_the_right_one_taken(self):
        client = self.client(self.start())
        client.send(b"$?#00")
        client.socket.settimeout(30)
        assert b"-" in client.socket.recv(1)
        assert client.ask(b"?").startswith(b"T")

    def test_an_oversized_packet(self):
        vm = self.start()
        client = self.client(vm)
        try:
            client.send(b"$")
            for _ in range(64):
                client.send(b"m" * (1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass  # hanging up on this is fine, too
        client.close()
        self.assert_alive(vm)

    def test_a_client_that_closes_in_the_middle_of_a_packet(self):
        vm = self.start()
        self.connect_and_send(vm, b"$", b"$m0,", b"$m0,10#", b"$m0,10#a", b"$X0,400:abc")
        self.assert_alive(vm)

    def test_a_client_that_resets_the_connection_while_the_guest_runs(self):
        vm = self.start()
        client = self.client(vm)
        client.ask(b"?")
        client.send(frame(b"vCont;c"))
        vm.serial("round 1:")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with RST
        client.close()
        self.assert_alive(vm)

    def test_a_client_that_does_not_read_its_replies(self):
        vm = self.start()
        client = self.client(vm)
        client.socket.setblocking(False)
        try:
            for _ in range(20000):
                client.send(frame(b"m100000,1000"))
        except BlockingIOError:
            pass
        client.close()
        self.assert_alive(vm)

    def test_a_second_client_is_turned_away_or_waits(self):
        vm = self.start()
        first, second = self.client(vm), self.client(vm)
        assert first.ask(b"?").startswith(b"T")
        second.send(frame(b"?"))
        assert first.ask(b"?").startswith(b"T"), "the first one is still served"
        first.close()
        second.close()
        self.assert_alive(vm)

    def test_gdb_says_why_it_must_wait(self):
        vm = self.start()
        assert self.client(vm).ask(b"?").startswith(b"T")
        gdb = self.gdb(self.guest("demo64"))
        with pytest.raises(GdbError):
            gdb.connect(vm.port())
        assert "another debugger (127.0.0.1:" in gdb.transcript()

    def test_interrupts_at_any_time(self):
        vm = self.start()
        client = self.client(vm)
        client.send(INTERRUPT * 3)
        assert client.ask(b"?").startswith(b"T")
        client.send(frame(b"vCont;c"))
        client.send(INTERRUPT)
        assert re.search(rb"^T0[25]", client.receive())

    def test_unknown_v_packets_get_the_empty_reply(self):
        assert self.client(self.start()).ask(b"vMustReplyEmpty") == b""
