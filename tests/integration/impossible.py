"""What the integration tests ask for and a host cannot do. See tests/harness/impossible.py for what a row means."""

from tests.harness.impossible import Impossible

BOCHS = "kvm_intel in Bochs"
TCG = "kvm_amd in TCG"

NO_BROWSER = "Chromium is not taken into the lab: it would need minutes for a page on an emulated processor"

NO_INT3 = "it does not intercept int3, which goes to the guest"

IMPOSSIBLE = (
    *(Impossible(kvm, f"integration/test_exit_report.py::TestExitReport::{test}", NO_BROWSER, "No such file or directory: 'chromium'")
      for kvm in (BOCHS, TCG) for test in ("test_its_numbers_are_the_tables", "test_it_is_drawn")),
    Impossible(TCG, "integration/test_guest_stop.py::TestGuestStop::test_at_its_int3", NO_INT3, "gives them to the guest and reports none"),
)
