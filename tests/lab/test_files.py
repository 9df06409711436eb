"""Archives, batch files, the cache and reports: what is made without a machine."""

import io
import os
import tempfile
import unittest
import xml.etree.ElementTree as xml
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

from ringlab import batch, bochs_image, cache, elf
from ringlab.batch import Test
from ringlab.bridge import listen, name_of
from ringlab.cpio import Archive
from ringlab.errors import LabError
from ringlab.report import BatchReport


class InFolder(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


class CpioTest(unittest.TestCase):
    def test_the_same_entries_give_the_same_bytes_in_any_order(self) -> None:
        one, two = Archive(), Archive()
        one.add_file("/a/b", b"1", executable=True)
        one.add_link("/c", "a/b")
        two.add_link("/c", "a/b")
        two.add_file("/a/b", b"1", executable=True)
        self.assertEqual(one.to_bytes(), two.to_bytes())

    def test_folders_come_before_what_is_in_them(self) -> None:
        archive = Archive()
        archive.add_file("/x/y/z", b"content")
        data = archive.to_bytes()
        places = [data.index(name) for name in (b"0x\0", b"0x/y\0", b"0x/y/z\0", b"TRAILER!!!\0")]
        self.assertEqual(places, sorted(places))

    def test_a_record(self) -> None:
        archive = Archive()
        archive.add_file("/ab", b"xyz")
        data = archive.to_bytes()
        self.assertEqual(data[:6], b"070701")
        self.assertEqual(int(data[14:22], 16), 0o100644)
        self.assertEqual(int(data[54:62], 16), 3)
        self.assertEqual(data[110:113], b"ab\0")
        self.assertEqual(data[116:120], b"xyz\0")
        self.assertEqual(len(data) % 4, 0)


class BatchTest(InFolder):
    def test_names_limits_and_commands(self) -> None:
        path = self.write("tests", "# comment\n\none 5 echo  'a b'\n  two 60 true\n")
        self.assertEqual(batch.read(path), [Test("one", 5, "echo  'a b'"), Test("two", 60, "true")])

    def test_bad_lines_are_named(self) -> None:
        for text, complaint in (
            ("one\n", r"tests:1: expected"),
            ("one five true\n", r"tests:1: expected"),
            ("a 1 true\na 1 false\n", "two tests named a"),
            ("# nothing\n", "holds no test"),
        ):
            with self.subTest(text), self.assertRaisesRegex(LabError, complaint):
                batch.read(self.write("tests", text))

    def test_files_that_a_command_names_go_along(self) -> None:
        program = self.write("program", "")
        kernel = self.write("kernel", "")
        named = batch.named_files(f"{program} --kernel={kernel} {self.folder} {self.folder}/none word >out")
        self.assertEqual(named, [program, kernel])

    def test_an_unfinished_quote_is_an_error(self) -> None:
        with self.assertRaisesRegex(LabError, "cannot read the command"):
            batch.named_files("echo 'half")


class CacheTest(InFolder):
    def test_an_entry_is_made_once(self) -> None:
        made: list[Path] = []

        def make(path: Path) -> None:
            made.append(path)
            path.write_text("content")

        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            first, second = cache.entry("name", make), cache.entry("name", make)
        self.assertEqual(first, second)
        self.assertEqual(first.read_text(), "content")
        self.assertEqual(len(made), 1)

    def test_a_failed_entry_leaves_nothing(self) -> None:
        def fail(path: Path) -> None:
            path.write_text("half")
            raise LabError("no")

        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            with self.assertRaises(LabError):
                cache.entry("name", fail)
            self.assertEqual(list(cache.root().iterdir()), [])

    def test_a_digest_follows_contents(self) -> None:
        path = self.write("file", "one")
        before = cache.digest(path)
        path.write_text("two")
        self.assertNotEqual(cache.digest(path), before)
        self.assertNotEqual(cache.digest("a", "b"), cache.digest("ab"))


class ElfTest(InFolder):
    def test_programs_and_others(self) -> None:
        self.assertTrue(elf.is_host_program(Path("/usr/bin/env")))
        self.assertFalse(elf.is_host_program(self.write("script", "#!/bin/sh\n")))
        self.assertIn("libc.so.6", [path.name for path in elf.shared_libraries(Path("/usr/bin/env"))])


class RomTest(InFolder):
    def test_the_option_rom_adds_up_to_zero(self) -> None:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            rom = bochs_image._rom().read_bytes()
        self.assertEqual(rom[:3], b"\x55\xaa\x01")
        self.assertEqual(sum(rom[:512]) & 0xFF, 0)
        self.assertEqual(len(rom), bochs_image.ROM_SIZE)


class BridgeTest(InFolder):
    def test_endpoints(self) -> None:
        with listen("tcp:127.0.0.1:0") as server:
            self.assertRegex(name_of(server), r"^tcp:127\.0\.0\.1:[1-9]\d*$")
        with listen("tcp:0") as server:
            self.assertRegex(name_of(server), r"^tcp:127\.0\.0\.1:")
        with listen(f"unix:{self.folder}/socket") as server:
            self.assertEqual(name_of(server), f"unix:{self.folder}/socket")
        for bad in ("", "tcp:", "tcp:x", "unix:", "serial:/dev/null", "tcp:127.0.0.1:99999999"):
            with self.subTest(bad), self.assertRaises(LabError):
                listen(bad)


class ReportTest(InFolder):
    def test_a_batch_fails_when_a_test_fails_or_never_ran(self) -> None:
        tests = [Test(name, 1, "true") for name in ("good", "skipped", "bad", "slow", "lost", "never")]
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())) as printed:
            report = BatchReport(tests, "amd")
            for number, status in enumerate((0, 77, 1, None)):
                report.begin(number)
                report.output(number, b"text\x01\n")
                report.end(number, status)
            report.begin(4)
            report.lost(4, "the machine hangs")
            self.assertEqual(report.close(), 1)
            report.write_junit(self.folder / "junit.xml")
            printed.seek(0)
            text = printed.read()
        for line in ("[       OK ] good", "[  SKIPPED ] skipped", "[  FAILED  ] bad: exit status 1"):
            self.assertIn(line, text)
        self.assertIn("[  FAILED  ] slow: still running after 1 s", text)
        self.assertIn("[  FAILED  ] lost: the machine hangs", text)
        self.assertIn("[  FAILED  ] never: did not run", text)
        suite = xml.parse(self.folder / "junit.xml").getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("6", "4", "1"))

    def test_a_batch_of_good_tests_passes(self) -> None:
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            report = BatchReport([Test("good", 1, "true")], "amd")
            report.begin(0)
            report.end(0, 0)
            self.assertEqual(report.close(), 0)


if __name__ == "__main__":
    unittest.main()
