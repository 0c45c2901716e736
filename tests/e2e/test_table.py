"""The table can say no."""

import pytest

from tests.e2e.table import NOISE_S, SWEEP_S, Table


def test_a_row_within_its_bounds_is_ok() -> None:
    """Bound, sweep and allowance together are the limit."""
    table = Table()
    with table.row("frozen", told=3, free=6) as row:
        row.told_s, row.free_s = 3 + SWEEP_S + NOISE_S, 6
    assert "| frozen | 4.00 | 6.00 | 3.00 | 6.00 | yes |" in table.markdown()


@pytest.mark.parametrize(("told_s", "free_s"), [(4.1, 6), (3, 7.1), (None, 6), (3, None)])
def test_late_or_never_is_not(told_s: float | None, free_s: float | None) -> None:
    """What was not measured at all is as bad as what came too late."""
    table = Table()
    with pytest.raises(AssertionError, match="frozen"), table.row("frozen", told=3, free=6) as row:
        row.told_s, row.free_s = told_s, free_s
    assert "| NO |" in table.markdown()


def test_a_conversation_that_ended_is_counted() -> None:
    """Also when the test failed on its way, so that the sum is never too good."""
    table = Table()
    with pytest.raises(AssertionError, match="no picture"):
        failing(table)
    assert "ended: 1." in table.markdown()
    assert not table.rows[0].is_ok


def failing(table: Table) -> None:
    with table.row("link down 2 s") as row:
        row.ended = 1
        raise AssertionError("no picture")
