"""A client that does anything at any time, to a guest with four vCPUs that all run into its breakpoints.

Two environment variables are for long runs, under ThreadSanitizer above all: RINGSIDE_RANDOM_SEEDS, numbers with commas between them,
and RINGSIDE_RANDOM_ACTIONS, how much is done with each. The output names the seed and what was done.
"""

import collections
import os
import random
import re

import pytest

from tests.harness.case import RingsideTest
from tests.harness.rsp import INTERRUPT, RspClient, frame
from tests.harness.timeouts import Deadline

CPUS = 4
THREADS = range(1, CPUS + 1)
ACTIONS = int(os.environ.get("RINGSIDE_RANDOM_ACTIONS", "150"))
SEEDS = [int(seed) for seed in os.environ.get("RINGSIDE_RANDOM_SEEDS", "1,2").split(",")]
NON_STOP_ACTIONS = 8  # between entering non-stop mode and leaving it, at most
SECONDS = 120  # in which a reply comes
GREETING = b"qSupported:swbreak+;hwbreak+;qRelocInsn+;error-message+"
CONDITIONS = (b"", b";X3,220027", b";X3,220127")  # none, false, true
DPRINTF = b";cmds:1,Xc,2200220034000003780a0027"  # prints "x\n", also when its client has left
CODE_BYTES = 16
STOP = re.compile(rb"T(?:00|02|05)(?:.*;)?thread:(?:p1\.)?([0-9a-f]+);")


