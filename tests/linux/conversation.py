"""A guest of Debian's kernel under Ringside in the lab's AMD machine. A shell script reads its serial port and answers."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.linux.lab import run_script

LIMIT = 240
HOST = """\
set -e
mkfifo /tmp/input
exec 3<>/tmp/input
{ringside} run --serial stdio --control unix:/tmp/control -i {initrd} --append 'console=ttyS0 reboot=k panic=-1 quiet' {bzimage} <&3 |
while read -r line; do
    echo "$line"
    case $line in
{answers}
    esac
done >/tmp/said
cat /tmp/said
{checks}
"""


def status(ringside: Path, folder: Path, bzimage: Path, initrd: bytes, answers: Mapping[str, str], said: Iterable[str]) -> int:
    """The script's exit status: 0 if each of the regular expressions `said` is in what the guest and Ringside have printed.

    `answers` has shell commands by the pattern of a line. Descriptor 3 is the guest's serial port; in a command, {ctl} is
    Ringside's `ctl` with the guest's socket. Files are written to `folder`.
    """
    carried, script = folder / "initrd", folder / "host"
    carried.write_bytes(initrd)
    ctl = f"{ringside} ctl /tmp/control"
    cases = "\n".join(f"        {pattern}) {command.replace('{ctl}', ctl)} ;;" for pattern, command in answers.items())
    checks = "\n".join(f"grep -q {words} /tmp/said" for words in said)
    script.write_text(HOST.format(ringside=ringside, initrd=carried, bzimage=bzimage, answers=cases, checks=checks), encoding="utf-8")
    return run_script("amd", script, LIMIT, [ringside, carried, bzimage])
