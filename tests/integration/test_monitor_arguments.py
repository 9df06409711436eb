"""Each command of the monitor refuses a word too many, and does nothing."""

import re

from tests.harness.case import RingsideTest

# As many words as each command accepts. The others accept none.
ACCEPTED = {
    "help": "exits", "address-space": "current", "step": "irq on", "guest-stop": "off", "level": "l1", "record": "on 64M",
    "registers": "all", "translate": "0x1000", "irq": "4", "why-no-irq": "vector 32", "idt": "14", "msr": "LSTAR", "cpuid": "7 0",
    "devices": "0x3f8", "mtree": "0x1000", "vmmap": "0x1000", "find-phys": "0x1000", "gpa2hva": "0x1000", "xp": "/8x 0x1000",
    "phys read": "0x1000 16", "phys write": "0x1000 00", "pmemsave": "0x1000 16 {file}", "port read": "0x3fd b",
    "port write": "0x3ff 0 b", "disas": "0x1000 4", "last-write": "0x1000 8", "last-change": "rax", "goto": "start",
    "bookmark": "delete name", "snapshot save": "name {file}", "snapshot restore": "name", "snapshot delete": "name",
    "snapshot diff": "name", "inject irq": "4", "inject exception": "13 0", "serial break": "t", "dump": "{file}",
    "vmcs": "GUEST_RIP", "vmcs write": "GUEST_RIP 0", "vmcb": "0x1000 RIP", "vmcb write": "0x1000 RIP 0", "catch": "cpuid",
    "break": "0x1000 vcpu 0", "break delete": "1", "watch": "phys 0x1000 8",
    "exits catch": "cpuid", "exits uncatch": "1", "exits hist": "HLT", "exits count": "HLT", "exits last": "5", "exits rip": "5",
    "gdbserver": "none", "linux ps": "threads", "linux files": "1", "linux bt": "1", "linux process": "off",
    "linux task-switch": "off",
}
# FILE is the rest of the line: a file's name may have spaces.
WHOLE_LINE = {"gdb-script", "exits export"}
REFUSAL = re.compile("surplus|Usage: monitor|it must be")


class TestArguments(RingsideTest):
    def test_a_word_too_many_is_refused(self):
        _, gdb = self.attached("demo64")
        names = set(re.findall(r'(?m)^    \("([^"]+)", "[^"]*", "', gdb.console("monitor gdb-script")))
        assert set(ACCEPTED) | WHOLE_LINE <= names, "the commands above exist"
        file = self.folder / "file"
        accepted = []
        for name in sorted(names - WHOLE_LINE):
            line = f"{name} {ACCEPTED.get(name, '')}".strip().format(file=file)
            answer = gdb.console(f"monitor {line} surplus")
            if not REFUSAL.search(answer):
                accepted.append(f"{line} surplus: {answer}")
        assert accepted == []
        assert not file.exists()
