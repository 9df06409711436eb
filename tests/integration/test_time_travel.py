"""Going back: gdb's reverse commands over a recording, and states that are the same from both sides."""

import json
import random
import re
import signal

import pytest

from tests.harness.case import RingsideTest
from tests.harness.rsp import frame


class TestReverse(RingsideTest):
    def recorded(self, *options: object):
        vm, gdb = self.attached("demo64", *options)
        assert "stepped and recorded" in gdb.console("monitor record on 64M")
        return vm, gdb

    def run_to_the_end_of_history(self, gdb, command: str) -> None:
        gdb.run(command)  # gdb 13 gives the stop no reason
        assert "No more reverse-execution history" in gdb.printed()

    def test_steps_back_and_forward_by_instructions(self):
        _, gdb = self.recorded()
        passed = [gdb.integer("$pc")]
        for _ in range(20):
            gdb.run("stepi")
            passed.append(gdb.integer("$pc"))
        for pc in reversed(passed[:-1]):
            gdb.run("reverse-stepi")
            assert gdb.integer("$pc") == pc
        for pc in passed[1:]:
            gdb.run("stepi")
            assert gdb.integer("$pc") == pc

    def test_each_step_counts_once(self):
        _, gdb = self.recorded()
        for _ in range(7):
            gdb.run("stepi")
        assert " 7 steps in" in gdb.console("monitor record status")
        gdb.run("reverse-stepi")
        assert "1 step ago, at step 6" in gdb.console("monitor record status")

    def test_goes_back_out_of_a_function_and_over_lines(self):
        _, gdb = self.recorded()
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        self.assert_stopped_in(gdb.run("reverse-finish"), "run_scheduler")
        line = int(re.search(r":(\d+)", gdb.console("frame"))[1])
        gdb.run("reverse-next")
        gdb.run("reverse-next")
        assert int(re.search(r":(\d+)", gdb.console("frame"))[1]) < line
        self.assert_breakpoint(gdb.run("continue"), "report_round")

    def test_finds_who_wrote_a_variable(self):
        _, gdb = self.recorded()
        gdb.console("break report_round")
        for _ in range(3):
            gdb.run("continue")
        gdb.console("delete")
        assert gdb.integer("rounds_done") == 3
        gdb.console("watch rounds_done")
        stop = gdb.run("reverse-continue")
        assert stop["reason"] == "watchpoint-trigger"
        assert stop["value"] == {"old": "3", "new": "2"}
        self.assert_stopped_in(stop, "run_scheduler")

    def test_comes_to_the_beginning_and_from_there_into_the_present(self):
        vm, gdb = self.recorded("--append=rounds=4")
        start = gdb.integer("$pc")
        gdb.console("break report_round")
        for number in (1, 2):
            self.assert_breakpoint(gdb.run("continue"), "report_round")
            assert gdb.integer("round") == number
        gdb.console("disable")
        self.run_to_the_end_of_history(gdb, "reverse-continue")
        assert gdb.integer("$pc") == start
        gdb.console("enable")
        for number in (1, 2, 3, 4):
            self.assert_breakpoint(gdb.run("continue"), "report_round")
            assert gdb.integer("round") == number
        gdb.console("monitor record off")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == (0x10 << 1) | 1

    def test_a_write_in_the_past_makes_another_future(self):
        _, gdb = self.recorded()
        gdb.console("break report_round")
        for _ in range(2):
            gdb.run("continue")
        self.assert_breakpoint(gdb.run("reverse-continue"), "report_round")
        assert gdb.integer("rounds_done") == 1
        gdb.console("set var rounds_done = 40")
        stop = gdb.run("continue")
        assert "The past was changed" in gdb.printed()
        self.assert_breakpoint(stop, "report_round")
        assert gdb.integer("rounds_done") == 41

    def test_without_a_recording_the_past_is_empty(self):
        _, gdb = self.attached("demo64")
        gdb.run("stepi")
        self.run_to_the_end_of_history(gdb, "reverse-stepi")
        assert "monitor record on" in gdb.printed()
        gdb.run("stepi")

    def test_a_full_log_ends_where_its_oldest_step_is(self):
        _, gdb = self.attached("demo64")
        gdb.console("monitor record on 64K")
        gdb.console("break report_round")
        for _ in range(5):
            gdb.run("continue")
        status = gdb.console("monitor record status")
        assert int(re.search(r"first (\d+) steps have been dropped", status)[1]) > 0
        gdb.console("delete")
        self.run_to_the_end_of_history(gdb, "reverse-continue")
        gdb.run("stepi")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")

    def test_invalid_sizes_are_refused(self):
        _, gdb = self.attached("demo64")
        for size in ("0", "-1", "1T", "much", "99999999999999999999G"):
            assert "Usage" in gdb.console(f"monitor record on {size}")
        assert "There is no recording" in gdb.console("monitor record status")

    def test_machines_that_cannot_be_recorded_say_so(self):
        _, gdb = self.attached("virtio", "--rng")
        assert "virtio" in gdb.console("monitor record on")


