"""`ringside doctor`: what it says is complete and the same for people and for programs."""

import json

from tests.integration.harness.case import RingsideCase
from tests.integration.harness.ringside import Ringside


class Doctor(RingsideCase):
    def doctor(self, *options: str) -> str:
        program = self.keep(Ringside("doctor", *options))
        self.assertEqual(program.wait(), 0)
        return program.stdout.text()

    def test_names_everything_that_is_measured(self):
        text = self.doctor().lower()
        for what in ("int3", "execute", "data", "single-step", "cpuid", "msr"):
            with self.subTest(what):
                self.assertIn(what, text)

    def test_json_is_json(self):
        report = json.loads(self.doctor("--json"))
        self.assertIsInstance(report, dict)
        self.assertTrue(report)
