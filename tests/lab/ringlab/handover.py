"""What `ringside --host intel|amd` passes to the lab: its parsed command line, as JSON (vmm/cli/lab_host.cpp writes it).

Made into a job: the command inside, the files that it reads, and those that come back.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import ringside
from .errors import LabError

LARGEST_WRITTEN_DISK = 64 << 20  # its contents come back over a serial line


class Refusal(LabError):
    """The lab cannot do what an option asks for."""


@dataclass(frozen=True)
class Console:
    kind: str  # none, stdio, stderr, file, unix, pty
    path: str = ""

    def is_live(self) -> bool:
        return self.kind not in ("none", "file")


@dataclass(frozen=True)
class Option:
    name: str
    refers: str  # see vmm/cli/declared_options.h
    flag: bool
    values: tuple[str, ...]


@dataclass(frozen=True)
class Handover:
    host: str
    program: str
    command: str  # run, gdb or doctor
    options: tuple[Option, ...]
    memory: int = 0  # the guest's, in bytes
    serial: Console = Console("stdio")
    virtio_console: Console = Console("none")
    disks: tuple[tuple[str, bool], ...] = ()  # (path, read-only)
    gdb: str = ""  # where the debugger connects; empty: nowhere
    gdb_command: tuple[str, ...] = ()  # `ringside gdb`: gdb and the file of symbols

    def gdb_arguments(self) -> list[str]:
        return [value for option in self.options if option.refers == "gdb" for value in option.values]


def read(text: str) -> Handover:
    values: dict[str, Any] = json.loads(text)
    return Handover(
        host=values["host"],
        program=values["program"],
        command=values["command"],
        options=tuple(Option(each["name"], each["refers"], each["flag"], tuple(each["values"])) for each in values["options"]),
        memory=values.get("memory", 0),
        serial=Console(**values.get("serial", {"kind": "stdio"})),
        virtio_console=Console(**values.get("virtio-console", {"kind": "none"})),
        disks=tuple((each["path"], each["read-only"]) for each in values.get("disks", ())),
        gdb=values.get("gdb", ""),
        gdb_command=tuple(values.get("gdb-command", ())),
    )


def _place(name: str) -> Path:
    """Where a file is inside: a folder that a `..` leaves again is not there."""
    path = Path(name).absolute()
    return Path(os.path.realpath(path.parent)) / path.name if ".." in path.parts else path


@dataclass
class Plan:
    """The command inside and its files; `console` is the destination of its standard output outside."""

    words: list[str]
    console: Console
    files: dict[str, Path] = field(default_factory=dict)
    collect: list[str] = field(default_factory=list)
    serves_debugger: bool = False

    def read(self, name: str) -> None:
        """Take a file inside. A file that is not there is left for Ringside to report."""
        path = _place(name)
        if path.is_file():
            if not os.access(path, os.R_OK):
                raise Refusal(f"open {name}: Permission denied")
            self.files[str(path)] = path

    def write(self, name: str) -> None:
        path = _place(name)
        if not path.parent.is_dir():
            raise Refusal(f"open {name}: No such file or directory")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise Refusal(f"open {name}: Permission denied")
        self.collect.append(str(path))

    def memory_mib(self, guest: int) -> int:
        files = sum(path.stat().st_size for path in self.files.values())
        return ringside.memory_for((guest + files) >> 20)


def _inside(value: str) -> str:
    """A file that is given with `..`, as the machine has it."""
    name = _module_file(value)
    return f"{_place(name)}{value[len(name):]}" if ".." in Path(name).parts else value


def _module_file(value: str) -> str:
    """A multiboot module may have words after its file."""
    return value if os.path.exists(value) else value.split(" ")[0]


def plan(given: Handover) -> Plan:
    command = "run" if given.command == "gdb" else given.command
    made = Plan([given.program, command, "--host=kvm"], given.serial)
    positional: list[str] = []
    for option in given.options:
        values = option.values
        match option.refers:
            case "host-resource":
                raise Refusal(_no_resource(option, given.host))
            case "file-read":
                for value in option.values:
                    made.read(_module_file(value) if option.name == "--initrd" else value)
                values = [_inside(value) for value in values]
            case "file-written":
                for value in option.values:
                    made.write(value)
                values = [_inside(value) for value in values]
            case "disk":
                values = [_inside_disk(value) for value in values]
            case "console" | "debugger" | "gdb" | "host":
                continue
        if option.flag:
            made.words.append(option.name)
        elif option.name.startswith("-"):
            made.words += [f"{option.name}={value}" for value in values]
        else:
            positional += values
    for name, read_only in given.disks:
        _disk(made, name, read_only)
    if given.command != "doctor":
        _consoles(made, given)
        _debugger(made, given)
    made.words += positional
    return made


def _no_resource(option: Option, host: str) -> str:
    advice = {
        "--kvm-device": "The lab's machine has a KVM of its own: leave the option out",
        "--net": "The lab's machine has no network: leave the option out, or use a host with KVM",
        "--vsock": "A socket of this host cannot be reached from the lab's machine: use a host with KVM",
    }
    why = advice.get(option.name, "It names something that only this host has")
    return f"{option.name} cannot be had with --host {host}. {why}"


def _inside_disk(value: str) -> str:
    """FILE with its option, if it has one."""
    for option in (",ro", ",overlay"):
        if value.endswith(option):
            return _inside(value.removesuffix(option)) + option
    return _inside(value)


def _disk(made: Plan, name: str, read_only: bool) -> None:
    path = _place(name)
    if path.is_block_device():
        raise Refusal(f"--disk {name}: a block device cannot be taken into the lab. Use an image in a file")
    made.read(name)
    if not read_only and path.is_file():
        if path.stat().st_size > LARGEST_WRITTEN_DISK:
            raise Refusal(
                f"--disk {name}: the lab brings back what is written of images up to {LARGEST_WRITTEN_DISK >> 20} MiB. "
                f"Use {name},ro or {name},overlay, or a smaller image"
            )
        made.write(name)


def _consoles(made: Plan, given: Handover) -> None:
    """One console is joined to the outside while the guest runs, and is standard input and output inside."""
    serial, second = given.serial, given.virtio_console
    if second.is_live() and serial.is_live():
        raise Refusal(
            f"--virtio-console {second.kind} cannot be had with --serial {serial.kind} and --host {given.host}: the lab joins "
            "one console to the outside. Give --serial none or file:PATH"
        )
    if second.is_live():
        made.console = second
        made.words.append("--virtio-console=stdio")
        made.words.append(_collected(made, "--serial", serial))
        return
    if given.virtio_console.kind == "file":
        made.words.append(_collected(made, "--virtio-console", second))
    made.words.append("--serial=none" if serial.kind == "none" else "--serial=stdio")


def _collected(made: Plan, name: str, console: Console) -> str:
    if console.kind == "none":
        return f"{name}=none"
    made.write(console.path)
    return f"{name}=file:{os.path.abspath(console.path)}"


def _debugger(made: Plan, given: Handover) -> None:
    if given.gdb.startswith("serial:"):
        raise Refusal(
            f"--gdb {given.gdb} cannot be had with --host {given.host}. Use tcp:HOST:PORT, unix:PATH or stdio, and join a "
            "device to it with socat"
        )
    if given.command == "gdb":
        made.words.append("--wait")
    if given.gdb or given.command == "gdb":
        made.serves_debugger = True
        made.words.append(f"--gdb=serial:{ringside.LINE}")