class TestQuestions(RingsideTest):
    """What the recording answers without going there, and going to a place by its name or number."""

    def recorded(self):
        vm, gdb = self.attached("demo64")
        gdb.console("monitor record on 64M")
        gdb.console("break report_round")
        for _ in range(3):
            gdb.run("continue")
        gdb.console("delete")
        return vm, gdb

    def ask(self, gdb, command: str) -> dict:
        return json.loads(gdb.console(f"monitor {command} --json"))

    def test_names_the_instruction_that_wrote_a_variable(self):
        _, gdb = self.recorded()
        here = gdb.integer("$pc")
        address, size = gdb.integer("(long)&rounds_done"), gdb.integer("sizeof(rounds_done)")
        answer = self.ask(gdb, f"last-write {address:#x} {size}")
        assert (answer["old"], answer["new"]) == (2, 3)
        assert "run_scheduler" in answer["symbol"]
        assert "[" in answer["instruction"]
        assert gdb.integer("$pc") == here
        gdb.console("watch rounds_done")
        gdb.run("reverse-continue")
        assert gdb.integer("$pc") == answer["rip"]
        assert f"at step {answer['step']}." in gdb.console("monitor record status")

    def test_asks_again_from_there(self):
        _, gdb = self.recorded()
        address = gdb.integer("(long)&rounds_done")
        size = gdb.integer("sizeof(rounds_done)")
        for value in (3, 2, 1):
            answer = self.ask(gdb, f"last-write {address:#x} {size}")
            assert (answer["old"], answer["new"]) == (value - 1, value)
            assert f"step {answer['step']}:" in gdb.console(f"monitor goto {answer['step']}")
        assert "nothing has changed these bytes since step 0" in gdb.console(f"monitor last-write {address:#x} {size}")

    def test_names_the_instruction_that_changed_a_register(self):
        _, gdb = self.recorded()
        for register in ("rbx", "rsp", "cr3", "r12"):
            answer = gdb.console(f"monitor last-change {register}")
            if "nothing has changed" in answer:
                continue
            answer = self.ask(gdb, f"last-change ${register}")
            assert answer["new"] == gdb.integer(f"${register}")
            gdb.console(f"monitor goto {answer['step']}")
            gdb.console("maintenance flush register-cache")
            assert gdb.integer(f"${register}") == answer["old"]
            gdb.run("stepi")
            assert gdb.integer(f"${register}") == answer["new"]
            gdb.console("monitor goto live")
            gdb.console("maintenance flush register-cache")
        assert "no register" in gdb.console("monitor last-change rzx")

    def test_goes_to_steps_and_bookmarks_and_back(self):
        _, gdb = self.recorded()
        here = gdb.integer("$pc")
        assert "is step" in gdb.console("monitor bookmark third_round")
        gdb.console("monitor goto start")
        gdb.console("maintenance flush register-cache")
        gdb.console("maintenance flush dcache")
        assert gdb.integer("rounds_done") == 0
        gdb.console("monitor bookmark beginning")
        assert re.search(r"beginning +step 0\n.*third_round +step \d+", gdb.console("monitor bookmark"), re.S)
        rows = gdb.console("info os history")
        assert "start beginning here" in rows and "third_round" in rows
        gdb.console("monitor goto third_round")
        gdb.console("maintenance flush register-cache")
        assert gdb.integer("$pc") == here
        assert "there is no bookmark" in gdb.console("monitor bookmark delete nowhere")
        assert "is deleted" in gdb.console("monitor bookmark delete third_round")
        assert "neither a step" in gdb.console("monitor goto third_round")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.integer("rounds_done") == 4

    def test_invalid_questions_are_refused(self):
        _, gdb = self.attached("demo64")
        for command in ("last-write 0x100000", "last-change rax", "goto 1", "bookmark here"):
            assert "monitor record on" in gdb.console(f"monitor {command}")
        gdb.console("monitor record on")
        gdb.run("stepi")
        for command, answer in (("last-write", "an address"), ("last-write 0x100000 0", "the length must be"),
                                ("last-write 0x100000 99999999", "the length must be"), ("last-write 0xffffffffffffffff 8", "lies above"),
                                ("last-change", "no register"), ("goto", "it needs a step"), ("goto 2", "from 0 to 1"),
                                ("goto 0xfffffffffffffffff", "neither"), ("bookmark 12", "a name"),
                                ("bookmark end", "a name"), ("bookmark a b", "a name")):
            assert answer in gdb.console(f"monitor {command}"), command


