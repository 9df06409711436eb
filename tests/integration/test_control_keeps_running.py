"""Each command of the monitor over the control socket, at a guest that runs: it answers, and the guest runs on."""

import re

from tests.harness.case import RingsideTest

# What is there to stop the guest, to end or to change it, and what needs a guest that is stopped.
ACTS = {"stop", "cont", "system_reset", "system_powerdown", "nmi", "inject exception", "gdbserver"}
# Words that the others need to show something.
ARGUMENTS = {"translate": "0x100000", "why-no-irq": "4", "find-phys": "0x100000", "xp": "/4xb 0x100000",
             "phys read": "0x100000 16", "pmemsave": "0 0x100000 {folder}/memory", "port read": "0x3fd",
             "port write": "0x3ff 0", "inject irq": "3", "irq": "4", "idt": "14", "msr": "EFER",
             "cpuid": "0", "devices": "0x3f8", "mtree": "0x100000", "vmmap": "0x100000", "disas": "0x100000 4",
             "gdb-script": "{folder}/script"}
# They are refused at a guest that runs, and say what to do.
STOP_FIRST = {"registers": "all", "dump": "{folder}/vmcore", "phys write": "0x1000 0", "snapshot save": "here", "linux process": "off",
              "linux task-switch": ""}


class TestControlKeepsRunning(RingsideTest):
    def test_the_guest_runs_on_after_each_command(self):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=0", f"--control=unix:{self.control}", gdb=None)
        vm.serial("round 1:")
        listed = re.findall(r"(?m)^monitor (.*?)(?: \[| [A-Z]|\||  |$)", self.ctl("help"))
        assert len(listed) > 60 and ACTS <= set(listed) and set(ARGUMENTS) <= set(listed) and set(STOP_FIRST) <= set(listed)
        for name in listed:
            if name in ACTS:
                continue
            line = f"{name} {(ARGUMENTS | STOP_FIRST).get(name, '').format(folder=self.folder)}".strip()
            answer = self.ctl(line, refused=True if name in STOP_FIRST else False if name in ARGUMENTS else None)
            print(f"-- {line}\n{answer[:300]}")
            assert answer.strip(), name
            if name in STOP_FIRST:
                assert "the guest is running" in answer, name
            elif name in ARGUMENTS:
                assert "Usage" not in answer and "running" not in answer, (name, answer)
            rounds = vm.stdout.text().count("round ")
            vm.serial(f"round {rounds + 2}:")
