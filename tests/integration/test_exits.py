"""VM exits as a user sees them: counted exactly, named, caught, recorded, exported.

The guest provokes each kind a number of times that guests/exits/counts.h gives.
"""

import csv
import json
import re
import signal
import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.timeouts import Deadline

COUNTS = {name: int(number, 0) for name, number in
          re.findall(r"(k\w+) =\s*(\w+);", (paths.ROOT / "guests/exits/counts.h").read_text())}
EXIT_STATUS = (0x10 << 1) | 1

# (address, access, size): accesses. Where nothing listens, so that no kernel handles them.
PORTS = {(COUNTS["kPort8"], "write", 1): COUNTS["kOut8"], (COUNTS["kPort16"], "write", 2): COUNTS["kOut16"],
         (COUNTS["kPort32"], "write", 4): COUNTS["kOut32"], (COUNTS["kPort8"], "read", 1): COUNTS["kIn8"],
         (COUNTS["kPort16"], "read", 2): COUNTS["kIn16"], (COUNTS["kPort32"], "read", 4): COUNTS["kIn32"],
         (COUNTS["kPortString"], "write", 1): COUNTS["kRepOuts"] * COUNTS["kRepOutsBytes"]}
MMIO_BASE = 0xd0100000
MMIO = {(MMIO_BASE + offset, access, size): COUNTS[f"kMmio{access.capitalize()}{size * 8}"]
        for offset, access, size in ((0x00, "write", 1), (0x10, "write", 2), (0x20, "write", 4), (0x30, "write", 8),
                                     (0x40, "read", 1), (0x50, "read", 2), (0x60, "read", 4), (0x70, "read", 8))}


def userspace(text: str) -> str:
    """The tables of the exits to userspace. A KVM with hardware exits to show has a second set of tables behind them."""
    return text.partition("hardware exits (")[0]


def by_address(table: str) -> dict[tuple[int, str, int], int]:
    """(address, access, size): accesses, of `exits pio` and `exits mmio`."""
    found = {}
    for line in userspace(table).splitlines():
        match = re.match(r"(0x[0-9a-f]+) .*?(read|write)\s+(\d+)\s+(\d+)\s+(\d+) ", line)
        if match:
            found[int(match[1], 16), match[2], int(match[3])] = int(match[4])
    return found


def by_reason(table: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"(?m)^(\w+) +(\d+) +\d+\.\d ", userspace(table))}


