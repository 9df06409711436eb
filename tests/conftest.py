"""pytest's part in the tests: what is shown of a failure, and the plugins of tests/harness."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.harness")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows what the programs under test had to say."""
    outcome = yield
    report = outcome.get_result()
    diagnostics = getattr(getattr(item, "instance", None), "diagnostics", None)
    if report.failed and diagnostics:
        report.sections.append(("programs under test", diagnostics()))
