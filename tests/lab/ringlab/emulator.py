"""What the two emulators have in common: a child process with four lines, which never outlives this one."""

import ctypes
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from .kernel import Kernel

# What makes the host kernel's start short, and what runs on it fast. QEMU translates a program anew at each address at which it is
# started, so programs are always at the same one (norandmaps): gdb then starts in half the time. The initcalls parse BTF, test ciphers,
# read certificates or set up tracers that nobody uses here; together they are most of an emulated start. The kernel's own console stays
# for panics.
COMMAND_LINE = (
    "console=ttyS0 quiet oops=panic panic=0 tsc=reliable no_timer_check mitigations=off audit=0 lsm=capability "
    "ipv6.disable=1 norandmaps cryptomgr.notests rcupdate.rcu_expedited=1 "
    "initcall_blacklist=load_system_certificate_list,cubictcp_register,bpf_rstat_kfunc_init,bpf_key_sig_kfuncs_init,"
    "init_kprobe_trace,init_blk_tracer,crypto_kdf108_init,blake2s_mod_init"
)

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Setup:
    """The machine to start."""

    kernel: Kernel
    initramfs: Path
    folder: Path  # for the run's own files
    disk: Path  # the job's files, see job_disk.py
    cpus: int = 1
    memory_mib: int = 1024
    interactive: bool = False  # someone outside talks to it: it must not count idle time as fast as it can
    append: str = ""  # to the command line of the machine's own kernel
    forwards: list[tuple[int, int]] = field(default_factory=list)  # (port outside on 127.0.0.1, port inside)
    saved: Path | None = None  # the folder of a state that save() has written; None: boot

    @property
    def command_line(self) -> str:
        return f"{COMMAND_LINE} {self.append}".rstrip()


class Emulator(ABC):
    """A booted machine. Use it as a context manager: leaving it ends the process."""

    module: str  # the KVM module that this host is for
    stopped_prompt = b""  # on the screen: the emulator no longer runs the machine but waits for its own user
    running_sign = b""  # on the screen: it takes what is sent on its lines; what comes earlier is lost
    device_modules: tuple[str, ...]  # the drivers of the job's disk, and of the debugger's line if it is not a serial one
    boot_seconds: int  # a generous limit from the start until it waits for a job, on a busy machine
    restore_seconds = 60  # likewise from a saved state until it has taken its job

    def __init__(self, setup: Setup):
        self.setup = setup
        self.process: subprocess.Popen[bytes] | None = None
        self.console = self.debugger = self.report = self.files = -1  # our ends of ttyS0, /dev/debugger, ttyS2 and /dev/files
        self.screen = -1  # what the emulator itself says, where that must be read for it to go on
        self.display = -1  # what it draws, likewise; known once open_display() has found it

    @abstractmethod
    def _start(self) -> subprocess.Popen[bytes]:
        """Start the process and set the three lines."""

    @classmethod
    @abstractmethod
    def identity(cls, setup: Setup) -> list[object]:
        """All that a saved state depends on, for cache.digest()."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the state of the machine, which waits for a job, into an empty folder. It does not go on after that."""

    def open_display(self, said: bytes) -> None:
        """Set `display`, if the emulator draws somewhere that it has named in what it has said on its screen so far."""

    @abstractmethod
    def log_tail(self) -> str:
        """What the emulator itself last said, for a failure's report."""

    def __enter__(self) -> "Emulator":
        self.process = self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for line in (self.console, self.debugger, self.report, self.files, self.screen, self.display):
            if line >= 0:
                os.close(line)

    def spawn(self, command: list[str], **options: object) -> subprocess.Popen[bytes]:
        """Start a process in its own group, which the kernel kills when this process dies, however it dies."""
        return subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_parent, **options)  # type: ignore[call-overload]


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
