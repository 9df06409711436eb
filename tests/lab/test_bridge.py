"""A debugger's way into the lab: the endpoint outside, and which clients it accepts."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringlab.bridge import CHUNK, HANGUP, HUNG_UP, Bridge
from ringlab.endpoint import name_of, reserve
from ringlab.errors import LabError


class TestEndpoint:
    def test_names(self, tmp_path: Path) -> None:
        with reserve("tcp:127.0.0.1:0") as server:
            assert re.search(r"^tcp:127\.0\.0\.1:[1-9]\d*$", name_of(server))
        with reserve("tcp:0") as server:
            assert re.search(r"^tcp:127\.0\.0\.1:", name_of(server))
        with reserve("tcp:localhost:0") as server:
            assert re.search(r"^tcp:(127\.0\.0\.1|\[::1\]):[1-9]\d*$", name_of(server))
        with reserve(f"unix:{tmp_path}/socket") as server:
            assert name_of(server) == f"unix:{tmp_path}/socket"

    @pytest.mark.parametrize("bad", ("", "tcp:", "tcp:x", "unix:", "serial:/dev/null", "tcp:127.0.0.1:99999999", "tcp:no.such.host.invalid:1"))
    def test_what_is_no_endpoint(self, bad: str) -> None:
        with pytest.raises(LabError), reserve(bad):
            pass

    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(LabError) as caught:
            with reserve(f"tcp:127.0.0.1:{other.getsockname()[1]}"):
                pass
        assert str(caught.value).endswith("Address already in use; another program has it: choose another, or port 0 for any free one")

    def test_a_path_in_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="its directory does not exist"), reserve(f"unix:{tmp_path}/none/socket"):
            pass

    def test_a_path_is_for_its_owner_alone_and_goes_with_its_server(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with reserve(f"unix:{path}"):
            assert path.stat().st_mode & 0o777 == 0o600
        assert not path.exists()

    def test_a_killed_servers_path_is_taken_over(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))
        with reserve(f"unix:{path}") as server:
            server.listen(1)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))

    def test_a_path_of_another_run_is_left_alone_even_before_that_listens(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with reserve(f"unix:{path}"), pytest.raises(LabError, match="another program has it"), reserve(f"unix:{path}"):
            pass

    def test_a_file_at_the_path_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("mine")
        with pytest.raises(LabError, match="another program has it"), reserve(f"unix:{path}"):
            pass
        assert path.read_text() == "mine"


class Place:
    """A bridge between a path and the inner end of a serial line."""

    def __init__(self, path: Path, server: socket.socket, line: socket.socket, inside: socket.socket):
        self._path = path
        self._inside = inside
        self.bridge = Bridge(server, line.fileno())

    def client(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self._path))
        return client

    def inside_gets(self, data: bytes) -> bool:
        return self._inside.recv(len(data), socket.MSG_WAITALL) == data

    def inside_sends(self, data: bytes) -> None:
        self._inside.sendall(data)

    def inside_sent_until(self, last: bytes) -> bytes:
        data = b""
        while not data.endswith(last):
            data += self._inside.recv(65536)
        return data

    def waits_for_its_turn(self) -> None:
        """Return when a client waits for the one before it."""
        with self.bridge.queue:
            assert self.bridge.queue.wait_for(lambda: self.bridge.waiting > 0, 60)

    def nothing_comes_in(self) -> bool:
        try:
            self._inside.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    line, inside = socket.socketpair()
    with line, inside, reserve(f"unix:{tmp_path}/socket") as server:
        yield Place(tmp_path / "socket", server, line, inside)
        line.shutdown(socket.SHUT_RDWR)


class TestBridge:
    def test_a_client_is_refused_until_a_stub_listens_and_held_while_none_does(self, place: Place) -> None:
        with pytest.raises(ConnectionRefusedError):
            place.client()
        place.bridge.open()
        with place.client() as client:
            client.sendall(b"one")
            assert place.inside_gets(b"one")
            place.bridge.hold()
            client.sendall(b"two")
            place.inside_sends(b"from inside")
            assert client.recv(20) == b"from inside"
            assert place.nothing_comes_in()
            place.bridge.open()
            assert place.inside_gets(b"two")

    def test_a_client_learns_that_the_machine_has_ended(self, place: Place) -> None:
        place.bridge.open()
        with place.client() as client:
            client.sendall(b"?")
            assert place.inside_gets(b"?")
            place.bridge.close()
            assert client.recv(10) == b""

    def test_the_stub_learns_that_a_client_has_left_and_the_next_gets_none_of_its_replies(self, place: Place) -> None:
        place.bridge.open()
        with place.client() as first:
            first.sendall(b"$m")
            assert place.inside_gets(b"$m")
        assert place.inside_gets(HANGUP)
        with place.client() as second:
            second.sendall(b"+")
            place.inside_sends(b"$late#00" + HUNG_UP[:1])
            assert place.nothing_comes_in()
            place.inside_sends(HUNG_UP[1:])
            assert place.inside_gets(b"+")
            place.inside_sends(b"$new#00")
            assert second.recv(20) == b"$new#00"

    def test_a_client_that_says_nothing_is_not_announced(self, place: Place) -> None:
        place.bridge.open()
        place.client().close()
        with place.client() as client:
            client.sendall(b"?")
            assert place.inside_gets(b"?")

    def test_a_second_client_is_told_why_it_is_refused(self, place: Place) -> None:
        place.bridge.open()
        with place.client() as first, place.client() as second:
            first.sendall(b"?")
            assert place.inside_gets(b"?")
            second.sendall(b"+$qSupported#37")
            words = b"E.another debugger (a local client) is attached to this guest: detach it first"
            assert second.recv(200, socket.MSG_WAITALL) == b"+$%s#%02x" % (words, sum(words) % 256)
            place.inside_sends(b"reply")
            assert first.recv(10) == b"reply"

    def test_a_client_that_only_ends_its_stream_gets_its_replies(self, place: Place) -> None:
        place.bridge.open()
        with place.client() as client:
            client.sendall(b"$g#67")
            client.shutdown(socket.SHUT_WR)
            assert place.inside_gets(b"$g#67" + HANGUP)
            place.inside_sends(b"$abc#26" + HUNG_UP)
            assert client.recv(20, socket.MSG_WAITALL) == b"$abc#26"

    def test_a_client_that_sends_the_byte_of_a_hangup_has_not_left(self, place: Place) -> None:
        place.bridge.open()
        with place.client() as client:
            client.sendall(b"+\x04$X0,1:\x04#00\x04$")
            assert place.inside_gets(b"+$X0,1:\x04#00$")
            client.sendall(b"\x04\x04#")
            assert place.inside_gets(b"\x04\x04#")

    def test_a_client_that_has_gone_gives_way_with_all_that_is_unread(self, place: Place) -> None:
        place.bridge.open()
        with place.client() as first:
            first.sendall(b"$")
            assert place.inside_gets(b"$")
            place.bridge.hold()  # nothing more of it goes in until the next client is there
            first.sendall(bytes(4 * CHUNK))
        with place.client() as second:
            second.sendall(b"$?#3f")
            place.waits_for_its_turn()
            place.bridge.open()
            came = place.inside_sent_until(HANGUP)
            assert len(came) < 4 * CHUNK
            place.inside_sends(HUNG_UP)
            assert place.inside_gets(b"$?#3f")
