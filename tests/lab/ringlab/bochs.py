"""Intel VMX: Bochs, whose Haswell model has VMX with EPT and everything that the debug API needs.

Bochs saves a machine as a folder of files, one for each device, and starts from such a folder (`-r`). It takes the folder's
own `config` then, and nothing else. So a run from a saved state has a folder of links to the state's files, with a
configuration of its own. A state's timers are known by their numbers: the order in which plugins are loaded must be the
same, and no clock synchronisation may be chosen, as it has a timer of its own.
"""

import os
import pty
import re
import selectors
import shutil
import signal
import subprocess
import time
import tty
from contextlib import suppress
from pathlib import Path

from . import bochs_image, bochs_shim, tools
from .emulator import COMMAND_LINE, Emulator, Setup
from .errors import LabError

# Instructions per emulated second. It is near what Bochs reaches, so that emulated and real seconds are alike.
INSTRUCTIONS_PER_SECOND = 100_000_000
TICK_HZ = 250  # Debian's CONFIG_HZ

DISK_STATE = "hard_drive.0.drive0.image"  # in a state's folder: what Bochs first copies to the disk
MEMORY_STATE = "memory.ram"
SAVING_SECONDS = 120

# The terminal that its display has made for itself.
DISPLAY = re.compile(rb'Bochs connected to screen "([^"]+)"')

