"""What must not disturb a guest that is a hypervisor, or be left behind in it: clients that die, resets, arguments that are wrong."""

import mmap
import re

from tests.integration.nested_case import VMX, NestedTest

LOOP = 0xfeeb  # a jump to itself
FIRST_IN_L1 = "pvh_entry"


class InL2(NestedTest):
    def in_l2(self, *options: str):
        """gdb, stopped in the inner guest, and with a breakpoint there that is hit in each of its rounds."""
        vmx = self.kind() == VMX
        vm, gdb = self.attached("hypervisor", "--append=rounds=3", *options)
        if not vmx:  # KVM knows an AMD guest's guest only while it runs
            gdb.console("monitor until vm-entry")
            gdb.run("continue")
        gdb.console("break hypervisor::l2_round")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        return vm, gdb

    def another_client(self, vm):
        gdb = self.gdb(self.guest("hypervisor"))
        gdb.connect(vm.port())
        return gdb

    def assert_in_l2(self, gdb) -> None:
        assert "in its guest (L2)" in gdb.console("info threads")
        assert "runs the guest's guest (L2)" in gdb.console("monitor level")

    def assert_in_l1(self, gdb) -> None:
        assert "(L2)" not in gdb.console("info threads")
        assert re.search(r"runs the guest \(L1\).*here L1's", gdb.console("monitor level"))


class TestClientsThatDie(InL2):
    def test_one_that_is_stopped_in_l2_leaves_it_as_it_is(self):
        vm, gdb = self.in_l2("--on-disconnect=pause")
        pc = gdb.integer("$pc")
        gdb.console("monitor level l1")
        gdb.kill()
        after = self.another_client(vm)
        assert after.integer("$pc") == pc
        self.assert_in_l2(after)
        assert "those of the level that runs, here L2's" in after.console("monitor level")
        assert after.integer("hypervisor::l2_rounds") == 1
        assert "l2_main" in after.console("backtrace")
        after.start("continue")  # to the end: the breakpoint has gone with its client
        assert vm.wait() == 33

    def test_without_another_client_the_guest_runs_to_its_end(self):
        vm, gdb = self.in_l2()
        gdb.kill()
        assert vm.wait() == 33
        assert vm.stdout.text().count("ends a round") == 3

    def test_one_that_lets_l2_run_leaves_it_running(self):
        vm, gdb = self.in_l2()
        code = gdb.integer("*(unsigned short*)$pc")
        pc = gdb.integer("$pc")
        gdb.console("delete")
        gdb.console(f"set var *(unsigned short*)$pc = {LOOP}")
        gdb.console(f"break *{pc + 2}")  # in L2 as well, and never hit
        gdb.start("continue")
        gdb.kill()
        after = self.another_client(vm)
        assert after.integer("$pc") == pc
        self.assert_in_l2(after)
        assert after.integer("hypervisor::l2_rounds") == 1
        after.console(f"set var *(unsigned short*)$pc = {code}")
        after.start("continue")
        assert vm.wait() == 33
        assert vm.stdout.text().count("ends a round") == 3


