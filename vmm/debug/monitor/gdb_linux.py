# The symbols of a Linux kernel that was moved (KASLR) are put where it is, those of its per-CPU variables excepted: these
# are offsets from each CPU's base. What gdb is told when it connects (qOffsets) moves both, and `lx-symbols` forgets it.
import struct

import gdb


def address(expression):
    """An address as gdb has it; None if it cannot say."""
    try:
        return int(gdb.parse_and_eval(f"(unsigned long){expression}"))
    except gdb.error:
        return None


def linked_at(path):
    """The virtual address of the first segment of a 64-bit ELF file."""
    pt_load = 1
    with open(path, "rb") as file:
        header = file.read(64)
        start, = struct.unpack_from("<Q", header, 0x20)
        size, count = struct.unpack_from("<HH", header, 0x36)
        file.seek(start)
        segments = [struct.unpack_from("<I12xQ", file.read(size)) for _ in range(count)]
    return next(virtual for kind, virtual in segments if kind == pt_load)


class LinuxSymbols:
    def __init__(self):
        self.path = None  # the kernel's file, also while gdb has no symbols of it
        self.connection = None
        self.reported = None  # where Ringside has put _text, if it has moved the kernel
        self.settled = False  # nothing is left to find out about this connection
        self.busy = False

    def text(self):
        """Where the kernel's first byte is; None if that is not known, or not yet: a kernel that its own decompressor has
        moved shows at the first stop after it has told the CPU of its system-call entry."""
        if self.reported is not None:
            return self.reported
        entry, lstar = address("&entry_SYSCALL_64"), address("$lstar")
        if not entry or not lstar or (lstar - entry) % (2 << 20) != 0:
            return None
        return address("&_text") + lstar - entry

    def ask(self, connection):
        """What Ringside says of a new connection's kernel."""
        self.connection, self.reported, self.settled = connection, None, False
        if hasattr(connection, "send_packet"):
            answer = connection.send_packet("qOffsets") or b""
            if answer.startswith(b"TextSeg="):
                self.reported = int(answer.removeprefix(b"TextSeg="), 16)

    def follow(self, anew=False):
        """Puts the symbols where the kernel is; `anew`: they have been read again."""
        connection = gdb.selected_inferior().connection
        if connection is not self.connection:
            self.ask(connection)
        self.path = gdb.current_progspace().filename or self.path
        believed = address("&_text")
        if self.busy or self.settled and not anew or not self.path or believed is None:
            return
        text = self.text()
        if text is None:
            return
        self.settled = True
        if text != believed or address("&__per_cpu_start"):
            self.place(text - linked_at(self.path))

    def place(self, slide):
        enabled = [(breakpoint, breakpoint.enabled) for breakpoint in gdb.breakpoints()]
        self.busy = True
        try:
            gdb.execute("symbol-file", to_string=True)
            gdb.execute(f'symbol-file -o {slide:#x} "{self.path}"', to_string=True)
            if address("&__per_cpu_start"):
                gdb.execute("symbol-file", to_string=True)
                gdb.execute(f'add-symbol-file "{self.path}" -o {slide:#x} -s .data..percpu 0', to_string=True)
        finally:
            self.busy = False
        for breakpoint, was in enabled:  # without symbols all are disabled
            if breakpoint.is_valid():
                breakpoint.enabled = was
        gdb.write(f"Linux was moved by {slide:#x} (KASLR): so are its symbols.\n")


linux_symbols = LinuxSymbols()
gdb.events.stop.connect(lambda _event: linux_symbols.follow())
gdb.execute("define hookpost-symbol-file\npython linux_symbols.follow(anew=True)\nend")
linux_symbols.follow()  # the debugger may be connected already
