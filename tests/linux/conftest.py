"""What the tests with Linux as a guest are given."""

from pathlib import Path

import pytest

from tests.harness import paths


@pytest.fixture(scope="session")
def ringside() -> Path:
    """The program under test."""
    return paths.RINGSIDE.resolve()
