"""Figures are what was measured: spreads, costs of a skip, who waited beside whom, which goals are met."""

import pytest

from bench.figures import Figures
from bench.goals import rows
from bench.interests import Wait, shares
from bench.sizes import FULL
from bench.speed import OURS, PREDECESSOR
from bench.table import shown
from duologue.bench.load import Sample
from duologue.bench.report import bars, markdown
from duologue.bench.spread import Spread, percentile


def test_a_spread_has_the_ends_and_the_middle() -> None:
    """Of rounds in any order; of none there is none."""
    assert Spread.of([3.0, 1.0, 8.0]) == (1.0, 3.0, 8.0)
    assert Spread.of([]) is None


def test_a_percentile_is_one_of_the_values() -> None:
    """The nearest rank, and never of nothing."""
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert percentile([1.0, 2.0], 0.99) == 2.0
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_what_a_skip_costs_is_divided_by_skips_that_took_effect() -> None:
    """Skips that came late or were refused are work without a result: they are not counted."""
    sample = Sample(
        seconds=1.0,
        outcomes={"skipped": 100, "stale": 50, "429": 7},
        events=500,
        pulses=200,
        signals=0,
        lost=0,
        refused=7,
        server_s=0.05,
        store_s=0.02,
    )
    assert (round(sample.server_us), round(sample.store_us), sample.per_server_s) == (500, 200, 2000)


def test_who_waits_beside_the_same_interest() -> None:
    """Two of one interest who wait together for 2 s do; half a second or another interest is nothing."""
    waits = [
        Wait(1, since=0.0, until=3.0, match="a"),
        Wait(1, since=1.0, until=9.0, match="b"),
        Wait(2, since=0.0, until=1.5, match="a"),
        Wait(2, since=1.0, until=9.0),
        Wait(1, since=8.5, until=9.0, match="b"),
    ]
    beside, paired = shares(waits)
    assert beside == 2 / 5
    assert paired == 1 / 2


@pytest.mark.parametrize(("value", "word"), [(4.9, "met"), (5.1, "missed")])
def test_a_goal_is_judged_by_the_median(value: float, word: str) -> None:
    """What lies beside the median says how noisy it was, and decides nothing."""
    figures = Figures()
    for each in (0.1, value, 99.0):
        figures.add(OURS, "told", each)
    line = next(line for line in shown(figures, FULL).splitlines() if "partner told" in line)
    assert line.rstrip("| ").endswith(word)
    assert f"{value:.1f} (0.1–99.0)" in line


def test_what_never_came_back_misses_its_goal() -> None:
    """Words in place of a number are a miss, never an empty cell."""
    figures = Figures()
    figures.note(OURS, "back_s", "never (0 of 1000 after 30 s)")
    line = next(line for line in shown(figures, FULL).splitlines() if "store hung 11 s" in line)
    assert "never (0 of 1000 after 30 s)" in line
    assert line.rstrip("| ").endswith("missed")


def test_four_times_the_predecessor_is_four_times_what_this_run_measured() -> None:
    """The goal moves with the machine, but not below what it was when it was set."""
    figures = Figures()
    figures.add(PREDECESSOR, "per_server_s", 1_000.0)
    figures.add(OURS, "per_server_s", 3_999.0)
    row = next(row for row in rows(figures, FULL) if row.figure == "per_server_s")
    assert row.is_met(figures) is False
    figures.values[OURS]["per_server_s"] = [4_000.0]
    assert row.is_met(figures) is True
    figures.values[PREDECESSOR]["per_server_s"] = [100.0]
    slow = next(row for row in rows(figures, FULL) if row.figure == "per_server_s")
    figures.values[OURS]["per_server_s"] = [2_791.0]
    assert slow.is_met(figures) is False


def test_every_row_of_the_goals_is_there() -> None:
    """As many as the page of the second edition has, each with its goal."""
    named = rows(Figures(), FULL)
    assert len(named) == 13
    assert all(row.goal and row.first for row in named)
    assert len({row.figure for row in named}) == 13


def test_a_drawing_has_a_bar_for_each_column() -> None:
    """Valid, with names that cannot break out of it."""
    drawn = bars("Cost", "µs", [("one <b>", Spread(1, 2, 3)), ("two", Spread(2, 4, 5))])
    assert drawn.count("<rect") == 3
    assert "one &lt;b&gt;" in drawn


def test_a_table_is_aligned() -> None:
    """All lines are equally long, so that the source can be read."""
    lines = markdown(["", "a"], [["long title", "1"], ["b", "2,000"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
