"""What a second configuration of a build keeps."""

import pathlib
import subprocess

from tests.lanes.lane import ROOT

PROJECT = f"""\
cmake_minimum_required(VERSION 3.25)
project(small CXX)
include({ROOT}/.cmake/options.cmake)
"""


def test_a_build_without_ccache_is_not_compiled_again_when_there_is_one(tmp_path: pathlib.Path) -> None:
    """guests/demo configures the build before the tests' packages, ccache among them, are installed."""
    (tmp_path / "CMakeLists.txt").write_text(PROJECT, encoding="utf-8")
    for options in (["-DRINGSIDE_CCACHE=RINGSIDE_CCACHE-NOTFOUND"], []):
        subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", *options], check=True, capture_output=True)
    assert "RINGSIDE_CCACHE:UNINITIALIZED=RINGSIDE_CCACHE-NOTFOUND" in (tmp_path / "build" / "CMakeCache.txt").read_text(encoding="utf-8")
