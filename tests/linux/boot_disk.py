"""A disk that a BIOS boots: GRUB in front of one partition, with a Linux kernel and its initrd on it."""

import struct
import subprocess
import tempfile
from pathlib import Path

from tests.linux import file_system

GRUB = Path("/usr/lib/grub/i386-pc")
MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "normal")

SECTOR = 512
PARTITION = 2048  # its first sector; GRUB's core is in front of it
PARTITION_SIZE = 32 << 20
# The master boot record: where its code ends, and the rest of it.
CODE_END = 440
TABLE = 446
SIGNATURE = b"\x55\xaa"
LINUX, ACTIVE = 0x83, 0x80


def script(command_line: str) -> str:
    return f"set root=(hd0,msdos1)\nlinux /vmlinuz {command_line}\ninitrd /initrd\nboot\n"


def grub_core(folder: Path, command_line: str) -> bytes:
    config, core = folder / "grub.cfg", folder / "core.img"
    config.write_text(script(command_line), encoding="utf-8")
    subprocess.run(["grub-mkimage", "-d", GRUB, "-O", "i386-pc", "-p", "/boot", "-c", config, "-o", core, *MODULES], check=True)
    return core.read_bytes()


def boot_record() -> bytes:
    sectors = PARTITION_SIZE // SECTOR
    no_geometry = b"\xfe\xff\xff"  # LBA counts
    entry = struct.pack("<B3sB3sII", ACTIVE, no_geometry, LINUX, no_geometry, PARTITION, sectors)
    code = (GRUB / "boot.img").read_bytes()[:CODE_END]
    return (code.ljust(TABLE, b"\0") + entry).ljust(SECTOR - len(SIGNATURE), b"\0") + SIGNATURE


def build(path: Path, kernel: Path, initrd: Path, command_line: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ringside-disk-") as name:
        folder = Path(name)
        front = boot_record() + grub_core(folder, command_line)
        partition = folder / "partition"
        file_system.make(partition, "ext2", PARTITION_SIZE, {"vmlinuz": kernel.read_bytes(), "initrd": initrd.read_bytes()})
        path.write_bytes(front.ljust(PARTITION * SECTOR, b"\0") + partition.read_bytes())
