"""The report's decoder: whole, in pieces, cut off, and damaged."""

import gzip
import hashlib

import pytest

from ringlab.channel import Begin, Decoder, Done, End, File, Missing, Note, Output
from ringlab.errors import LabError

TOKEN = "0123456789abcdef"


def mark(words: str) -> bytes:
    return f"\x1e@{TOKEN} {words}\n".encode()


def command(number: int, output: bytes, status: str = "0") -> bytes:
    digest = hashlib.md5(output).hexdigest()
    return mark(f"begin {number:04}") + output + mark(f"end {number:04} {status} {len(output)} {digest}")


def file(path: str, content: bytes) -> bytes:
    packed = gzip.compress(content)
    return mark(f"file {len(packed)} {hashlib.md5(packed).hexdigest()} {path}") + packed


def decode(*pieces: bytes) -> list[object]:
    decoder = Decoder(TOKEN)
    return [event for piece in pieces for event in decoder.feed(piece)]


class TestChannel:
    def test_a_command_with_its_output_and_status(self) -> None:
        events = decode(command(0, b"hello\n", "3") + mark("done 1"))
        assert events == [Begin(0), Output(b"hello\n"), End(0, 3), Done(1)]

    def test_a_killed_command_has_no_status(self) -> None:
        assert decode(command(0, b"", "timeout")) == [Begin(0), End(0, None)]

    def test_output_keeps_its_bytes_whatever_they_are(self) -> None:
        output = bytes(range(256)) + b"\x1e@other end 0000 0 0 0\n" + b"no line end"
        events = decode(command(0, output))
        assert b"".join(event.data for event in events if isinstance(event, Output)) == output
        assert events[-1] == End(0, 0)

    def test_every_way_of_cutting_the_stream_in_two_gives_the_same(self) -> None:
        stream = command(0, b"a\x1e@b\n") + file("/x y", b"content") + mark("done 1")
        for cut in range(len(stream) + 1):
            events = decode(stream[:cut], stream[cut:])
            output = b"".join(event.data for event in events if isinstance(event, Output))
            assert output == b"a\x1e@b\n"
            rest = [event for event in events if not isinstance(event, Output)]
            assert rest == [Begin(0), End(0, 0), File("/x y", b"content"), Done(1)]

    def test_a_line_of_output_is_not_held_back(self) -> None:
        assert decode(mark("begin 0000") + b"ready\n") == [Begin(0), Output(b"ready\n")]

    def test_what_the_machine_says_outside_commands_is_a_note(self) -> None:
        assert decode(b"insmod: odd\n" + mark("missing /a b")) == [Note(b"insmod: odd\n"), Missing("/a b")]

    def test_a_stream_that_is_cut_off_never_ends_a_command(self) -> None:
        stream = command(0, b"all is well\n")
        for cut in range(len(stream)):
            assert not any(isinstance(event, (End, Done)) for event in decode(stream[:cut]))

    def test_lost_output_is_noticed(self) -> None:
        stream = command(0, b"all went well\n").replace(b"went ", b"")
        with pytest.raises(LabError, match="14 bytes, of which 9 arrived"):
            decode(stream)

    def test_changed_output_is_noticed(self) -> None:
        with pytest.raises(LabError, match="damaged"):
            decode(command(0, b"not ok 1\n").replace(b"not ok 1\n", b"ok 1    \n"))

    def test_a_damaged_file_is_noticed(self) -> None:
        stream = bytearray(file("/x", b"content"))
        stream[-1] ^= 1
        with pytest.raises(LabError, match="/x was damaged"):
            decode(bytes(stream))

    def test_damaged_marks_are_errors(self) -> None:
        for words in ("", "begin", "begin x", "end 0000 0 0 0", "file 1 2", "done", "done x", "nonsense 1"):
            with pytest.raises(LabError, match="damaged mark"):
                decode(mark(words))

    def test_a_command_inside_another_is_an_error(self) -> None:
        with pytest.raises(LabError):
            decode(mark("begin 0000") + mark("begin 0001"))

    def test_a_machine_that_cannot_work_says_why(self) -> None:
        with pytest.raises(LabError, match="insmod: can't insert"):
            decode(mark("fatal insmod: can't insert kvm_intel"))
