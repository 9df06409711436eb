"""`ringside doctor`: what it says is complete and the same for people and for programs."""

import json

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside


class TestDoctor(RingsideTest):
    def doctor(self, *options: str) -> str:
        program = self.keep(Ringside("doctor", *options))
        assert program.wait() == 0
        return program.stdout.text()

    def test_names_everything_that_is_measured(self):
        text = self.doctor().lower()
        for what in ("int3", "execute", "data", "single-step", "cpuid", "msr"):
            assert what in text

    def test_json_is_json(self):
        report = json.loads(self.doctor("--json"))
        assert isinstance(report, dict)
        assert report
