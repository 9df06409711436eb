"""The page of --exit-report, in a real browser: it renders without a network, and shows the numbers of the tables."""

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.harness import paths, recording
from tests.harness.case import RingsideTest
from tests.harness.timeouts import FACTOR

BROWSER = "chromium"


def browse(page: Path, profile: str, *options: str) -> str:
    """Loads a page, and returns what the browser prints."""
    # No sandbox: tests may run as root, and the page is ours. No host is resolved: the page needs none.
    return subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
                           f"--user-data-dir={profile}", *options, page.as_uri()],
                          check=True, capture_output=True, text=True, timeout=60 * FACTOR).stdout


def cells(html: str) -> list[list[str]]:
    """The rows of every table, as text."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.S)
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
            for row in rows]


class TestExitReport(RingsideTest):
    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        self.page = self.folder / "report.html"
        recording = self.folder / "run.exits"
        vm = self.ringside(self.guest("exits"), "--exit-trace", recording, "--exit-report", self.page, gdb=None)
        vm.wait()
        self.tables = subprocess.run([paths.RINGSIDE, "exits", recording], check=True, capture_output=True,
                                     text=True).stdout

    def test_its_numbers_are_the_tables(self):
        html = browse(self.page, str(self.folder / "profile"), "--dump-dom")
        shown = {row[0]: row[1] for row in cells(html) if len(row) > 2 and row[1].isdigit()}
        expected = dict(re.findall(r"(?m)^(\w+) +(\d+) +\d+\.\d ", self.tables))
        assert "MMIO" in expected
        assert {name: shown.get(name) for name in expected} == expected

    def test_it_is_drawn(self):
        """Light and dark: something other than one colour, and not the same."""
        pictures = []
        for scheme in (0, 1):
            picture = self.folder / f"{scheme}.png"
            browse(self.page, str(self.folder / "profile"), "--window-size=1366,768",
                   f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
            pictures.append(picture.read_bytes())
        assert pictures[0] != pictures[1]
        for picture in pictures:
            assert len(picture) > 30_000, "an empty page is a tenth of that"


@pytest.mark.no_kvm
class TestReportOfBothTiers(RingsideTest):
    """With hardware exits, which few hosts that test this have: from a recording made for it."""

    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        self.page = self.folder / "report.html"
        file = self.folder / "run.exits"
        recording.example().write(file)
        self.tables = subprocess.run([paths.RINGSIDE, "exits", file, "--html", self.page], check=True, capture_output=True,
                                     text=True).stdout
        self.html = browse(self.page, str(self.folder / "profile"), "--dump-dom")

    def section(self, name: str) -> str:
        match = re.search(rf'id="{name}"[^>]*>(.*?)</section>', self.html, re.S)
        assert match is not None
        return match[1]

    def test_each_tier_has_the_tables_numbers(self):
        parts = re.split(r"<h3>", self.section("reasons"))[1:]
        # Every table has its tier's title; these are those of reasons.
        tiers = re.findall(r"(?m)^(?:userspace|hardware) exits .*\nreason +count.*(?:\n.+)+", self.tables)
        assert (len(parts), len(tiers)) == (2, 2)
        for part, text in zip(parts, tiers):
            assert unescape(part.split("</h3>")[0]) == text.splitlines()[0]
            shown = {row[0]: row[1] for row in cells(part) if row}
            expected = dict(re.findall(r"(?m)^(\w+) +(\d+) +\d+\.\d ", text))
            assert len(expected) > 0
            assert shown == expected
        assert ("NPF", "800") in [tuple(row[:2]) for row in cells(parts[1])]

    def test_histograms_hold_every_exit(self):
        counts = [int(number.replace("\u00a0", "").replace(" ", ""))
                  for number in re.findall(r"<i[^>]*></i><span>([\d\s]+)</span>", self.section("histogram"))]
        assert sum(counts) == 800 + 4 * 800

    def test_losses_and_filters_are_there(self):
        assert "hardware: vCPU 1: 3 of the kernel's events were lost" in unescape(self.html)
        tiers = re.search(r'<select id="tier">(.*?)</select>', self.html, re.S)
        assert re.findall(r">([^<]+)</option>", tiers[1]) == ["all", "userspace", "hardware"]

    def test_qualifications_are_in_words(self):
        assert "wrmsr 0xc0000082 IA32_LSTAR: 0x18f" in self.tables
        assert re.search("NPF .* write, gpa 0x118f000, page not present", self.tables)
        assert "wrmsr 0xc0000082 IA32_LSTAR: 0x18f" in self.page.read_text()
