"""gdb's machine interface in non-stop mode, with the commands that IDEs' buttons send for one thread while the others run.

Eclipse CDT has a check box for the mode and names a thread with each command; CDT's debug adapter sends the same for `gdbNonStop`.
cpptools does so too once the mode is on, by a line of its `setupCommands`.
"""

import pytest

from tests.clients.test_mi import MiTest
from tests.harness import paths
from tests.harness.gdb import GdbError, GdbSession

CPUS = 3
ALL = {str(thread) for thread in range(1, CPUS + 1)}


class NonStopTest(MiTest):
    OPTIONS = (f"--cpus={CPUS}", f"--append=cpus={CPUS} rounds=0")

    def attached(self) -> GdbSession:
        """Eclipse's start of a session with "Non-stop mode" on: every vCPU is stopped at its first instruction."""
        port, gdb = self.stopped("smp", *self.OPTIONS)
        for command in ("-gdb-set breakpoint pending on", "-gdb-set mi-async on", "-gdb-set pagination off", "-gdb-set non-stop on",
                        f"-file-exec-and-symbols {paths.GUESTS / 'smp'}", f"-target-select remote 127.0.0.1:{port}"):
            gdb.command(command)
        assert {gdb.wait_stop()["thread-id"] for _ in ALL} == ALL
        assert self.running(gdb) == set()
        return gdb

    def running(self, gdb: GdbSession) -> set[str]:
        return {thread["id"] for thread in gdb.command("-thread-info")["threads"] if thread["state"] == "running"}

    def all_but_one(self) -> tuple[GdbSession, str]:
        """One vCPU has hit a breakpoint, which is deleted; the others run. Also the thread that has."""
        gdb = self.attached()
        gdb.command("-break-insert -f -c \"cpu == 1\" cpu_work")
        gdb.command("-exec-continue --all")
        stop = gdb.wait_stop()
        self.assert_breakpoint(stop, "cpu_work")
        assert stop["stopped-threads"] == [stop["thread-id"]]
        gdb.command("-break-delete")
        return gdb, stop["thread-id"]


class TestButtons(NonStopTest):
    def test_pause_and_resume_of_one_thread(self):
        gdb = self.attached()
        gdb.command("-exec-continue --all")
        for thread in sorted(ALL):
            gdb.command(f"-exec-interrupt --thread {thread}")
            stop = gdb.wait_stop()
            assert (stop["thread-id"], stop["signal-name"]) == (thread, "0")
            assert self.running(gdb) == ALL - {thread}
            gdb.command(f"-exec-continue --thread {thread}")
            assert self.running(gdb) == ALL

    def test_resume_of_one_thread_leaves_the_others_stopped(self):
        gdb = self.attached()
        gdb.command("-exec-continue --thread 1")
        assert self.running(gdb) == {"1"}
        gdb.command("-exec-interrupt --thread 1")
        assert gdb.wait_stop()["thread-id"] == "1"

    def test_pause_and_resume_of_all(self):
        """The process's own buttons, which name the thread group."""
        gdb = self.attached()
        for _ in range(2):
            gdb.command("-exec-continue --thread-group i1")
            assert self.running(gdb) == ALL
            gdb.command("-exec-interrupt --thread-group i1")
            assert {gdb.wait_stop()["thread-id"] for _ in ALL} == ALL

    @pytest.mark.parametrize("command", ["-exec-next", "-exec-step", "-exec-step-instruction", "-exec-next-instruction"])
    def test_steps_move_one_thread(self, command):
        gdb, thread = self.all_but_one()
        before = gdb.command(f"-data-evaluate-expression --thread {thread} --frame 0 $pc")["value"]
        gdb.command(f"{command} --thread {thread} 1")
        stop = gdb.wait_stop()
        assert (stop["thread-id"], stop["reason"]) == (thread, "end-stepping-range")
        assert gdb.command(f"-data-evaluate-expression --thread {thread} --frame 0 $pc")["value"] != before
        assert self.running(gdb) == ALL - {thread}

    @pytest.mark.parametrize("command", ["-exec-next", "-exec-continue"])
    def test_a_button_that_goes_back_says_why_it_does_not(self, command):
        gdb, thread = self.all_but_one()
        before = gdb.command(f"-data-evaluate-expression --thread {thread} --frame 0 $pc")
        gdb.command(f"{command} --thread {thread} --reverse")
        assert gdb.wait_stop()["thread-id"] == thread
        assert "in non-stop mode no thread goes back" in gdb.transcript()
        assert self.running(gdb) == ALL - {thread}
        assert gdb.command(f"-data-evaluate-expression --thread {thread} --frame 0 $pc") == before

    def test_step_out_moves_one_thread(self):
        gdb, thread = self.all_but_one()
        gdb.command(f"-exec-finish --thread {thread} --frame 0")
        stop = gdb.wait_stop()
        assert (stop["thread-id"], stop["reason"]) == (thread, "function-finished")
        self.assert_stopped_in(stop, "work")
        assert self.running(gdb) == ALL - {thread}

    def test_run_to_a_place_moves_one_thread(self):
        gdb, thread = self.all_but_one()
        code = gdb.command(f'-data-disassemble --thread {thread} -s $pc -e "$pc + 32" -- 0')["asm_insns"]
        gdb.command(f"-exec-until --thread {thread} *{code[2]['address']}")
        stop = gdb.wait_stop()
        assert (stop["thread-id"], stop["frame"]["addr"]) == (thread, code[2]["address"])
        assert self.running(gdb) == ALL - {thread}


