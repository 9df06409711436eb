"""Each fault can be planted: the text that it changes is in its file, once."""

import pytest

from tests.harness import paths
from tests.mutation.faults import FAULTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_place_is_there_once(fault: Fault):
    text = (paths.ROOT / fault.path).read_text(encoding="utf-8")
    assert text.count(fault.right) == 1
    assert fault.wrong != fault.right
