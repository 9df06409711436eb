"""`monitor linux task-switch` under gdb and over the control socket, in the lab's Intel machine, where breakpoints are real."""

import re
import subprocess
from pathlib import Path

from tests.linux import initramfs
from tests.linux.debugged import LIMIT, DebuggedLinux, expect
from tests.linux.lab import LAB, kernel

SCRIPT = """\
while :; do usleep 1000; done &
hostname ready
hostname after
"""
SWITCH = re.compile(r"Linux switches from PID \d+ \(.*?\) to PID (\d+) \((.*?)\) on vCPU 0")


def switch(linux: DebuggedLinux) -> tuple[int, str]:
    """The task that the guest is about to run at the stop that comes."""
    stop = linux.gdb.run("continue", LIMIT)
    expect(stop.get("signal-name") == "SIGTRAP", "gdb shows the stop, whose breakpoint it does not know")
    expect(linux.gdb.integer("$pc") == linux.gdb.integer("(unsigned long)&__switch_to"), "at __switch_to")
    pid, command = SWITCH.findall(linux.gdb.transcript())[-1]
    return int(pid), command


def test_stops_once_and_at_a_tasks_own(ringside: Path) -> None:
    with DebuggedLinux(ringside, SCRIPT) as linux:
        gdb = linux.gdb
        linux.expect_meetings()
        linux.meet("ready")
        expect("stop at the next task switch" in gdb.console("monitor linux task-switch"), "it is armed")
        switch(linux)
        expect(" kthreadd" in gdb.console("monitor linux ps"), "tasks can be listed there")
        gdb.console("monitor linux task-switch")
        expect("does not stop" in gdb.console("monitor linux task-switch off"), "it can be taken back")
        linux.meet("after")
        expect("there is none" in gdb.console("monitor linux task-switch 4194304"), "a task that is not there is refused")
        expect("switch to PID 1 (" in gdb.console("monitor linux task-switch 1"), "it is armed for a task")
        pid, _ = switch(linux)
        expect(pid == 1, "the next stop is at the switch to that one")


def test_is_off_when_its_guest_or_its_debugger_is_gone(ringside: Path) -> None:
    with DebuggedLinux(ringside, SCRIPT) as linux:
        gdb = linux.gdb
        linux.expect_meetings()
        linux.meet("ready")
        gdb.console("monitor linux task-switch")
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        linux.meet("ready")  # the new kernel is where the old one was, and has switched tasks on its way
        expect("`linux task-switch` is off: the machine was restarted" in gdb.transcript(), "gdb's user reads that it is off")
        gdb.console("monitor linux task-switch")
        gdb.console("detach")
        linux.console.wait_for("`linux task-switch` is off: the debugger that could see it has left", LIMIT)
        linux.console.wait_for("guest: ready", LIMIT)


# What the lab's machine does. Each step comes after what the one before has said.
HOST = """\
mkfifo /tmp/input
exec 3<>/tmp/input
ask() {{ echo "=$*"; {ringside} ctl /tmp/control "$@" 2>&1; }}
boots=0
{ringside} run -m 96M --serial stdio --control unix:/tmp/control -i {folder}/initrd \\
    --append 'console=ttyS0 reboot=k panic=-1 quiet' {bzimage} 2>&1 <&3 |
while read -r line; do
    echo "$line"
    case $line in
        *'guest: ready'*)
            boots=$((boots + 1))
            [ $boots = 2 ] && echo 'poweroff -f' >&3 && continue
            ask stop; ask linux task-switch; ask cont ;;
        *'ringside: The guest is stopped.'*)
            ask linux ps
            ask linux task-switch; ask system_reset; ask cont ;;
    esac
done
"""


def test_without_a_debugger(tmp_path: Path, ringside: Path) -> None:
    bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
    (tmp_path / "initrd").write_bytes(initramfs.build({"/script": b"while :; do usleep 1000; done &\n"}))
    (tmp_path / "host").write_text(HOST.format(ringside=ringside, folder=tmp_path, bzimage=bzimage), encoding="utf-8")
    options = [option for path in (ringside, bzimage, tmp_path / "initrd", tmp_path / "host") for option in ("--file", path)]
    done = subprocess.run([LAB / "run", "--host", "intel", "--timeout", str(LIMIT), *options, "--", "sh", tmp_path / "host"],
                          capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr)
    assert done.returncode == 0
    said = done.stdout
    assert said.count("The guest will stop at the next task switch. Let it run.") == 2
    assert re.search(r"ringside: Linux switches from PID \d+ \(.*?\) to PID \d+ \(.*?\) on vCPU 0", said)
    assert said.count("ringside: The guest is stopped.") == 1, "it has not stopped the new kernel"
    assert re.search(r"^ +2 .* kthreadd", said, re.MULTILINE), "tasks can be listed where it stopped"
    assert "ringside: `linux task-switch` is off: the machine was restarted." in said
    assert said.count("guest: ready") == 2
