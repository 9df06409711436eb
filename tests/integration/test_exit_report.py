"""The page of --exit-report, in a real browser: it renders without a network, and shows the numbers of the tables."""

import re
import subprocess
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integration.harness import paths
from tests.integration.harness.case import RingsideCase
from tests.integration.harness.timeouts import FACTOR

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


class ExitReport(RingsideCase):
    def setUp(self) -> None:
        super().setUp()
        directory = TemporaryDirectory(prefix="ringside-report-", ignore_cleanup_errors=True)
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.page = self.directory / "report.html"
        recording = self.directory / "run.exits"
        vm = self.ringside(self.guest("exits"), "--exit-trace", recording, "--exit-report", self.page, gdb=None)
        vm.wait()
        self.tables = subprocess.run([paths.RINGSIDE, "exits", recording], check=True, capture_output=True,
                                     text=True).stdout

    def test_its_numbers_are_the_tables(self):
        html = browse(self.page, str(self.directory / "profile"), "--dump-dom")
        shown = {row[0]: row[1] for row in cells(html) if len(row) > 2 and row[1].isdigit()}
        expected = dict(re.findall(r"(?m)^(\w+) +(\d+) +\d+\.\d ", self.tables))
        self.assertIn("MMIO", expected)
        self.assertEqual({name: shown.get(name) for name in expected}, expected)

    def test_it_is_drawn(self):
        """Light and dark: something other than one colour, and not the same."""
        pictures = []
        for scheme in (0, 1):
            picture = self.directory / f"{scheme}.png"
            browse(self.page, str(self.directory / "profile"), "--window-size=1366,768",
                   f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
            pictures.append(picture.read_bytes())
        self.assertNotEqual(*pictures)
        for picture in pictures:
            self.assertGreater(len(picture), 30_000, "an empty page is a tenth of that")
