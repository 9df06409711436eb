"""Plays guests/demo.gdb in gdb: every command is echoed as at the prompt, with its real output behind it.

In demo.gdb, '#' starts a line of explanation and '#?' a regular expression that the output of the command above it
must match; what does not match, and any error of gdb's, ends gdb with status 1.

gdb is connected to the machine already. The kernel's serial output is in the file named by the environment variable
DEMO_SERIAL.
"""

import contextlib
import os
import re
import tempfile

import gdb

STYLE = re.compile("\033\\[[0-9;]*m")


def explain(text):
    gdb.write("\033[36m" + text + "\033[0m\n" if gdb.parameter("style enabled") else text + "\n")


@contextlib.contextmanager
def descriptors_into(file):
    """Sends stdout and stderr, where `monitor` prints, into a file. gdb.execute(to_string=True) misses stop reports."""
    gdb.flush()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    for descriptor, _ in saved:
        os.dup2(file.fileno(), descriptor)
    try:
        yield
    finally:
        gdb.flush(gdb.STDOUT)
        gdb.flush(gdb.STDERR)
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)


def play(command):
    """Echoes and runs a command, shows its output and returns it without colours."""
    gdb.write("(gdb) " + command + "\n")
    with tempfile.TemporaryFile() as transcript:
        try:
            with descriptors_into(transcript):
                gdb.execute(command)
        finally:
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
    play_file(os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.gdb"))


try:
    main()
except (gdb.error, gdb.GdbError, OSError) as error:
    gdb.write(f"The demo stopped: {error}\n", gdb.STDERR)
    gdb.execute("quit 1")
