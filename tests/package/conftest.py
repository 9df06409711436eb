import pytest

from tests.package import installed


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> installed.Package:
    return installed.make(tmp_path_factory.mktemp("package"))
