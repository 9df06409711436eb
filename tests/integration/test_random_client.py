"""A client that does anything at any time, to a guest with four vCPUs that all run into its breakpoints."""

import os
import random

import pytest

from tests.harness.case import RingsideTest
from tests.harness.rsp import INTERRUPT, RspClient, frame

CPUS = 4
ACTIONS = int(os.environ.get("RINGSIDE_RANDOM_ACTIONS", "150"))
GREETING = b"qSupported:swbreak+;hwbreak+;qRelocInsn+;error-message+"
CONDITIONS = (b"", b";X3,220027", b";X3,220127")  # none, false, true
DPRINTF = b";cmds:1,Xc,2200220034000003780a0027"  # prints "x\n", also when its client has left


@pytest.mark.sample
class TestRandomClient(RingsideTest):
    @pytest.mark.parametrize("seed", [1, 2])
    def test_leaves_a_guest_that_works(self, seed):
        self.random = random.Random(seed)
        self.vm = self.ringside(self.guest("smp"), "--cpus", CPUS, f"--append=cpus={CPUS} rounds=0", "--on-disconnect", "resume")
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(self.vm.port())
        self.places = [gdb.integer(f"&{name}") for name in ("cpu_work", "count_shared", "work")]
        for cpu in range(CPUS):  # one that waits for SIPI takes no step
            gdb.console(f"tbreak cpu_work if cpu == {cpu}")
            gdb.run("continue")
        gdb.console("detach")
        self.attach()
        for _ in range(ACTIONS):
            self.random.choice((self.go, self.step, self.insert, self.remove, self.leave, self.look, self.trace, self.catch))()
        self.client.close()
        self.every_vcpu_works()

    def attach(self) -> None:
        self.client = RspClient(self.vm.port())
        self.ends.callback(self.client.close)
        assert b"PacketSize" in self.ask(GREETING)
        assert self.ask(b"?").startswith(b"T")

    def ask(self, packet: bytes) -> bytes:
        """The reply; text for the user comes before a stop."""
        reply = self.client.ask(packet, seconds=120)
        while reply.startswith(b"O") and reply != b"OK":
            reply = self.client.receive(seconds=120)
        return reply

    def thread(self) -> int:
        return self.random.randint(1, CPUS)

    def go(self) -> None:
        """Continues, and presses Ctrl-C: which of a breakpoint and that stops the guest is open."""
        self.client.send(frame(b"vCont;c"))
        self.client.send(INTERRUPT)
        assert self.next_stop().startswith((b"T02", b"T05"))

    def next_stop(self) -> bytes:
        reply = self.client.receive(seconds=120)
        while reply.startswith(b"O"):
            reply = self.client.receive(seconds=120)
        self.client.send(b"+")
        return reply

    def step(self) -> None:
        others = self.random.choice((b"", b";c"))
        assert self.ask(b"vCont;s:%x%s" % (self.thread(), others)).startswith(b"T05")

    def breakpoint(self) -> bytes:
        return b"%d,%x,1" % (self.random.choice((0, 1)), self.random.choice(self.places))

    def insert(self) -> None:
        assert self.ask(b"Z" + self.breakpoint() + self.random.choice((*CONDITIONS, DPRINTF))) == b"OK"

    def remove(self) -> None:
        assert self.ask(b"z" + self.breakpoint()) == b"OK"

    def trace(self) -> None:
        """Begins an experiment, or ends one."""
        if self.random.random() < 0.5:
            assert self.ask(b"QTStop").startswith((b"OK", b"E"))
            return
        place = b"%x" % self.random.choice(self.places)
        for packet in (b"QTinit", b"QTDP:1:%s:E:0:0-" % place, b"QTDP:-1:%s:R1" % place, b"QTStart"):
            assert self.ask(packet) == b"OK"

    def catch(self) -> None:
        """What nobody does in this guest, so that every look is made and nothing is caught."""
        rule = self.random.choice((b"catch exception ud", b"catch exception de if rax == 1", b"exits uncatch"))
        assert self.ask(b"qRcmd," + rule.hex().encode())

    def look(self) -> None:
        self.ask(b"Hg%x" % self.thread())
        assert len(self.ask(b"g")) > 256
        assert len(self.ask(b"m%x,10" % self.random.choice(self.places))) == 32

    def leave(self) -> None:
        """In good order, or in the middle of a run."""
        if self.random.random() < 0.5:
            assert self.ask(b"D") == b"OK"
        else:
            self.client.send(frame(b"vCont;c"))
        self.client.close()
        self.attach()

    def every_vcpu_works(self) -> None:
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(self.vm.port())
        assert "There are no breakpoints" in gdb.console("monitor breakpoints")
        for cpu in range(CPUS):
            gdb.console(f"tbreak cpu_work if cpu == {cpu}")
            assert gdb.run("continue", seconds=240)["reason"] == "breakpoint-hit"