class TestTables(RingsideTest):
    def at_the_end(self, *options: object):
        """The guest stopped right before it leaves, with every exit of its behind it."""
        vm, gdb = self.attached("exits", *options)
        gdb.console("break guest::debug_exit")
        gdb.run("continue")
        return vm, gdb

    def test_ports_and_addresses_are_counted_exactly(self):
        _, gdb = self.at_the_end()
        ports = by_address(gdb.console("monitor exits pio"))
        assert {key: ports.get(key) for key in PORTS} == PORTS
        assert by_address(gdb.console("monitor exits mmio")) == MMIO

    def test_unknown_msrs_are_counted_exactly(self):
        _, gdb = self.at_the_end()
        reasons = by_reason(gdb.console("monitor exits"))
        assert (reasons["X86_RDMSR"], reasons["X86_WRMSR"]) == (COUNTS["kRdmsrUnknown"], COUNTS["kWrmsrUnknown"])

    def test_reasons_add_up_to_the_table_of_addresses(self):
        _, gdb = self.at_the_end()
        reasons = by_reason(gdb.console("monitor exits"))
        assert reasons["MMIO"] == sum(MMIO.values())
        assert reasons["total"] == sum(count for name, count in reasons.items() if name != "total")
        assert int(gdb.console("monitor exits count MMIO")) == reasons["MMIO"]

    def test_ports_are_named_by_their_device(self):
        _, gdb = self.at_the_end()
        assert re.search(r"0x3f8 +serial +write", gdb.console("monitor exits pio"))

    def test_last_exits_have_symbol_instruction_and_detail(self):
        _, gdb = self.attached("exits")
        gdb.console("break provoke_out16")
        gdb.run("continue")
        gdb.console("break provoke_out32")
        gdb.run("continue")
        text = gdb.console("monitor exits last 100")
        assert re.search(r"IO .* provoke_out16\+0x[0-9a-f]+ +out dx, ax +write 2 bytes to port 0xe10: 0x2222", text)

    def test_hot_addresses_are_functions_of_the_guest(self):
        _, gdb = self.at_the_end()
        text = gdb.console("monitor exits rip 40")
        assert re.search(rf"provoke_mmio_read64\+0x[0-9a-f]+ +{COUNTS['kMmioRead64']} ", text)

    def test_diff_counts_what_one_step_did(self):
        _, gdb = self.attached("exits")
        gdb.console("break provoke_out16")
        gdb.run("continue")
        gdb.run("finish")
        assert by_reason(gdb.console("monitor exits diff"))["IO"] == COUNTS["kOut16"]
        gdb.run("stepi")
        assert by_reason(gdb.console("monitor exits diff")) == {"DEBUG": 1}

    def test_histogram_holds_every_exit_once(self):
        _, gdb = self.at_the_end()
        text = gdb.console("monitor exits hist MMIO")
        counts = [int(count) for count in re.findall(r"(?m)s +(\d+)(?:  #+)?$", text)]
        assert sum(counts) == sum(MMIO.values()), text

    def test_reset_and_off(self):
        _, gdb = self.at_the_end()
        gdb.console("monitor exits reset")
        gdb.console("monitor exits off")
        assert "MMIO" not in gdb.console("monitor exits")

    def test_kvm_counts_as_many_mmio_exits(self):
        """The second, independent count: KVM's own statistics."""
        _, gdb = self.at_the_end()
        assert re.search(rf"mmio_exits +total +{sum(MMIO.values())}\b", gdb.console("monitor exits stats"))

    def test_info_os_shows_the_same_numbers(self):
        _, gdb = self.at_the_end()
        assert re.search(rf"MMIO +{sum(MMIO.values())} ", gdb.console("info os exits"))
        assert "provoke_mmio_read64" in gdb.console("info os exits-rip")
        assert "exits-last" in gdb.console("info os")

    def test_info_os_shows_the_debugger_too(self):
        _, gdb = self.at_the_end()
        assert re.search(r"0 +64-bit mode, CPL 0 +0x1[0-9a-f]+", gdb.console("info os vcpus"))
        assert re.search(r"int3", gdb.console("info os host"))

    def test_one_vcpu_or_the_sum(self):
        _, gdb = self.attached("smp", "--cpus", 2, "--append=cpus=2 rounds=20")
        gdb.console("break guest::debug_exit")
        gdb.run("continue")
        whole, first, second = (by_reason(gdb.console(f"monitor exits {which}")).get("IO", 0)
                                for which in ("", "vcpu 0", "vcpu 1"))
        assert first > 0
        assert whole == first + second
        assert "0 to 1" in gdb.console("monitor exits vcpu 2")

    def test_mistakes_are_named(self):
        _, gdb = self.attached("exits")
        assert '"bogus" is not understood' in gdb.console("monitor exits bogus")
        assert 'no exit reason "bogus"' in gdb.console("monitor exits hist bogus")
        assert "chrome, csv or html" in gdb.console("monitor exits export pdf /tmp/x")
        assert "No such file" in gdb.console("monitor exits export csv /nonexistent/x.csv")


