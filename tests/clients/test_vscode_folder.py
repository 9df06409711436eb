"""guests/.vscode: opening the folder and pressing F5 debugs the demo kernel."""

import json
import re
import subprocess

from tests.harness import paths
from tests.harness.case import RingsideTest

FOLDER = paths.ROOT / "guests" / ".vscode"


def read(name: str) -> dict:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


class TestVscodeFolder(RingsideTest):
    def test_every_configuration_starts_the_machine_and_names_its_port(self):
        tasks = {task["label"]: task for task in read("tasks.json")["tasks"]}
        for configuration in read("launch.json")["configurations"]:
            task = tasks[configuration["preLaunchTask"]]
            assert task["dependsOn"] in tasks
            assert "tcp:127.0.0.1:1234" in task["command"]
            assert "1234" in json.dumps(configuration)

    def test_every_configuration_ends_the_machine_that_it_started(self):
        written = read("tasks.json")
        tasks = {task["label"]: task for task in written["tasks"]}
        inputs = {each["id"]: each for each in written["inputs"]}
        for configuration in read("launch.json")["configurations"]:
            [named] = re.findall(r"\$\{input:(\w+)\}", tasks[configuration["postDebugTask"]]["command"])
            assert inputs[named]["args"] == configuration["preLaunchTask"]

    def test_the_task_is_ready_when_the_editor_thinks_so(self):
        """The task's own command, on a port that the system chooses."""
        task = next(task for task in read("tasks.json")["tasks"] if task.get("isBackground"))
        command = task["command"].replace(":1234", ":0").split()
        assert (paths.ROOT / command[-1]).exists()
        with subprocess.Popen([paths.RINGSIDE, *command[1:-1], paths.GUESTS / "demo64"], cwd=paths.ROOT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            self.ends.callback(process.kill)
            line = process.stderr.readline()
            assert re.search(task["problemMatcher"]["background"]["endsPattern"], line)
            process.kill()
