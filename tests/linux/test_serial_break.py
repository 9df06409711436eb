"""`ringside ctl PATH serial break KEY` is a SysRq to Debian's kernel. In the lab's AMD machine."""

from pathlib import Path

from tests.linux import conversation, initramfs
from tests.linux.lab import kernel

ANSWERS = {
    "*'guest: ready'*": "echo 'echo 1 >/proc/sys/kernel/sysrq; echo listening' >&3",
    "listening*": "{ctl} serial break h",
    "*'sysrq: HELP'*": "echo 'poweroff -f' >&3",
}
SAID = ("'A break and the key have been sent'", "'sysrq: HELP : .*reboot(b)'")


def test_a_break_and_a_key_are_a_sysrq(ringside: Path, tmp_path: Path) -> None:
    bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
    assert conversation.status(ringside, tmp_path, bzimage, initramfs.build(), ANSWERS, SAID) == 0
