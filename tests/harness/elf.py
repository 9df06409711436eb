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


def pvh_entry(image: bytes) -> int:
    """The entry that an ELF64 file's PVH note names."""
    (table,) = struct.unpack_from("<Q", image, 32)
    (count,) = struct.unpack_from("<H", image, 56)
    for index in range(count):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", image, table + index * PROGRAM_HEADER_SIZE)
        end = offset + size
        while kind == PT_NOTE and offset + 12 <= end:
            name_size, data_size, note_type = struct.unpack_from("<III", image, offset)
            data = offset + 12 + (name_size + 3) // 4 * 4
            if note_type == PVH_NOTE_TYPE and image[offset + 12:offset + 15] == b"Xen":
                return struct.unpack_from("<I", image, data)[0]
            offset = data + (data_size + 3) // 4 * 4
    raise ValueError("no PVH note")
