# gdb disassembles for one mode of the processor, that of the registers' description. With this, `x/i`, `disassemble` and `display/i`
# show code for the mode that the vCPU is in, by the monitor's `disas`. In real mode, where gdb takes IP for an address, they show from
# $pc on what is at CS:IP. Where gdb has no source line for a stop, the instruction is shown.
import gdb

try:
    import gdb.disassembler
except ImportError:  # before gdb 13
    pass

BITS = {"i8086": 16, "i386": 32, "i386:x86-64": 64}  # of gdb's own disassembly


def bits_of(mode):
    """Of the monitor's names: "16-bit protected mode", "real mode"."""
    return 16 if mode in ("real mode", "virtual-8086 mode") else int(mode.split("-")[0])


def disassembled(what):
    """The monitor's answer: the mode, and (marked, address, text, length) of each instruction; None if there is none."""
    try:
        first, *rows = gdb.execute(f"monitor disas {what}", to_string=True).splitlines()
    except (gdb.error, ValueError):
        return None
    if not first.startswith("vCPU "):
        return None
    instructions = []
    for row in rows[2:]:
        marked = row.split()[0] == "=>"
        address, code, text = row.replace("=>", "", 1).split(maxsplit=2) if marked else row.split(maxsplit=2)
        instructions.append((marked, address, text, len(code) // 2))
    return first.partition(": ")[2], instructions


def register(name):
    return int(gdb.parse_and_eval(f"${name}")) & (1 << 64) - 1


def symbol_at(address):
    text = gdb.execute(f"info symbol {address:#x}", to_string=True)
    return None if text.startswith("No symbol") else text.split(" in section")[0].split(" + ")[0]


class Modes:
    """The mode of the vCPU that gdb shows, asked for once after each stop."""

    def __init__(self):
        self.thread = None

    def forget(self):
        self.thread = None

    def look(self):
        """Returns the mode's name; None if nobody can say."""
        thread = gdb.selected_thread()
        if thread is None:
            return None
        if self.thread != thread.ptid:
            self.thread, self.mode, self.here = thread.ptid, None, None
            answer = disassembled("")
            if answer:
                self.mode, instructions = answer
                self.here = next((one for one in instructions if one[0]), None)
        return self.mode

    def offset_is_no_address(self):
        """In real mode gdb's $pc is IP alone."""
        return self.here is not None and ":" in self.here[1] and int(self.here[1].split(":")[0], 16) != 0

    def show(self, event):
        """After a stop."""
        self.forget()
        thread = getattr(event, "inferior_thread", None)
        if thread is not None and thread is not gdb.selected_thread():
            return
        if self.look() in (None, "64-bit mode") or self.here is None:
            return
        if gdb.newest_frame().find_sal().symtab is None or self.offset_is_no_address():
            _, address, text, _ = self.here
            gdb.write(f"=> {address}\t{text}\t# {self.mode}\n")


modes = Modes()
gdb.events.stop.connect(modes.show)
gdb.events.cont.connect(lambda _event: modes.forget())
gdb.events.register_changed.connect(lambda _event: modes.forget())


if hasattr(gdb, "disassembler"):
    class ModeDisassembler(gdb.disassembler.Disassembler):
        def __init__(self):
            super().__init__("ringside")
            self.next_offset = None  # behind what was shown from CS:IP on

        def __call__(self, info):
            mode = modes.look()
            if mode is None:
                return None
            offset = modes.offset_is_no_address() and info.address in (register("pc"), self.next_offset)
            if not offset and (bits_of(mode) == BITS.get(info.architecture.name()) or not self.is_reached(info.address)):
                return None  # gdb's own is right
            answer = disassembled(f"{info.address + (register('cs_base') if offset else 0):#x} 1")
            if not answer or not answer[1]:
                return None
            _, place, text, length = answer[1][0]
            if offset:
                self.next_offset = info.address + length
                text += f"\t# at {place}"
            return gdb.disassembler.DisassemblerResult(length, text)

        @staticmethod
        def is_reached(address):
            """Another function than the current one may be for a mode that comes later."""
            symbol = symbol_at(address)
            return symbol is None or symbol == symbol_at(register("pc"))

    gdb.disassembler.register_disassembler(ModeDisassembler())
