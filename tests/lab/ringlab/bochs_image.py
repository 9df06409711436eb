"""The kernel and initramfs as one file that Bochs loads into guest memory, and the option ROM that starts them.

Bochs hands out its guest's memory in blocks of 128 KiB, in the order in which the guest first touches them. But its option
`optramimage1` reads a file in one piece to where the file's first block lies. The rest lands in memory that no guest
address has been given yet, and belongs to whichever blocks are touched next. So the option ROM (boot/pvh_rom.S) touches
the blocks of the kernel and the initramfs in the file's order, and each address gets the block meant for it. What the BIOS
touches before that must not eat into the kernel: the file has spare blocks in front, the ROM uses up those that are left,
and a mark in the last one tells it when. Nothing is read from an emulated disk, nothing is unpacked by emulated code.
"""

import struct
from pathlib import Path

from . import cache, tools
from .errors import LabError
from .kernel import Kernel

ROM_SOURCE = Path(__file__).parent.parent / "boot" / "pvh_rom.S"
ROM_SIZE = 2048  # Bochs wants multiples of this; the ROM itself says 512
BLOCK = 0x20000
BOOT_BLOCK = 0x100000
MEMORY_MAP = 0x10000
INITRD_ADDRESS = 0x8000000
SPARE_BLOCKS = 64
LAST_SPARE = b"SEND"
MODULE_OFFSET = 0x40
ENTRY_OFFSET = 0x60
COMMAND_LINE_OFFSET = 0x100
START_INFO_MAGIC = 0x336EC578


def make(kernel: Kernel, initramfs: Path, command_line: str, folder: Path) -> Path:
    """Write the image, for guest memory from BOOT_BLOCK on, into `folder`."""
    memory = folder / "memory"
    initrd_size = initramfs.stat().st_size
    kernel_blocks = _blocks(kernel.flat.stat().st_size)
    if kernel.load_address + kernel_blocks * BLOCK > INITRD_ADDRESS:
        raise LabError(f"{kernel.package} is too large for the lab's memory layout")
    ranges = [(kernel.load_address, kernel_blocks), (INITRD_ADDRESS, _blocks(initrd_size))]
    with memory.open("wb") as file:
        file.write(_boot_block(kernel.pvh_entry, initrd_size, ranges, command_line))
        file.write(bytes((SPARE_BLOCKS - 1) * BLOCK) + LAST_SPARE.ljust(BLOCK, b"\0"))
        file.write(_pad(kernel.flat.read_bytes()))
        file.write(_pad(initramfs.read_bytes()))
    return memory


def rom() -> Path:
    """The option ROM."""
    return cache.entry(f"{cache.digest('rom', ROM_SOURCE)}.rom", _assemble)


def _boot_block(entry: int, initrd_size: int, ranges: list[tuple[int, int]], command_line: str) -> bytes:
    """hvm_start_info version 1 with one module, then the ROM's own table and the command line."""
    text = command_line.encode() + b"\0"
    block = struct.pack(
        "<IIIIQQQQII",
        START_INFO_MAGIC,
        1,  # version
        0,  # flags
        1,  # number of modules
        BOOT_BLOCK + MODULE_OFFSET,
        BOOT_BLOCK + COMMAND_LINE_OFFSET,
        0,  # RSDP: Linux finds the BIOS's own
        MEMORY_MAP,
        0,  # the ROM counts the memory map's entries
        0,
    ).ljust(MODULE_OFFSET, b"\0")
    block += struct.pack("<QQQQ", INITRD_ADDRESS, initrd_size, 0, 0)
    block += struct.pack("<I", entry)
    for address, count in ranges:
        block += struct.pack("<II", address, count)
    block += struct.pack("<II", 0, 0)
    if len(block) > COMMAND_LINE_OFFSET or COMMAND_LINE_OFFSET + len(text) > BLOCK:
        raise LabError("the kernel command line is too long")
    return _pad(block.ljust(COMMAND_LINE_OFFSET, b"\0") + text)


def _assemble(path: Path) -> None:
    """Assemble the ROM, and make its 512 bytes add up to 0 as the BIOS demands."""
    unlinked = path.with_suffix(".o")
    tools.run("as", "--64", "-o", unlinked, ROM_SOURCE)
    tools.run("ld", "--oformat", "binary", "-Ttext", "0", "-o", path, unlinked)
    rom = bytearray(path.read_bytes().ljust(512, b"\0"))
    if len(rom) > 512 or rom[511] != 0:
        raise LabError("the option ROM is longer than 511 bytes")
    rom[511] = -sum(rom) & 0xFF
    path.write_bytes(bytes(rom).ljust(ROM_SIZE, b"\0"))


def _blocks(size: int) -> int:
    return -(-size // BLOCK)


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)
