"""Which KVM the tests run on."""

import fcntl
import os
from pathlib import Path

KVM_GET_API_VERSION = 0xae00
IN_LAB = {"kvm_intel": " in Bochs", "kvm_amd": " in TCG"}


def unusable() -> str:
    """Why this host's /dev/kvm cannot be used. Empty if it can."""
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return "it does not exist"
    except OSError as error:
        return str(error.strerror)
    try:
        version = fcntl.ioctl(device, KVM_GET_API_VERSION)
        return "" if version == 12 else f"it speaks version {version} of its interface, not 12"
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(device)


def kind() -> str:
    """The driver's name and, in the lab, its emulator: the names that tests/conformance/impossible.cpp uses. The lab has its
    commands in /lab/tests."""
    for driver in ("kvm_intel", "kvm_amd", "kvm_pvm"):
        if Path("/sys/module", driver).exists():
            return driver + (IN_LAB.get(driver, "") if Path("/lab/tests").exists() else "")
    return ""
