"""A guest with Debian's kernel that runs, in Debian's crash with the kernel's -dbg package: by the file of --memory-file.

The guest runs in the lab's AMD machine, and the file leaves it as a copy. Two copies show that the guest goes on. crash 8.0.2,
which Debian 12 has, ends with a segmentation fault where the file is said to be "live:": it looks for the kernel of its own host.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.harness.timeouts import FACTOR
from tests.linux import dbg_packages, initramfs
from tests.linux.lab import LAB, kernel

LINE = "ringside: a line of the log"
# What the lab's machine does. nokaslr: crash must know where the kernel is. init_on_free=1: the lab's line is slow, and zeros are
# compressed to nothing on it.
HOST = """\
set -e
mkdir /tmp/memory
mount -t tmpfs none /tmp/memory
mkfifo /tmp/input
exec 3<>/tmp/input
{ringside} run -m 96M --serial stdio --memory-file /tmp/memory/ram -i {folder}/initrd \\
    --append 'console=ttyS0 reboot=k panic=-1 quiet nokaslr init_on_free=1' {bzimage} <&3 |
while read -r line; do
    echo "$line"
    case $line in
        *'guest: ready'*) cp /tmp/memory/ram {folder}/early; echo "echo '{line}' >/dev/kmsg; echo it is logged" >&3 ;;
        'it is logged'*) cp /tmp/memory/ram {folder}/late; echo 'poweroff -f' >&3 ;;
    esac
done
"""


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory, ringside: Path) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("memory")
    bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
    (folder / "initrd").write_bytes(initramfs.build())
    (folder / "host").write_text(HOST.format(ringside=ringside, folder=folder, bzimage=bzimage, line=LINE), encoding="utf-8")
    copies = (folder / "early", folder / "late")
    options = [option for path in (ringside, bzimage, folder / "initrd", folder / "host") for option in ("--file", path)]
    options += [option for path in copies for option in ("--collect", path)]
    subprocess.run([LAB / "run", "--host", "amd", "--timeout", "300", *options, "--", "sh", folder / "host"], check=True)
    return copies


def crash(memory: Path) -> str:
    """What crash shows of it, as the monitor's page has it."""
    commands = ("sys", "log", "list task_struct.tasks -s task_struct.comm -h init_task", "p jiffies", "quit", "")
    answer = subprocess.run(["crash", "-s", "--no_scroll", dbg_packages.prepare() / "vmlinux", f"{memory}@0x0"],
                            input="\n".join(commands), text=True, capture_output=True, timeout=600 * FACTOR, check=False)
    print(answer.stdout + answer.stderr)
    assert answer.returncode == 0
    return answer.stdout


def test_crash_looks_at_a_guest_that_runs(copies: tuple[Path, Path]) -> None:
    early, late = map(crash, copies)
    for said in (early, late):
        assert f"RELEASE: {kernel.prepare().package.split('_')[0].removeprefix('linux-image-')}" in said
        assert 'comm = "kthreadd' in said and 'comm = "sh' in said
    assert LINE not in early
    assert LINE in late
    assert jiffies(early) < jiffies(late)


def jiffies(said: str) -> int:
    return int(re.search(r"jiffies.* = (\d+)", said).group(1))
