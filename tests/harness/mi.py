"""gdb's machine interface: one output line becomes one record (gdb manual, "GDB/MI Output Syntax")."""

import dataclasses
import re
from typing import Any

_STREAMS = {"~": "console", "@": "target", "&": "log"}
_ASYNC = {"^": "result", "*": "exec", "=": "notify", "+": "status"}
_HEAD = re.compile(r"(\d*)([\^*=+])([\w-]+)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}


@dataclasses.dataclass(frozen=True)
class Record:
    kind: str  # result, exec, notify, status; console, target, log
    name: str = ""  # done, running, error; stopped, ...
    token: int | None = None
    text: str = ""  # of a stream
    values: dict[str, Any] = dataclasses.field(default_factory=dict)


def parse(line: str) -> Record | None:
    """A record, or nothing for a prompt and for what a program under gdb wrote into its output."""
    if line[:1] in _STREAMS and line[1:2] == '"':
        return Record(_STREAMS[line[0]], text=_Reader(line[1:]).string())
    head = _HEAD.match(line)
    if not head:
        return None
    token, kind, name = head.groups()
    reader = _Reader(line[head.end():])
    return Record(_ASYNC[kind], name, int(token) if token else None, values=reader.results())


class _Reader:
    """A recursive descent over `,name=value,...` where a value is a string, a {tuple} or a [list]."""

    def __init__(self, text: str):
        self._text = text
        self._at = 0

    def _peek(self) -> str:
        return self._text[self._at:self._at + 1]

    def _take(self, expected: str) -> None:
        if self._peek() != expected:
            raise ValueError(f"expected {expected!r} at {self._at} of {self._text!r}")
        self._at += 1

    def results(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while self._peek() == ",":
            self._take(",")
            name, value = self._named()
            values[name] = value
        return values

    def string(self) -> str:
        self._take('"')
        raw = bytearray()  # gdb writes bytes outside ASCII as octal escapes of UTF-8
        while (character := self._peek()) != '"':
            self._at += 1
            if character != "\\":
                raw += character.encode()
                continue
            octal = re.match(r"[0-7]{3}", self._text[self._at:])
            if octal:
                raw.append(int(octal.group(), 8))
                self._at += 3
            else:
                escaped = self._peek()
                raw += _ESCAPES.get(escaped, escaped).encode()
                self._at += 1
        self._take('"')
        return raw.decode("utf-8", "replace")

    def _named(self) -> tuple[str, Any]:
        name = re.match(r"[\w-]+", self._text[self._at:])
        if not name:
            raise ValueError(f"expected a name at {self._at} of {self._text!r}")
        self._at += name.end()
        if self._peek() != "=":  # "=traceframe-changed,end" has no value
            return name.group(), ""
        self._take("=")
        return name.group(), self._value()

    def _value(self) -> Any:
        if self._peek() == "{":
            return self._tuple()
        if self._peek() == "[":
            return self._list()
        return self.string()

    def _tuple(self) -> dict[str, Any]:
        """Items without a name are keyed by their index: gdb writes a breakpoint's `script` that way."""
        self._take("{")
        values: dict[str, Any] = {}
        while self._peek() != "}":
            name, value = self._named() if self._peek() != '"' else (str(len(values)), self.string())
            values[name] = value
            if self._peek() == ",":
                self._take(",")
        self._take("}")
        return values

    def _list(self) -> list[Any]:
        self._take("[")
        values = []
        while self._peek() != "]":
            values.append(self._named()[1] if re.match(r"[\w-]+=", self._text[self._at:]) else self._value())
            if self._peek() == ",":
                self._take(",")
        self._take("]")
        return values
