"""The shared object that is loaded into Bochs (boot/bochs_shim.S), assembled once."""

from pathlib import Path

from . import cache, tools

SOURCE = Path(__file__).parent.parent / "boot" / "bochs_shim.S"
SAVE_TO = "RINGSIDE_SAVE_TO"  # where SIGUSR2 saves the machine's state
IDLE = "RINGSIDE_IDLE"  # a machine that idles waits instead of counting
MEMORY = "RINGSIDE_MEMORY"


def path() -> Path:
    return cache.entry(f"{cache.digest('shim', SOURCE)}.so", _assemble)


def _assemble(made: Path) -> None:
    unlinked = made.with_suffix(".o")
    tools.run("as", "--64", "-o", unlinked, SOURCE)
    tools.run("ld", "-shared", "-z", "now", "-o", made, unlinked)
