"""The lanes of `make test`: each test is in one of them, and what failed is named."""

import json
import sys
from pathlib import Path

import pytest

from tests import lanes
from tests.lanes import Lane

ROOT = Path(lanes.__file__).parents[1]
FAILS = [sys.executable, "-c", "print('FAILED tests/a.py::one - it did'); raise SystemExit(1)"]
PASSES = [sys.executable, "-c", "print('fine')"]


@pytest.fixture(autouse=True)
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the logs of the real lanes."""
    monkeypatch.setattr(lanes, "ARTIFACTS", tmp_path)
    monkeypatch.setattr(lanes, "ROOT", tmp_path)
    monkeypatch.setattr(lanes, "FAILED", tmp_path / "failed.json")
    return tmp_path


def test_each_folder_of_tests_is_in_a_lane() -> None:
    """A new folder that is named nowhere would never run."""
    named = {*lanes.COMPUTED, *lanes.WITH_SERVERS, *lanes.OTHERS}
    assert {
        f"tests/{file.relative_to(ROOT / 'tests').parts[0]}" for file in ROOT.glob("tests/*/**/test_*.py")
    } == named
    assert list(ROOT.glob("tests/test_*.py")) == []


def test_each_test_that_is_named_exists() -> None:
    """A wrong name would be deselected nowhere, and selected nowhere."""
    for each in (*lanes.ALONE, *lanes.LONG_MODEL, *lanes.TELLING):
        file, _, name = each.partition("::")
        assert not name or f"def {name}(" in (ROOT / file).read_text(), each
        assert (ROOT / file).exists(), each


def test_all_that_is_left_out_of_a_lane_runs_in_a_later_one() -> None:
    """And nothing else does."""
    _, *beside, alone = lanes.lanes([], 2)
    chosen = [{each for each in lane.commands[0] if each.startswith("tests/")} for lane in (*beside, alone)]
    left_out = [
        {each.partition("=")[2] for each in lane.commands[0] if each.startswith("--deselect")}
        for lane in beside
    ]
    assert left_out == [chosen[1] | chosen[2], chosen[2]]


def test_a_lane_that_fails_is_named_with_its_test(capsys: pytest.CaptureFixture[str]) -> None:
    """The other lanes run all the same, and what was asked of it later too."""
    chosen = [Lane("computed", [FAILS, PASSES], shown=False), Lane("alone", [PASSES])]
    lanes.run(chosen)
    said = lanes.summary(chosen, 61)
    assert "computed        0:00   FAILED: computed.log\n    FAILED tests/a.py::one - it did" in said
    assert "alone           0:00   passed" in said
    assert said.endswith("all             1:01\n")
    assert (chosen[0].codes, capsys.readouterr().out) == ([1, 0], "fine\n")


def beside(failed: list[str]) -> list[str]:
    """What is judged again when these failed side by side."""
    lane = Lane("side by side", [["pytest", "--side-by-side"]], codes=[1])
    (lanes.ARTIFACTS / "failed.json").write_text(json.dumps(failed))
    again = lanes.judged_again(lane)
    assert lane.has_passed == bool(again)
    return again


def test_a_measured_test_is_judged_again() -> None:
    """Its bounds are stated for a machine of its own."""
    assert beside(["tests/chaos/test_kill.py::one"]) == ["tests/chaos/test_kill.py::one"]


@pytest.mark.parametrize(
    "failed",
    [
        ["tests/e2e/test_looks.py::one"],
        ["tests/chaos/test_kill.py::one", "tests/e2e/test_looks.py::one"],
        [f"tests/chaos/test_kill.py::{n}" for n in range(lanes.MOST_AGAIN + 1)],
    ],
    ids=["not measured", "not only measured", "too many"],
)
def test_anything_else_that_failed_has_failed(failed: list[str]) -> None:
    """Nothing is tried until it passes."""
    assert beside(failed) == []


def test_a_lane_that_crashed_has_failed() -> None:
    """Only tests that failed (exit code 1) can be judged again."""
    assert lanes.judged_again(Lane("side by side", [["pytest", "--side-by-side"]], codes=[3])) == []
