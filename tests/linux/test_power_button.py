"""`ringside ctl PATH system_powerdown` as Debian's kernel sees it: not at all without its driver, and with it as the power key.

In the lab's AMD machine.
"""

import shlex
from pathlib import Path

from tests.linux import conversation, initramfs, modules
from tests.linux.lab import kernel

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
ANSWERS = {
    "*'guest: ready'*": f"{{ctl}} system_powerdown; echo {shlex.quote(TYPED)} >&3",
    "listening*": "{ctl} system_powerdown",
}
SAID = ("'but the guest has not enabled its event'", '"pressed. It has ACPI\'s interrupt"', f"'^key {KEY_EVENT} {KEY_POWER}'",
        "'9: .* acpi'")


def test_the_kernel_reports_the_power_key(ringside: Path, tmp_path: Path) -> None:
    debian = kernel.prepare()
    bzimage = next(debian.tree.glob("boot/vmlinuz-*"))
    initrd = initramfs.build() + modules.archive(debian, ("button", "evdev"))
    assert conversation.status(ringside, tmp_path, bzimage, initrd, ANSWERS, SAID) == 0
