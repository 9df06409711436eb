from tests.gdb_testsuite import expectations
from tests.gdb_testsuite.suite import FileResult, read_summary

SUMMARY = """
PASS: gdb.base/a.exp: one
PASS: gdb.base/a.exp: two
FAIL: gdb.base/a.exp: three (timeout)
KPASS: gdb.base/a.exp: four (PRMS gdb/1)
KFAIL: gdb.base/a.exp: five (PRMS gdb/2)
UNTESTED: gdb.base/a.exp: six: /some/where/testsuite/gdb.base/a.c
"""
TEST = expectations.Test("gdb.base/a.exp", "plain", 3)


def test_a_summary_is_read_without_what_differs_between_machines():
    result = read_summary(SUMMARY)
    assert (result.passed, result.known) == (3, 1)
    assert result.others == ["FAIL: gdb.base/a.exp: three", "UNTESTED: gdb.base/a.exp: six: gdb.base/a.c"]


def test_reasons_are_paragraphs_and_modes_are_marked():
    text = "# One\n# reason.\nFAIL: gdb.base/a.exp: x\n\n# Another.\n[reverse] FAIL: gdb.base/a.exp: y\n"
    assert expectations.parse_expected(text) == {
        ("plain", "FAIL: gdb.base/a.exp: x"): "One reason.",
        ("reverse", "FAIL: gdb.base/a.exp: y"): "Another."}


def test_what_is_expected_is_no_finding():
    expected = {("plain", "FAIL: gdb.base/a.exp: x"): "why", ("plain", "FAIL: gdb.base/other.exp: x"): "why"}
    assert expectations.compare(TEST, FileResult(passed=3, others=["FAIL: gdb.base/a.exp: x"]), expected) == []


def test_new_failures_old_ones_that_pass_and_fewer_passes_are_findings():
    expected = {("plain", "FAIL: gdb.base/a.exp: old"): "why", ("reverse", "FAIL: gdb.base/a.exp: new"): "why"}
    found = expectations.compare(TEST, FileResult(passed=2, others=["FAIL: gdb.base/a.exp: new"]), expected)
    assert found == ["not expected: FAIL: gdb.base/a.exp: new", "expected, and no more so: FAIL: gdb.base/a.exp: old",
                     "2 tests passed, fewer than 3"]


def test_every_expected_line_has_a_reason_and_belongs_to_a_file_that_is_run():
    listed = {(test.mode, test.name) for test in expectations.read_tests()}
    for (mode, line), reason in expectations.read_expected().items():
        name = line.partition(": ")[2].partition(":")[0]
        assert reason and (mode, name) in listed, line
