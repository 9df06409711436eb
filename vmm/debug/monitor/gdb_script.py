# Ringside's exit commands as gdb's own: `exits`, `exits last 5`, `exits catch cpuid`, with help and completion, and the
# functions $_exits("CPUID") and $_vmcs("GUEST_RIP") for expressions and conditions. Made from the same registry as `monitor help`.
import json

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


class VmcsFunction(gdb.Function):
    """$_vmcs("FIELD"): a field of the current VMCS of a guest that is a hypervisor, by its name or encoding."""

    def __init__(self):
        super().__init__("_vmcs")

    def invoke(self, field):
        answer = monitor(f"vmcs {field.string()} --json")
        try:
            parts = json.loads(answer)
        except ValueError:
            raise gdb.GdbError(answer.strip()) from None
        rows = [row for part in parts.values() if isinstance(part, list) for row in part if isinstance(row, dict)]
        if len(rows) != 1:
            raise gdb.GdbError(" ".join(parts.get("notes", [])) or f"{len(rows)} fields match {field.string()}")
        return rows[0]["value"]


for _name, _arguments, _help in COMMANDS:
    ExitsCommand(_name, _arguments, _help, any(other[0].startswith(_name + " ") for other in COMMANDS))
ExitsFunction()
VmcsFunction()
