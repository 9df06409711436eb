"""Several vCPUs, which stop and go together."""

import re
from collections import Counter

from tests.harness.case import RingsideTest

CPUS = 4
TRAMPOLINE = 0x8000  # where vCPU 0 copies the others' first code to
MOST_CPUS = 255  # APIC ids have 8 bits, and 255 means all
EXIT_STATUS = (0x10 << 1) | 1


class TestSmp(RingsideTest):
    def start(self, rounds: int = 0):
        return self.attached("smp", "--cpus", CPUS, f"--append=cpus={CPUS} rounds={rounds}")

    def all_working(self, rounds: int = 0):
        """Stopped at a point where every CPU has been woken."""
        vm, gdb = self.start(rounds)
        gdb.console("break cpu_work")
        gdb.run("continue")
        gdb.console("delete")
        return vm, gdb

    def threads(self, gdb) -> list[dict]:
        return gdb.command("-thread-info")["threads"]

    def test_runs_alone_to_its_exit_status(self):
        vm = self.ringside(self.guest("smp"), "--cpus", CPUS, f"--append=cpus={CPUS} rounds=50", gdb=None)
        assert vm.wait() == EXIT_STATUS
        assert f"cpus {CPUS}" in vm.stdout.text()

    def test_one_vcpu_for_every_apic_id(self):
        _, gdb = self.attached("smp", "--cpus", MOST_CPUS, f"--append=cpus={MOST_CPUS} rounds=2")
        gdb.console(f"break cpu_work if cpu == {MOST_CPUS - 1}")
        stop = gdb.run("continue")
        assert stop["thread-id"] == str(MOST_CPUS)
        states = [thread["details"] for thread in self.threads(gdb)]
        assert len(states) == MOST_CPUS
        assert not [state for state in states if "SIPI" in state], "all have been woken"

    def test_more_are_refused(self):
        vm = self.ringside(self.guest("smp"), "--cpus", MOST_CPUS + 1, gdb=None)
        assert vm.wait() == 2
        assert f"1 to {MOST_CPUS}" in vm.stderr.text()

    def test_every_vcpu_is_a_thread_in_order(self):
        _, gdb = self.start()
        threads = self.threads(gdb)
        assert sorted(int(thread["id"]) for thread in threads) == [1, 2, 3, 4]
        text = gdb.console("info threads")
        for vcpu in range(CPUS):
            assert f"vCPU {vcpu}" in text

    def test_a_breakpoint_is_hit_in_the_trampoline_that_is_not_yet_there(self):
        _, gdb = self.start(rounds=1)
        gdb.console(f"break *{TRAMPOLINE:#x}")
        stop = gdb.run("continue")
        assert stop["thread-id"] != "1", stop
        assert gdb.integer("$cs_base + $rip") == TRAMPOLINE

    def test_waiting_processors_are_named_so(self):
        _, gdb = self.start()
        assert re.search(r"(?i)(waiting|wait).*SIPI", gdb.console("info threads"))

    def test_each_thread_has_its_own_registers(self):
        _, gdb = self.all_working()
        bases = set()
        for thread in range(1, CPUS + 1):
            gdb.console(f"thread {thread}")
            bases.add(gdb.integer("$gs_base"))
        assert len(bases) == CPUS
        assert gdb.integer("&per_cpu[0]") in bases

    def thread_of(self, gdb, cpu: int) -> str:
        """The guest numbers its CPUs in the order in which they woke; their APIC ids are the vCPUs' indices."""
        return str(gdb.integer(f"per_cpu[{cpu}].apic_id") + 1)

    def test_a_breakpoint_hits_on_every_vcpu(self):
        _, gdb = self.start()
        threads = set()
        for cpu in range(CPUS):
            gdb.console(f"break cpu_work if cpu == {cpu}")
            stop = gdb.run("continue")
            assert (stop["reason"], stop["thread-id"]) == ("breakpoint-hit", self.thread_of(gdb, cpu))
            threads.add(stop["thread-id"])
            gdb.console("delete")
        assert len(threads) == CPUS

    def test_of_vcpus_that_hit_at_once_each_hit_is_reported(self):
        rounds = 3
        vm, gdb = self.start(rounds)
        gdb.console("break cpu_work")
        hits = Counter()
        while (stop := gdb.run("continue"))["reason"] == "breakpoint-hit":
            hits[stop["thread-id"]] += 1
        assert hits == dict.fromkeys(map(str, range(1, CPUS + 1)), rounds)
        assert vm.wait() == EXIT_STATUS

    def test_a_breakpoint_can_be_one_threads(self):
        """gdb stops the machine at the others' hits, too, and lets it go on: they have to come to an end."""
        rounds = 3
        vm, gdb = self.start(rounds)
        gdb.console("break cpu_work thread 3")
        for _ in range(rounds):
            stop = gdb.run("continue")
            assert (stop["reason"], stop["thread-id"]) == ("breakpoint-hit", "3")
        assert gdb.run("continue")["reason"] == "exited"
        assert vm.wait() == EXIT_STATUS

    def test_a_condition_can_ask_for_the_vcpu_where_it_is_hit(self):
        """Without a stop of the others, unlike `thread`."""
        _, gdb = self.start()
        gdb.console("break cpu_work if $trace_vcpu == 2")
        for _ in range(5):
            stop = gdb.run("continue")
            assert (stop["reason"], stop["thread-id"]) == ("breakpoint-hit", "3")
        assert "(target evals)" in gdb.console("info breakpoints")

    def test_stepping_one_vcpu_leaves_the_others_where_they_are(self):
        _, gdb = self.start()
        gdb.console("break cpu_work if cpu == 1")
        stepped = gdb.run("continue")["thread-id"]
        gdb.console("delete")
        gdb.console("set scheduler-locking on")

        def counters() -> list[int]:
            return [gdb.integer(f"per_cpu[{cpu}].counter") for cpu in range(CPUS) if cpu != 1]

        before = counters()
        # Not over the lock that follows: another vCPU may hold it, and stays where it is.
        for command in ("next", "stepi", "stepi"):
            assert gdb.run(command)["thread-id"] == stepped
        assert counters() == before

    def test_a_stop_stops_all(self):
        _, gdb = self.all_working()
        gdb.start("continue")
        gdb.interrupt()
        assert {thread["state"] for thread in self.threads(gdb)} == {"stopped"}
        before = gdb.evaluate("shared_counter")
        gdb.console("maint flush dcache")
        assert gdb.evaluate("shared_counter") == before

    def test_ctrl_c_again_and_again(self):
        _, gdb = self.all_working()
        for _ in range(10):
            gdb.start("continue")
            assert gdb.interrupt()["signal-name"] == "SIGINT"

    def test_a_watchpoint_on_another_cpus_data(self):
        _, gdb = self.all_working()
        gdb.console("watch per_cpu[2].counter")
        stop = gdb.run("continue", seconds=240)
        assert (stop["reason"], stop["thread-id"]) == ("watchpoint-trigger", self.thread_of(gdb, 2))

    def test_the_sums_are_right_after_many_stops(self):
        vm, gdb = self.start(rounds=40)
        gdb.console("break cpu_work")
        gdb.console("ignore 1 20")
        for _ in range(8):
            gdb.run("continue")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS
