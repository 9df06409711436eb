"""Lines of output that report a problem to a user, or ask for an action."""

import re
from collections.abc import Iterable

# "0 failed" is good news, and a step of ninja's only names a file.
COMPLAINT = re.compile(
    r"apt-get install|apt install|is missing|are missing|not found|no such file|permission denied|cannot |unable to"
    r"|\bwarning\b|\berror:|(?<!\b0 )\bfailed\b|traceback",
    re.IGNORECASE)
_STEP = re.compile(r"^\[\d+/\d+\] ")


def found(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if COMPLAINT.search(line) and not _STEP.match(line)]
