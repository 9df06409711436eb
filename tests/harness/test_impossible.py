"""Listed failures: only the one that is listed counts as skipped."""

import dataclasses

import pytest

from tests.harness import kvm
from tests.harness.impossible import Impossible, Plugin, judge

ROW = Impossible("a KVM", "x.py::TestX::test_y", "it cannot", "signal [0-9]+ instead")


def report(outcome: str, text: str | None = None) -> pytest.TestReport:
    return pytest.TestReport(ROW.test, ("x.py", 7, "test_y"), {}, outcome, text, "call")


class Item:
    def __init__(self, nodeid: str):
        self.nodeid = nodeid


class Config:
    def __init__(self, *args: str):
        self.args = args


class TestJudge:
    def test_the_listed_failure_is_skipped_with_its_reason(self):
        judged = report("failed", "AssertionError: signal 4 instead of the end")
        judge(ROW, judged)
        assert judged.skipped
        assert judged.longrepr == ("x.py", 7, "Skipped: impossible on a KVM: it cannot")

    def test_another_failure_stays_one(self):
        judged = report("failed", "TimeoutError")
        judge(ROW, judged)
        assert judged.failed
        assert "does not match" in judged.sections[0][1]

    def test_a_pass_is_a_failure(self):
        judged = report("passed")
        judge(ROW, judged)
        assert judged.failed
        assert "passes, but is listed as impossible on a KVM: it cannot" in judged.longreprtext

    def test_a_skip_stays_one(self):
        judged = report("skipped", "not here")
        judge(ROW, judged)
        assert judged.skipped


class TestSetup:
    def test_what_is_not_tried_is_skipped_with_its_reason(self):
        row = dataclasses.replace(ROW, kvm=kvm.kind(), tried=False)
        with pytest.raises(pytest.skip.Exception, match=r"it cannot \(not tried\)"):
            Plugin((row,)).pytest_runtest_setup(Item(ROW.test))

    def test_any_other_is_tried(self):
        Plugin((dataclasses.replace(ROW, kvm=kvm.kind()),)).pytest_runtest_setup(Item(ROW.test))
        Plugin((dataclasses.replace(ROW, tried=False),)).pytest_runtest_setup(Item(ROW.test))


class TestNames:
    def collect(self, *names: str, arguments: tuple[str, ...] = ("tests",)) -> None:
        Plugin((ROW,)).pytest_collection_modifyitems(Config(*arguments), [Item(name) for name in names])

    def test_a_row_may_name_a_test_or_one_of_its_parameters(self):
        self.collect("x.py::TestX::test_other", "x.py::TestX::test_y")
        self.collect("x.py::TestX::test_y[1]")

    def test_a_row_that_names_no_test_is_an_error(self):
        with pytest.raises(pytest.UsageError, match="test_y"):
            self.collect("x.py::TestX::test_other")

    def test_files_that_are_not_collected_or_not_as_a_whole_are_not_judged(self):
        self.collect("z.py::TestZ::test_other")
        self.collect("x.py::TestX::test_other", arguments=("x.py::TestX::test_other",))
