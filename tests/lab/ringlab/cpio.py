"""An initramfs archive in the kernel's "newc" cpio format (Linux Documentation/driver-api/early-userspace/buffer-format.rst).

The same entries always give the same bytes: sorted by path, owned by root, at time 0.
"""

import stat


class Archive:
    """Collects files, then writes them. Parent folders are added automatically."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes]] = {}

    def add_file(self, path: str, content: bytes, executable: bool = False) -> None:
        """A regular file at an absolute path. A path that is added twice keeps what came last."""
        self._add(path, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def add_folder(self, path: str) -> None:
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def add_link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def _add(self, path: str, mode: int, content: bytes) -> None:
        name = path.strip("/")
        folder = ""
        for part in name.split("/")[:-1]:
            folder = f"{folder}/{part}" if folder else part
            self._entries.setdefault(folder, (stat.S_IFDIR | 0o755, b""))
        if stat.S_ISDIR(mode):
            self._entries.setdefault(name, (mode, content))
        else:
            self._entries[name] = (mode, content)

    def to_bytes(self) -> bytes:
        """The archive with its trailer. Archives may be joined: the kernel unpacks one after the other."""
        parts: list[bytes] = []
        for number, name in enumerate(sorted(self._entries), start=1):
            mode, content = self._entries[name]
            parts.append(_record(number, name, mode, content))
        parts.append(_record(0, "TRAILER!!!", 0, b""))
        return b"".join(parts)


def _record(number: int, name: str, mode: int, content: bytes) -> bytes:
    """One entry: magic and thirteen 8-digit hexadecimal fields, the name, the content; both padded to four bytes."""
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
