"""Tracepoints: data is collected while the guest runs, and examined afterwards."""

import re

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError, GdbSession
from tests.harness.rsp import INTERRUPT, frame

ROUNDS = 4


class TestTracepoints(RingsideTest):
    def start(self, *settings: str, rounds: int = ROUNDS):
        """demo64 at its first instruction; 0 rounds go on for ever."""
        vm, gdb = self.attached("demo64", *([f"--append=rounds={rounds}"] if rounds else []))
        for line in settings:
            gdb.console(line)
        return vm, gdb

    def define(self, gdb: GdbSession, where: str, *actions: str) -> int:
        """A tracepoint with actions, as a script gives them; its number."""
        number = int(re.search(r"racepoint (\d+) at", gdb.console(f"trace {where}")).group(1))
        quoted = " ".join('"' + action.replace('"', '\\"') + '"' for action in actions)
        gdb.command(f"-break-commands {number} {quoted}")
        return number

    def run_to_the_end(self, gdb: GdbSession) -> None:
        """To where demo64 has done all of its rounds."""
        gdb.console("tbreak end")
        self.assert_stopped_in(gdb.run("continue", 120), "end")

    def collect(self, gdb: GdbSession) -> None:
        gdb.console("tstart")
        self.run_to_the_end(gdb)
        gdb.console("tstop")

    def frames(self, gdb: GdbSession) -> int:
        status = gdb.console("tstatus")
        return int(re.search(r"(?:Collected|contains) (\d+) trace frame", status).group(1))

    def every_frame(self, gdb: GdbSession, expression: str, frames: int | None = None) -> list[int]:
        """The expression's value in each frame. Of a file in CTF gdb does not say how many it has."""
        values = []
        for number in range(self.frames(gdb) if frames is None else frames):
            gdb.console(f"tfind {number}")
            values.append(gdb.integer(expression))
        gdb.console("tfind none")
        return values

    # ---- What is collected

    def test_registers_are_collected_and_the_guest_runs_on(self):
        _, gdb = self.start()
        self.define(gdb, "*report_round", "collect $regs")
        gdb.console("tstart a first run")
        self.run_to_the_end(gdb)
        assert "Trace is running on the target." in gdb.console("tstatus")
        gdb.console("tstop")
        status = gdb.console("tstatus")
        assert "Trace stopped by a tstop command" in status, status
        assert "a first run" in status, status
        assert self.every_frame(gdb, "$rdi") == [1, 2, 3, 4]
        assert "Found trace frame 0, tracepoint 1" in gdb.console("tfind start")
        assert gdb.integer("$pc") == gdb.integer("&report_round")
        dump = gdb.console("tdump")
        assert "Data collected at tracepoint 1, trace frame 0" in dump and "rdi" in dump, dump
        assert "report_round" in gdb.console("x/i $pc")
        with pytest.raises(GdbError, match="failed to find"):
            gdb.console("tfind 4")
        gdb.console("tfind none")
        self.assert_stopped_in(gdb.command("-stack-info-frame"), "end")

    def test_what_was_not_collected_is_unavailable(self):
        _, gdb = self.start()
        self.define(gdb, "mix", "collect $args, queue.count")
        self.collect(gdb)
        live = gdb.integer("total_consumed")
        gdb.console("tfind start")
        assert gdb.integer("value") == 1
        assert gdb.integer("queue.count") >= 1
        assert gdb.evaluate("queue.head") == "<unavailable>"
        assert gdb.evaluate("$cr3") == "<unavailable>"
        with pytest.raises(GdbError, match="value is not available"):
            gdb.integer("total_consumed")
        with pytest.raises(GdbError):
            gdb.console("set var queue.count = 7")
        gdb.console("tfind none")
        assert gdb.integer("total_consumed") == live

    def test_locals_memory_and_strings(self):
        vm, gdb = self.start()
        self.define(gdb, "*report_round", "collect queue, nodes_used", "collect/s task_list->name, *task_list")
        self.collect(gdb)
        reported = [int(each) for each in re.findall(r"queued (\d+)", vm.stdout.text())]
        assert self.every_frame(gdb, "queue.count") == reported
        gdb.console("tfind start")
        assert re.search(r'"\w+"', gdb.evaluate("task_list->name"))
        assert gdb.evaluate("tree_root") == "<unavailable>"

    def test_memory_that_is_not_there_leaves_a_gap(self):
        _, gdb = self.start()
        self.define(gdb, "*report_round", "collect *(char*)0xffff800000000000@16, queue")
        self.collect(gdb)
        assert self.frames(gdb) == ROUNDS
        assert max(self.every_frame(gdb, "queue.count")) >= 1
        gdb.console("tfind start")
        with pytest.raises(GdbError):
            gdb.integer("*(char*)0xffff800000000000")

    def test_a_condition_chooses_and_variables_count(self):
        _, gdb = self.start("tvariable $seen = 10")
        self.define(gdb, "*report_round if (round & 1) == 0 || $rdi % 2 == 0", "teval $seen = $seen + 1", "collect $seen, $regs")
        self.collect(gdb)
        assert self.every_frame(gdb, "$seen")[-1] == 10 + self.frames(gdb)
        assert re.search(r"\$seen\s+10\s+1\d", gdb.console("info tvariables"))

    def test_the_vcpu_and_the_time_can_be_collected(self):
        _, gdb = self.start()
        self.define(gdb, "*report_round", "collect $trace_timestamp, $trace_vcpu")
        self.collect(gdb)
        times = self.every_frame(gdb, "$trace_timestamp")
        assert times == sorted(times) and times[0] > 0
        assert self.every_frame(gdb, "$trace_vcpu") == [0] * ROUNDS

    def test_steps_are_collected(self):
        _, gdb = self.start()
        number = self.define(gdb, "*report_round", "collect $regs", "while-stepping 5", "collect $regs", "end")
        gdb.console(f"passcount 1 {number}")
        self.collect(gdb)
        assert f"Trace stopped by tracepoint {number}" in gdb.console("tstatus")
        places = self.every_frame(gdb, "$pc")
        assert len(places) == 6 and len(set(places)) == 6, places
        assert places[0] == gdb.integer("&report_round")
        gdb.console("tfind start")
        assert "Found trace frame 1" in gdb.console("tfind outside &report_round, &report_round")
        assert "Found trace frame 4" in gdb.console(f"tfind pc {places[4]}")
        gdb.console("tfind none")
        assert "Found trace frame 0" in gdb.console("tfind range &report_round, &report_round")
        assert "Found trace frame 1" in gdb.console(f"tfind tracepoint {number}")

    def test_a_breakpoint_at_the_same_place_stops_too(self):
        _, gdb = self.start()
        self.define(gdb, "*report_round", "collect $regs")
        gdb.console("break *report_round")
        gdb.console("tstart")
        for _ in range(2):
            self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.run("stepi")
        gdb.console("delete 2")
        self.run_to_the_end(gdb)
        gdb.console("tstop")
        assert self.every_frame(gdb, "$rdi") == [1, 2, 3, 4]

    def test_every_vcpu_collects(self):
        cpus, rounds = 4, 10
        _, gdb = self.attached("smp", "--cpus", cpus, f"--append=cpus={cpus} rounds={rounds}")
        gdb.console("tvariable $hits = 0")
        self.define(gdb, "cpu_work", "teval $hits = $hits + 1", "collect $hits, $trace_vcpu, cpu")
        gdb.console("tstart")
        gdb.console("tbreak guest::debug_exit")
        self.assert_stopped_in(gdb.run("continue", 120), "debug_exit")
        gdb.console("tstop")
        assert self.every_frame(gdb, "$hits") == list(range(1, cpus * rounds + 1))
        vcpus = self.every_frame(gdb, "$trace_vcpu")
        assert sorted(vcpus) == sorted(list(range(cpus)) * rounds)
        assert self.every_frame(gdb, "cpu") == vcpus

    # ---- How an experiment ends

    def test_a_full_buffer_ends_it(self):
        _, gdb = self.start("set trace-buffer-size 200")
        self.define(gdb, "*report_round", "collect queue")
        self.collect(gdb)
        status = gdb.console("tstatus")
        assert "buffer was full" in status, status
        assert self.frames(gdb) == 2

    def test_a_circular_buffer_keeps_the_newest(self):
        _, gdb = self.start("set trace-buffer-size 200", "set circular-trace-buffer on")
        self.define(gdb, "*report_round", "collect rounds_done, queue")
        self.collect(gdb)
        status = gdb.console("tstatus")
        assert "buffer is circular" in status, status
        assert f"(of {ROUNDS} created total)" in status, status
        assert self.every_frame(gdb, "rounds_done") == [ROUNDS]

    def test_an_expression_that_fails_ends_it(self):
        _, gdb = self.start()
        self.define(gdb, "*report_round", "collect *(int*)*(long*)0xffff800000000000")
        self.collect(gdb)
        status = gdb.console("tstatus")
        assert "stopped by an error (memory cannot be read, tracepoint 1)" in status, status

    def test_a_tracepoint_is_disabled_while_it_runs(self):
        _, gdb = self.start("break report_round if round == 3")
        number = self.define(gdb, "*report_round", "collect $regs")
        gdb.console("tstart")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console(f"disable {number}")
        self.run_to_the_end(gdb)
        gdb.console("tstop")
        assert self.every_frame(gdb, "$rdi") == [1, 2, 3]

    # ---- What is defined while it runs

    def test_a_tracepoint_that_is_added_collects_at_once(self):
        _, gdb = self.start("break report_round if round == 3", "set default-collect $regs, queue.count")
        self.define(gdb, "end", "collect $regs")
        gdb.console("tstart")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console("trace *report_round if $rdi != 3")
        gdb.console("delete 1")
        gdb.console("tbreak debug_exit")
        self.assert_stopped_in(gdb.run("continue", 120), "debug_exit")
        gdb.console("tstop")
        assert self.frames(gdb) == 2
        assert "Found trace frame 0, tracepoint 3" in gdb.console("tfind start")
        assert gdb.integer("$rdi") == 4 and gdb.integer("queue.count") >= 0
        assert "Found trace frame 1, tracepoint 2" in gdb.console("tfind")

    def test_a_tracepoint_that_collects_nothing_is_added(self):
        """gdb announces actions, and none come."""
        _, gdb = self.start("break report_round if round == 3", "set default-collect guest_main")
        self.define(gdb, "end", "collect $regs")
        gdb.console("tstart")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console("trace *report_round if $rdi != 3")
        self.run_to_the_end(gdb)
        gdb.console("tstop")
        assert "Found trace frame 0, tracepoint 3" in gdb.console("tfind start")
        with pytest.raises(GdbError, match="not available"):
            gdb.integer("$rdi")

    # ---- Clients that come and go

    def test_it_continues_without_its_client(self):
        vm, gdb = self.start("set disconnected-tracing on", "tvariable $seen = 0", rounds=0)
        self.define(gdb, "*report_round if $rdi > 1", "teval $seen = $seen + 1", "collect $seen, $regs")
        gdb.console("tstart unattended")
        gdb.console("detach")
        vm.serial(r"round 5:")
        again = self.gdb(self.guest("demo64"))
        again.connect(vm.port())
        status = again.console("tstatus")
        assert "Trace is running on the target." in status, status
        assert "unattended" in status, status
        assert self.frames(again) >= 4
        assert "report_round" in again.console("info tracepoints")
        assert "$rdi > 1" in again.console("info tracepoints")
        assert "teval $seen" in again.console("info tracepoints")
        again.console("tstop")
        again.console("tfind start")
        assert again.integer("$rdi") == 2
        assert again.integer("$seen") == 1

    def test_it_ends_with_its_client_otherwise(self):
        vm, gdb = self.start(rounds=0)
        self.define(gdb, "*report_round", "collect $regs")
        gdb.console("tstart")
        gdb.console("break report_round if round == 3")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.kill()
        vm.serial(r"round 5:")
        again = self.gdb(self.guest("demo64"))
        again.connect(vm.port())
        assert "Trace stopped because of disconnection" in again.console("tstatus")
        assert self.every_frame(again, "$rdi") == [1, 2, 3]

    @pytest.mark.full_gdb
    @pytest.mark.parametrize("form, target", [("", "tfile"), ("-ctf", "ctf")])
    def test_what_was_collected_is_saved_and_read_back(self, form, target):
        """The user has not looked at a register before."""
        _, gdb = self.start()
        self.define(gdb, "*report_round", "collect $regs, queue")
        self.collect(gdb)
        file = self.folder / "trace"
        gdb.console(f"tsave {form} {file}")
        reader = self.gdb(self.guest("demo64"))
        reader.console(f"target {target} {file}")
        assert self.every_frame(reader, "queue.count", ROUNDS) == self.every_frame(gdb, "queue.count")
        assert self.every_frame(reader, "$rdi", ROUNDS) == [1, 2, 3, 4]

    # ---- What is refused

    def test_a_fast_tracepoint_becomes_an_ordinary_one(self):
        _, gdb = self.start()
        call = re.search(r"(0x[0-9a-f]+) <\+\d+>:\s+call", gdb.console("disassemble report_round")).group(1)
        gdb.console(f"ftrace *{call}")
        gdb.command('-break-commands 1 "collect $regs"')
        gdb.console("tstart")
        assert any("downloading 1 as regular tracepoint" in line for line in gdb.log)
        self.run_to_the_end(gdb)
        gdb.console("tstop")
        assert self.every_frame(gdb, "$pc") == [int(call, 16)] * ROUNDS

    def test_what_cannot_be_is_said_in_words(self):
        _, gdb = self.start()
        with pytest.raises(GdbError, match="a client may not write files"):
            gdb.console("tsave -r /tmp/trace")
        with pytest.raises(GdbError, match="the trace buffer may have"):
            gdb.console("set trace-buffer-size 0x7fffffff")

    # ---- Clients that mean no good

    def place(self) -> bytes:
        """report_round's address, as a packet has it."""
        return b"%x" % self.gdb(self.guest("demo64")).integer("(unsigned long)&report_round")

    def attached_by_hand(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=0")
        client = self.client(vm)
        client.ask(b"qSupported:swbreak+;hwbreak+;qRelocInsn+;vContSupported+")
        assert client.ask(b"QTinit") == b"OK"
        return vm, client

    def test_a_client_that_dies_while_it_defines(self):
        vm, client = self.attached_by_hand()
        place = self.place()
        assert client.ask(b"QTDP:1:%s:E:0:0-" % place) == b"OK"
        assert client.ask(b"QTDP:-1:%s:R1-" % place) == b"OK"
        assert b"not complete" in client.ask(b"QTStart")
        client.close()
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.console("delete")
        self.define(gdb, "*report_round", "collect $regs")
        gdb.console("tstart")
        gdb.console("break report_round if round > 2")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console("tstop")
        assert self.frames(gdb) > 0

    def test_an_experiment_that_wants_everything(self):
        vm, client = self.attached_by_hand()
        place = self.place()
        assert client.ask(b"QTDP:1:%s:E:0:0-" % place) == b"OK"
        assert client.ask(b"QTDP:-1:%s:M-1,0,ffffffffffffffff" % place) == b"OK"
        # For ever: const8 0, pop, goto 0. It would loop; only its length is limited.
        assert client.ask(b"QTDP:2:%s:E:ffffffffffffffff:0-" % place) == b"OK"
        assert client.ask(b"QTDP:-2:%s:X7,22002921000027" % place) == b"OK"
        assert client.ask(b"QTDP:-2:%s:R1" % place).startswith(b"E")
        assert client.ask(b"QTStart") == b"OK"
        client.send(frame(b"vCont;c"))
        vm.serial(r"round 3:")
        client.send(INTERRUPT)
        assert client.receive().startswith(b"T02")
        assert client.ask(b"qTStatus").startswith(b"T0;tfull:0;tframes:0;")
        for packet in (b"QTFrame:0", b"QTFrame:ffffffffffffffff", b"QTFrame:pc:0"):
            assert client.ask(packet) == b"F-1"
