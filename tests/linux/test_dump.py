"""Vmcores of Debian's kernel, opened by Debian's drgn and crash with the kernel's -dbg package: one of a guest that runs, by
`ringside ctl PATH dump`, and one of its panic, by --dump-on-panic. KASLR and two CPUs are on. They are made in the lab's AMD
machine.

crash 8.0.2, which Debian 12 has, is older than its kernel's updates. It takes struct pid for one that ends in an array of one
element (crash 8.0.4 does not), so that it lists the tasks that run and no others; and it finds no stack of a CPU whose kernel has
no machine-check handler, as the cloud kernel is built, unless the task has panicked. The list of tasks is followed by hand here.
"""

import dataclasses
import gzip
import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.linux import dbg_packages, initramfs
from tests.linux.lab import LAB, kernel

drgn = pytest.importorskip("drgn")
linux = pytest.importorskip("drgn.helpers.linux")

CPUS = 2
LINE = "ringside: a line of the log"
SCRIPT = f"""\
echo '{LINE}' >/dev/kmsg
for module in pvpanic pvpanic-mmio qemu_fw_cfg; do insmod /root/$module.ko; done
sleep 1000 &
taskset -c 1 sh -c 'while :; do :; done' &
"""
# What the lab's machine does: the guest is dumped when it is ready, and then told to panic.
HOST = """\
mkfifo /tmp/input
exec 3<>/tmp/input
{ringside} run -m 96M --cpus {cpus} --serial stdio --control unix:/tmp/control --dump-on-panic /tmp/panic -i {folder}/initrd \\
    --append 'console=ttyS0 reboot=k panic=-1 quiet' {bzimage} <&3 |
while read -r line; do
    echo "$line"
    case $line in *'guest: ready'*)
        {ringside} ctl /tmp/control stop
        {ringside} ctl /tmp/control dump /tmp/live
        {ringside} ctl /tmp/control cont
        echo 'echo c >/proc/sysrq-trigger' >&3 ;;
    esac
done
gzip -1 </tmp/live >{folder}/live.gz
gzip -1 <"$(ls /tmp/panic/*.vmcore)" >{folder}/panic.gz
"""
PRSTATUS, REGISTERS = 336, 112  # the size of a note's content, and where the registers are in it
PT_REGS = 168  # the first registers of a note are laid out as struct pt_regs


@dataclasses.dataclass(frozen=True)
class Dumps:
    live: Path
    panic: Path
    vmlinux: Path


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory, ringside: Path) -> Dumps:
    folder = tmp_path_factory.mktemp("dump")
    debian = kernel.prepare()
    bzimage = next(debian.tree.glob("boot/vmlinuz-*"))
    modules = {f"/root/{path.name}": path.read_bytes()
               for path in (debian.module(name) for name in ("pvpanic", "pvpanic-mmio", "qemu_fw_cfg"))}
    (folder / "initrd").write_bytes(initramfs.build({"/script": SCRIPT.encode(), **modules}))
    (folder / "host").write_text("mkdir /tmp/panic\n" + HOST.format(ringside=ringside, cpus=CPUS, folder=folder, bzimage=bzimage),
                                 encoding="utf-8")
    packed = (folder / "live.gz", folder / "panic.gz")
    options = [option for path in (ringside, bzimage, folder / "initrd", folder / "host") for option in ("--file", path)]
    options += [option for path in packed for option in ("--collect", path)]
    subprocess.run([LAB / "run", "--host", "amd", "--timeout", "300", *options, "--", "sh", folder / "host"], check=True)
    for path in packed:
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    return Dumps(folder / "live", folder / "panic", dbg_packages.prepare() / "vmlinux")


def opened(dump: Path, vmlinux: Path):
    program = drgn.Program()
    program.set_core_dump(dump)
    program.load_debug_info([vmlinux])
    return program


def running(program, cpu: int):
    """The task that a CPU runs."""
    return linux.per_cpu(program["runqueues"], cpu).curr


def stack_of_cpu(program, dump: Path, cpu: int) -> str:
    """From the registers of the CPU's note. drgn looks them up by the task's PID, which a virtual machine does not know."""
    with dump.open("rb") as file:
        header = file.read(1 << 16)
    notes, = struct.unpack_from("<Q", header, 64 + 8)
    at = notes + cpu * (20 + PRSTATUS) + 20 + REGISTERS
    return str(program.stack_trace(drgn.Object.from_bytes_(program, "struct pt_regs", header[at:at + PT_REGS])))


def crash(dump: Path, vmlinux: Path, *commands: str) -> str:
    """What crash answers."""
    answer = subprocess.run(["crash", "-s", "--no_scroll", vmlinux, dump], input="\n".join((*commands, "quit", "")), text=True,
                            capture_output=True, timeout=300, check=True)
    print(answer.stdout + answer.stderr)
    return answer.stdout


class TestDrgn:
    def test_tasks_of_a_guest_that_runs(self, dumps: Dumps) -> None:
        program = opened(dumps.live, dumps.vmlinux)
        tasks = {task.comm.string_().decode(): task for task in linux.for_each_task(program)}
        assert {"sh", "kthreadd", "sleep", "migration/1"} <= set(tasks)
        asleep = str(program.stack_trace(tasks["sleep"]))
        assert "schedule" in asleep and "nanosleep" in asleep and "entry_SYSCALL_64" in asleep

    def test_cpus_of_a_guest_that_runs(self, dumps: Dumps) -> None:
        program = opened(dumps.live, dumps.vmlinux)
        assert running(program, 1).comm.string_() == b"sh", "the busy loop"
        # CPU 0 waits for what the shell will be told, or has just begun to.
        stack = stack_of_cpu(program, dumps.live, 0)
        assert re.search(r"start_kernel|entry_SYSCALL_64|asm_", stack), stack

    def test_log(self, dumps: Dumps) -> None:
        from drgn.helpers.linux.printk import get_dmesg
        assert LINE in get_dmesg(opened(dumps.live, dumps.vmlinux)).decode()
        assert "sysrq triggered crash" in get_dmesg(opened(dumps.panic, dumps.vmlinux)).decode()

    def test_cpus_of_a_panic(self, dumps: Dumps) -> None:
        program = opened(dumps.panic, dumps.vmlinux)
        stacks = [stack_of_cpu(program, dumps.panic, cpu) for cpu in range(CPUS)]
        told = [cpu for cpu, stack in enumerate(stacks) if "iowrite8" in stack]  # the driver's own frames need its -dbg file
        assert len(told) == 1, stacks
        assert running(program, told[0]).comm.string_() == b"sh"
        assert "stop_this_cpu" in stacks[1 - told[0]]


class TestCrash:
    def test_a_guest_that_runs(self, dumps: Dumps) -> None:
        said = crash(dumps.live, dumps.vmlinux, "sys", "log", "mod",
                     "list task_struct.tasks -s task_struct.comm -h init_task")
        assert re.search(rf"CPUS: {CPUS}\n", said)
        assert f"RELEASE: {kernel.prepare().package.split('_')[0].removeprefix('linux-image-')}" in said
        assert LINE in said
        assert "pvpanic_mmio" in said
        assert 'comm = "sleep' in said and 'comm = "kthreadd' in said

    def test_a_panic(self, dumps: Dumps) -> None:
        said = crash(dumps.panic, dumps.vmlinux, "sys", "ps", "bt")
        assert "PANIC: \"Kernel panic - not syncing: sysrq triggered crash\"" in said
        assert re.search(r"^> .* sh$", said, re.MULTILINE)
        assert "sysrq_handle_crash" in said and "entry_SYSCALL_64_after_hwframe" in said