class TestViews(NonStopTest):
    def test_threads_stack_variables_registers_and_memory_of_the_stopped_one(self):
        gdb, thread = self.all_but_one()
        threads = {each["id"]: each for each in gdb.command("-list-thread-groups i1")["threads"]}
        assert {each["state"] for number, each in threads.items() if number != thread} == {"running"}
        assert "frame" not in threads[min(ALL - {thread})]
        frames = gdb.command(f"-stack-list-frames --thread {thread} 0 10")["stack"]
        assert [frame["func"] for frame in frames][:2] == ["cpu_work", "work"]
        variables = gdb.command(f"-stack-list-variables --thread {thread} --frame 0 --simple-values")["variables"]
        assert {each["name"]: each.get("value") for each in variables}["cpu"] == "1"
        rip = gdb.command("-data-list-register-names")["register-names"].index("rip")
        values = gdb.command(f"-data-list-register-values --thread {thread} --frame 0 x {rip}")["register-values"]
        assert int(values[0]["value"], 16) == int(frames[0]["addr"], 16)
        assert gdb.command(f"-data-read-memory-bytes --thread {thread} &shared_counter 8")["memory"]

    def test_what_belongs_to_a_running_thread_is_an_error(self):
        gdb, thread = self.all_but_one()
        other = min(ALL - {thread})
        for command in ("-stack-list-frames --thread {}", "-data-list-register-values --thread {} x 0", "-exec-next --thread {} 1"):
            with pytest.raises(GdbError, match="(?i)running"):
                gdb.command(command.format(other))
        assert self.running(gdb) == ALL - {thread}

    def test_breakpoints_come_and_go_while_threads_run(self):
        gdb, thread = self.all_but_one()
        number = gdb.command("-break-insert -f -c \"cpu == 2\" cpu_work")["bkpt"]["number"]
        stop = gdb.wait_stop()
        self.assert_breakpoint(stop, "cpu_work")
        assert self.running(gdb) == ALL - {thread, stop["thread-id"]}
        gdb.command(f"-break-delete {number}")
        gdb.command("-exec-continue --all")
        assert self.running(gdb) == ALL


class TestCpptools(NonStopTest):
    """The setupCommands of launch.json come before the connection."""

    def test_continue_and_pause_while_the_mode_is_on(self):
        port, gdb = self.stopped("smp", *self.OPTIONS)
        for command in ('-interpreter-exec console "set pagination off"', "-gdb-set mi-async on", "-gdb-set non-stop on",
                        f"-file-exec-and-symbols {paths.GUESTS / 'smp'}", f"-target-select remote 127.0.0.1:{port}"):
            gdb.command(command)
        assert {gdb.wait_stop()["thread-id"] for _ in ALL} == ALL
        gdb.command("-thread-select 2")
        gdb.command("-exec-continue")
        assert self.running(gdb) == {"2"}
        gdb.command("-exec-interrupt")
        assert gdb.wait_stop()["thread-id"] == "2"


class TestEnds(NonStopTest):
    def test_disconnect_leaves_every_vcpu_running(self):
        vm = self.ringside(self.guest("smp"), f"--cpus={CPUS}", f"--append=cpus={CPUS} rounds=20")
        gdb = self.gdb(self.guest("smp"))
        for setting in ("mi-async on", "non-stop on"):
            gdb.command(f"-gdb-set {setting}")
        gdb.command(f"-target-select remote 127.0.0.1:{vm.port()}")
        for _ in ALL:
            gdb.wait_stop()
        gdb.command("-exec-continue --thread 1")
        gdb.command("-target-detach")
        assert vm.wait() == 33
