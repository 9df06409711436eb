"""Non-stop mode: one vCPU stops while the others run."""

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError

CPUS = 4


class TestNonStop(RingsideTest):
    def start(self, *settings: str):
        """Every vCPU is stopped at its first instruction, in non-stop mode."""
        vm = self.ringside(self.guest("smp"), "--cpus", CPUS, f"--append=cpus={CPUS} rounds=0")
        gdb = self.gdb(self.guest("smp"))
        for setting in ("mi-async on", "non-stop on", *settings):
            gdb.console(f"set {setting}")
        gdb.connect(vm.port())
        for _ in range(CPUS - 1):
            gdb.wait_stop()
        return vm, gdb

    def threads(self, gdb) -> dict[int, str]:
        return {int(thread["id"]): thread["state"] for thread in gdb.command("-thread-info")["threads"]}

    def running(self, gdb) -> set[int]:
        return {thread for thread, state in self.threads(gdb).items() if state == "running"}

    def one_at(self, location: str):
        """All run but one, which has hit a breakpoint; also that one's thread."""
        vm, gdb = self.start()
        gdb.console(f"break {location}")
        gdb.command("-exec-continue --all")
        stop = gdb.wait_stop()
        assert stop["reason"] == "breakpoint-hit", stop
        gdb.console(f"thread {stop['thread-id']}")
        return vm, gdb, int(stop["thread-id"])

    def read(self, gdb, expression: str) -> int:
        gdb.console("maint flush dcache")
        return gdb.integer(expression)

    def wait_for_change(self, gdb, expression: str) -> None:
        before = self.read(gdb, expression)
        while self.read(gdb, expression) == before:
            pass

    def stop_all(self, gdb) -> None:
        running = self.running(gdb)
        gdb.command("-exec-interrupt --all")
        for _ in running:
            gdb.wait_stop()
        assert not self.running(gdb)

    def test_a_client_finds_every_vcpu_stopped(self):
        _, gdb = self.start()
        assert self.threads(gdb) == dict.fromkeys(range(1, CPUS + 1), "stopped")

    @pytest.mark.parametrize("end, status", [("exit", 33), ("reset", 0)])
    def test_the_guests_end_is_told_before_the_connection_closes(self, end, status):
        vm = self.ringside(self.guest("demo64"), "--on-reset=exit", f"--append=rounds=1 end={end}")
        gdb = self.gdb(self.guest("demo64"))
        for setting in ("mi-async on", "non-stop on"):
            gdb.console(f"set {setting}")
        gdb.connect(vm.port())
        gdb.command("-exec-continue --all")
        stop = gdb.wait_stop()
        assert stop["reason"] in ("exited", "exited-normally"), stop
        assert int(stop.get("exit-code", "0"), 8) == status
        assert vm.wait() == status

    def test_one_vcpu_stops_and_the_others_run(self):
        _, gdb, stopped = self.one_at("cpu_work if cpu == 1")
        assert self.running(gdb) == set(range(1, CPUS + 1)) - {stopped}
        own, others = f"per_cpu[{self.cpu_of(gdb, stopped)}].counter", "shared_counter"
        before = self.read(gdb, own)
        self.wait_for_change(gdb, others)
        assert self.read(gdb, own) == before

    def cpu_of(self, gdb, thread: int) -> int:
        """The guest numbers its CPUs in the order in which they woke."""
        return next(cpu for cpu in range(CPUS) if gdb.integer(f"per_cpu[{cpu}].apic_id") == thread - 1)

    def test_what_is_stopped_can_be_stepped_and_looked_at(self):
        _, gdb, stopped = self.one_at("cpu_work if cpu == 1")
        assert "cpu_work" in gdb.console("backtrace")
        for _ in range(5):
            before = gdb.integer("$pc")
            gdb.command(f"-exec-step-instruction --thread {stopped}")
            assert gdb.wait_stop()["thread-id"] == str(stopped)
            assert gdb.integer("$pc") != before
        assert self.running(gdb) == set(range(1, CPUS + 1)) - {stopped}

    def test_registers_of_a_running_vcpu_are_refused(self):
        _, gdb, stopped = self.one_at("cpu_work if cpu == 1")
        other = next(iter(self.running(gdb)))
        with pytest.raises(GdbError, match="running"):
            gdb.command(f"-data-evaluate-expression --thread {other} $rip")

    def test_one_vcpu_is_interrupted_and_resumed(self):
        _, gdb = self.start()
        gdb.command("-exec-continue --all")
        gdb.command("-exec-interrupt --thread 2")
        assert gdb.wait_stop()["thread-id"] == "2"
        assert self.running(gdb) == {1, 3, 4}
        gdb.command("-exec-continue --thread 2")
        assert self.running(gdb) == {1, 2, 3, 4}

    def test_every_vcpu_hits_the_same_breakpoint(self):
        _, gdb = self.start()
        gdb.console("break cpu_work")
        gdb.command("-exec-continue --all")
        hits = {gdb.wait_stop()["thread-id"] for _ in range(CPUS)}
        assert hits == {str(thread) for thread in range(1, CPUS + 1)}

    def test_a_breakpoint_is_set_and_deleted_while_vcpus_run(self):
        _, gdb = self.start()
        gdb.command("-exec-continue --all")
        for _ in range(5):
            gdb.console("break cpu_work")
            hits = {gdb.wait_stop()["thread-id"] for _ in range(CPUS)}
            assert len(hits) == CPUS
            gdb.console("delete")
            gdb.command("-exec-continue --all")
            assert self.running(gdb) == {1, 2, 3, 4}

    def test_a_watchpoint_stops_who_writes(self):
        _, gdb, stopped = self.one_at("cpu_work if cpu == 1")
        gdb.console("delete")
        gdb.console("watch per_cpu[2].counter")
        stop = gdb.wait_stop()
        assert stop["reason"] == "watchpoint-trigger"
        assert self.cpu_of(gdb, int(stop["thread-id"])) == 2

    def test_the_guest_runs_on_when_the_client_has_left(self):
        vm, gdb, _ = self.one_at("cpu_work if cpu == 1")
        gdb.kill()
        second = self.gdb(self.guest("smp"))
        second.connect(vm.port())
        second.console("break cpu_work if cpu == 1")
        assert second.run("continue")["reason"] == "breakpoint-hit"
        assert {thread["state"] for thread in second.command("-thread-info")["threads"]} == {"stopped"}

    def test_commands_for_the_whole_machine_are_refused(self):
        _, gdb, _ = self.one_at("cpu_work if cpu == 1")
        for command in ("record on", "snapshot save a", "system_reset"):
            assert "non-stop mode" in gdb.console(f"monitor {command}")

    def test_the_monitor_answers_while_vcpus_run(self):
        _, gdb, stopped = self.one_at("cpu_work if cpu == 1")
        assert "supervisor" in gdb.console("monitor translate $rip")
        assert self.running(gdb) == set(range(1, CPUS + 1)) - {stopped}

    def test_gdb_in_all_stop_mode_over_a_target_in_non_stop_mode(self):
        vm = self.ringside(self.guest("smp"), "--cpus", CPUS, f"--append=cpus={CPUS} rounds=0")
        gdb = self.gdb(self.guest("smp"))
        gdb.console("maint set target-non-stop on")
        gdb.connect(vm.port())
        gdb.console("break cpu_work if cpu == 1")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        assert {thread["state"] for thread in gdb.command("-thread-info")["threads"]} == {"stopped"}
        for _ in range(5):
            gdb.run("next")
        gdb.console("delete")
        gdb.start("continue")
        assert gdb.interrupt()["signal-name"] == "SIGINT"

    def test_a_breakpoint_of_the_monitors_stops_its_vcpu_alone(self):
        _, gdb = self.start()
        place = gdb.integer("(unsigned long) &cpu_work")
        gdb.console(f"monitor break {place:#x} vcpu 2")
        gdb.command("-exec-continue --all")
        for count in (1, 2):
            stop = gdb.wait_stop()
            assert (stop["thread-id"], stop["signal-name"]) == ("3", "SIGTRAP"), stop
            # In this mode a client takes words for its user only with the answer to a command.
            assert f"vCPU 2 has hit breakpoint 1 at {place:#x} <cpu_work>: hit {count}, " in gdb.console("monitor break")
            assert self.running(gdb) == {1, 2, 4}
            self.wait_for_change(gdb, "shared_counter")
            if count == 1:
                gdb.command("-exec-continue --thread 3")
        assert "is deleted" in gdb.console("monitor break delete 1")
        gdb.command("-exec-continue --thread 3")
        self.wait_for_change(gdb, f"per_cpu[{self.cpu_of(gdb, 3)}].counter")
        assert self.running(gdb) == {1, 2, 3, 4}
