"""Watchpoints without a debug slot whose pages are write-protected: everything else of the guest runs at full speed."""

import re

import pytest

from tests.harness.case import RingsideTest

DATA = 0x700000  # nothing of the guest's is there
COUNT = 8  # of the watchpoints: more than the processor has slots
APART = 0x20
OTHER = 0x800  # in the same page, and not watched
ROUNDS = 100  # fewer than lead to a trial of stepping
MANY_ROUNDS = 2000  # more than that
CPUS = 4
EXIT_STATUS = (0x10 << 1) | 1  # of the guest smp, if its sums are right
STORE = 6  # bytes: movl $imm32, (%rdi)

# RDI points at DATA. Each writes 1 to its lowest byte, where there was 0.
WRITES = {
    "xchg": b"\xb8\x01\x00\x00\x00\x87\x07",  # mov $1, %eax; xchg %eax, (%rdi)
    "lock xadd": b"\xb8\x01\x00\x00\x00\xf0\x0f\xc1\x07",
    "lock cmpxchg16b": b"\x31\xc0\x31\xd2\x31\xc9\xbb\x01\x00\x00\x00\xf0\x48\x0f\xc7\x0f",
    "lock bts": b"\xf0\x0f\xba\x2f\x00",
    "rep stosb": b"\xb9\x01\x00\x00\x00\xb0\x01\xf3\xaa",
    "sete": b"\x31\xc0\x0f\x94\x07",
}


class TestProtectedPages(RingsideTest):
    def about_to_run(self, code: bytes, *options: str):
        """As with_code(), with RDI pointing at DATA."""
        vm, gdb = self.with_code(list(code), *options)
        if not re.search(r"exits for writes to write-protected pages +works", gdb.console("monitor host")):
            pytest.skip("this host's KVM executes such writes itself: their watchpoints mean stepping")
        gdb.console(f"set {{char[4096]}}{DATA:#x} = {{0}}")
        gdb.console(f"set $rdi = {DATA:#x}")
        return vm, gdb

    def watch(self, gdb, count: int = COUNT, start: int = DATA) -> None:
        """The first is the last that gets a slot."""
        for number in reversed(range(count)):
            gdb.console(f"watch *(long*){start + number * APART:#x}")

    def value_change(self, stop: dict) -> tuple[str, str]:
        assert stop.get("reason") == "watchpoint-trigger", stop
        return stop["value"]["old"], stop["value"]["new"]

    def write_exits(self, gdb) -> int:
        return int(gdb.console("monitor exits count WRITE_PROTECTED"))

    def loop_beside(self, rounds: int = ROUNDS) -> bytes:
        """Writes so many times beside the watched bytes, then to DATA, then returns."""
        return (b"\xb9" + rounds.to_bytes(4, "little")  # mov $rounds, %ecx
                + b"\xff\x87" + OTHER.to_bytes(4, "little")  # 1: incl OTHER(%rdi)
                + b"\xff\xc9\x75\xf6"  # dec %ecx; jnz 1b
                + b"\xc7\x07\x01\x00\x00\x00\xc3")  # movl $1, (%rdi); ret

    def test_other_writes_to_the_page_do_not_stop_the_guest(self):
        _, gdb = self.about_to_run(self.loop_beside())
        self.watch(gdb)
        before = self.write_exits(gdb)
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        assert gdb.integer(f"*(int*){DATA + OTHER:#x}") == ROUNDS
        assert self.write_exits(gdb) - before > ROUNDS
        assert "by protected page" in gdb.console("monitor breakpoints")

    def test_where_one_instruction_in_three_writes_stepping_takes_over(self):
        _, gdb = self.about_to_run(self.loop_beside(MANY_ROUNDS))
        self.watch(gdb)
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        assert "so often that this is faster" in gdb.printed()
        assert gdb.integer(f"*(int*){DATA + OTHER:#x}") == MANY_ROUNDS
        assert "by stepping" in gdb.console("monitor breakpoints")

    def test_it_is_said_once(self):
        _, gdb = self.about_to_run(b"\xc7\x07\x01\x00\x00\x00\xc7\x07\x02\x00\x00\x00\xc3")  # movl $1 and $2, (%rdi); ret
        self.watch(gdb)
        said = []
        for change in (("0", "1"), ("1", "2")):
            assert self.value_change(gdb.run("continue")) == change
            said += re.findall("are write-protected", gdb.printed())
        assert len(said) == 1

    @pytest.mark.parametrize("name", WRITES)
    def test_the_processor_itself_executes_the_write(self, name):
        _, gdb = self.about_to_run(WRITES[name] + b"\x90\xc3")
        self.watch(gdb)
        before = self.write_exits(gdb)
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        assert gdb.integer("$pc - $start") == len(WRITES[name])
        assert self.write_exits(gdb) > before

    def test_a_range_across_two_pages(self):
        end = DATA + 0x1000
        code = b"\x48\xc7\x87\xfc\x0f\x00\x00\xff\xff\xff\xff\xc3"  # movq $-1, 0xffc(%rdi); ret
        _, gdb = self.about_to_run(code)
        gdb.console(f"set {{char[64]}}{end - 32:#x} = {{0}}")
        self.watch(gdb)
        gdb.console(f"watch *(char(*)[64]){end - 32:#x}")
        stop = gdb.run("continue")
        assert stop["wpt"]["number"] == str(COUNT + 2), stop
        assert gdb.integer(f"*(unsigned*){end:#x}") == 0xffffffff

    def test_the_debuggers_own_writes_go_through(self):
        _, gdb = self.about_to_run(b"\xff\x07\xc3")  # incl (%rdi); ret
        gdb.console("set breakpoint always-inserted on")
        self.watch(gdb)
        gdb.console(f"set *(int*){DATA:#x} = 41")
        stop = gdb.run("continue")
        assert self.value_change(stop)[1] == "42", stop

    def test_a_step_over_a_write_beside_it_is_one_step(self):
        _, gdb = self.about_to_run(b"\xff\x87" + OTHER.to_bytes(4, "little") + b"\x90\xc3")
        self.watch(gdb)
        assert gdb.run("stepi")["reason"] == "end-stepping-range"
        assert gdb.integer("$pc - $start") == 6
        assert gdb.integer(f"*(int*){DATA + OTHER:#x}") == 1

    def put_back(self, gdb) -> None:
        """The machine is as in the snapshot. gdb would not report a change to what it takes for the present value."""
        gdb.console("monitor snapshot restore here")
        gdb.console("maintenance flush register-cache")
        gdb.console("maintenance flush dcache")
        gdb.console("delete")
        self.watch(gdb)
        assert gdb.integer(f"*(int*){DATA + OTHER:#x}") == 0
        assert gdb.integer("$pc - $start") == 0

    def test_they_hold_across_a_snapshot_and_a_recording(self):
        _, gdb = self.about_to_run(self.loop_beside())
        self.watch(gdb)
        gdb.console("monitor snapshot save here")
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        self.put_back(gdb)
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        assert gdb.integer(f"*(int*){DATA + OTHER:#x}") == ROUNDS
        self.put_back(gdb)
        gdb.console("monitor record on")
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        assert self.value_change(gdb.run("reverse-continue")) == ("1", "0")
        assert gdb.integer("$pc - $start") == len(self.loop_beside()) - STORE - 1
        gdb.console("monitor record off")
        assert self.value_change(gdb.run("continue")) == ("0", "1")

    def test_the_stack_can_be_watched(self):
        code = (b"\xb9" + ROUNDS.to_bytes(4, "little")  # mov $ROUNDS, %ecx
                + b"\x51\x59\xff\xc9\x75\xfa"  # 1: push %rcx; pop %rcx; dec %ecx; jnz 1b
                + b"\x48\xc7\x44\x24\x18\x01\x00\x00\x00\xc3")  # movq $1, 0x18(%rsp); ret
        _, gdb = self.about_to_run(code)
        self.watch(gdb)
        place = gdb.integer("$rsp + 0x18")
        gdb.console(f"set {{long}}{place:#x} = 0")
        gdb.console(f"watch *(long*){place:#x}")
        assert self.value_change(gdb.run("continue")) == ("0", "1")
        assert gdb.integer("$pc - $start") == len(code) - 1
        assert gdb.integer("$ecx") == 0

    def test_they_hold_across_a_restart(self):
        _, gdb = self.about_to_run(b"\xc3")
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        self.watch(gdb)
        gdb.console("watch rounds_done")
        seen = [self.value_change(gdb.run("continue")) for _ in range(3)]
        assert [new for _, new in seen] == ["1", "2", "3"], seen
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        gdb.console("maintenance flush dcache")
        assert gdb.run("continue")["reason"] == "watchpoint-trigger"


