"""`ringside ctl PATH system_powerdown` as Debian's kernel sees it: not at all without its driver, and with it as the power key.

In the lab's AMD machine.
"""

import shlex
from pathlib import Path

from tests.linux import initramfs, modules
from tests.linux.lab import kernel, run_script

LIMIT = 240
KEY_EVENT, KEY_POWER = 1, 116  # linux/input-event-codes.h
EVENT_SIZE, TYPE_OFFSET = 24, 16  # struct input_event: two words of time, type, code, value

# What acpid does: it reads the first key of the only input device, and shuts down.
TYPED = f"""\
{modules.LOAD}
exec 4</dev/input/event0
echo listening
echo key $(dd bs={EVENT_SIZE} count=1 <&4 2>/dev/null | od -An -tu2 -j{TYPE_OFFSET} -N4)
grep acpi /proc/interrupts
poweroff -f"""
HOST = """\
set -e
mkfifo /tmp/input
exec 3<>/tmp/input
{ringside} run --serial stdio --control unix:/tmp/control -i {initrd} --append 'console=ttyS0 reboot=k panic=-1 quiet' {bzimage} <&3 |
while read -r line; do
    echo "$line"
    case $line in
        *'guest: ready'*) {ringside} ctl /tmp/control system_powerdown; echo {typed} >&3 ;;
        listening*) {ringside} ctl /tmp/control system_powerdown ;;
    esac
done >/tmp/said
cat /tmp/said
grep -q 'but the guest has not enabled its event' /tmp/said
grep -q "pressed. It has ACPI's interrupt" /tmp/said
grep -q '^key {event} {power}' /tmp/said
grep -q '9: .* acpi' /tmp/said
"""


def test_the_kernel_reports_the_power_key(ringside: Path, tmp_path: Path) -> None:
    debian = kernel.prepare()
    bzimage = next(debian.tree.glob("boot/vmlinuz-*"))
    initrd, script = tmp_path / "initrd", tmp_path / "host"
    initrd.write_bytes(initramfs.build() + modules.archive(debian, ("button", "evdev")))
    script.write_text(HOST.format(ringside=ringside, initrd=initrd, bzimage=bzimage, typed=shlex.quote(TYPED), event=KEY_EVENT,
                                  power=KEY_POWER), encoding="utf-8")
    assert run_script("amd", script, LIMIT, [ringside, initrd, bzimage]) == 0