class TestCrashFirst(RingsideTest):
    """A history from the first instruction on, of a guest that has crashed before anybody looked."""

    def crashed(self, name: str, *options: object):
        vm = self.ringside(self.guest(name), "--record-last=64M", *options, wait=False)
        vm.stderr.wait_for("The guest stays stopped there")
        gdb = self.gdb(self.guest(name))
        gdb.connect(vm.port())
        return vm, gdb

    def test_goes_from_a_crash_back_to_the_write_that_caused_it(self):
        vm, gdb = self.crashed("dangling")
        assert "triple fault" in vm.stderr.text()
        assert "turn_belt" in gdb.console("frame")
        assert '"glass: h"' in gdb.console("print here->label")
        gdb.console("watch -location here->next")
        stop = gdb.run("reverse-continue")
        assert stop["reason"] == "watchpoint-trigger", stop
        self.assert_stopped_in(stop, "write_label")
        assert "load_belt" in gdb.console("bt")
        assert '"glass: handle with care"' in gdb.console("print text")
        gdb.console("delete")
        stop = gdb.run("continue")
        assert stop["signal-name"] == "SIGSEGV", "the crash is still there"
        assert "turn_belt" in gdb.console("frame")

    def test_what_is_corrected_in_the_past_does_not_crash(self):
        vm, gdb = self.crashed("dangling")
        gdb.console("break turn_belt")
        self.assert_breakpoint(gdb.run("reverse-continue"), "turn_belt")
        gdb.console("set var parcels[5].next = &parcels[6]")
        gdb.console("delete")
        stop = gdb.run("continue")
        assert (stop["reason"], int(stop["exit-code"], 8)) == ("exited", 33)
        assert vm.wait() == 33
        assert "every parcel has moved" in vm.stdout.text()

    def test_a_panic_waits_with_its_past(self):
        vm, gdb = self.crashed("demo64", "--append=rounds=1 end=panic")
        assert "has panicked" in vm.stderr.text()
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("reverse-continue"), "report_round")

    def test_a_reset_waits_with_its_past_and_ends_the_run_after_it(self):
        vm, gdb = self.crashed("demo64", "--append=rounds=1 end=reset")
        gdb.run("reverse-stepi")
        assert gdb.run("continue")["reason"] == "exited-normally"
        assert vm.wait() == 0

    def test_another_past_does_not_end_in_the_same_reset(self):
        _, gdb = self.crashed("demo64", "--append=rounds=1 end=reset")
        gdb.run("reverse-stepi")
        gdb.console("set $r15 = 77")
        assert gdb.run("stepi")["reason"] in ("signal-received", "end-stepping-range")
        assert "The past was changed" in gdb.printed()
        assert gdb.integer("$r15") == 77

    def test_the_recording_outlives_its_client_if_that_was_asked_for(self):
        for option, answer in (("--record-last=1M", "Recording"), ("--record=1M", "There is no recording")):
            vm = self.ringside(self.guest("demo64"), option)
            gdb = self.gdb(self.guest("demo64"))
            gdb.connect(vm.port())
            gdb.run("stepi")
            assert "1 step" in gdb.console("monitor record status")
            gdb.run("reverse-stepi")
            gdb.console("detach")
            gdb.connect(vm.port())
            assert answer in gdb.console("monitor record status")
            gdb.console("kill")

    @pytest.mark.sample
    def test_the_program_ends_well_while_it_records(self):
        vm, gdb = self.attached("demo64", "--record-last=16M")
        gdb.run("stepi")
        vm.signal(signal.SIGTERM)
        assert vm.wait() == 128 + signal.SIGTERM

    def test_what_cannot_be_recorded_does_not_start(self):
        for options, answer in (((), "--gdb or --control"), (("--gdb=tcp:127.0.0.1:0", "--rng"), "virtio")):
            vm = self.ringside(self.guest("demo64"), "--record", *options, gdb=None)
            assert vm.wait() != 0
            assert answer in vm.stderr.text()
        for size in ("0", "-1", "much", "9999999999G"):
            vm = self.ringside(self.guest("demo64"), f"--record-last={size}")
            assert vm.wait() == 2
            assert "size of a recording" in vm.stderr.text()


