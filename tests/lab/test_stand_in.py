"""Without a usable /dev/kvm the lab is used instead, and one line says so. The tests hide the device and run a user's commands."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "build" / "logs" / "without-kvm"  # the inner run's own, so that it does not overwrite the outer one's


@pytest.mark.boots
@pytest.mark.parametrize("command, line", (
    ("guests/demo", "ringside: no usable KVM (open /dev/kvm: it is not a KVM device): the machine runs in the Intel lab, which "
                    "emulates it (--host intel)"),
    ("tests/run --lane gdb -k hello16", "no usable /dev/kvm: Inappropriate ioctl for device: in the lab"),
), ids=("demo", "gdb"))
def test_the_lab_is_used_instead(command: str, line: str) -> None:
    done = subprocess.run(["tests/lab/without-kvm", *command.split()], cwd=ROOT, env={**os.environ, "RINGSIDE_TEST_LOGS": str(LOGS)},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    assert done.returncode == 0, done.stdout
    assert [each.strip() for each in done.stdout.splitlines()].count(line) == 1, done.stdout
