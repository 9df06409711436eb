"""pytest's part in the tests: what is shown of a failure, what a host cannot do, and the lab."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.harness")
pytest_plugins = ("tests.harness.lab.plugin",)


def pytest_configure(config: pytest.Config) -> None:
    from tests.harness import impossible
    from tests.integration.impossible import IMPOSSIBLE
    config.pluginmanager.register(impossible.Plugin(IMPOSSIBLE))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows what the programs under test had to say."""
    outcome = yield
    report = outcome.get_result()
    diagnostics = getattr(getattr(item, "instance", None), "diagnostics", None)
    if report.failed and diagnostics:
        report.sections.append(("programs under test", diagnostics()))
