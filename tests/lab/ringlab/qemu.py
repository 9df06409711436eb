"""AMD SVM: QEMU's TCG, whose EPYC model has SVM with nested paging."""

import socket
import subprocess

from . import tools
from .emulator import Emulator, Setup

# The lines of the BIOS and option ROMs that QEMU writes are of no use, nor are its warnings of features TCG lacks.
MACHINE = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "pc,usb=off", "-cpu", "EPYC,+svm,+npt"]

# For --append: a tick that comes by itself, 250 times a second. At each entry to a guest and each #VMEXIT, QEMU 7.2's CPU thread changes
# CPUState::interrupt_request by an instruction that is not atomic and without the lock under which its main thread sets bits
# there. Now and then a bit is lost: the local APIC has the interrupt in its IRR, but nothing wakes the CPU. If that was the
# timer's, and the timer in one-shot mode, no other ever follows and the machine sleeps for good. In periodic mode the next one
# sets the bit again, 4 ms later, for whatever the IRR holds. (Linux as a guest of such a machine waits for its own timer for up
# to two minutes at a time: it is for guests that are stepped, which find the gap, and not for those.)
PERIODIC_TICK = "nohz=off highres=off"


class Qemu(Emulator):
    module = "kvm_amd"
    boot_seconds = 60

    def __init__(self, setup: Setup):
        super().__init__(setup)
        self._log = setup.folder / "qemu.log"

    def _start(self) -> subprocess.Popen[bytes]:
        setup = self.setup
        initramfs = setup.folder / "initramfs"
        initramfs.write_bytes(b"".join(archive + bytes(-len(archive) % 4) for archive in setup.initramfs))
        command = [tools.find("qemu-system-x86_64"), *MACHINE]
        command += ["-accel", "tcg,thread=multi" if setup.cpus > 1 else "tcg"]
        command += ["-smp", str(setup.cpus), "-m", str(setup.memory_mib)]
        command += ["-kernel", str(setup.kernel.vmlinux), "-initrd", str(initramfs), "-append", setup.command_line]
        lines = [socket.socketpair() for _ in range(3)]
        for number, (_, theirs) in enumerate(lines):
            command += ["-chardev", f"socket,id=line{number},fd={theirs.fileno()}", "-serial", f"chardev:line{number}"]
        command += self._network()
        with self._log.open("wb") as log:
            process = self.spawn(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[theirs.fileno() for _, theirs in lines]
            )
        self.console, self.debugger, self.report = (ours.detach() for ours, _ in lines)
        for _, theirs in lines:
            theirs.close()
        return process

    def _network(self) -> list[str]:
        if not self.setup.forwards:
            return []
        rules = [f"hostfwd=tcp:127.0.0.1:{outside}-10.0.2.15:{inside}" for outside, inside in self.setup.forwards]
        return ["-netdev", "user,id=net,restrict=on," + ",".join(rules), "-device", "virtio-net-pci,netdev=net,romfile="]

    def log_tail(self) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(line for line in text.splitlines() if "TCG doesn't support" not in line)