@pytest.mark.sample
class TestRandomClient(RingsideTest):
    @pytest.mark.parametrize("seed", SEEDS)
    def test_leaves_a_guest_that_works(self, seed):
        self.random = random.Random(seed)
        self.vm = self.ringside(self.guest("smp"), "--cpus", CPUS, f"--append=cpus={CPUS} rounds=0", "--on-disconnect", "resume")
        self.prepare()
        self.attach()
        self.code = {place: self.memory(place, CODE_BYTES) for place in self.places}
        actions = (self.go, self.step, self.insert, self.remove, self.leave, self.look, self.write, self.trace, self.catch, self.non_stop)
        done = collections.Counter()
        try:
            for _ in range(ACTIONS):
                action = self.random.choice(actions)
                done[action.__name__] += 1
                action()
        finally:
            print(f"seed {seed}, {done.total()} actions: {', '.join(f'{name} {count}' for name, count in sorted(done.items()))}")
        self.client.close()
        self.every_vcpu_works()

    def prepare(self) -> None:
        """Every vCPU works: one that waits for SIPI takes no step."""
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(self.vm.port())
        self.places = [gdb.integer(f"&{name}") for name in ("cpu_work", "count_shared", "work")]
        self.counter = gdb.integer("&shared_counter")
        self.counters = [self.counter, *(gdb.integer(f"&per_cpu[{cpu}].counter") for cpu in range(CPUS))]
        for cpu in range(CPUS):
            gdb.console(f"tbreak cpu_work if cpu == {cpu}")
            gdb.run("continue")
        gdb.console("detach")

    def attach(self) -> None:
        self.client = RspClient(self.vm.port())
        self.ends.callback(self.client.close)
        assert b"PacketSize" in self.ask(GREETING)
        self.stopped_thread(self.ask(b"?"))

    def ask(self, packet: bytes) -> bytes:
        """The reply; text for the user comes before a stop."""
        self.client.send(frame(packet))
        return self.reply()

    def reply(self) -> bytes:
        reply = self.client.receive(SECONDS)
        while reply.startswith(b"O") and reply != b"OK":
            reply = self.client.receive(SECONDS)
        self.client.send(b"+")
        return reply

    def stopped_thread(self, stop: bytes) -> int:
        """The vCPU that a stop names: it is one that exists."""
        named = STOP.match(stop)
        assert named, stop
        assert int(named[1], 16) in THREADS, stop
        return int(named[1], 16)

    def memory(self, address: int, size: int) -> bytes:
        reply = self.ask(b"m%x,%x" % (address, size))
        assert len(reply) == 2 * size, reply
        return bytes.fromhex(reply.decode())

    def thread(self) -> int:
        return self.random.choice(THREADS)

    # ---- What a client can do while every vCPU is stopped

    def go(self) -> None:
        """Continues, and presses Ctrl-C: which of a breakpoint and that stops the guest is open."""
        self.client.send(frame(b"vCont;c"))
        self.client.send(INTERRUPT)
        self.stopped_thread(self.reply())

    def step(self) -> None:
        others = self.random.choice((b"", b";c"))
        self.stopped_thread(self.ask(b"vCont;s:%x%s" % (self.thread(), others)))

    def point(self) -> bytes:
        """A breakpoint of either kind, or a watchpoint of any kind."""
        kind = self.random.choice((0, 0, 1, 1, 2, 3, 4))
        if kind >= 2:
            return b"%d,%x,8" % (kind, self.random.choice(self.counters))
        return b"%d,%x,1" % (kind, self.random.choice(self.places))

    def insert(self) -> None:
        point = self.point()
        more = self.random.choice((*CONDITIONS, DPRINTF)) if point.startswith((b"0", b"1")) else b""
        assert self.ask(b"Z" + point + more) == b"OK"

    def remove(self) -> None:
        assert self.ask(b"z" + self.point()) == b"OK"

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
        self.registers_of(self.thread())
        self.look_at_code()

    def registers_of(self, thread: int) -> bytes:
        assert self.ask(b"Hg%x" % thread) == b"OK"
        registers = self.ask(b"g")
        assert len(registers) > 256, registers
        return registers

    def look_at_code(self) -> None:
        """No breakpoint shows in it."""
        place = self.random.choice(self.places)
        assert self.memory(place, CODE_BYTES) == self.code[place]

    def write(self) -> None:
        """What is there already: registers, and code below breakpoints."""
        registers = self.registers_of(self.thread())
        assert self.ask(b"G" + registers) == b"OK"
        self.write_code()

    def write_code(self) -> None:
        place = self.random.choice(self.places)
        assert self.ask(b"M%x,%x:%s" % (place, CODE_BYTES, self.code[place].hex().encode())) == b"OK"

    def leave(self) -> None:
        """In good order, or in the middle of a run. The guest runs on."""
        before = self.memory(self.counter, 8)
        if self.random.random() < 0.5:
            self.client.send(frame(b"vCont;c"))
            self.client.close()
            self.attach()
        else:
            self.detach()
        deadline = Deadline(SECONDS)
        while self.memory(self.counter, 8) == before:
            assert not deadline.over(), "the guest stands still"
            self.detach()

    def detach(self) -> None:
        """And attaches again."""
        assert self.ask(b"D") == b"OK"
        self.client.close()
        self.attach()

    # ---- What it can do in non-stop mode

    def non_stop(self) -> None:
        """Enters the mode, and leaves it in good order or by leaving the guest."""
        assert self.ask(b"QNonStop:1") == b"OK"
        self.running: set[int] = set()
        actions = (self.resume, self.resume, self.interrupt, self.insert, self.remove, self.look_at_code, self.write_code, self.look_at_stopped)
        for _ in range(self.random.randint(1, NON_STOP_ACTIONS)):
            self.random.choice(actions)()
            while self.client.notified():
                self.take_stops()
        if self.random.random() < 0.3:
            return self.random.choice((self.detach, self.drop))()
        assert self.ask(b"vCont;t") == b"OK"
        while self.running:
            self.take_stops()
        assert self.ask(b"QNonStop:0") == b"OK"
        self.stopped_thread(self.ask(b"?"))

    def drop(self) -> None:
        self.client.close()
        self.attach()

    def resume(self) -> None:
        action = self.random.choice((b"c", b"s"))
        if self.random.random() < 0.3:
            assert self.ask(b"vCont;" + action) == b"OK"
            self.running = set(THREADS)
        else:
            thread = self.thread()
            assert self.ask(b"vCont;%s:%x" % (action, thread)) == b"OK"
            self.running.add(thread)

    def interrupt(self) -> None:
        assert self.ask(self.random.choice((b"vCont;t", b"vCont;t:%x" % self.thread(), b"vCtrlC"))) == b"OK"

    def look_at_stopped(self) -> None:
        for thread in sorted(set(THREADS) - self.running):
            self.registers_of(thread)

    def take_stops(self) -> None:
        """Waits for a notification, and asks for what is behind it. Only a vCPU that ran can have stopped."""
        stop = self.client.receive_notification(SECONDS).removeprefix(b"Stop:")
        while stop != b"OK":
            thread = self.stopped_thread(stop)
            assert thread in self.running, stop
            self.running.remove(thread)
            stop = self.ask(b"vStopped")

    # ---- In the end

    def every_vcpu_works(self) -> None:
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(self.vm.port())
        assert "There are no breakpoints" in gdb.console("monitor breakpoints")
        for cpu in range(CPUS):
            gdb.console(f"tbreak cpu_work if cpu == {cpu}")
            assert gdb.run("continue", seconds=240)["reason"] == "breakpoint-hit"
