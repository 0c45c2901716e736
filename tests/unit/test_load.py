"""Tests side by side: who may begin, which file is next, and what a busy machine holds back."""

import json
import os
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests import load
from tests.load import Processors, Taken, Use

ME, OTHER = os.getpid(), os.getppid()


def test_a_test_waits_until_its_share_is_free(tmp_path: Path) -> None:
    """Two of 1.2 do not fit two processors; the second begins when the first has ended."""
    room = Processors(tmp_path, 2)
    assert room.take(Taken(OTHER, 1.2, 0))
    assert not room.take(Taken(ME, 1.2, 1))
    room.give_back(OTHER)
    assert room.take(Taken(ME, 1.2, 1))


def test_what_fits_together_runs_together(tmp_path: Path) -> None:
    """0.8 and 1.2 are two processors."""
    room = Processors(tmp_path, 2)
    assert room.take(Taken(OTHER, 0.8, 0))
    assert room.take(Taken(ME, 1.2, 1))


def test_a_test_that_needs_more_than_there_is_runs_alone(tmp_path: Path) -> None:
    """On a machine with one processor a test for two begins when nothing else runs."""
    with Processors(tmp_path, 1).taken(2):
        assert not Processors(tmp_path, 1).take(Taken(OTHER, 0.1, 0))
    assert Processors(tmp_path, 1).take(Taken(OTHER, 0.1, 0))


def test_a_worker_that_died_keeps_nothing(tmp_path: Path) -> None:
    """Its process is gone, so its share is free."""
    room = Processors(tmp_path, 2)
    assert room.take(Taken(2**22 + 1, 2, 0))
    assert room.take(Taken(ME, 2, 1))


@pytest.mark.parametrize(("came_s", "may_begin"), [(load.TURN_S, True), (load.TURN_S + 1, False)])
def test_a_small_test_passes_a_large_one_for_a_while(tmp_path: Path, came_s: float, may_begin: bool) -> None:
    """A large test would otherwise wait for as long as small ones come."""
    room = Processors(tmp_path, 2)
    assert room.take(Taken(1, 1, 0))
    assert not room.take(Taken(OTHER, 2, 0))
    assert room.take(Taken(ME, 0.5, came_s)) == may_begin


@pytest.mark.parametrize(
    ("heavy", "order"), [(True, ["browser", "small browser", "server"]), (False, ["server", "browser"])]
)
def test_the_longest_file_of_a_kind_comes_first(heavy: bool, order: list[str]) -> None:
    """Of the other kind when there is none left."""
    uses = {"browser": Use(90, 0.8), "small browser": Use(5, 0.9), "server": Use(40, 0.2)}
    files = list(uses)
    for expected in order:
        found = load.next_file(files, uses, heavy=heavy)
        assert found == expected
        files.remove(found)


def turned(step_s: float) -> Iterator[float]:
    """A clock that goes on with each look at it."""
    at = 0.0
    while True:
        at += step_s
        yield at


def test_a_measured_test_waits_for_a_calm_machine() -> None:
    """It begins after three looks in a row at which a process got the processor that it wanted."""
    shares = chain([1.0, 1.0, 0.5], repeat(1.0))
    looks: list[float] = []

    def look() -> float:
        looks.append(next(shares))
        return looks[-1]

    assert load.wait_for_calm(look, lambda _: None, turned(0.1).__next__)
    assert looks == [1.0, 1.0, 0.5, 1.0, 1.0, 1.0]


def test_a_measured_test_does_not_wait_for_ever() -> None:
    """On a machine that others keep busy the tests go on."""
    assert not load.wait_for_calm(lambda: 0.5, lambda _: None, turned(1).__next__)


def test_a_lone_process_gets_its_share() -> None:
    """It is a share: between nothing and one processor."""
    assert 0 < load.share() <= 1.01


def test_figures_of_a_run_are_folded_by_file() -> None:
    """A test whose children were killed has less than no processor time: it counts as none."""
    lines = [
        json.dumps(each) for each in (["a.py::one", 2.0, 1.0], ["a.py::two", 2.0, -3.0], ["b.py::x", 1, 9])
    ]
    assert load.folded(lines) == {"a.py": (4.0, 0.25), "b.py": (1.0, min(9.0, os.cpu_count() or 1))}


def test_each_file_with_figures_exists() -> None:
    """A renamed file would count as unknown: one processor, 20 s."""
    root = Path(load.__file__).parents[1]
    assert [file for file in load.known() if not (root / file).exists()] == []
