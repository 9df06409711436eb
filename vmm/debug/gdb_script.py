# Ringside's exit commands as gdb's own: `exits`, `exits last 5`, `exits catch cpuid`, with help and completion, and the
# function $_exits("CPUID") for expressions and conditions. Made from the same registry as `monitor help`. Besides, the
# symbols of a Linux kernel that has moved itself follow it.
import gdb

# (name, arguments, help) of each monitor command.
COMMANDS = [
@COMMANDS@]


def monitor(line):
    return gdb.execute("monitor " + line, to_string=True)


def seen_reasons():
    """The names in the first column of `monitor exits`."""
    rows = [line.split() for line in monitor("exits").splitlines()]
    return [row[0] for row in rows if len(row) > 2 and row[1].isdigit() and row[0] != "total"]


class ExitsCommand(gdb.Command):
    def __init__(self, name, arguments, text, is_prefix):
        self.__doc__ = f"{text[0].upper()}{text[1:]}.\nUsage: {name} {arguments}".rstrip()
        self.name = name
        self.alternatives = arguments.split(" ")[0].strip("[]").split("|")
        super().__init__(name, gdb.COMMAND_STATUS, prefix=is_prefix)

    def invoke(self, argument, from_tty):
        gdb.write(monitor(f"{self.name} {argument}"))

    def complete(self, text, word):
        if " " in text:
            return gdb.COMPLETE_FILENAME if "FILE" in self.__doc__ else gdb.COMPLETE_NONE
        if self.alternatives == ["REASON"]:
            choices = seen_reasons()
        elif self.alternatives == ["RULE"]:
            choices = ["cpuid", "cr0", "cr3", "cr4", "ept", "hlt", "io", "mmio", "msr", "shutdown"]
        else:
            choices = [choice for choice in self.alternatives if choice.islower()]
        return [choice for choice in choices if choice.lower().startswith(word.lower())]


class ExitsFunction(gdb.Function):
    """$_exits("REASON"): how many exits there were for a reason, by any name that `monitor exits` shows."""

    def __init__(self):
        super().__init__("_exits")

    def invoke(self, reason):
        answer = monitor("exits count " + reason.string()).strip()
        if not answer.isdigit():
            raise gdb.GdbError(answer)
        return int(answer)


for _name, _arguments, _help in COMMANDS:
    ExitsCommand(_name, _arguments, _help, any(other[0].startswith(_name + " ") for other in COMMANDS))
ExitsFunction()


def linux_slide():
    """How far Linux stands from where gdb believes it: its system-call entry, as the CPU has it, less the symbol's
    address. None before Linux has told the CPU, and for other kernels."""
    try:
        entry = int(gdb.parse_and_eval("(unsigned long)&entry_SYSCALL_64"))
        lstar = int(gdb.parse_and_eval("(unsigned long)$lstar"))
    except (gdb.error, ValueError):
        return None
    return lstar - entry if lstar != 0 and (lstar - entry) % (2 << 20) == 0 else None


def follow_linux(_event=None):
    """Moves the symbols to where the kernel is. A kernel that Ringside itself has moved needs none of this: gdb asks for
    its place when it connects. One that its own decompressor has moved shows at the first stop after its start."""
    slide = linux_slide()
    path = gdb.current_progspace().filename
    if not slide or not path:
        return
    already = follow_linux.slides.get(path, 0)
    gdb.execute(f"symbol-file -o {already + slide:#x} {path}", to_string=True)
    follow_linux.slides[path] = already + slide
    gdb.write(f"Linux has moved itself by {already + slide:#x} (KASLR): so have its symbols.\n")


follow_linux.slides = {}
gdb.events.stop.connect(follow_linux)