class TestSeveralVcpus(RingsideTest):
    """One vCPU at a time, from before the others have started: the guest does its work, and each goes back."""

    CPUS = 3

    def recorded(self, *options: object):
        vm, gdb = self.attached("smp", f"--cpus={self.CPUS}", f"--append=cpus={self.CPUS} rounds=3", *options)
        assert "the vCPUs one at a time" in gdb.console("monitor record on 256M")
        return vm, gdb

    def works(self, gdb, cpu: int) -> None:
        gdb.console(f"tbreak cpu_work if cpu == {cpu}")
        self.assert_breakpoint(gdb.run("continue", seconds=240), "cpu_work")
        assert gdb.integer("$_thread") == cpu + 1

    def test_the_guest_does_its_work(self):
        vm, gdb = self.recorded()
        gdb.start("continue")
        assert vm.wait(240) == 33
        assert "shared 9\nok" in vm.stdout.text()

    def test_every_vcpu_goes_back_and_forward_by_instructions(self):
        _, gdb = self.recorded()
        for cpu in range(1, self.CPUS):
            self.works(gdb, cpu)
            passed = [gdb.integer("$pc")]
            for _ in range(10):
                gdb.run("stepi")
                passed.append(gdb.integer("$pc"))
            for pc in reversed(passed[:-1]):
                gdb.run("reverse-stepi")
                assert (gdb.integer("$_thread"), gdb.integer("$pc")) == (cpu + 1, pc)
            for pc in passed[1:]:
                gdb.run("stepi")
                assert (gdb.integer("$_thread"), gdb.integer("$pc")) == (cpu + 1, pc)

    def test_finds_which_vcpu_wrote(self):
        _, gdb = self.recorded()
        gdb.console("break guest::debug_exit")
        self.assert_breakpoint(gdb.run("continue", seconds=240), "debug_exit")
        gdb.console("delete")
        for cpu in range(1, self.CPUS):
            address = gdb.integer(f"(long)&per_cpu[{cpu}].counter")
            answer = json.loads(gdb.console(f"monitor last-write {address:#x} 8 --json"))
            assert (answer["vcpu"], answer["old"], answer["new"]) == (cpu, 2, 3)
        gdb.console("watch per_cpu[1].counter")
        for value in (2, 1, 0):
            stop = gdb.run("reverse-continue", seconds=240)
            assert stop["reason"] == "watchpoint-trigger"
            assert stop["value"]["new"] == str(value)
            assert stop["thread-id"] == "2"
            assert gdb.integer("per_cpu[1].counter") == value
        gdb.console("delete")
        gdb.console("thread 1")
        gdb.run("reverse-continue", seconds=240)
        assert "No more reverse-execution history" in gdb.printed()
        assert "waiting for SIPI" in gdb.console("info threads")

    def test_the_past_leads_to_another_present(self):
        vm, gdb = self.recorded()
        self.works(gdb, 1)
        for _ in range(3):
            gdb.run("reverse-stepi")
        gdb.console("set var *(char *)0x9000 = 7")
        gdb.run("stepi")
        assert "The past was changed" in gdb.printed()
        gdb.start("continue")
        assert vm.wait(240) == 33

    def test_an_interrupt_stops_them_and_so_does_a_client_that_is_gone(self):
        vm, gdb = self.attached("smp", f"--cpus={self.CPUS}", f"--append=cpus={self.CPUS} rounds=0")
        gdb.console("monitor record on 1M")
        self.works(gdb, self.CPUS - 1)
        gdb.start("continue")
        assert gdb.interrupt()["signal-name"] == "SIGINT"
        assert "Recording" in gdb.console("monitor record status")
        gdb.run("reverse-stepi")
        gdb.kill()
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(vm.port())
        assert "There is no recording" in gdb.console("monitor record status")
        for cpu in range(self.CPUS):
            self.works(gdb, cpu)

    def test_from_the_first_instruction_on(self):
        vm = self.ringside(self.guest("smp"), f"--cpus={self.CPUS}", f"--append=cpus={self.CPUS} rounds=3", "--record-last=64M")
        gdb = self.gdb(self.guest("smp"))
        gdb.connect(vm.port())
        assert "the vCPUs one at a time" in vm.stderr.text()
        self.works(gdb, 2)
        gdb.run("reverse-stepi")
        assert gdb.integer("$_thread") == 3
        assert (vm.stderr.text() + gdb.printed()).count("the vCPUs one at a time") == 1