class TestSeveralVcpus(RingsideTest):
    def started(self, rounds: int):
        vm, gdb = self.attached("smp", "--cpus", CPUS, f"--append=cpus={CPUS} rounds={rounds}")
        if not re.search(r"exits for writes to write-protected pages +works", gdb.console("monitor host")):
            pytest.skip("this host's KVM executes such writes itself: their watchpoints mean stepping")
        gdb.console("break cpu_work")
        gdb.run("continue")
        gdb.console("delete")
        return vm, gdb

    def test_a_lock_on_the_page_still_excludes(self):
        vm, gdb = self.started(100)
        for name in ("rounds_wanted", "started", "per_cpu[0].index", "per_cpu[1].index", "per_cpu[2].index"):
            gdb.console(f"watch {name}")
        gdb.start("continue")
        assert vm.wait(240) == EXIT_STATUS

    def test_no_write_of_any_vcpu_is_lost(self):
        _, gdb = self.started(0)
        for name in ("rounds_wanted", "started", "per_cpu[0].index", "per_cpu[1].index"):
            gdb.console(f"watch {name}")
        gdb.console("watch per_cpu[1].counter")
        gdb.console("watch per_cpu[2].counter")
        last: dict[str, int] = {}
        for _ in range(20):
            stop = gdb.run("continue")
            assert stop["reason"] == "watchpoint-trigger", stop
            name, old, new = stop["wpt"]["exp"], int(stop["value"]["old"]), int(stop["value"]["new"])
            assert new == old + 1 and last.get(name, old) == old, (name, old, new, last)
            last[name] = new
