"""An ELF file with only the symbols of the lab's kernel.

Debian's kernels are stripped, and have their symbols in a package of a quarter of a gigabyte; these come from the kernel
itself: from its /proc/kallsyms, in the lab, where it is not moved.
"""

import struct
import subprocess
from pathlib import Path

from tests.linux.lab import LAB, cache, kernel

HEADER, PROGRAM_HEADER, SECTION_HEADER, SYMBOL = 64, 56, 64, 24
KERNEL_MAP = 0xffffffff80000000
LINKED = KERNEL_MAP + 0x1000000  # _text, where the kernel is not moved
SHN_ABS = 0xfff1
FUNCTION, OBJECT = 0x12, 0x11  # global


def parse(kallsyms: str) -> list[tuple[int, str, str]]:
    """Address, type letter and name of the kernel's own symbols; modules' have a fourth field."""
    rows = (line.split() for line in kallsyms.splitlines())
    return [(int(row[0], 16), row[1], row[2]) for row in rows if len(row) == 3]


def build(symbols: list[tuple[int, str, str]]) -> bytes:
    """One segment and one section, both without contents, from _text to _end; per-CPU symbols are absolute."""
    places = {name: address for address, _, name in symbols}
    start, end = places["_text"], places["_end"]
    if start < KERNEL_MAP or end <= start:
        raise ValueError("these addresses are hidden: read them as root")
    names, table = b"\0", bytes(SYMBOL)
    for address, letter, name in symbols:
        inside = start <= address < end
        kind = FUNCTION if letter in "tTwW" else OBJECT
        table += struct.pack("<IBBHQQ", len(names), kind, 0, 1 if inside else SHN_ABS, address, 0)
        names += name.encode() + b"\0"
    sections = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    at = HEADER + PROGRAM_HEADER
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, start, HEADER,
                         at + len(table) + len(names) + len(sections), 0, HEADER, PROGRAM_HEADER, 1, SECTION_HEADER, 5, 4)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0, start, start - KERNEL_MAP, 0, end - start, 0x200000)

    def section(name: bytes, kind: int, flags: int, address: int, offset: int, size: int, *rest: int) -> bytes:
        link, info, alignment, entry = rest or (0, 0, 1, 0)
        place = sections.index(b"\0" + name + b"\0") + 1
        return struct.pack("<IIQQQQIIQQ", place, kind, flags, address, offset, size, link, info, alignment, entry)

    headers = bytes(SECTION_HEADER)
    headers += section(b".text", 8, 7, start, at, end - start)
    headers += section(b".symtab", 2, 0, 0, at, len(table), 3, 1, 8, SYMBOL)
    headers += section(b".strtab", 3, 0, 0, at + len(table), len(names))
    headers += section(b".shstrtab", 3, 0, 0, at + len(table) + len(names), len(sections))
    return header + segment + table + names + sections + headers


def prepare() -> Path:
    """The file for Debian's kernel, made once."""
    def make(path: Path) -> None:
        listing = subprocess.run([LAB / "run", "--host", "amd", "--timeout", "60", "--", "cat", "/proc/kallsyms"],
                                 capture_output=True, text=True, check=True).stdout
        path.write_bytes(build(parse(listing)))

    return cache.entry(f"{kernel.prepare().package}.symbols", make)
