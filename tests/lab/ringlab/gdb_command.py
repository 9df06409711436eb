"""The command line of the gdb that `ringside gdb --host intel|amd` runs outside.

gdb has every monitor command as its own, from the script that the stub inside makes (vmm/debug/monitor/gdb_script.py). Over a
serial line it takes up to a second. It depends only on the program, so gdb keeps the first one in the cache. Its last
line is a digest of the lines before: one that is damaged is made again.
"""

import hashlib
import os
from pathlib import Path

from . import cache

PATIENCE = "set remotetimeout 120"  # seconds for an answer; gdb's own default is 2
# One that is not a script is an error before it is kept.
FETCH = (
    "python import hashlib, pathlib; script = gdb.execute('monitor gdb-script', to_string=True); exec(script); "
    "made = pathlib.Path({scratch!r}); made.write_text(script + '#' + hashlib.sha256(script.encode()).hexdigest()); made.replace({kept!r})"
)


def words(gdb: list[str], endpoint: Path, program: Path, arguments: list[str]) -> list[str]:
    """`gdb` and its symbols, the commands that attach it to `endpoint` and define the monitor's commands, and the user's arguments."""
    name = script_name(program)
    attach = f"target extended-remote {endpoint}"
    if script := _kept(name):
        commands = [f"source {script}", attach]
    else:
        scratch = cache.root() / f".making-{name}-{os.getpid()}"
        commands = [attach, FETCH.format(scratch=str(scratch), kept=str(cache.root() / name))]
    return [*gdb, *(word for command in (PATIENCE, *commands) for word in ("-ex", command)), *arguments]


def script_name(program: Path) -> str:
    """The script's entry in the cache."""
    return f"{cache.digest('gdb-script', program)}.py"


def _kept(name: str) -> Path | None:
    """The script, if it is in the cache as it was made. One that is damaged is removed."""
    path = cache.find(name)
    if path is None:
        return None
    try:
        script, _, digest = path.read_bytes().rpartition(b"#")
        if hashlib.sha256(script).hexdigest().encode() == digest:
            return path
    except OSError:
        pass
    cache.remove(path)
    return None
