"""The picture of a session is what gdb shows today."""

import re

from tests.clients import picture


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+ *", "0x ", text)


def test_the_picture_is_of_this_version():
    """When it fails: /usr/bin/python3 -m tests.clients.picture"""
    drawn = picture.svg(picture.screen())
    assert "report_round (round=3)" in drawn
    assert without_addresses(drawn) == without_addresses(picture.FILE.read_text(encoding="utf-8"))
