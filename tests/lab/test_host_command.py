"""How `ringside --host intel|amd` converts its command line: the command inside, the files, and what is refused."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ringlab import cache, gdb_command, handover
from ringlab.errors import LabError
from ringlab.streams import Splitter

Options = list[tuple[str, str, list[str]]]


def given(options: Options, command: str = "run", **more: object) -> handover.Handover:
    listed = [{"name": name, "refers": refers, "flag": not values, "values": values} for name, refers, values in options]
    return handover.read(json.dumps({"host": "amd", "program": "/bin/ringside", "command": command, "options": listed, **more}))


def words(options: Options, command: str = "run", **more: object) -> list[str]:
    return handover.plan(given(options, command, **more)).words


def refusal(options: Options, **more: object) -> str:
    with pytest.raises(LabError) as caught:
        handover.plan(given(options, **more))
    return str(caught.value)


class TestPlan:
    def test_the_command_inside_uses_the_machines_kvm_and_standard_streams(self) -> None:
        options: Options = [("--host", "host", ["amd"]), ("KERNEL", "file-read", ["kernel"]), ("--memory", "nothing", ["64M"]),
                            ("--rng", "nothing", []), ("--serial", "console", ["pty"])]
        assert words(options, serial={"kind": "pty", "path": ""}) == [
            "/bin/ringside", "run", "--host=kvm", "--memory=64M", "--rng", "--serial=stdio", "kernel"]

    def test_a_debugger_is_served_on_the_machines_line(self) -> None:
        plan = handover.plan(given([("--gdb", "debugger", ["stdio"]), ("--wait", "nothing", [])], gdb="stdio"))
        assert plan.serves_debugger
        assert plan.words[3:] == ["--wait", "--serial=stdio", "--gdb=serial:/dev/debugger"]
        assert not handover.plan(given([])).serves_debugger

    def test_gdb_is_run_outside_with_a_guest_that_waits_inside(self) -> None:
        options: Options = [("GDB-ARGS", "gdb", ["-ex", "info threads"])]
        assert words(options, "gdb")[1:] == ["run", "--host=kvm", "--serial=stdio", "--wait", "--gdb=serial:/dev/debugger"]
        assert given(options, "gdb").gdb_arguments() == ["-ex", "info threads"]

    def test_files_go_in_and_come_back_by_their_absolute_paths(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("kernel").write_bytes(b"1")
        Path("image").write_bytes(b"2")
        Path("other").write_bytes(b"3")
        Path("third").write_bytes(b"4")
        options: Options = [("KERNEL", "file-read", ["kernel"]), ("--exit-trace", "file-written", ["trace"]),
                            ("--disk", "disk", ["image", "other,ro", "third,overlay"])]
        disks = [{"path": "image", "read-only": False}, {"path": "other", "read-only": True},
                 {"path": "third", "read-only": True}]
        plan = handover.plan(given(options, disks=disks))
        assert plan.files == {str(tmp_path / name): tmp_path / name for name in ("kernel", "image", "other", "third")}
        assert plan.collect == [str(tmp_path / "trace"), str(tmp_path / "image")]
        assert plan.words[3:] == ["--exit-trace=trace", "--disk=image", "--disk=other,ro", "--disk=third,overlay", "--serial=stdio", "kernel"]

    def test_modules_go_inside_without_their_words(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("one", "two words"):
            Path(name).write_bytes(b"1")
        plan = handover.plan(given([("--initrd", "file-read", ["one a=b", "two words"])]))
        assert set(plan.files) == {str(tmp_path / "one"), str(tmp_path / "two words")}
        assert plan.words[3:5] == ["--initrd=one a=b", "--initrd=two words"]

    def test_a_file_that_is_missing_is_left_for_ringside_to_miss(self) -> None:
        assert handover.plan(given([("KERNEL", "file-read", ["/none/kernel"])])).files == {}

    def test_a_console_in_a_file_is_written_inside(self, tmp_path: Path) -> None:
        second = {"kind": "file", "path": f"{tmp_path}/hvc0"}
        plan = handover.plan(given([("--virtio-console", "console", [f"file:{tmp_path}/hvc0"])], **{"virtio-console": second}))
        assert plan.words[3:] == [f"--virtio-console=file:{tmp_path}/hvc0", "--serial=stdio"]
        assert plan.collect == [f"{tmp_path}/hvc0"]

    def test_a_second_console_takes_the_serial_ones_place(self) -> None:
        plan = handover.plan(given([], serial={"kind": "none"}, **{"virtio-console": {"kind": "stdio"}}))
        assert plan.words[3:] == ["--virtio-console=stdio", "--serial=none"]
        assert plan.console.kind == "stdio"

    @pytest.mark.parametrize("guest, mib", ((64, 512), (256, 512), (512, 1024), (2048, 4096)))
    def test_the_machine_has_room_for_its_guest(self, guest: int, mib: int) -> None:
        assert handover.plan(given([])).memory_mib(guest << 20) == mib


class TestRefusals:
    @pytest.mark.parametrize("option", ("--net", "--vsock", "--kvm-device"))
    def test_what_only_this_host_has(self, option: str) -> None:
        assert refusal([(option, "host-resource", ["x"])]).startswith(f"{option} cannot be had with --host amd. ")

    def test_a_serial_device_for_the_debugger(self) -> None:
        assert refusal([], gdb="serial:/dev/ttyUSB0").startswith("--gdb serial:/dev/ttyUSB0 cannot be had with --host amd. ")

    def test_two_live_consoles(self) -> None:
        assert refusal([], **{"virtio-console": {"kind": "pty"}}).startswith(
            "--virtio-console pty cannot be had with --serial stdio and --host amd: ")

    def test_a_disk_that_is_a_device(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "is_block_device", lambda path: True)
        assert refusal([], disks=[{"path": "/dev/sda", "read-only": True}]).startswith("--disk /dev/sda: a block device")

    def test_a_large_disk_that_would_be_written(self, tmp_path: Path) -> None:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(handover.LARGEST_WRITTEN_DISK + 1)
        assert "or a smaller image" in refusal([], disks=[{"path": str(image), "read-only": False}])
        assert handover.plan(given([], disks=[{"path": str(image), "read-only": True}])).collect == []

    def test_a_file_in_no_folder(self) -> None:
        assert refusal([("--exit-trace", "file-written", ["/none/trace"])]) == "open /none/trace: No such file or directory"


class TestGdbCommand:
    @pytest.fixture(autouse=True)
    def program_and_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        self.program = tmp_path / "ringside"
        self.program.write_bytes(b"one")

    def commands(self) -> list[str]:
        made = gdb_command.words(["gdb", "kernel"], Path("/run/gdb"), self.program, ["-ex", "info threads"])
        assert made[:2] == ["gdb", "kernel"]
        assert made[2::2] == ["-ex"] * 4
        return made[3::2]

    def test_the_first_gdb_of_a_program_gets_the_script_over_the_line(self) -> None:
        patience, attach, fetch, users = self.commands()
        assert (patience, attach, users) == ("set remotetimeout 120", "target extended-remote /run/gdb", "info threads")
        assert "monitor gdb-script" in fetch

    def fetch(self, answer: str) -> None:
        """As gdb does, when the stub answers so."""
        exec(self.commands()[2].removeprefix("python "), {"gdb": SimpleNamespace(execute=lambda command, to_string: answer)})

    def test_the_next_one_has_it_from_the_cache(self) -> None:
        self.fetch("import sys\n")
        script = cache.root() / gdb_command.script_name(self.program)
        assert script.read_text().startswith("import sys\n#")
        assert self.commands()[1:3] == [f"source {script}", "target extended-remote /run/gdb"]

    @pytest.mark.parametrize("damage", (b"", b"import sys\n", b"import sys\n#", b"\xa3\x00#"))
    def test_a_damaged_script_is_made_again(self, damage: bytes) -> None:
        script = cache.root() / gdb_command.script_name(self.program)
        script.write_bytes(damage)
        assert "monitor gdb-script" in self.commands()[2]
        assert not script.exists()
        script.mkdir()
        assert "monitor gdb-script" in self.commands()[2]
        assert not script.exists()

    def test_an_answer_that_is_no_script_is_not_kept(self) -> None:
        with pytest.raises(SyntaxError):
            self.fetch("nothing runs here\n")
        assert "monitor gdb-script" in self.commands()[2]

    def test_another_program_has_another_script(self) -> None:
        self.fetch("import sys\n")
        self.program.write_bytes(b"another")
        assert "monitor gdb-script" in self.commands()[2]


class TestSplitter:
    def marked(self, splitter: Splitter, kind: str, text: str = "") -> bytes:
        word = splitter.command([], False).partition("\\036")[2][:16]
        return f"\x1e{word}{kind}{text}\n".encode()

    def test_output_errors_and_the_sign_that_signals_are_taken(self) -> None:
        splitter = Splitter()
        stream = self.marked(splitter, "!") + b"out" + self.marked(splitter, ":", "an error") + b"more\x1e"
        assert splitter.feed(stream) == [("ready", b""), ("output", b"out"), ("error", b"an error"), ("output", b"more")]

    def test_any_split_gives_the_same(self) -> None:
        splitter = Splitter()
        stream = b"a\x1eb" + self.marked(splitter, ":", "error") + b"c"
        found = [piece for byte in stream for piece in splitter.feed(bytes([byte]))]
        assert b"".join(text for kind, text in found if kind == "output") == b"a\x1ebc"
        assert [text for kind, text in found if kind == "error"] == [b"error"]

    def test_a_guest_that_writes_a_mark_of_its_own_is_only_output(self) -> None:
        splitter = Splitter()
        forged = b"\x1e0123456789abcdef:error\n"
        assert splitter.feed(forged) == [("output", forged)]
