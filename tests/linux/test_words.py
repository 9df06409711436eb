"""`monitor linux ...` beside what Debian's kernel itself says in /proc, of a guest that runs in the lab's AMD machine, and once
more of its vmcore under gdb. KASLR and two CPUs are on.
"""

import dataclasses
import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.gdb import GdbSession
from tests.linux import initramfs
from tests.linux.lab import LAB, kernel

LINE = "ringside: a line of the log"
MODULES = ("pvpanic", "pvpanic-mmio", "qemu_fw_cfg")  # one uses another
# Written to the console, each fact behind its name. The guest is quiet from then on.
SCRIPT = f"""\
printf '{LINE}\\nand its second\\n' >/dev/kmsg
for module in {' '.join(MODULES)}; do insmod /root/$module.ko; done
sleep 1000 | sh -c 'exec 7</proc/version; exec sleep 1001' &
reader=$!
taskset -c 1 sh -c 'while :; do :; done' &
echo '=script'; echo $$
echo '=release'; uname -r
echo '=banner'; cat /proc/version
echo '=stat'; cat /proc/[0-9]*/stat
echo '=modules'; cat /proc/modules
echo '=lsmod'; lsmod
echo '=reader'; echo $reader
echo '=files'; for file in /proc/$reader/fd/*; do echo ${{file##*/}} $(readlink $file); done
echo '=stack'; cat /proc/$reader/stack
echo '=text'; grep -w _stext /proc/kallsyms
echo '=log'; dmesg
echo '=end'
"""
# What is asked, of the guest that runs.
QUESTIONS = {
    "version": "linux version --json",
    "ps": "linux ps --json",
    "threads": "linux ps threads --json",
    "ps_of_the_other": "linux ps --json vcpu 1",
    "ps_text": "linux ps",
    "modules": "linux modules --json",
    "lsmod": "linux lsmod",
    "files_of_1": "linux files 1 --json",
    "bt_of_1": "linux bt 1 --json",
    "process": "linux process 1",
    "task_switch": "linux task-switch",
    "nobody": "linux files 4194304",
    "no_pid": "linux bt shell",
    "dmesg": "linux dmesg",
    "dmesg_json": "linux dmesg --json",
}
# What the lab's machine does. The monitor is asked when the guest has told all.
HOST = """\
mkfifo /tmp/input
exec 3<>/tmp/input
ask() {{ {ringside} ctl /tmp/control "$@" 2>&1; }}
{ringside} run -m 96M --cpus 2 --serial stdio --control unix:/tmp/control -i {folder}/initrd \\
    --append 'console=ttyS0 reboot=k panic=-1 quiet' {bzimage} <&3 |
while read -r line; do
    echo "$line"
    case $line in *'guest: ready'*)
        {questions}
        ask stop
        ask dump /tmp/live
        ask cont
        echo 'poweroff -f' >&3 ;;
    esac
done
gzip -1 </tmp/live >{folder}/live.gz
"""


@dataclasses.dataclass(frozen=True)
class Guest:
    facts: dict[str, list[str]]  # what the guest has said of itself
    answers: dict[str, str]  # what the monitor has
    core: Path

    def json(self, name: str) -> dict:
        return json.loads(self.answers[name])


def facts_of(console: str) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {}
    name = ""
    for line in console.splitlines():
        if re.fullmatch(r"=\w+", line.strip()):
            name = line.strip()[1:]
            facts[name] = []
        elif name:
            facts[name].append(line)
    return facts


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory, ringside: Path) -> Guest:
    folder = tmp_path_factory.mktemp("words")
    debian = kernel.prepare()
    bzimage = next(debian.tree.glob("boot/vmlinuz-*"))
    modules = {f"/root/{path.name}": path.read_bytes() for path in map(debian.module, MODULES)}
    (folder / "initrd").write_bytes(initramfs.build({"/script": SCRIPT.encode(), **modules}))
    questions = "\n        ".join(f"ask {question} >{folder}/{name}" for name, question in QUESTIONS.items())
    (folder / "host").write_text(HOST.format(ringside=ringside, folder=folder, bzimage=bzimage, questions=questions),
                                 encoding="utf-8")
    packed = folder / "live.gz"
    options = [option for path in (ringside, bzimage, folder / "initrd", folder / "host") for option in ("--file", path)]
    options += [option for path in (packed, *(folder / name for name in QUESTIONS)) for option in ("--collect", path)]
    done = subprocess.run([LAB / "run", "--host", "amd", "--timeout", "300", *options, "--", "sh", folder / "host"],
                          capture_output=True, text=True, check=False)
    (folder / "console").write_text(done.stdout + done.stderr, encoding="utf-8")
    print(f"The guest's console: {folder}/console")
    assert done.returncode == 0
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return Guest(facts_of(done.stdout), {name: (folder / name).read_text() for name in QUESTIONS}, folder / "live")


