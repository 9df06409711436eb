"""What a step, a false condition and a stepped watchpoint cost: system calls, counted by strace."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.case import RingsideTest
from tests.harness.timeouts import Deadline

ROUNDS = 1000
# mov $ROUNDS, %ecx; 1: nop; dec %ecx; jnz 1b; 2: nop. The first of the loop may be another, of one byte.
CLD = b"fc"
LOOP = b"\xb9" + ROUNDS.to_bytes(4, "little") + b"\x90\xff\xc9\x75\xfb\x90"
LOOP_START, LOOP_END = 5, 10
INSTRUCTIONS = 3 * ROUNDS
NEVER = b"220027"  # an agent expression: const8 0, end
MORE_THAN_SLOTS = 6
EFLAGS, INTERRUPT_FLAG = 0x11, 0x200  # gdb's number of the register, and its bit
# Anything that is done once for a run: what arms the vCPU, what makes room for the client's packet.
ONCE = 60


class TestCosts(RingsideTest):
    @pytest.fixture(autouse=True)
    def loop(self, clean_up) -> None:
        """The guest is stopped at a loop of three instructions. Its interrupts are off: the slower the host, the more it would take."""
        vm, gdb = self.attached("demo64")
        gdb.console("break mix")
        gdb.run("continue")
        self.at = gdb.integer("$pc")
        gdb.console("detach")
        self.vm = vm
        self.client = self.client(vm)
        self.client.ask(b"qSupported:swbreak+;hwbreak+;qRelocInsn+")
        self.client.ask(b"?")
        assert self.client.ask(b"M%x,%x:%s" % (self.at, len(LOOP), LOOP.hex().encode())) == b"OK"
        self.run_to(self.at + LOOP_START)
        flags = int.from_bytes(bytes.fromhex(self.client.ask(b"p%x" % EFLAGS).decode()), "little") & ~INTERRUPT_FLAG
        assert self.client.ask(b"P%x=%s" % (EFLAGS, flags.to_bytes(4, "little").hex().encode())) == b"OK"

    def run_to(self, address: int) -> None:
        assert self.client.ask(b"Z1,%x,1" % address) == b"OK"
        self.stop_after(b"vCont;c")
        assert self.client.ask(b"z1,%x,1" % address) == b"OK"

    def stop_after(self, packet: bytes) -> None:
        """Resumes the guest, which may have something to say first, until it stops."""
        reply = self.client.ask(packet, seconds=120)
        while reply.startswith(b"O"):
            reply = self.client.receive(seconds=120)
        assert reply.startswith(b"T"), reply

    def counted(self, packet: bytes) -> Counter:
        """The system calls of one packet that resumes the guest."""
        if shutil.which("strace") is None:
            pytest.skip("there is no strace in the lab")
        log = self.folder / "strace"
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", str(log), "-p", str(self.vm.pid)],
                                  stderr=subprocess.PIPE)
        self.ends.callback(tracer.kill)
        self.wait_for_tracer(tracer)
        self.stop_after(packet)
        tracer.terminate()
        tracer.wait()
        calls = [(thread, request or call)
                 for thread, request, call in re.findall(r"^(\d+) +(?:ioctl\([^,]+, (\w+)|(\w+)\()", log.read_text(), re.M)]
        vcpus = {thread for thread, call in calls if call == "KVM_RUN"}
        # The thread that reads the tracepoints, where there are any, gets memory for what it records.
        return Counter(call for thread, call in calls if call != "mprotect" or thread in vcpus)

    def wait_for_tracer(self, tracer) -> None:
        deadline = Deadline(30)
        status = Path(f"/proc/{self.vm.pid}/task")
        while not deadline.over():
            if tracer.poll() is not None:
                pytest.skip(f"strace: {tracer.stderr.read().decode()}")
            if all("TracerPid:\t0" not in (task / "status").read_text() for task in status.iterdir()):
                return
        raise AssertionError("strace did not attach")

    def besides_entries(self, calls: Counter) -> int:
        return sum(calls.values()) - calls["KVM_RUN"]

    def test_a_range_step_is_an_entry_for_each_instruction(self):
        calls = self.counted(b"vCont;r%x,%x:1;c" % (self.at + LOOP_START, self.at + LOOP_END))
        assert calls["KVM_RUN"] >= INSTRUCTIONS
        assert self.besides_entries(calls) < ONCE, calls

    def test_a_watchpoint_without_a_slot_is_an_entry_for_each_instruction(self):
        for piece in range(MORE_THAN_SLOTS):
            assert self.client.ask(b"Z2,%x,8" % (self.at + 0x100 + 64 * piece)) == b"OK"
        self.client.ask(b"Z1,%x,1" % (self.at + LOOP_END))
        calls = self.counted(b"vCont;c")
        assert calls["KVM_RUN"] >= INSTRUCTIONS
        assert self.besides_entries(calls) < ONCE, calls

    def false_conditions(self, kind: bytes) -> Counter:
        assert self.client.ask(b"Z%s,%x,1;X3,%s" % (kind, self.at + LOOP_START, NEVER)) == b"OK"
        self.client.ask(b"Z0,%x,1" % (self.at + LOOP_END))
        return self.counted(b"vCont;c")

    @pytest.mark.parametrize("kind", [b"0", b"1"])
    def test_a_false_condition_is_an_entry(self, kind):
        calls = self.false_conditions(kind)
        assert calls["KVM_RUN"] >= ROUNDS
        assert calls["KVM_RUN"] <= ROUNDS + ONCE, calls
        assert self.besides_entries(calls) < ONCE, calls

    def test_a_false_filter_of_the_monitors_is_one_too(self):
        command = f"break {self.at + LOOP_START:#x} if cpl == 3"
        reply = self.client.ask(b"qRcmd," + command.encode().hex().encode())
        while reply != b"OK":
            reply = self.client.receive()
        self.client.ask(b"Z0,%x,1" % (self.at + LOOP_END))
        calls = self.counted(b"vCont;c")
        assert calls["KVM_RUN"] >= ROUNDS
        assert calls["KVM_RUN"] <= ROUNDS + ONCE, calls
        assert self.besides_entries(calls) < ONCE, calls

    @pytest.mark.parametrize("kind, others", [(b"0", 3), (b"1", 2)])
    def test_where_the_instruction_has_to_be_stepped_it_is_two(self, kind, others):
        assert self.client.ask(b"M%x,1:%s" % (self.at + LOOP_START, CLD)) == b"OK"
        calls = self.false_conditions(kind)
        assert calls["KVM_RUN"] >= 2 * ROUNDS
        assert calls["KVM_RUN"] <= 2 * ROUNDS + ONCE, calls
        assert self.besides_entries(calls) <= others * ROUNDS + ONCE, calls
