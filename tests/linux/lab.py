"""The lab's own modules and programs, for tests outside of it."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.lab.ringlab import cache, cpio, kernel

LAB = Path(__file__).resolve().parents[1] / "lab"


def run_script(host: str, script: Path, limit: int, files: Iterable[Path]) -> int:
    """Has the shell of the lab's machine `host` run `script`, which names `files`; its exit status. `limit` in seconds."""
    carried = [option for path in files for option in ("--file", path)]
    return subprocess.run([LAB / "run", "--host", host, "--timeout", str(limit), *carried, "--", "sh", script],
                          check=False).returncode


__all__ = ["LAB", "cache", "cpio", "kernel", "run_script"]
