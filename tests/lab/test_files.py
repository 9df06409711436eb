"""Archives, batch files, the cache and reports: what is made without a machine."""

import errno
import io
import os
import xml.etree.ElementTree as xml
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from ringlab import batch, bochs_image, cache, elf
from ringlab.cpio import Archive
from ringlab.errors import LabError
from ringlab.report import BatchReport


class InFolder:
    @pytest.fixture(autouse=True)
    def in_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


class TestCpio:
    def test_the_same_entries_give_the_same_bytes_in_any_order(self) -> None:
        one, two = Archive(), Archive()
        one.add_file("/a/b", b"1", executable=True)
        one.add_link("/c", "a/b")
        two.add_link("/c", "a/b")
        two.add_file("/a/b", b"1", executable=True)
        assert one.to_bytes() == two.to_bytes()

    def test_folders_come_before_what_is_in_them(self) -> None:
        archive = Archive()
        archive.add_file("/x/y/z", b"content")
        data = archive.to_bytes()
        places = [data.index(name) for name in (b"0x\0", b"0x/y\0", b"0x/y/z\0", b"TRAILER!!!\0")]
        assert places == sorted(places)

    def test_a_record(self) -> None:
        archive = Archive()
        archive.add_file("/ab", b"xyz")
        data = archive.to_bytes()
        assert data[:6] == b"070701"
        assert int(data[14:22], 16) == 0o100644
        assert int(data[54:62], 16) == 3
        assert data[110:113] == b"ab\0"
        assert data[116:120] == b"xyz\0"
        assert len(data) % 4 == 0


class TestBatch(InFolder):
    def test_names_limits_and_commands(self) -> None:
        path = self.write("tests", "# comment\n\none 5 echo  'a b'\n  two 60 true\n")
        assert batch.read(path) == [batch.Test("one", 5, "echo  'a b'"), batch.Test("two", 60, "true")]

    def test_bad_lines_are_named(self) -> None:
        for text, complaint in (
            ("one\n", r"tests:1: expected"),
            ("one five true\n", r"tests:1: expected"),
            ("a 1 true\na 1 false\n", "two tests named a"),
            ("# nothing\n", "holds no test"),
        ):
            with pytest.raises(LabError, match=complaint):
                batch.read(self.write("tests", text))

    def test_files_that_a_command_names_go_along(self) -> None:
        program = self.write("program", "")
        kernel = self.write("kernel", "")
        named = batch.named_files(f"{program} --kernel={kernel} {self.folder} {self.folder}/none word >out")
        assert named == [program, kernel]

    def test_an_unfinished_quote_is_an_error(self) -> None:
        with pytest.raises(LabError, match="cannot read the command"):
            batch.named_files("echo 'half")

    def test_a_machine_keeps_the_files_of_its_own_kernel(self):
        assert batch.named_files("grep -w MemTotal /proc/meminfo /sys/kernel/../../proc/version") == []


class TestCache(InFolder):
    def test_an_entry_is_made_once(self) -> None:
        made: list[Path] = []

        def make(path: Path) -> None:
            made.append(path)
            path.write_text("content")

        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            first, second = cache.entry("name", make), cache.entry("name", make)
        assert first == second
        assert first.read_text() == "content"
        assert len(made) == 1

    def test_a_failed_entry_leaves_nothing(self) -> None:
        def fail(path: Path) -> None:
            path.write_text("half")
            raise LabError("no")

        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            with pytest.raises(LabError):
                cache.entry("name", fail)
            assert list(cache.root().iterdir()) == []

    def test_where_nothing_can_be_written_it_says_how_to_choose_another_place(self) -> None:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            denied = PermissionError(errno.EACCES, "Permission denied", str(cache.root() / ".lock-name"))
            with mock.patch.object(Path, "open", side_effect=denied), pytest.raises(LabError) as caught, cache.lock("name"):
                pass
        assert "/.lock-name: Permission denied: make it writable, or name another place" in str(caught.value)

    def test_an_entry_goes_when_it_is_removed_or_the_cache_is_too_large(self) -> None:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            for age, name in enumerate(("linux-image-kept", "new", "old", "folder")):
                path = cache.root() / name
                path.mkdir()
                (path / "file").write_bytes(bytes(100_000))
                os.utime(path, (1e9 - age, 1e9 - age))
            cache.remove(cache.root() / "folder")
            cache.trim(limit=150_000)
            assert sorted(path.name for path in cache.root().iterdir()) == ["linux-image-kept", "new"]
            assert cache.entry("new", lambda path: pytest.fail("it is there")).stat().st_mtime > 1e9

    def test_what_is_used_again_on_the_same_day_is_not_another_file(self) -> None:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            made = cache.entry("name", lambda path: path.write_text("content"))
            before = made.stat()
            assert cache.find("name") == made
            assert made.stat().st_ctime_ns == before.st_ctime_ns
            assert cache.find("another") is None

    def test_a_digest_follows_contents(self) -> None:
        path = self.write("file", "one")
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache")):
            before = cache.digest(path)
            assert cache.digest(path) == before
            path.write_text("three")
            assert cache.digest(path) != before
            assert cache.digest("a", "b") != cache.digest("ab")


class TestElf(InFolder):
    def test_programs_and_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(self.folder / "cache"))
        assert elf.is_host_program(Path("/usr/bin/env"))
        assert not elf.is_host_program(self.write("script", "#!/bin/sh\n"))
        assert "libc.so.6" in [path.name for path in elf.shared_libraries(Path("/usr/bin/env"))]


class TestRom(InFolder):
    def test_the_option_rom_adds_up_to_zero(self) -> None:
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder)):
            rom = bochs_image.rom().read_bytes()
        assert rom[:3] == b"\x55\xaa\x01"
        assert sum(rom[:512]) & 0xFF == 0
        assert len(rom) == bochs_image.ROM_SIZE


class TestReport(InFolder):
    def test_a_batch_fails_when_a_test_fails_or_never_ran(self) -> None:
        tests = [batch.Test(name, 1, "true") for name in ("good", "skipped", "bad", "slow", "lost", "never")]
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())) as printed:
            report = BatchReport(tests, "amd")
            for number, status in enumerate((0, 77, 1, None)):
                report.begin(number)
                report.output(number, b"text\x01\n")
                report.end(number, status)
            report.begin(4)
            report.lost(4, "the machine hangs")
            assert report.close() == 1
            report.write_junit(self.folder / "junit.xml")
            printed.seek(0)
            text = printed.read()
        for line in ("[       OK ] good", "[  SKIPPED ] skipped", "[  FAILED  ] bad: exit status 1"):
            assert line in text
        assert "[  FAILED  ] slow: still running after 1 s" in text
        assert "[  FAILED  ] lost: the machine hangs" in text
        assert "[  FAILED  ] never: did not run" in text
        suite = xml.parse(self.folder / "junit.xml").getroot()
        assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "4", "1")

    def test_a_batch_of_good_tests_passes(self) -> None:
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            report = BatchReport([batch.Test("good", 1, "true")], "amd")
            report.begin(0)
            report.end(0, 0)
            assert report.close() == 0
