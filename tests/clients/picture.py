"""A picture of a session: gdb's text user interface on demo64, in a terminal of tmux, as an SVG file.

/usr/bin/python3 -m tests.clients.picture draws session.svg again.
"""

import html
import subprocess
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.timeouts import Deadline

FILE = Path(__file__).with_name("session.svg")
COLUMNS, LINES = 100, 32
COMMANDS = (f"target remote | {paths.RINGSIDE} run --wait --gdb=stdio --serial none --append rounds=9 {paths.GUESTS / 'demo64'}",
            "break report_round if round == 3", "continue", "bt", "info threads", "p queue", "monitor translate $rsp")
SETTINGS = ("set filename-display basename", "set pagination off", "set confirm off", "set style enabled off", "tui enable")


def screen() -> str:
    """What the terminal shows at the end of the session."""
    with tempfile.TemporaryDirectory(prefix="ringside-picture-") as folder:
        socket = f"{folder}/tmux"
        settings = [word for setting in SETTINGS for word in ("-ex", setting)]
        tmux(socket, "-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), paths.GDB, "-q", "-nx", *settings,
             str(paths.GUESTS / "demo64"))
        try:
            shown = wait_for_prompt(socket, "")
            for command in COMMANDS:
                tmux(socket, "send-keys", "-l", command)
                tmux(socket, "send-keys", "Enter")
                shown = wait_for_prompt(socket, shown)
            return shown
        finally:
            tmux(socket, "kill-server")


def wait_for_prompt(socket: str, before: str) -> str:
    """The screen once it shows gdb's prompt, and not what it showed before."""
    deadline = Deadline(60)
    while True:
        shown = tmux(socket, "capture-pane", "-p").rstrip()
        if shown.endswith("(gdb)") and shown != before:
            return shown
        assert not deadline.over(), shown


def tmux(socket: str, *arguments: str) -> str:
    return subprocess.run(["tmux", "-S", socket, *arguments], check=True, capture_output=True, text=True).stdout


def svg(text: str) -> str:
    rows = "".join(f'<tspan x="8" dy="16">{html.escape(line) or " "}</tspan>\n' for line in text.splitlines())
    width, height = COLUMNS * 8 + 16, (text.count("\n") + 1) * 16 + 16
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">\n<rect width="100%" height="100%" fill="#1e1e1e"/>\n'
            f'<text y="4" font-family="monospace" font-size="13" fill="#dddddd" xml:space="preserve">\n{rows}</text>\n</svg>\n')


if __name__ == "__main__":
    FILE.write_text(svg(screen()), encoding="utf-8")
