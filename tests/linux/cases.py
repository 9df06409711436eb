"""Debian's kernel under Ringside, as shell commands for the lab: each boots it and says how that must end."""

import dataclasses
import shlex
from collections.abc import Collection
from pathlib import Path

from tests.harness import paths
from tests.linux import boot_disk, initramfs, packages
from tests.linux.lab import kernel

HERE = Path(__file__).resolve().parent

LIMIT = 120  # seconds; a boot takes 5 to 10 on an idle machine
BIOS = paths.SEABIOS / "bios-256k.bin"
QUIET = "console=ttyS0 reboot=k panic=-1 quiet"


@dataclasses.dataclass(frozen=True)
class Case:
    """One boot: options for Ringside, what is typed at the guest's shell, what it must then have written."""

    type: str
    expect: tuple[str, ...] = ()
    options: str = f"--append '{QUIET}'"
    vmlinux: bool = False  # the kernel as the ELF file out of the bzImage
    disk: bool = False  # GRUB, the kernel and its initrd on a disk
    generic: bool = False  # Debian's generic kernel, not the cloud one
    status: int = 0


CASES = {
    # With no options at all, and the kernel's own messages on the console.
    "shell": Case("echo answer $((6 * 7)); cat /sys/devices/system/clocksource/*0/current_clocksource; poweroff -f",
                  ("answer 42", "kvm-clock"), options=""),
    "acpi": Case("ls -1 /sys/firmware/acpi/tables; cat /sys/bus/acpi/devices/*/path; grep ttyS /proc/interrupts; poweroff -f",
                 ("APIC", "DSDT", "FACP", "\\\\_SB_.COM1", " *4:")),
    "smp": Case("echo cpus $(nproc); echo answer $(taskset -c 1 cat /proc/self/stat | cut -d ' ' -f 39); poweroff -f",
                ("cpus 2", "answer 1"), options=f"--cpus 2 --append '{QUIET}'"),
    "reboot": Case("reboot -f"),
    "panic": Case("echo c >/proc/sysrq-trigger", (".*Kernel panic - not syncing: sysrq triggered crash",)),
    "panic-told": Case("insmod /root/pvpanic.ko; insmod /root/pvpanic-mmio.ko; echo c >/proc/sysrq-trigger",
                       (".*Kernel panic - not syncing: sysrq triggered crash",), status=4),
    "kaslr": Case("grep ' _text$' /proc/kallsyms; poweroff -f", ("ffffffff84000000 T _text",),
                  options=f"--kaslr-slide 0x3000000 --append '{QUIET}'"),
    "nokaslr": Case("grep ' _text$' /proc/kallsyms; poweroff -f", ("ffffffff81000000 T _text",),
                    options=f"--append '{QUIET} nokaslr'"),
    "decompressor": Case("echo lines $(grep -c . /proc/cmdline); poweroff -f", ("lines 1",),
                         options=f"--linux-entry decompressor --append '{QUIET}'"),
    "vmlinux-pvh": Case("poweroff -f", vmlinux=True),
    "vmlinux-64": Case("poweroff -f", options=f"--linux-entry payload --append '{QUIET}'", vmlinux=True),
    # By its setup code, which asks the BIOS about the machine.
    "firmware": Case("echo cpus $(nproc); dmesg | grep -o 'BIOS-provided physical RAM map'; poweroff -f",
                     ("cpus 2", "BIOS-provided physical RAM map"),
                     options=f"--firmware {BIOS} --cpus 2 --append '{QUIET}'"),
    # From the disk that the BIOS finds by ACPI's tables.
    "disk": Case("echo answer $((6 * 7)); poweroff -f", (".*GRUB", "answer 42"), disk=True),
    "generic": Case("echo release $(uname -r); poweroff -f", ("release 6.*[0-9]-amd64",), generic=True),
}


def commands(ringside: Path, archive: Path, names: Collection[str] = tuple(CASES)) -> dict[str, tuple[int, str]]:
    """By name, with limits in seconds. `archive` is where the guest's file system is written to; a disk is put beside it."""
    debian = kernel.prepare()
    archive.write_bytes(initramfs.build({f"/root/{module.name}": module.read_bytes()
                                         for module in debian.tree.glob("lib/modules/*/kernel/drivers/misc/pvpanic/*.ko")}))
    cloud = next(debian.tree.glob("boot/vmlinuz-*"))

    def guest(case: Case) -> str:
        if case.disk:
            disk = archive.with_suffix(".disk")
            boot_disk.build(disk, cloud, archive, QUIET)
            return f"--disk {disk} {BIOS}"
        image = packages.generic_kernel() if case.generic else debian.vmlinux if case.vmlinux else cloud
        return f"-i {archive} {case.options} {image}"

    def command(case: Case) -> str:
        session = ["sh", str(HERE / "session"), "--status", str(case.status), "--type", case.type]
        for text in case.expect:
            session += ["--expect", text]
        return f"{shlex.join(session)} -- {ringside} run --log-level info --serial stdio {guest(case)}"

    return {name: (LIMIT, command(CASES[name])) for name in names}