class TestCatching(RingsideTest):
    def caught(self, rule: str, function: str, hit: int = 1):
        """Stops at an exit of one rule; returns gdb and what the stop said."""
        _, gdb = self.attached("exits")
        assert "Rule 1" in gdb.console(f"monitor exits catch {rule}")
        stop = gdb.run("continue")
        assert stop.get("signal-name") == "SIGTRAP", stop
        assert function in gdb.console("bt")
        assert re.search(rf"1 +{re.escape(rule)} +{hit} ", gdb.console("monitor exits list"))
        return gdb

    def test_a_port(self):
        gdb = self.caught("io port==0xe10", "provoke_out16")
        assert by_address(gdb.console("monitor exits pio"))[0xe10, "write", 2] == 1

    def test_a_port_the_fifth_time(self):
        gdb = self.caught("io port==0xe10 count 5", "provoke_out16", hit=5)
        assert by_address(gdb.console("monitor exits pio"))[0xe10, "write", 2] == 5

    def test_why_is_told(self):
        gdb = self.caught("mmio gpa in 0xd0100060..0xd010006f", "provoke_mmio_read32")
        assert "MMIO: read 4 bytes from gpa 0xd0100060" in "\n".join(gdb.log)

    def test_an_access_is_complete_when_the_guest_stops(self):
        gdb = self.caught("io port==0xe20 read", "provoke_in32")
        assert gdb.evaluate("$eax") == "-1"

    def test_an_msr_keeps_its_value(self):
        gdb = self.caught("msr 0x1a0 write", "provoke_wrmsr")
        gdb.console("monitor exits uncatch")
        assert gdb.run("continue")["reason"] == "exited"

    def test_each_exit_stops_once(self):
        """Two rules that one exit meets: one stop."""
        gdb = self.caught("io port==0xe10", "provoke_out16")
        gdb.console("monitor exits catch io write")
        gdb.run("continue")
        assert by_address(gdb.console("monitor exits pio"))[0xe10, "write", 2] == 2
        assert re.search(r"1 +io port==0xe10 +2 (.|\n)*2 +io write +1 ", gdb.console("monitor exits list"))

    def test_without_rules_the_guest_runs_on(self):
        gdb = self.caught("io port==0xe10", "provoke_out16")
        assert "is removed" in gdb.console("monitor exits uncatch 1")
        assert gdb.run("continue")["exit-code"] == f"0{EXIT_STATUS:o}"

    def test_rules_go_with_the_client(self):
        vm, gdb = self.attached("exits")
        gdb.console("monitor exits catch io port==0xe10")
        gdb.console("detach")
        assert vm.wait() == EXIT_STATUS

    def test_what_cannot_be_caught_is_refused_in_words(self):
        _, gdb = self.attached("exits")
        assert "no exit of this name" in gdb.console("monitor exits catch bogus")
        assert "there is no rule 7" in gdb.console("monitor exits uncatch 7")
        answer = gdb.console("monitor exits catch cpuid")
        assert re.search(r"Rule 1: cpuid|the kernel handles this exit itself|tracefs|root", answer)


