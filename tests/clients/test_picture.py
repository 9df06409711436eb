"""The pictures of sessions are what gdb and VS Code show today."""

import re

from tests.clients import picture
from tests.clients.vscode_session import PICTURE, VscodeSession, free_port
from tests.harness.case import RingsideTest


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+ *", "0x ", text)


def test_the_picture_is_of_this_version():
    """When it fails: /usr/bin/python3 -m tests.clients.picture"""
    drawn = picture.svg(picture.screen())
    assert "report_round (round=3)" in drawn
    assert without_addresses(drawn) == without_addresses(picture.FILE.read_text(encoding="utf-8"))


class TestVscodesPicture(RingsideTest):
    def test_it_can_be_drawn_again(self):
        """What it shows is waited for while it is drawn. Its bytes differ from time to time."""
        session = self.keep(VscodeSession(self.folder, "ringside", free_port()))
        folder = session.in_the_folder_of_the_guests()
        drawn = self.folder / "session.png"
        session.run(folder, session.with_sources(folder), drawn)
        assert header(drawn.read_bytes()) == header(PICTURE.read_bytes())


def header(png: bytes) -> bytes:
    """A PNG's signature and its size."""
    return png[:24]