@dataclasses.dataclass(frozen=True)
class Process:
    """A line of /proc/PID/stat."""

    pid: int
    command: str
    state: str
    ppid: int


def processes(guest: Guest) -> dict[int, Process]:
    """As they are when the script has ended: its children are init's."""
    script = int(guest.facts["script"][0])
    found = {}
    for line in guest.facts["stat"]:
        pid, command, state, ppid = re.match(r"(\d+) \((.*)\) (\S) (\d+)", line).groups()
        if int(pid) != script:
            found[int(pid)] = Process(int(pid), command, state, 1 if int(ppid) == script else int(ppid))
    return found


def is_passing(command: str) -> bool:
    """Workers come and go, and so do what read the facts and init's first name."""
    return command.startswith(("kworker", "cat", "init"))


def reader(guest: Guest) -> int:
    """The process that reads a pipe."""
    return int(guest.facts["reader"][0])


class TestVersion:
    def test_is_what_the_kernel_says(self, guest: Guest) -> None:
        said = guest.json("version")
        assert said["release"] == guest.facts["release"][0]
        assert said["version"] == guest.facts["banner"][0]
        assert f"{said['first_byte']:x}" == guest.facts["text"][0].split()[0]
        assert said["symbols"] > 50_000 and said["types"] > 50_000
        assert "notes" not in said


class TestTasks:
    def test_are_those_of_proc(self, guest: Guest) -> None:
        own = {pid: process for pid, process in processes(guest).items() if not is_passing(process.command)}
        shown = {task["pid"]: task for task in guest.json("ps")["tasks"]}
        assert len(own) > 20
        for pid, process in own.items():
            task = shown[pid]
            assert (task["command"], task["ppid"]) == (process.command[:15], process.ppid), process
            # One that sleeps may have been woken since.
            assert task["state"] == process.state or {task["state"], process.state} <= set("RSDI"), process
        new = [task["command"] for pid, task in shown.items() if pid not in processes(guest) and not is_passing(task["command"])]
        assert not new

    def test_the_busy_one_runs_on_its_cpu(self, guest: Guest) -> None:
        running = {(task["command"], task["cpu"], task["state"]) for task in guest.json("ps")["tasks"] if task["runs"]}
        assert ("sh", 1, "R") in running

    def test_processes_have_page_tables_and_kernel_threads_none(self, guest: Guest) -> None:
        for task in guest.json("ps")["tasks"]:
            own = task["ppid"] not in (0, 2) or task["pid"] == 1
            assert (task["cr3"] is not None) == own, task

    def test_threads_hold_the_processes(self, guest: Guest) -> None:
        threads = {task["pid"] for task in guest.json("threads")["tasks"] if not is_passing(task["command"])}
        leaders = {task["pid"] for task in guest.json("ps")["tasks"] if not is_passing(task["command"])}
        assert leaders <= threads

    def test_are_the_same_from_a_cpu_in_user_mode(self, guest: Guest) -> None:
        pids = [{task["pid"] for task in guest.json(name)["tasks"] if not is_passing(task["command"])}
                for name in ("ps", "ps_of_the_other")]
        assert pids[0] == pids[1]

    def test_as_text(self, guest: Guest) -> None:
        lines = guest.answers["ps_text"].splitlines()
        assert lines[1].split() == ["pid", "tgid", "ppid", "state", "cpu", "runs", "cr3", "task", "command"]
        assert any(re.match(r" +2 +2 +0 +\S +\d +- +0x[0-9a-f]{16} +kthreadd$", line) for line in lines)


class TestLog:
    def test_is_dmesgs(self, guest: Guest) -> None:
        own = [line for line in guest.facts["log"] if line.startswith("[")]
        shown = guest.answers["dmesg"].splitlines()
        assert len(own) > 100
        assert shown[:len(own)] == own
        assert any(line.endswith("] and its second") for line in shown)

    def test_has_levels_for_scripts(self, guest: Guest) -> None:
        records = guest.json("dmesg_json")["records"]
        written = next(record for record in records if record["text"].startswith(LINE))
        assert written["text"] == f"{LINE}\nand its second"
        assert written["level"] == 4  # the default of /dev/kmsg
        assert [record["sequence"] for record in records] == list(range(len(records)))


class TestModules:
    def test_are_those_of_proc(self, guest: Guest) -> None:
        own = [line.split()[:6] for line in guest.facts["modules"]]
        assert len(own) == len(MODULES)
        shown = [[module["name"], str(module["size"]), str(module["uses"]), "".join(f"{name}," for name in module["used_by"]) or "-",
                  module["state"], f"{module['address']:#x}"] for module in guest.json("modules")["modules"]]
        assert shown == own

    def test_as_lsmod_shows_them(self, guest: Guest) -> None:
        # busybox's own columns are of other widths.
        assert [line.split()[:4] for line in guest.answers["lsmod"].splitlines()[1:]] == \
            [line.split()[:4] for line in guest.facts["lsmod"][1:]]