class TestRecordings(RingsideTest):
    def record(self, *options: object) -> None:
        vm = self.ringside(self.guest("exits"), *options, gdb=None)
        assert vm.wait() == EXIT_STATUS

    def exits(self, *arguments: object) -> str:
        return subprocess.run([paths.RINGSIDE, "exits", *map(str, arguments)], check=True, capture_output=True,
                              text=True).stdout

    def test_a_recording_gives_the_same_tables(self):
        file = self.folder / "run.exits"
        self.record("--exit-trace", file)
        text = self.exits(file)
        assert by_reason(text)["MMIO"] == sum(MMIO.values())
        found = by_address(text)
        assert {key: found.get(key) for key in {**PORTS, **MMIO}} == {**PORTS, **MMIO}

    def test_the_chrome_trace_has_two_slices_for_each_exit(self):
        file = self.folder / "run.json"
        self.record("--exit-trace", file)
        events = json.loads(file.read_text())["traceEvents"]
        slices = [event for event in events if event["ph"] == "X"]
        mmio = [event for event in slices if event["name"] == "MMIO"]
        assert len(mmio) == sum(MMIO.values())
        assert len([event for event in slices if event["cat"] == "guest"]) == len(slices) // 2
        assert all(event["dur"] >= 0 for event in slices)
        for track in {event["tid"] for event in slices}:
            starts = [event["ts"] for event in slices if event["tid"] == track]
            assert starts == sorted(starts)
        assert any("provoke_mmio_read64" in event["args"]["symbol"] for event in mmio)
        assert sorted(path.name for path in self.folder.iterdir()) == ["run.json"]

    def test_the_chrome_trace_is_what_perfetto_reads(self):
        """Perfetto drops slices that overlap on a track, and names tracks by their metadata."""
        file = self.folder / "run.json"
        self.record("--exit-trace", file)
        trace = json.loads(file.read_text())
        assert trace["displayTimeUnit"] == "ns"
        events = trace["traceEvents"]
        assert {event["ph"] for event in events} == {"M", "X"}
        assert {event["pid"] for event in events} == {1}
        assert [event["args"]["name"] for event in events if event["name"] == "process_name"] == (
            [f"ringside {self.guest('exits')}"])
        named = {event["tid"] for event in events if event["name"] == "thread_name"}
        sorted_tracks = {event["tid"] for event in events if event["name"] == "thread_sort_index"}
        ends: dict[int, float] = {}
        for event in events:
            if event["ph"] != "X":
                continue
            assert event["name"] and event["cat"]
            start, end = round(event["ts"] * 1000), round((event["ts"] + event["dur"]) * 1000)
            assert start >= ends.get(event["tid"], 0), event
            ends[event["tid"]] = end
        assert named == set(ends)
        assert sorted_tracks == named
        assert all(isinstance(tid, int) and tid > 0 for tid in named)

    def test_missing_hardware_exits_are_named(self):
        """A KVM without hardware exits to show says so, everywhere; one with them shows them."""
        file = self.folder / "run.exits"
        self.record("--exit-trace", file, "--exit-report", self.folder / "run.html")
        text = self.exits(file, "--chrome", self.folder / "run.json")
        if "hardware exits (tracepoint" in text:
            assert "not seen" not in text
            return
        assert re.search("hardware exits are not seen: .+", text)
        losses = json.loads((self.folder / "run.json").read_text())["otherData"]["losses"]
        assert re.search("hardware exits are not seen: .+", losses)
        assert "hardware exits are not seen: " in (self.folder / "run.html").read_text()

    def test_csv_has_a_line_for_each_exit(self):
        file, table = self.folder / "run.exits", self.folder / "run.csv"
        self.record("--exit-trace", file)
        text = self.exits(file, "--csv", table)
        with open(table, newline="") as lines:
            exits = [exit for exit in csv.DictReader(lines) if exit["tier"] == "userspace"]
        assert len(exits) == by_reason(text)["total"]
        assert sum(exit["reason"] == "MMIO" for exit in exits) == sum(MMIO.values())

    def test_a_live_machine_exports_too(self):
        _, gdb = self.attached("exits")
        gdb.console("break provoke_out16")
        gdb.run("continue")
        file = self.folder / "so far.csv"
        assert "written" in gdb.console(f"monitor exits export csv {file}")
        with open(file, newline="") as lines:
            outs = [exit for exit in csv.DictReader(lines) if exit["address"] == "0xe00" and exit["tier"] == "userspace"]
        assert len(outs) == COUNTS["kOut8"]

    def test_a_killed_run_leaves_its_exits_behind(self):
        file = self.folder / "run.json"
        vm = self.ringside(self.guest("exits"), "--exit-trace", file, "--serial", "none")
        gdb = self.gdb(self.guest("exits"))
        gdb.connect(vm.port())
        gdb.console("break provoke_out16")
        gdb.run("continue")
        recording = self.folder / "run.json.recording"
        # The writer's thread works beside the guest: it has the exits once they are on disk.
        deadline = Deadline(60)
        while COUNTS["kOut8"] not in by_address(self.exits(recording)).values():
            assert not deadline.over()
        vm.signal(signal.SIGKILL)
        vm.wait()
        text = self.exits(recording)
        assert by_address(text)[COUNTS["kPort8"], "write", 1] == COUNTS["kOut8"]
        assert "its writer was killed" in text

    def test_a_report_must_be_html(self):
        vm = self.ringside(self.guest("exits"), "--exit-report", "report.pdf", gdb=None)
        assert vm.wait() == 2
        assert ".html" in vm.stderr.text()

    def test_no_recording_is_an_error_with_a_name(self):
        done = subprocess.run([paths.RINGSIDE, "exits", self.folder / "none"], capture_output=True, text=True)
        assert done.returncode == 1
        assert "No such file" in done.stderr


