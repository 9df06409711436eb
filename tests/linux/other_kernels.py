"""Kernels other than Linux under Ringside, as shell commands for the lab: each boots one and looks at its serial console."""

import dataclasses
import shlex
from pathlib import Path

from tests.harness import paths
from tests.linux import packages
from tests.linux.cases import BIOS

SESSION = Path(__file__).resolve().parent / "session"

LIMIT = 120  # seconds; each takes less than 10 on an idle machine


@dataclasses.dataclass(frozen=True)
class Case:
    """One boot: options for Ringside, and for `session` what the user must see."""

    kernel: Path
    options: str
    session: tuple[str, ...]


def cases() -> dict[str, Case]:
    # It never ends; its third test is the first that moves inversions.
    memtest = ("--screen", "yes", "--expect", ".*Memtest86+ v6", "--expect", ".*Memory  :   16MB", "--expect", ".*Errors: 0",
               "--until", "Moving inversions")
    bios = ("--expect", "SeaBIOS (version ", "--until", "Booting from Floppy")
    return {
        "memtest-32": Case(packages.memtest() / "memtest86+ia32.bin", "-m 16M --append console=ttyS0,115200", memtest),
        "memtest-64": Case(packages.memtest() / "memtest86+x64.bin", "--cpus 2 -m 16M --append console=ttyS0,115200",
                           (*memtest, "--expect", ".*SMP: 2T")),
        "xen": Case(packages.xen(), "-m 256M --append 'no-real-mode console=com1 com1=115200,8n1'",
                    ("--expect", "(XEN) Xen version 4.17", "--expect", "(XEN) dom0 kernel not specified")),
        # Its command line is a script of its own. SeaBIOS moves the cursor wherever it waits: short words stay whole.
        "ipxe": Case(packages.ipxe(), f"-m 64M --firmware {BIOS} --append 'echo six times seven is 42 && reboot'",
                     ("--expect", "iPXE initialising devices...ok", "--expect", ".*six")),
        "seabios-128": Case(paths.SEABIOS / "bios.bin", "-m 64M", bios),
        "seabios-256": Case(BIOS, "-m 64M", bios),
    }


def commands(ringside: Path) -> dict[str, tuple[int, str]]:
    """By name, with limits in seconds."""
    def command(case: Case) -> str:
        session = shlex.join(["sh", str(SESSION), *case.session])
        return f"{session} -- {ringside} run --serial stdio {case.options} {case.kernel}"

    return {name: (LIMIT, command(case)) for name, case in cases().items()}
