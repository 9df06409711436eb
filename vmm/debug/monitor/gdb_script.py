# Ringside's monitor commands as gdb's own, with help and completion: `ringside lapic`, `ringside exits last 5`. Where gdb has no
# command of the name they are there without the first word too: `lapic`, `exits last 5`. The functions $_exits("CPUID"),
# $_msr("LSTAR"), $_vmcs("GUEST_RIP") and $_vmcb("RIP") are for expressions and conditions. Made from the same registry as `monitor help`.
import json

import gdb

# (name, arguments, help) of each monitor command.
COMMANDS = [
@COMMANDS@]


def monitor(line):
    return gdb.execute("monitor " + line, to_string=True)


def values(line):
    """A command's answer as values; what is none is gdb's error."""
    answer = monitor(line + " --json")
    try:
        return json.loads(answer)
    except ValueError:
        raise gdb.GdbError(answer.strip()) from None


def seen_reasons():
    """The names in the first column of `monitor exits`."""
    rows = [line.split() for line in monitor("exits").splitlines()]
    return [row[0] for row in rows if len(row) > 2 and row[1].isdigit() and row[0] != "total"]


def forget_registers():
    """gdb reads registers and memory anew: a monitor command has taken the guest to another time."""
    for cache in ("register-cache", "dcache"):
        gdb.execute("maintenance flush " + cache, to_string=True)


class MonitorCommand(gdb.Command):
    """`native` is the command's name in gdb, `name` in the monitor."""

    def __init__(self, native, name, arguments, text):
        self.__doc__ = f"{text[0].upper()}{text[1:]}.\nUsage: {native} {arguments}".rstrip()
        self.name = name
        self.alternatives = arguments.split(" ")[0].strip("[]").split("|")
        is_prefix = any(other[0].startswith(name + " ") for other in COMMANDS)
        super().__init__(native, gdb.COMMAND_STATUS, prefix=is_prefix)

    def invoke(self, argument, from_tty):
        answer = monitor(f"{self.name} {argument}")
        gdb.write(answer)
        if answer.startswith("The next `continue` stops"):
            gdb.execute("continue", from_tty)
        if self.name in ("goto", "snapshot restore", "system_reset"):
            forget_registers()

    def complete(self, text, word):
        if " " in text:
            return gdb.COMPLETE_FILENAME if "FILE" in self.__doc__ else gdb.COMPLETE_NONE
        if self.alternatives == ["REASON"]:
            choices = seen_reasons()
        elif self.alternatives == ["RULE"]:
            choices = ["cpuid", "cr0", "cr3", "cr4", "ept", "hlt", "io", "l2-exit", "mmio", "msr", "shutdown", "vm-entry",
                       "vm-entry-failure", "vm-exit"]
        else:
            choices = [choice for choice in self.alternatives if choice.islower()]
        return [choice for choice in choices if choice.lower().startswith(word.lower())]


class ExitsFunction(gdb.Function):
    """$_exits("REASON"): how many exits there were for a reason, by any name that `monitor exits` shows."""

    def __init__(self, prefix):
        super().__init__(prefix + "exits")

    def invoke(self, reason):
        answer = monitor("exits count " + reason.string()).strip()
        if not answer.isdigit():
            raise gdb.GdbError(answer)
        return int(answer)


def control_field(command, field):
    """The value of the one field that a command about a VMCS or VMCB shows."""
    parts = values(command)
    rows = [row for part in parts.values() if isinstance(part, list) for row in part if isinstance(row, dict)]
    if len(rows) != 1:
        raise gdb.GdbError(" ".join(parts.get("notes", [])) or f"{len(rows)} fields match {field}")
    return rows[0]["value"]


class VmcsFunction(gdb.Function):
    """$_vmcs("FIELD"): a field of the current VMCS of a guest that is a hypervisor, by its name or encoding."""

    def __init__(self, prefix):
        super().__init__(prefix + "vmcs")

    def invoke(self, field):
        return control_field(f"vmcs {field.string()}", field.string())


class VmcbFunction(gdb.Function):
    """$_vmcb("FIELD"[, ADDRESS]): a field of the VMCB of the guest's guest that runs, or of the one at a guest-physical address."""

    def __init__(self, prefix):
        super().__init__(prefix + "vmcb")

    def invoke(self, field, address=None):
        place = "" if address is None else f"{int(address) & 0xffffffffffffffff:#x} "
        return control_field(f"vmcb {place}{field.string()}", field.string())


class MsrFunction(gdb.Function):
    """$_msr("LSTAR"): a model-specific register of the current vCPU, by its name or number."""

    def __init__(self, prefix):
        super().__init__(prefix + "msr")

    def invoke(self, name):
        word = name.string() if name.type.strip_typedefs().code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_PTR) else hex(int(name))
        if len(word.split()) != 1:
            raise gdb.GdbError("$_msr takes one name or number")
        return values(f"msr {word}")["msrs"][0]["value"]


class GroupCommand(gdb.Command):
    """Monitor commands whose names begin with this word."""

    def __init__(self, native):
        super().__init__(native, gdb.COMMAND_STATUS, prefix=True)


def is_taken(name):
    """gdb has a command of this name, or takes it for the beginning of one."""
    try:
        gdb.execute("help " + name, to_string=True)
    except gdb.error:
        return False
    return True


def define(first_word):
    """Every command, behind `first_word`; without one, those that do not get into gdb's way."""
    groups, left_out = set(), set()
    for name, arguments, text in COMMANDS:
        words = name.split()
        if not first_word and (words[0] in left_out or (words[0] not in groups and is_taken(words[0]))):
            left_out.add(words[0])
            continue
        for count in range(1, len(words)):
            group = " ".join(words[:count])
            if group not in groups and not any(other[0] == group for other in COMMANDS):
                GroupCommand(first_word + group)
            groups.add(group)
        groups.add(name)
        MonitorCommand(first_word + name, name, arguments, text)


GroupCommand("ringside")
define("ringside ")
define("")
# The longer names are never anybody else's.
for function_prefix in ("_", "_ringside_"):
    for function in (ExitsFunction, VmcsFunction, VmcbFunction, MsrFunction):
        function(function_prefix)
