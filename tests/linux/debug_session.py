"""Debian's kernel under a real gdb on emulated VT-x, from its first instruction to its first process, KASLR and two CPUs on.

Ends with status 0 if everything was as it should be. The program is started in the lab; gdb runs here.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.integration.harness.gdb import GdbSession
from tests.integration.harness.streams import Collector
from tests.linux import initramfs, symbols

LIMIT = 300  # seconds, for the lab's start and for each stop
LINKED = 0xffffffff81000000


def expect(condition: bool, what: str) -> None:
    print(("ok       " if condition else "WRONG    ") + what, flush=True)
    if not condition:
        raise AssertionError(what)


def stop_at(gdb: GdbSession, command: str, function: str) -> str:
    """Sets a breakpoint, goes there, takes it out again. Returns the backtrace."""
    gdb.console(f"{command} {function}")
    stop = gdb.run("continue", LIMIT)
    expect(stop.get("frame", {}).get("func") == function, f"{command} {function}: {stop.get('reason')}")
    backtrace = gdb.console("bt", LIMIT)
    print(backtrace, flush=True)
    gdb.console("delete")
    return backtrace


def debug(gdb: GdbSession) -> None:
    moved = gdb.integer("(unsigned long)&_text") - LINKED
    expect(gdb.integer("$pc") == 0x1000000, "held at the first instruction")
    expect(0 <= moved < 1 << 30 and moved % (2 << 20) == 0, f"symbols moved by {moved:#x} at connect")
    stop_at(gdb, "break", "start_kernel")
    expect(gdb.integer("$pc") == gdb.integer("(unsigned long)&start_kernel"), "at its first instruction")
    expect("waiting for SIPI" in gdb.console("info threads"), "the second CPU waits for its start")
    stop_at(gdb, "break", "kernel_init")
    expect("kernel_init_freeable" in stop_at(gdb, "hbreak", "smp_init"), "who called it")
    stop_at(gdb, "break", "kernel_execve")
    threads = gdb.console("info threads")
    expect("waiting for SIPI" not in threads and threads.count("vCPU") == 2, "both CPUs run")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ringside", type=Path, required=True)
    arguments = options.parse_args()
    bzimage = next(symbols.kernel.prepare().tree.glob("boot/vmlinuz-*"))
    symbol_file = symbols.prepare()
    with tempfile.TemporaryDirectory(prefix="ringside-linux-") as folder:
        archive = Path(folder) / "guest.cpio"
        archive.write_bytes(initramfs.build())
        socket = Path(folder) / "gdb"
        server = subprocess.Popen(
            [symbols.LAB / "gdb-server", "--host", "intel", "--endpoint", f"unix:{socket}", "--ringside", arguments.ringside,
             "--", "-m", "256M", "--cpus", "2", "-i", archive, "--append", "console=ttyS0 reboot=k panic=-1 quiet", bzimage],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = Collector(server.stdout)
        gdb = GdbSession(symbol_file)
        try:
            output.wait_for("a debugger may connect", LIMIT)
            gdb.connect_to(str(socket))
            debug(gdb)
            return 0
        except Exception as error:
            print(f"{error}\n-- the lab:\n{output.text()}\n{gdb.transcript()}", flush=True)
            return 1
        finally:
            gdb.close()
            server.terminate()
            server.wait()
            output.join()


if __name__ == "__main__":
    sys.exit(main())
