"""Each fault can be planted: the text that it changes is in its file, once."""

import pytest

from tests.harness import paths
from tests.mutation.faults import FAULTS, Fault, plant


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_place_is_there_once(fault: Fault):
    text = (paths.ROOT / fault.path).read_text(encoding="utf-8")
    assert text.count(fault.right) == 1
    assert fault.wrong != fault.right


class TestPlant:
    def test_a_statement_and_an_expression(self):
        faults = (Fault("lost", "a.cpp", "++hits;", ""), Fault("open", "a.cpp", "is_wanted(x)", "true"))
        planted = plant(faults, {"a.cpp": "if (is_wanted(x))\n    ++hits;\n"}.__getitem__)
        assert planted["a.cpp"] == ('#include "chosen_fault.h"\n'
                                    "if ((::fault_is(2) ? (true) : (is_wanted(x))))\n"
                                    "    { if (::fault_is(1)) {  } else { ++hits; } }\n")
        assert "RINGSIDE_FAULT" in planted["chosen_fault.h"]

    def test_two_faults_of_one_place(self):
        faults = (Fault("lost", "a.cpp", "go();", ""), Fault("twice", "a.cpp", "go();", "go(), go();"))
        text = plant(faults, lambda path: "go();")["a.cpp"]
        assert text.endswith("{ if (::fault_is(1)) {  } else { { if (::fault_is(2)) { go(), go(); } else { go(); } } } }")

    @pytest.mark.parametrize("text", ["stop();", "go(); go();"])
    def test_a_place_that_is_not_there_once_is_an_error(self, text):
        with pytest.raises(ValueError, match="lost: a.cpp has its place"):
            plant((Fault("lost", "a.cpp", "go();", ""),), lambda path: text)
