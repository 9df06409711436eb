"""`ringside ctl PATH serial break KEY` is a SysRq to Debian's kernel. In the lab's AMD machine."""

from pathlib import Path

from tests.linux import initramfs
from tests.linux.lab import kernel, run_script

LIMIT = 240
HOST = """\
set -e
mkfifo /tmp/input
exec 3<>/tmp/input
{ringside} run --serial stdio --control unix:/tmp/control -i {initrd} --append 'console=ttyS0 reboot=k panic=-1 quiet' {bzimage} <&3 |
while read -r line; do
    echo "$line"
    case $line in
        *'guest: ready'*) echo 'echo 1 >/proc/sys/kernel/sysrq; echo listening' >&3 ;;
        listening*) {ringside} ctl /tmp/control serial break h ;;
        *'sysrq: HELP'*) echo 'poweroff -f' >&3 ;;
    esac
done >/tmp/said
cat /tmp/said
grep -q 'A break and the key have been sent' /tmp/said
grep -q 'sysrq: HELP : .*reboot(b)' /tmp/said
"""


def test_a_break_and_a_key_are_a_sysrq(ringside: Path, tmp_path: Path) -> None:
    bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
    initrd, script = tmp_path / "initrd", tmp_path / "host"
    initrd.write_bytes(initramfs.build())
    script.write_text(HOST.format(ringside=ringside, initrd=initrd, bzimage=bzimage), encoding="utf-8")
    assert run_script("amd", script, LIMIT, [ringside, initrd, bzimage]) == 0