class TestExactness(RingsideTest):
    """Registers and memory, as digests: forward once, then thousands of random steps back and forth."""

    REGIONS = ((0x100000, 0x4000), (0x11f000, 0x2000))
    SMP_REGIONS = ((0x8000, 0x1000), (0x100000, 0x30000), (0x20d000, 0x2000))  # the APs' start, data and stacks
    STEPS = 1500
    CPUS = 3

    def test_several_vcpus_are_in_the_same_state_from_both_sides(self):
        """Examines each place when the guest first reaches it, and again from every other place."""
        vm = self.ringside(self.guest("smp"), f"--cpus={self.CPUS}", f"--append=cpus={self.CPUS} rounds=0")
        self.rsp = self.client(vm)
        self.rsp.ask(b"QStartNoAckMode")
        self.exchange(b"?")
        self.command("record on 64M")
        choice, states = random.Random(15), {}
        for _ in range(400):
            self.exchange(b"vCont;s:%x;c" % choice.randint(1, self.CPUS))
            states[self.step()] = self.digest_of_all()
        for _ in range(200):
            what = choice.random()
            if what < 0.4:
                self.exchange(b"Hc%x" % choice.randint(1, self.CPUS))
                self.exchange(b"bs")
            elif what < 0.6 and self.step() < max(states):
                self.exchange(b"vCont;s:%x;c" % choice.randint(1, self.CPUS))
            else:
                self.command(f"goto {choice.choice(list(states))}")
            step = self.step()
            digest = self.digest_of_all()
            assert states.setdefault(step, digest) == digest, step

    def command(self, text: str) -> str:
        self.rsp.send(frame(b"qRcmd," + text.encode().hex().encode()))
        said = b""
        while (reply := self.rsp.receive()).startswith(b"O") and reply != b"OK":
            said += bytes.fromhex(reply[1:].decode())
        return said.decode() if reply == b"OK" else bytes.fromhex(reply.decode()).decode()

    def step(self) -> int:
        status = self.command("record status")
        past = re.search(r"at step (\d+)", status)
        return int(past[1]) if past else int(re.search(r"(\d+) steps in", status)[1])

    def digest_of_all(self) -> tuple:
        threads = []
        for thread in range(1, self.CPUS + 1):
            self.exchange(b"Hg%x" % thread)
            threads.append(self.exchange(b"g"))
        return (*threads, *(self.exchange(b"qCRC:%x,%x" % region) for region in self.SMP_REGIONS))

    def test_states_are_the_same_from_both_sides(self):
        vm = self.ringside(self.guest("demo64"))
        self.rsp = self.client(vm)
        self.rsp.ask(b"QStartNoAckMode")
        self.exchange(b"?")
        self.exchange(b"qRcmd," + b"record on 16M".hex().encode())
        states = [self.digest()]
        for _ in range(self.STEPS):
            self.exchange(b"vCont;s:1")
            states.append(self.digest())
        at, choice = self.STEPS, random.Random(15)
        for _ in range(150):
            back = choice.random() < 0.55
            for _ in range(choice.choice((1, 2, 3, 60))):
                if back and at > 0:
                    self.exchange(b"bs")
                    at -= 1
                elif not back and at < self.STEPS:
                    self.exchange(b"vCont;s:1")
                    at += 1
            assert self.digest() == states[at], at

    def digest(self) -> tuple:
        return (self.exchange(b"g"), *(self.exchange(b"qCRC:%x,%x" % region) for region in self.REGIONS))

    def exchange(self, packet: bytes) -> bytes:
        """One packet and its reply, behind any console output."""
        self.rsp.send(frame(packet))
        reply = self.rsp.receive()
        while reply.startswith(b"O") and reply != b"OK":
            reply = self.rsp.receive()
        return reply
