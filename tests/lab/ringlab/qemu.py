"""AMD SVM: QEMU's TCG, whose EPYC model has SVM with nested paging."""

import os
import socket
import subprocess
import time
from pathlib import Path

from . import tools
from .emulator import COMMAND_LINE, Emulator, Setup
from .errors import LabError
from .qmp import Monitor

# The lines of the BIOS and option ROMs that QEMU writes are of no use, nor are its warnings of features TCG lacks.
MACHINE = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "pc,usb=off", "-cpu", "EPYC,+svm,+npt"]

STATE = "machine"  # the file of a saved state


class Qemu(Emulator):
    module = "kvm_amd"
    device_modules = ("virtio_pci", "virtio_blk", "virtio_console")  # the bus first: nothing depends on it by name
    boot_seconds = 60

    def __init__(self, setup: Setup):
        super().__init__(setup)
        self._log = setup.folder / "qemu.log"
        self._monitor: Monitor | None = None

    @classmethod
    def identity(cls, setup: Setup) -> list[object]:
        program = Path(tools.find("qemu-system-x86_64")).resolve()
        settings = (COMMAND_LINE, setup.append, setup.cpus, setup.memory_mib, bool(setup.forwards), setup.disk.stat().st_size)
        return ["qemu 1", *MACHINE, *settings, program, setup.kernel.vmlinux, setup.initramfs, Path(__file__)]

    def _start(self) -> subprocess.Popen[bytes]:
        setup = self.setup
        command = [tools.find("qemu-system-x86_64"), *MACHINE]
        command += ["-accel", "tcg,thread=multi" if setup.cpus > 1 else "tcg"]
        command += ["-smp", str(setup.cpus), "-m", str(setup.memory_mib)]
        command += ["-kernel", str(setup.kernel.vmlinux), "-initrd", str(setup.initramfs), "-append", setup.command_line]
        lines = [socket.socketpair() for _ in range(4)]
        for (_, theirs), name in zip(lines, ("console", "debugger", "report", "files"), strict=True):
            command += ["-chardev", f"socket,id={name},fd={theirs.fileno()}"]
        command += ["-serial", "chardev:console", "-serial", "none", "-serial", "chardev:report"]
        # A port of this device passes blocks of bytes, where a serial line has an interrupt for each few.
        command += ["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=debugger,nr=1"]
        command += ["-device", "virtserialport,chardev=files,nr=2"]
        monitor, their_monitor = socket.socketpair()
        command += ["-chardev", f"socket,id=monitor,fd={their_monitor.fileno()}", "-mon", "chardev=monitor,mode=control"]
        command += ["-drive", f"if=none,id=job,format=raw,readonly=on,file={setup.disk}", "-device", "virtio-blk-pci,drive=job"]
        command += self._network()
        passed = [their_monitor.fileno(), *(theirs.fileno() for _, theirs in lines)]
        state = os.open(setup.saved / STATE, os.O_RDONLY) if setup.saved else -1
        if state >= 0:
            command += ["-incoming", f"fd:{state}"]
            passed.append(state)
        with self._log.open("wb") as log:
            process = self.spawn(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=passed)
        self.console, self.debugger, self.report, self.files = (ours.detach() for ours, _ in lines)
        for theirs in (their_monitor, *(theirs for _, theirs in lines)):
            theirs.close()
        if state >= 0:
            os.close(state)
        self._monitor = Monitor(monitor)
        return process

    def save(self, folder: Path) -> None:
        """By a migration to a file. The machine runs during it, so that the saved one runs as soon as it is loaded."""
        assert self._monitor is not None
        self._monitor.execute("migrate-set-parameters", **{"max-bandwidth": 16 << 30})
        with (folder / STATE).open("wb") as file:
            self._monitor.pass_file("state", file.fileno())
            self._monitor.execute("migrate", uri="fd:state")
            while (status := self._monitor.execute("query-migrate").get("status")) != "completed":
                if status in ("failed", "cancelled"):
                    raise LabError("QEMU cannot save the machine's state")
                time.sleep(0.01)

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        if self._monitor is not None:
            self._monitor.close()

    def _network(self) -> list[str]:
        if not self.setup.forwards:
            return []
        rules = [f"hostfwd=tcp:127.0.0.1:{outside}-10.0.2.15:{inside}" for outside, inside in self.setup.forwards]
        return ["-netdev", "user,id=net,restrict=on," + ",".join(rules), "-device", "virtio-net-pci,netdev=net,romfile="]

    def log_tail(self) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(line for line in text.splitlines() if "TCG doesn't support" not in line)
