"""What the integration tests ask for and a host cannot do. See tests/harness/impossible.py for what a row means."""

from tests.harness.impossible import Impossible

BOCHS = "kvm_intel in Bochs"
TCG = "kvm_amd in TCG"
PVM = "kvm_pvm"

NO_BROWSER = "Chromium is not taken into the lab: it would need minutes for a page on an emulated processor"

NO_INT3 = "it does not intercept int3, which goes to the guest"

NO_SLOT_IN_HANDLERS = "its slots never fire, and the steps instead of them do not go into interrupt handlers"
RESETS = "its processor resets a vCPU at a triple fault, before KVM has its state"
ENDLESS = "its slots never fire, and to step through all of SeaBIOS would take an hour"

NO_PAGING32 = "it has paging in long mode only: MOV CR0 raises #GP"

HLT_COSTS = "an HLT stands for int3 there, and what it did to RIP, the activity state and the interrupt shadow is undone by ioctls"
NO_SLOTS = "it has no debug slots: a hardware breakpoint is an entry for each instruction"

READS_REGISTERS = "the guest's debug registers are read at each exit of a slot or a step, because its own slots work there"

COSTS = "integration/test_costs.py::TestCosts::test_"
STEPPED = "where_the_instruction_has_to_be_stepped_it_is_two"

IMPOSSIBLE = (
    *(Impossible(TCG, COSTS + test, HLT_COSTS, r"assert 80\d\d < 60")
      for test in ("a_false_condition_is_an_entry[0]", "a_false_filter_of_the_monitors_is_one_too")),
    Impossible(TCG, f"{COSTS}{STEPPED}[0-3]", HLT_COSTS, r"assert 110\d\d <= "),
    *(Impossible(TCG, f"{COSTS}{test}[{kind}]", NO_SLOTS, "assert 300. <= ")
      for test, kind in (("a_false_condition_is_an_entry", "1"), (STEPPED, "1-2"))),
    *(Impossible(BOCHS, f"{COSTS}{STEPPED}[{kind}]", READS_REGISTERS, f"assert {count} <= ")
      for kind, count in (("0-3", r"40\d\d"), ("1-2", r"30\d\d"))),
    *(Impossible(kvm, f"integration/test_exit_report.py::TestExitReport::{test}", NO_BROWSER, "No such file or directory: 'chromium'")
      for kvm in (BOCHS, TCG) for test in ("test_its_numbers_are_the_tables", "test_it_is_drawn")),
    *(Impossible(PVM, f"integration/test_paging32.py::{test}", NO_PAGING32, "Segmentation fault")
      for test in ("TestTwoAddressSpaces::test_a_breakpoint_is_hit_in_the_one_where_it_was_set",
                   "TestTwoAddressSpaces::test_a_hardware_breakpoint_is_hit_in_both",
                   "TestTwoAddressSpaces::test_one_that_was_set_before_paging_is_hit",
                   "TestTwoAddressSpaces::test_it_is_hit_in_the_chosen_one_alone",
                   "TestUpperHalf::test_breakpoints_that_were_set_before_paging_cost_no_steps_after_it")),
    Impossible(TCG, "integration/test_demo64.py::TestDemo64::test_hardware_breakpoint", NO_SLOT_IN_HANDLERS, "'exited' == 'breakpoint-hit'"),
    Impossible(TCG, "integration/test_endings.py::TestEndings::test_a_triple_fault_under_a_debugger_stops_where_it_happened", RESETS,
               r"'\?\?' == 'triple_fault'"),
    *(Impossible(TCG, f"integration/test_firmware.py::TestFirmware::test_{test}", ENDLESS, "gdb did not come to a stop", tried=False)
      for test in ("a_breakpoint_in_the_setup_code_can_be_set_at_the_reset_vector",
                   "one_session_goes_from_the_reset_vector_to_long_mode")),
    Impossible(TCG, "integration/test_guest_stop.py::TestGuestStop::test_at_its_int3", NO_INT3, "gives them to the guest and reports none"),
)
