"""Where outside a debugger connects: a TCP port or a unix socket's path."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from . import cache
from .errors import LabError

ADVICE = {
    errno.EADDRINUSE: "another program has it: choose another, or port 0 for any free one",
    errno.EACCES: "no permission: choose a port above 1023, or a path that you may write to",
    errno.EADDRNOTAVAIL: "this machine has no such address: use 127.0.0.1",
    errno.ENOENT: "its directory does not exist: create it first",
}


@contextmanager
def reserve(endpoint: str) -> Iterator[socket.socket]:
    """A socket bound to `tcp:HOST:PORT`, `tcp:PORT` (loopback), or `unix:PATH`; port 0 takes a free one.

    Whoever connects is refused until it listens. gdb then tries a TCP port again for 15 seconds; a connection that was
    taken without an answer it would give up after 2.
    """
    kind, _, address = endpoint.partition(":")
    with ExitStack() as stack:
        try:
            if kind == "unix" and address:
                server = _unix(stack, Path(os.path.abspath(address)))
            elif kind == "tcp":
                server = _tcp(stack, address)
            else:
                raise LabError(f"{endpoint}: expected tcp:HOST:PORT or unix:PATH")
        except socket.gaierror as error:
            raise LabError(f"cannot listen on {endpoint}: {error.strerror}; give an address of this machine, such as 127.0.0.1") from error
        except (OverflowError, ValueError) as error:
            raise LabError(f"{endpoint}: not a port number") from error
        except OSError as error:
            advice = ADVICE.get(error.errno or 0, "choose another endpoint")
            raise LabError(f"cannot listen on {endpoint}: {error.strerror or error}; {advice}") from error
        yield server


def name_of(server: socket.socket) -> str:
    """The endpoint as a client may use it."""
    if server.family == socket.AF_UNIX:
        return f"unix:{server.getsockname()}"
    host, port = server.getsockname()[:2]
    return f"tcp:[{host}]:{port}" if server.family == socket.AF_INET6 else f"tcp:{host}:{port}"


def _tcp(stack: ExitStack, address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not 0 <= int(port) <= 65535:
        raise ValueError(port)
    found = socket.getaddrinfo(host.strip("[]") or "127.0.0.1", int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = found[0]
    server = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(where)
    return server


def _unix(stack: ExitStack, path: Path) -> socket.socket:
    """The file of a server that was killed is replaced. This one's is removed with the context."""
    # A socket that is bound and does not listen yet looks like a killed server's. This name is taken as long as we are there.
    mark = stack.enter_context(socket.socket(socket.AF_UNIX))
    mark.bind(f"\0ringside-lab:{cache.digest(str(path))}")
    server = stack.enter_context(socket.socket(socket.AF_UNIX))
    if _is_stale(path):
        path.unlink()
    server.bind(str(path))
    path.chmod(0o600)
    made = path.lstat()
    stack.callback(_remove, path, (made.st_dev, made.st_ino))
    return server


def _is_stale(path: Path) -> bool:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
    except OSError:
        return False
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        return probe.connect_ex(str(path)) == errno.ECONNREFUSED


def _remove(path: Path, made: tuple[int, int]) -> None:
    try:
        found = path.lstat()
        if (found.st_dev, found.st_ino) == made:
            path.unlink()
    except OSError:
        pass  # another process has removed it
