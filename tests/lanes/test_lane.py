"""How a lane's run treats what it starts."""

import os
import pathlib

import pytest

from tests.harness import processes
from tests.lanes import lane, lanes
from tests.lanes.lane import Counts, Form, Lane, LaneRun, Skipped, run_lane


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(lane, "LOGS", tmp_path)
    monkeypatch.setattr(lane, "ROOT", tmp_path)
    monkeypatch.setattr(processes, "PATIENCE", 0.1)


def counts_of(body) -> Counts:
    return run_lane(Lane("name", "about", body, ()), Form()).counts


def test_a_command_that_ends_with_0_has_passed_and_others_have_failed() -> None:
    def body(run: LaneRun) -> None:
        run.one_test("good", "true")
        run.one_test("bad", "false")

    assert counts_of(body) == Counts(passed=1, failed=1)


def test_tests_that_run_together_are_counted_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path,
                                                        capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(lane, "JOBS", 2)
    meeting = tmp_path / "meeting"
    os.mkfifo(meeting)  # each end waits for the other one

    def body(run: LaneRun) -> None:
        run.tests_together({"reader": ("cat", meeting), "writer": ("sh", "-c", f"echo > {meeting}"), "bad": ("false",)})

    assert counts_of(body) == Counts(passed=2, failed=1)
    assert "failed: bad" in capsys.readouterr().out


def test_a_lane_that_cannot_run_is_skipped(capsys: pytest.CaptureFixture) -> None:
    def body(run: LaneRun) -> None:
        raise Skipped("no such machine")

    assert counts_of(body) == Counts(skipped=1)
    assert "skipped: no such machine" in capsys.readouterr().out


def test_the_matrix_runs_once_in_the_intel_lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(lanes, "unusable", lambda: "it is missing")
    kvm = next(lane for lane in lanes.LANES if lane.name == "kvm")
    assert run_lane(kvm, Form(lanes=frozenset({"kvm", "lab-intel"}))).counts == Counts(skipped=1)
    assert "the lane lab-intel has the matrix" in capsys.readouterr().out


def test_a_process_that_is_left_behind_is_a_failure_and_is_ended(capsys: pytest.CaptureFixture) -> None:
    runs = []

    def body(run: LaneRun) -> None:
        runs.append(run)
        run.one_test("background", "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &")

    assert counts_of(body) == Counts(passed=1, failed=1)
    assert "sleep 1000" in capsys.readouterr().out
    runs[0].log = open(lane.LOGS / "again", "w", encoding="utf-8")
    runs[0].end_leftovers()
    assert runs[0].counts == Counts(passed=1, failed=1)
