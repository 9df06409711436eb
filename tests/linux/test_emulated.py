"""Debian's kernel on a host's KVM that emulates ring 0: to its first process, and with gdb's help to a shell.

Boot parameters keep the kernel away from instructions that such a KVM lacks and from work that takes minutes there. What no
parameter avoids: SYSCALL at CPL 3 comes to the kernel's entry at CPL 3 still, which is a page fault there. gdb does the rest of it.
"""

import subprocess
import tempfile
import time
from pathlib import Path

from tests.harness.gdb import GdbSession
from tests.harness.streams import Collector
from tests.linux import initramfs, symbols
from tests.linux.debugged import expect
from tests.linux.lab import kernel

LIMIT = 900  # seconds, for a boot of two to four minutes
PATIENCE = 120  # seconds, from one system call to the next

PARAMETERS = (
    "console=ttyS0 reboot=k panic=-1 nokaslr",
    # XRSTOR, and SSE in the kernel, are missing; POPCNT, CMPXCHG16B, CLAC and STAC take an exit each.
    "noxsave mitigations=off clearcpuid=ssse3,aes,pclmulqdq,avx,avx2,sse4_1,sse4_2,popcnt,cx16,smap,erms,fsrm",
    # The last two of these: strings are copied and cleared by 8 bytes, each of which takes as long as a byte.
    # The clock is said to be ten times as fast as it is: of the guest's own time, in which its timer ticks, a tenth passes.
    "no-kvmclock tsc=reliable no_timer_check tsc_early_khz=26000000 lpj=10000000",
    "cryptomgr.notests audit=0 lsm=capability ipv6.disable=1 psi=0 rodata=off numa=off nr_cpus=1 rcupdate.rcu_expedited=1",
    # BTF is parsed by the first of those that register functions for BPF; the tracer looks up a name for each of its 37,697
    # places, and makes a folder for each event.
    "initcall_blacklist=cubictcp_register,bpf_rstat_kfunc_init,bpf_key_sig_kfuncs_init,bpf_prog_test_run_init,"
    "bpf_tcp_ca_kfunc_init,kfunc_init,ftrace_check_for_weak_functions,trace_eval_init,tracer_init_tracefs,init_kprobe_trace,"
    "init_blk_tracer,load_system_certificate_list,crypto_kdf108_init,blake2s_mod_init",
    # User code runs on the processor, and sees that it has AVX; FXSAVE, which the kernel is left with, does not save that.
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Usable,-AVX2_Usable,-AVX512F,-AVX512VL,-AVX512BW,-AVX512F_Usable,-ERMS",
)

# busybox's own way of starting takes some hundred system calls more.
INIT = b"#!/bin/busybox sh\necho guest: ready\nexec /bin/sh\n"
READY = "guest: ready"
TYPED = "echo answer $((6 * 7)); /bin/busybox poweroff -f\n"

ENTRY = "entry_SYSCALL_64"
PAGE_FAULT = "asm_exc_page_fault"
RESUME_FLAG = 0x10000


class EmulatedLinux:
    """A guest stopped at its first instruction, and gdb attached to it. A context manager."""

    def __init__(self, ringside: Path):
        self._folder = tempfile.TemporaryDirectory(prefix="ringside-linux-")
        folder = Path(self._folder.name)
        archive = folder / "guest.cpio"
        archive.write_bytes(initramfs.build({"/init": INIT}))
        bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
        self._socket = folder / "gdb"
        self._process = subprocess.Popen(
            [ringside, "run", "-m", "96M", "--serial", "stdio", "--wait", f"--gdb=unix:{self._socket}", "-i", archive,
             "--append", " ".join(PARAMETERS), bzimage],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.console = Collector(self._process.stdout)
        self._messages = Collector(self._process.stderr)
        self.gdb = GdbSession(symbols.prepare())

    def __enter__(self) -> "EmulatedLinux":
        try:
            self._messages.wait_for("gdb: listening on")
            self.gdb.connect_to(str(self._socket))
        except BaseException as error:
            self._end(error)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self.gdb.close()
        self._process.kill()
        self._process.wait()
        for collector in (self.console, self._messages):
            collector.join()
            if error is not None:
                print(collector.text(), flush=True)
        self._folder.cleanup()

    def type(self, text: str) -> None:
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def catch_system_calls(self) -> None:
        """Stops the guest where a SYSCALL has become a page fault: what was pushed is an error code, RIP and so on."""
        # A number: gdb 13 makes an address of code without types into a condition that reads the memory there.
        entry = self.gdb.integer(f"(unsigned long)&{ENTRY}")
        self.gdb.console(f"hbreak *{PAGE_FAULT} if *(unsigned long*)($rsp + 8) == {entry:#x}")

    def next_system_call(self, seconds: float) -> bool:
        """Runs up to it; whether there was one more."""
        return self.gdb.run("continue", seconds).get("reason") == "breakpoint-hit"

    def pushed(self, word: int) -> int:
        return self.gdb.integer(f"*(unsigned long*)($rsp + {8 * word})")

    def finish_system_call(self) -> None:
        """From the page fault's handler, which is at CPL 0 as SYSCALL should be, to where SYSCALL leads."""
        flags, stack = self.pushed(3) & ~RESUME_FLAG, self.pushed(4)
        self.gdb.console(f"set $rsp = {stack:#x}")
        self.gdb.console(f"set $eflags = {flags:#x}")
        self.gdb.console(f"set $rip = (unsigned long)&{ENTRY}")


def test_to_a_shell_with_gdbs_help(ringside: Path) -> None:
    start = time.monotonic()
    with EmulatedLinux(ringside) as linux:
        linux.catch_system_calls()
        expect(linux.next_system_call(LIMIT), f"the first process makes a system call, after {time.monotonic() - start:.0f} s")
        linux.console.wait_for("Run /init as init process")
        calls, typed = 0, False
        while calls == 0 or linux.next_system_call(PATIENCE):
            linux.finish_system_call()
            calls += 1
            if not typed and READY in linux.console.text():
                linux.type(TYPED)
                typed = True
        linux.console.wait_for(r"(?m)^answer 42\r?$")
        print(f"a shell's answer, and the end, after {calls} system calls and {time.monotonic() - start:.0f} s", flush=True)
