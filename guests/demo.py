"""Plays guests/demo.gdb in gdb: every command is echoed as at the prompt, with its real output behind it.

In demo.gdb, '#' starts a line of explanation and '#?' a regular expression that the output of the command above it
must match; what does not match, and any error of gdb's, ends gdb with status 1.

The target to connect to stands in the environment variable DEMO_TARGET.
"""

import os
import re
import tempfile

import gdb

STYLE = re.compile("\033\\[[0-9;]*m")


def explain(text):
    gdb.write("\033[36m" + text + "\033[0m\n" if gdb.parameter("style enabled") else text + "\n")


def play(command):
    """Runs a command and returns its output, taken at the descriptor: gdb.execute(to_string=True) misses stop reports."""
    gdb.write("(gdb) " + command + "\n")
    gdb.flush()
    with tempfile.TemporaryFile() as transcript:
        terminal = os.dup(1)
        os.dup2(transcript.fileno(), 1)
        try:
            gdb.execute(command)
            gdb.flush()
        finally:
            os.dup2(terminal, 1)
            os.close(terminal)
            transcript.seek(0)
            output = transcript.read().decode(errors="replace")
            gdb.write(output)
            gdb.flush()
    return STYLE.sub("", output)


def play_file(path):
    output = ""
    with open(path, encoding="utf-8") as script:
        for number, line in enumerate(script, 1):
            line = line.rstrip("\n")
            if line.startswith("#?"):
                expected = line[2:].strip()
                if not re.search(expected, output):
                    raise gdb.GdbError(f"demo.gdb:{number}: the output should match: {expected}")
            elif line.startswith("#") or not line:
                explain(line)
            else:
                output = play(line)


def main():
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("set print pretty on")
    play("target remote " + os.environ["DEMO_TARGET"])
    play_file(os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.gdb"))


try:
    main()
except (gdb.error, gdb.GdbError, OSError) as error:
    gdb.write(f"The demo stopped: {error}\n", gdb.STDERR)
    gdb.execute("quit 1")