class TestOneTask:
    """Of a guest that runs; the vmcore has the rest."""

    def test_the_shell_has_the_console_open(self, guest: Guest) -> None:
        files = {file["fd"]: file for file in guest.json("files_of_1")["files"]}
        assert {files[descriptor]["name"] for descriptor in range(3)} <= {"/dev/ttyS0", "/dev/console"}
        assert files[0]["access"] == "rw"

    def test_the_shell_waits_for_the_console(self, guest: Guest) -> None:
        places = [frame["place"].split("+")[0] for frame in guest.json("bt_of_1")["frames"]]
        assert places[0] in ("__schedule", "schedule")
        assert "n_tty_read" in places or "do_sys_poll" in places
        assert places[-1] == "entry_SYSCALL_64_after_hwframe"

    def test_what_cannot_be_done_is_said(self, guest: Guest) -> None:
        assert guest.answers["process"] == "linux process: the guest is running. Stop it first\n"
        assert guest.answers["task_switch"] == "linux task-switch: the guest is running. Stop it first\n"
        assert guest.answers["nobody"].startswith("find the task of PID 4194304: there is none")
        assert guest.answers["no_pid"].startswith("linux bt: it needs a PID.")


class TestVmcore:
    @pytest.fixture(scope="class")
    def gdb(self, guest: Guest):
        gdb = GdbSession()
        gdb.console(f"target remote | {paths.RINGSIDE} core --gdb=stdio {guest.core}")
        yield gdb
        gdb.close()

    def test_has_the_same_words(self, guest: Guest, gdb: GdbSession) -> None:
        assert json.loads(gdb.console("monitor linux version --json")) == guest.json("version")
        assert gdb.console("monitor linux dmesg").startswith(guest.answers["dmesg"])

    def test_tasks_are_a_table_of_gdbs(self, guest: Guest, gdb: GdbSession) -> None:
        assert "tasks" in gdb.console("info os")
        shown = gdb.console("info os tasks")
        for task in guest.json("threads")["tasks"]:
            if not is_passing(task["command"]):
                assert re.search(rf"(?m)^{task['pid']} +{task['tgid']} .* {re.escape(task['command'])} *$", shown), task

    def test_files_are_those_of_proc(self, guest: Guest, gdb: GdbSession) -> None:
        files = json.loads(gdb.console(f"monitor linux files {reader(guest)} --json"))["files"]
        own = dict(line.split(maxsplit=1) for line in guest.facts["files"])
        assert {str(file["fd"]): file["name"] for file in files} == own
        assert own["0"].startswith("pipe:[") and own["7"] == "/proc/version"

    def test_a_stack_is_that_of_proc(self, guest: Guest, gdb: GdbSession) -> None:
        """Which leaves out the scheduler's functions, and has addresses only for root."""
        own = [line.split()[1].split("/")[0] for line in guest.facts["stack"]]
        answer = json.loads(gdb.console(f"monitor linux bt {reader(guest)} --json"))
        shown = [re.sub("\\+0x", "+0x", frame["place"]) for frame in answer["frames"]]
        assert len(own) > 3 and shown[-len(own):] == own
        assert answer["notes"][0].startswith("From user mode, at 0x")
        assert not [frame for frame in answer["frames"] if frame["remark"]]

    def test_a_stack_of_a_kernel_thread_ends_where_it_began(self, gdb: GdbSession) -> None:
        answer = json.loads(gdb.console("monitor linux bt 2 --json"))
        places = [frame["place"].split("+")[0] for frame in answer["frames"]]
        assert places[0] in ("__schedule", "schedule") and "kthreadd" in places and places[-1].startswith("ret_from_fork")
        assert "notes" not in answer

    def test_the_busy_task_is_in_user_mode_or_was_interrupted(self, guest: Guest, gdb: GdbSession) -> None:
        busy = next(task["pid"] for task in guest.json("ps")["tasks"] if task["runs"] and task["cpu"] == 1)
        assert "user mode" in gdb.console(f"monitor linux bt {busy}")

    def test_a_process_is_chosen_by_its_pid(self, guest: Guest, gdb: GdbSession) -> None:
        line = next(line for line in guest.facts["stat"] if line.startswith(f"{reader(guest)} "))
        arguments = int(line.split(")")[1].split()[45])  # arg_start, the 48th field
        assert "Cannot access memory" in gdb.console(f"x/s {arguments}")
        assert "User addresses refer to this process" in gdb.console(f"monitor linux process {reader(guest)}")
        gdb.console("maintenance flush dcache")
        assert re.findall('"(.*?)"', gdb.console(f"x/2s {arguments}")) == ["sleep", "1001"]
        assert "each vCPU's current" in gdb.console("monitor linux process off")
        assert "does not have its own address space" in gdb.console("monitor linux process 2")
