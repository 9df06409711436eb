"""The page that lists the monitor's commands, compared with what the monitor lists itself."""

import re

from tests.harness import paths
from tests.harness.case import RingsideTest


class TestMonitorPage(RingsideTest):
    def test_has_a_row_for_each_command(self):
        _, gdb = self.attached("demo64")
        listed = re.findall(r"(?m)^monitor (\S.*?)(?:  |$)", gdb.console("monitor help"))
        page = (paths.ROOT / "vmm/debug/monitor/README.md").read_text()
        shown = {text.replace("\\|", "|") for row in re.findall(r"(?m)^\| (`.*?) \| ", page)
                 for text in re.findall(r"`([^`]*)`", row)}
        assert listed, "monitor help lists commands"
        assert [command for command in listed if command not in shown and not command.startswith("exits")] == []
