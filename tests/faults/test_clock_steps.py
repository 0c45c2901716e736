"""Step the clock of real stores, and crash a server: told and free in time, no false ending."""

from pathlib import Path

import pytest

from tests.faults import clock_steps
from tests.faults.clock_steps import EVERY, markdown

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
BACK = next(each for each in EVERY if each.name == "1 h back")

pytestmark = pytest.mark.timeout(900)


async def test_the_clock_of_the_store_steps(whole: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """±90 s, ±15 min, ±1 h, and an hour ahead for 3 s: told and free by cause within the bounds + 5 s."""
    rows = await clock_steps.rows(whole=whole)
    table = markdown(rows)
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "clock_steps.md").write_text(table)
    with capsys.disabled():
        print(f"\n{table}")  # noqa: T201 # it is what the test is for
    assert [what for row in rows for what in row.wrong] == []


async def test_with_the_clock_itself_somebody_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: without the shard's own time a partner without media is left after an hour."""
    monkeypatch.setattr(clock_steps, "PATIENCE_S", 10.0)
    row = await clock_steps.row(BACK, "Valkey 9", without="own-time")
    assert row.failures == [], "it was played"
    assert row.conversations == clock_steps.GOOD + 2
    assert any("no media: free after inf" in what for what in row.wrong), row


@pytest.mark.whole
async def test_our_own_crash_is_not_worse_than_a_closed_tab() -> None:
    """A partner whose page hears the other one vouches for them, for 40 s and longer."""
    assert await clock_steps.crash() == []


@pytest.mark.whole
async def test_without_the_question_a_crash_ends_the_call() -> None:
    """Control: the partner is not told, so their page has no reason to say that the media flows."""
    wrong = await clock_steps.crash(without="ours-asked")
    assert any("partner-lost" in what for what in wrong), wrong
