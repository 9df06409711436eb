"""Intel VMX: Bochs, whose Haswell model has VMX with EPT and everything that the debug API needs."""

import os
import pty
import re
import subprocess
import tty
from contextlib import suppress

from . import bochs_image, tools
from .emulator import Emulator, Setup

# Instructions per emulated second. It is near what Bochs reaches, so that emulated and real seconds are alike.
INSTRUCTIONS_PER_SECOND = 100_000_000
TICK_HZ = 250  # Debian's CONFIG_HZ

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
optramimage1: file={image}, address={address:#x}
clock: sync={sync}, time0=utc
com1: enabled=1, mode=term, dev={lines[0]}
com2: enabled=1, mode=term, dev={lines[1]}
com3: enabled=1, mode=term, dev={lines[2]}
log: {log}
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


class Bochs(Emulator):
    module = "kvm_intel"
    boot_seconds = 240
    stopped_prompt = b"<bochs:"  # of its debugger, which Debian builds in; the machine stands still

    def __init__(self, setup: Setup):
        super().__init__(setup)
        self._log = setup.folder / "bochs.log"
        self._terminals: list[int] = []

    def _start(self) -> subprocess.Popen[bytes]:
        setup = self.setup
        bochs = tools.find("bochs")
        tools.require_file(tools.BOCHS_TERMINAL)
        command_line = f"{self.setup.command_line} lpj={INSTRUCTIONS_PER_SECOND // TICK_HZ}"
        image = bochs_image.make(setup.kernel, setup.initramfs, command_line, setup.folder)
        lines = [_raw_pty() for _ in range(3)]
        configuration = setup.folder / "bochsrc"
        configuration.write_text(
            CONFIGURATION.format(
                ips=INSTRUCTIONS_PER_SECOND,
                memory=setup.memory_mib,
                bios=tools.require_file(tools.BOCHS_BIOS),
                vga_bios=tools.require_file(tools.VGA_BIOS),
                rom=image.rom,
                image=image.memory,
                address=image.memory_address,
                sync="slowdown" if setup.real_time else "none",
                lines=[os.ttyname(theirs) for _, theirs in lines],
                log=self._log,
            )
        )
        debugger_commands = setup.folder / "debugger-commands"
        debugger_commands.write_text("c\n")  # Debian builds Bochs with its debugger, which waits for this
        command = [bochs, "-q", "-f", str(configuration), "-rc", str(debugger_commands)]
        screen, their_screen = pty.openpty()
        process = self.spawn(
            command, stdin=their_screen, stdout=their_screen, stderr=their_screen, env=dict(os.environ, TERM="linux")
        )
        os.close(their_screen)
        self.screen = screen
        self.console, self.debugger, self.report = (ours for ours, _ in lines)
        self._terminals = [theirs for _, theirs in lines]  # a terminal that nobody has open yet cannot be read
        return process

    # Somebody has to read what is drawn: Bochs stands still once its terminal is full, after some minutes.
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