class TestResets(InL2):
    def with_one_planted(self):
        """As in_l2(), with the breakpoint planted while the guest is stopped there. Also its place in memory, and the guest's byte."""
        self.path = self.folder / "ram"
        vm, gdb = self.in_l2(f"--memory-file={self.path}")
        gdb.console("delete")
        gdb.console("set breakpoint always-inserted on")
        gdb.console("break *hypervisor::l2_round")
        code = gdb.integer("*(unsigned char*)hypervisor::l2_round")
        place = gdb.integer("&l2_load_address") + (gdb.integer("hypervisor::l2_round") & 0xfff)
        assert self.byte(place) != code
        return vm, gdb, place, code

    def byte(self, address: int) -> int:
        """As the processor finds it: no debugger hides a breakpoint there."""
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
            return memory[address]

    def test_a_reset_in_l2_leaves_nothing_planted(self):
        vm, gdb, place, code = self.with_one_planted()
        gdb.console("monitor level l2")
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        self.assert_in_l1(gdb)
        assert self.byte(place) == code
        assert FIRST_IN_L1 in gdb.console("info symbol $pc")
        assert "no known guest's guest (L2)" in gdb.console("monitor level l2")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_triple_fault_of_l1_and_a_reset_leave_nothing_planted(self):
        vm, gdb, place, code = self.with_one_planted()
        gdb.console("monitor until vm-exit")
        gdb.run("continue")
        self.assert_in_l1(gdb)
        gdb.console("set $rsp = 0x8000000000000000")  # no frame can be pushed there
        assert gdb.run("continue")["signal-name"] == "SIGSEGV"
        assert "triple fault" in gdb.printed().lower()
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        self.assert_in_l1(gdb)
        assert self.byte(place) == code
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_breakpoint_of_l2_is_hit_in_the_next_boot(self):
        _, gdb, place, code = self.with_one_planted()
        for _ in range(2):
            gdb.console("monitor system_reset")
            gdb.console("maintenance flush register-cache")
            self.assert_in_l1(gdb)
            assert self.byte(place) == code
            self.assert_breakpoint(gdb.run("continue"), "l2_round")
            self.assert_in_l2(gdb)
            assert gdb.integer("hypervisor::l2_rounds") == 1

    def test_a_snapshot_taken_in_l2_is_restored_after_a_reset(self):
        vm, gdb = self.in_l2()
        pc = gdb.integer("$pc")
        gdb.console("delete")
        gdb.console("monitor snapshot save inside")
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        self.assert_in_l1(gdb)
        assert "restored" in gdb.console("monitor snapshot restore inside")
        gdb.console("maintenance flush register-cache")
        assert gdb.integer("$pc") == pc
        self.assert_in_l2(gdb)
        assert gdb.integer("hypervisor::l2_rounds") == 1
        gdb.start("continue")
        assert vm.wait() == 33
        assert vm.stdout.text().count("ends a round") == 3


class TestWrongWrites(NestedTest):
    WRONG = {
        "": "needs a field and a value",
        "GUEST_RIP": "needs a field and a value",
        "GUEST_RIP 1 2": '"2" is one too many',
        "GUEST_RI 1": 'there is no field "GUEST_RI"',
        "GUEST_RIP -": '"-" is not a number',
        "GUEST_RIP 0x10000000000000000": "is not a number",
        "GUEST_CS_SELECTOR 0x10000": "0x10000 does not fit into its 16 bits",
        "PIN_BASED_CONTROLS 0x100000000": "does not fit into its 32 bits",
        "EXIT_REASON 1": "it is a read-only field",
        "VM_INSTRUCTION_ERROR 0": "it is a read-only field",
        "GUEST_PHYSICAL_ADDRESS 0": "it is a read-only field",
    }

    def test_each_gets_a_sentence_and_changes_nothing(self):
        vm, gdb = self.hypervisor(VMX)
        gdb.console("break hypervisor::handle")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        before = gdb.console("monitor vmcs --json"), gdb.console("monitor registers all")
        for arguments, said in self.WRONG.items():
            assert said in gdb.console(f"monitor vmcs write {arguments}".rstrip()), arguments
        assert (gdb.console("monitor vmcs --json"), gdb.console("monitor registers all")) == before
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_without_a_current_vmcs_there_is_nothing_to_write(self):
        vm, gdb = self.hypervisor(VMX)
        assert "has not executed VMXON" in gdb.console("monitor vmcs write GUEST_RIP 1")
        gdb.console("break hypervisor::build_l2_memory")  # between VMXON and VMPTRLD
        self.assert_breakpoint(gdb.run("continue"), "build_l2_memory")
        assert "no VMCS is current" in gdb.console("monitor vmcs write GUEST_RIP 1")
        assert "no VMCS is current" in gdb.console("monitor vmcs check")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33
