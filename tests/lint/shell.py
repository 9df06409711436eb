"""shellcheck finds nothing in the shell scripts."""

import subprocess
import sys

from tests.lint import sources


def is_shell_script(path: str) -> bool:
    with open(sources.ROOT / path, "rb") as file:
        first = file.readline(64)
    return first.startswith(b"#!") and (b"bash" in first or b"/sh" in first)


def main() -> int:
    scripts = [path for path in sources.ours() if is_shell_script(path)]
    return subprocess.run(["shellcheck", "--severity=warning", *scripts], cwd=sources.ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