class TestSymbols(RingsideTest):
    """Names come from the kernel's own ELF file, or from another: a kernel is often run stripped."""

    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        self.stripped = self.folder / "stripped"
        self.recording = self.folder / "run.exits"
        subprocess.run(["objcopy", "--strip-all", self.guest("exits"), self.stripped], check=True)

    def hottest(self, *options: object) -> str:
        vm = self.ringside(self.stripped, *options, "--serial", "none")
        gdb = self.gdb(self.guest("exits"))
        gdb.connect(vm.port())
        gdb.console("break guest::debug_exit")
        gdb.run("continue")
        return gdb.console("monitor exits rip 40")

    def test_from_the_file_that_is_given(self):
        assert re.search(r"provoke_mmio_read64\+0x", self.hottest("--symbols", self.guest("exits")))

    def test_a_stripped_kernel_alone_has_none(self):
        assert "provoke_" not in self.hottest()

    def test_a_recording_takes_them_later(self):
        vm = self.ringside(self.stripped, "--exit-trace", self.recording, gdb=None)
        assert vm.wait() == EXIT_STATUS
        def tables(*options):
            return subprocess.run([paths.RINGSIDE, "exits", "--last", "500", self.recording, *options], check=True,
                                  capture_output=True, text=True).stdout
        assert "provoke_" not in tables()
        assert re.search(r"provoke_mmio_read64\+0x", tables("--symbols", self.guest("exits")))


class TestFailures(RingsideTest):
    """What KVM says when it gives a vCPU up, on a KVM that does not know CRC32: in the report of a run that nobody
    watches, at the stop, and in `exits last`."""

    SOURCE = """
        .globl _start
_start: mov $0x200000, %rdi
        crc32q (%rdi), %rbx
        mov $0x10, %al
        out %al, $0xf4
"""

    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        source, thing, self.kernel = (self.folder / name for name in ("a.S", "a.o", "a"))
        source.write_text(self.SOURCE)
        subprocess.run(["as", "-o", thing, source], check=True)
        subprocess.run(["ld", "-Ttext=0x100000", "-o", self.kernel, thing], check=True)

    def assert_said(self, text: str) -> None:
        assert "KVM could not emulate an instruction" in text
        assert "KVM_EXIT_INTERNAL_ERROR: emulation failure" in text
        assert "the instruction as KVM fetched it: f2 48 0f 38 f1 1f" in text
        assert re.search(r"KVM was handling exit .*0x[0-9a-f]+", text)

    def test_unattended(self):
        vm = self.ringside(self.kernel, gdb=None)
        if vm.wait() == EXIT_STATUS:
            pytest.skip("this KVM knows the instruction")
        self.assert_said(vm.stderr.text())

    def test_attended(self):
        vm = self.ringside(self.kernel, "--serial", "none")
        gdb = self.gdb(self.kernel)
        gdb.connect(vm.port())
        stop = gdb.run("continue")
        if stop["reason"] == "exited":
            pytest.skip("this KVM knows the instruction")
        assert stop["signal-name"] == "SIGILL"
        self.assert_said("\n".join(gdb.log))
        self.assert_said(gdb.console("monitor fatal"))
        assert re.search(r"INTERNAL_ERROR .* _start\+0x7 .* emulation failure, exit ", gdb.console("monitor exits last 1"))


class TestGuest(RingsideTest):
    def test_every_kind_is_listed_even_if_it_is_left_out(self):
        vm = self.ringside(self.guest("exits"), gdb=None)
        vm.serial("hypercall not run: only with only=hypercall")
        vm.serial("done")
        assert vm.wait() == EXIT_STATUS


@pytest.mark.full_gdb
class TestNativeCommands(RingsideTest):
    """The Python file that Ringside makes for gdb."""

    def with_script(self):
        _, gdb = self.attached("exits")
        self.source_script(gdb)
        return gdb

    def test_commands_are_the_monitors(self):
        gdb = self.with_script()
        gdb.console("break provoke_out16")
        gdb.run("continue")
        assert by_reason(gdb.console("exits")) == by_reason(gdb.console("monitor exits"))
        assert "out dx, al" in gdb.console("exits last 30")

    def test_the_function_counts(self):
        gdb = self.with_script()
        gdb.console("break provoke_mmio_read64")
        gdb.run("continue")
        assert gdb.integer('$_exits("MMIO")') == sum(MMIO.values()) - COUNTS["kMmioRead64"]

    def test_help_and_completion(self):
        gdb = self.with_script()
        assert "RULE" in gdb.console("help exits catch")
        assert "exits catch cpuid" in gdb.console("complete exits catch cp")
        assert "exits export chrome" in gdb.console("complete exits export c")
        assert "exits hist" in gdb.console("complete exits hi")
