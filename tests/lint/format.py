"""clang-format leaves every C++ file as it is."""

import subprocess
import sys

from tests.lint import sources


def main() -> int:
    command = ["clang-format-14", "--dry-run", "-Werror", *sources.cpp_files()]
    return subprocess.run(command, cwd=sources.ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
