"""Small ELF64 kernels made byte by byte: for loaders to refuse, or to run a few instructions."""

import dataclasses
import struct

PT_LOAD, PT_NOTE = 1, 4
PVH_NOTE_TYPE = 18  # XEN_ELFNOTE_PHYS32_ENTRY
HEADER_SIZE, PROGRAM_HEADER_SIZE = 64, 56


@dataclasses.dataclass
class Segment:
    address: int  # physical and virtual
    data: bytes = b"\xf4"  # hlt
    memory_size: int | None = None  # that of the data
    file_size: int | None = None  # likewise
    offset: int | None = None  # where the data really is


def pvh_note(entry: int) -> bytes:
    return struct.pack("<III4sI", 4, 4, PVH_NOTE_TYPE, b"Xen\0", entry)


def kernel(segments: list[Segment], entry: int) -> bytes:
    """An ELF64 executable whose PVH note names `entry`."""
    count = len(segments) + 1
    offset = HEADER_SIZE + count * PROGRAM_HEADER_SIZE
    note = pvh_note(entry)
    headers = struct.pack("<IIQQQQQQ", PT_NOTE, 4, offset, 0, 0, len(note), len(note), 4)
    body = note
    for segment in segments:
        where = offset + len(body) if segment.offset is None else segment.offset
        in_file = len(segment.data) if segment.file_size is None else segment.file_size
        in_memory = in_file if segment.memory_size is None else segment.memory_size
        headers += struct.pack("<IIQQQQQQ", PT_LOAD, 7, where, segment.address, segment.address, in_file, in_memory, 1)
        body += segment.data
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, entry, HEADER_SIZE, 0, 0, HEADER_SIZE,
                         PROGRAM_HEADER_SIZE, count, 0, 0, 0)
    return header + headers + body