# The terminal is the one display that needs neither an X server nor a listening port.
# Lines of a Bochs log that matter are those of its CPU; devices complain about every probe.
CONFIGURATION = """\
config_interface: textconfig
display_library: term
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, serial=1
cpu: model=corei7_haswell_4770, count=1, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest={memory}, host={memory}
romimage: file={bios}
vgaromimage: file={vga_bios}
optromimage1: file={rom}, address=0xd0000
{image}clock: sync=none, time0=utc
ata0-master: type=disk, mode=flat, path={disk}, cylinders=0
com1: enabled=1, mode=term, dev={lines[0]}
com2: enabled=1, mode=term, dev={lines[1]}
com3: enabled=1, mode=term, dev={lines[2]}
com4: enabled=1, mode=term, dev={lines[3]}
log: {log}
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


class Bochs(Emulator):
    module = "kvm_intel"
    device_modules = ("ata_piix", "sd_mod")
    boot_seconds = 240
    stopped_prompt = b"<bochs:"  # of its debugger, which Debian builds in; the machine does not run

    running_sign = b"Next at t="  # at its debugger's start; before, opening a terminal throws away what is in it

    def __init__(self, setup: Setup):
        super().__init__(setup)
        self._log = setup.folder / "bochs.log"
        self._save_to = setup.folder / "state"
        self._terminals: list[int] = []

    @classmethod
    def identity(cls, setup: Setup) -> list[object]:
        files = (tools.find("bochs-bin"), tools.require_file(tools.BOCHS_BIOS), tools.require_file(tools.VGA_BIOS))
        settings = (COMMAND_LINE, setup.append, setup.memory_mib, setup.disk.stat().st_size, CONFIGURATION)
        contents = (*map(Path, files), setup.kernel.flat, setup.initramfs, bochs_shim.SOURCE, bochs_image.ROM_SOURCE)
        return ["bochs 1", *settings, *contents]

    def _start(self) -> subprocess.Popen[bytes]:
        setup = self.setup
        bochs = tools.find("bochs-bin")
        tools.require_file(tools.BOCHS_TERMINAL)
        lines = [_raw_pty() for _ in range(4)]
        self._save_to.mkdir()
        if setup.saved:
            configuration = self._link_state(setup.saved)
            start = ["-r", str(self._save_to)]
            image = ""
        else:
            configuration = setup.folder / "bochsrc"
            start = ["-f", str(configuration)]
            image = self._memory_image()
        configuration.write_text(
            CONFIGURATION.format(
                ips=INSTRUCTIONS_PER_SECOND,
                memory=setup.memory_mib,
                bios=tools.require_file(tools.BOCHS_BIOS),
                vga_bios=tools.require_file(tools.VGA_BIOS),
                rom=bochs_image.rom(),
                image=image,
                disk=self._disk(),
                lines=[os.ttyname(theirs) for _, theirs in lines],
                log=self._log,
            )
        )
        debugger_commands = setup.folder / "debugger-commands"
        debugger_commands.write_text("c\n")  # Debian builds Bochs with its debugger, which waits for this
        command = [bochs, "-q", *start, "-rc", str(debugger_commands)]
        screen, their_screen = pty.openpty()
        process = self.spawn(command, stdin=their_screen, stdout=their_screen, stderr=their_screen, env=self._environment())
        os.close(their_screen)
        self.screen = screen
        self.console, self.debugger, self.report, self.files = (ours for ours, _ in lines)
        self._terminals = [theirs for _, theirs in lines]  # a terminal that has not been opened yet cannot be read
        return process

    def _memory_image(self) -> str:
        command_line = f"{self.setup.command_line} lpj={INSTRUCTIONS_PER_SECOND // TICK_HZ}"
        image = bochs_image.make(self.setup.kernel, self.setup.initramfs, command_line, self.setup.folder)
        return f"optramimage1: file={image}, address={bochs_image.BOOT_BLOCK:#x}\n"

    def _link_state(self, saved: Path) -> Path:
        for file in saved.iterdir():
            if file.name not in ("config", MEMORY_STATE):
                (self._save_to / file.name).symlink_to(file)
        (self._save_to / MEMORY_STATE).touch()  # the shim gives Bochs the saved file itself, where it would make a copy of this one
        (self._save_to / DISK_STATE).symlink_to(self.setup.disk)
        return self._save_to / "config"

    def _disk(self) -> Path:
        """What the machine's disk is in: the job's, or a file of that size which Bochs fills from the state's folder."""
        if not self.setup.saved:
            return self.setup.disk
        disk = self.setup.folder / "bochs-disk"
        with disk.open("wb") as file:
            file.truncate(self.setup.disk.stat().st_size)
        return disk

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ, TERM="linux", LD_PRELOAD=str(bochs_shim.path()))
        environment[bochs_shim.SAVE_TO] = str(self._save_to)
        environment.pop(bochs_shim.IDLE, None)
        environment.pop(bochs_shim.MEMORY, None)
        if self.setup.saved:
            environment[bochs_shim.MEMORY] = str(self.setup.saved / MEMORY_STATE)
        if self.setup.interactive and self.setup.saved:
            environment[bochs_shim.IDLE] = "1"
        return environment

    def save(self, folder: Path) -> None:
        """Stop the machine at the prompt of Bochs's debugger, and let the shim save it there."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self._await_on_screen(self.stopped_prompt)
        self.process.send_signal(signal.SIGUSR2)
        try:
            status = self.process.wait(SAVING_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise LabError("Bochs does not save the machine's state in time") from error
        if status != 0:
            raise LabError(f"Bochs cannot save the machine's state: status {status}")
        (self._save_to / DISK_STATE).unlink()
        for file in self._save_to.iterdir():
            shutil.move(file, folder)  # which may be on another file system

    def _await_on_screen(self, text: bytes) -> None:
        said = b""
        end = time.monotonic() + SAVING_SECONDS
        with selectors.DefaultSelector() as selector:
            for fd in (self.screen, self.display):
                if fd >= 0:
                    selector.register(fd, selectors.EVENT_READ)
            while text not in said:
                ready = [key.fd for key, _ in selector.select(max(0.0, end - time.monotonic()))]
                if not ready:
                    raise LabError("the emulator does not stop")
                for fd in ready:
                    data = os.read(fd, 65536)
                    said += data if fd == self.screen else b""

    # What is drawn must be read: Bochs blocks once its terminal is full, after some minutes.
    def open_display(self, said: bytes) -> None:
        if self.display < 0 and (found := DISPLAY.search(said)):
            self.display = os.open(found[1], os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        for fd in self._terminals:
            os.close(fd)

    def log_tail(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text(errors="replace").splitlines()
            return "\n".join(line for line in lines[-40:] if "PANIC" in line or "[CPU" in line)
        return ""


def _raw_pty() -> tuple[int, int]:
    """Both ends of a terminal that changes no byte."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return ours, theirs
