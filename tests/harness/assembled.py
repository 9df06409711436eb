"""Programs that a test writes in assembly language."""

import subprocess
from pathlib import Path

FORMATS = {32: ("--32", "elf_i386"), 64: ("--64", "elf_x86_64")}


def program(path: Path, source: str, layout: str, *, bits: int, entry: str = "_start") -> Path:
    """`source`, linked by the linker script `layout`, as the ELF file `path`."""
    assembler, linker = FORMATS[bits]
    script, unlinked = path.with_suffix(".ld"), path.with_suffix(".o")
    script.write_text(layout, encoding="utf-8")
    subprocess.run(["as", assembler, "-o", unlinked, "-"], input=source, text=True, check=True)
    subprocess.run(["ld", "-m", linker, "-T", script, "-e", entry, "-o", path, unlinked], check=True)
    return path


def flat(path: Path, elf: Path) -> Path:
    """The ELF file's contents as they are in memory, as the file `path`."""
    subprocess.run(["objcopy", "-O", "binary", elf, path], check=True)
    return path


def address(elf: Path, symbol: str) -> int:
    """Where the ELF file has it."""
    table = subprocess.run(["readelf", "-sW", elf], check=True, capture_output=True, text=True).stdout
    return next(int(fields[1], 16) for fields in map(str.split, table.splitlines()) if fields[-1:] == [symbol])
