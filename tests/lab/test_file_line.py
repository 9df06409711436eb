"""Files that a command inside the machine writes for the user outside."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringlab.file_line import FileLine


def frame(path: Path, size: int, *records: tuple[int, bytes], mode: int = 0o644, last: bytes = b"end") -> bytes:
    name = os.fsencode(path)
    data = b"".join(b"data %d %d\n%s" % (offset, len(data), data) for offset, data in records)
    return b"file %d %d %o\n%s%s%s\n" % (len(name), size, mode, name, data, last)


class TestFileLine:
    @pytest.fixture(autouse=True)
    def line(self, tmp_path: Path) -> Iterator[None]:
        self.path = tmp_path / "a file"
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.thread = FileLine(theirs.fileno()).thread
            theirs.close()
            self.ours = ours
            self.inside = ours.makefile("rwb", buffering=0)
            yield
            self.inside.close()

    def send(self, data: bytes) -> bytes:
        self.inside.write(data)
        return self.inside.readline()

    def test_a_file_comes_with_its_size_and_permissions(self) -> None:
        assert self.send(frame(self.path, 1 << 20, (4096, b"one"), (9, b"two\n"), mode=0o600)) == b"done\n"
        data = self.path.read_bytes()
        assert (len(data), data[4096:4099], data[9:13], data.count(0)) == (1 << 20, b"one", b"two\n", (1 << 20) - 7)
        assert self.path.stat().st_mode & 0o777 == 0o600
        assert os.listdir(self.path.parent) == [self.path.name]

    def test_one_comes_after_the_other(self) -> None:
        for text in (b"first", b"second", b""):
            assert self.send(frame(self.path, len(text), *([(0, text)] if text else []))) == b"done\n"
            assert self.path.read_bytes() == text

    def test_the_file_that_a_link_names_is_replaced(self) -> None:
        link = self.path.with_name("link")
        self.path.write_text("before")
        link.symlink_to(self.path.name)
        assert self.send(frame(link, 3, (0, b"new"))) == b"done\n"
        assert link.is_symlink()
        assert self.path.read_bytes() == b"new"

    def test_one_that_is_not_sent_to_its_end_leaves_what_was_there(self) -> None:
        self.path.write_text("before")
        assert self.send(frame(self.path, 3, (0, b"new"), last=b"cancel")) == b"it was not sent to its end\n"
        assert self.path.read_text() == "before"
        assert os.listdir(self.path.parent) == [self.path.name]

    @pytest.mark.parametrize("name, why", (("none/file", b"No such file or directory\n"), ("a\0b", b"embedded null byte\n"),
                                           ("x" * 300, b"File name too long\n"),
                                           (".", b"what is there is not a regular file. Choose another name\n")))
    def test_what_cannot_be_written_is_said_and_the_next_file_comes(self, name: str, why: bytes) -> None:
        assert self.send(frame(self.path.parent / name, 5000, (0, bytes(4096)), (4096, b"x" * 904))) == why
        assert self.send(frame(self.path, 1, (0, b"1"))) == b"done\n"

    def test_a_machine_that_ends_in_mid_file_leaves_what_was_there(self) -> None:
        self.path.write_text("before")
        self.inside.write(frame(self.path, 3, (0, b"new"))[:-6])
        self.inside.close()
        self.ours.close()
        self.thread.join(60)
        assert not self.thread.is_alive()
        assert self.path.read_text() == "before"
        assert os.listdir(self.path.parent) == [self.path.name]
