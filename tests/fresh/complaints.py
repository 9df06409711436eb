"""Lines of output that report a problem to a user, or ask for an action."""

import re
from collections.abc import Iterable

# "0 failed" is good news.
COMPLAINT = re.compile(
    r"apt-get install|apt install|is missing|are missing|not found|no such file|permission denied|cannot |unable to"
    r"|\bwarning\b|\berror:|(?<!\b0 )\bfailed\b|traceback",
    re.IGNORECASE)
# A step of the build, and why the machine runs in the lab: that is what this lane is for, and leaves the user nothing to do.
_EXPECTED = re.compile(r"^\[\d+/\d+\] |^ringside: no usable KVM \(open /dev/kvm: No such file or directory\): the machine runs in ")


def found(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if COMPLAINT.search(line) and not _EXPECTED.match(line)]
