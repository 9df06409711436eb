"""Debian's kernel where its own decompressor chooses the place: gdb learns of it from the file that `monitor gdb-script` gives."""

import tempfile
from pathlib import Path

from tests.linux.debugged import LIMIT, DebuggedLinux, expect
from tests.linux.symbols import LINKED

ALIGNMENT = 2 << 20


def test_the_decompressor_moves_the_kernel(ringside: Path) -> None:
    with DebuggedLinux(ringside, options="--linux-entry decompressor") as linux, tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        gdb = linux.gdb
        script.write(gdb.console("monitor gdb-script"))
        script.flush()
        gdb.console(f"source {script.name}")
        gdb.start("continue")
        linux.console.wait_for("guest: ready", LIMIT)
        gdb.interrupt(LIMIT)
        moved = gdb.integer("(unsigned long)&_text") - LINKED
        expect(moved >= 0 and moved % ALIGNMENT == 0, f"the decompressor has moved the kernel by {moved:#x}, and gdb its symbols")
        expect("Linux version" in gdb.console("x/s &linux_banner"), "the kernel is where they say")
