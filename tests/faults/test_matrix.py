"""After every fault: the client's state is the server's within 5 s, and every message is there, in order.

A sample of the matrix at each change; whole with ``--whole``, or as a table by ``make faults``.
"""

import asyncio
from collections.abc import Callable

import pytest

from duologue.client import Model, reading, reducer
from tests.faults import cuts, judge, outages, partings, sessions
from tests.faults.__main__ import show
from tests.faults.cuts import PLAYS, Case
from tests.faults.judge import BOUND_MS
from tests.faults.matrix import Row
from tests.faults.traps import CLASSES
from tests.relay import Cut

pytestmark = pytest.mark.timeout(600)

SIDE_BY_SIDE = 3
"""Outages at a time: most of one is waiting."""


@pytest.mark.timeout(900)
async def test_the_matrix(whole: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row of it; races E1, E3, E8 to E10, E12, E18, E20, E23, E24, E28, E39 through real sockets."""
    cases = cuts.every_case() if whole else cuts.a_sample()
    rows = await cuts.rows(cases)
    turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(outage: outages.Outage) -> Row:
        async with turns:
            return await outages.row(outage, whole=whole)

    rows += [await partings.row(kind, partings.every_case(kind)) for kind in partings.PARTINGS]
    # On its own: a client that is held up asks with its old token, and leaves before its stream is told.
    rows.append(await sessions.row(partings.every_case(sessions.KIND)))
    rows += await asyncio.gather(*(one(each) for each in outages.OUTAGES if whole or each.in_sample))
    with capsys.disabled():
        show(rows)
    assert not [what for row in rows for what in row.wrong]
    assert all(row.is_good for row in rows)


def test_the_sample_leaves_no_class_of_bytes_and_no_type_out() -> None:
    """But the heartbeat, which comes once in 15 s; and both ways to cut are in it."""
    sample = cuts.a_sample()
    assert {case.where for case in sample} == set(CLASSES)
    assert {case.kind for case in sample} == set(PLAYS) - set(cuts.SLOW)
    assert {case.how for case in sample} == set(Cut)


# --- negative controls ---------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who has not caught up after the bound counts as lost."""
    monkeypatch.setattr(judge, "LOOK_ON_S", BOUND_MS / 1000)


def named(fault: str) -> outages.Outage:
    """A row of the matrix."""
    return next(each for each in outages.OUTAGES if each.fault == fault)


@pytest.mark.usefixtures("impatient")
async def test_without_the_reattach_loop_a_store_that_forgot_leaves_people_deaf() -> None:
    """Control: FLUSHALL, and the addresses of people are not written again (races E18, E39)."""
    row = await outages.row(named("FLUSHALL"), whole=False, without="reattach")
    assert any("caught up after inf" in what for what in row.wrong)


@pytest.mark.whole
@pytest.mark.usefixtures("impatient")
async def test_who_is_not_told_that_the_store_is_back_believes_it_away() -> None:
    """Control: a server that was held up said `unavailable`, and then nothing until something happens."""
    row = await outages.row(
        named("the only server held up for a moment"), whole=False, without="told-available"
    )
    assert any("caught up after inf" in what for what in row.wrong)


@pytest.mark.whole
@pytest.mark.usefixtures("impatient")
async def test_whoever_gets_no_new_token_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the host never signs again, and the one whose session ended stays away."""
    monkeypatch.setattr(sessions.Login, "signs_again", lambda _: None)
    row = await sessions.row([Case(sessions.KIND, "in the JSON", Cut.RESET)])
    assert not row.is_good


@pytest.mark.whole
@pytest.mark.usefixtures("impatient")
async def test_a_client_that_trusts_versions_over_snapshots_keeps_a_dead_world(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control: the store lost everything; a client that accepts only higher versions stays wrong (race
    E20)."""
    monkeypatch.setattr(reducer, "read_snapshot", reading.read_state)
    row = await outages.row(named("Redis set back to an older copy"), whole=False)
    assert not row.is_good


@pytest.mark.whole
@pytest.mark.usefixtures("impatient")
async def test_a_client_that_remembers_what_the_store_forgot_shows_another_conversation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control: the numbers of messages that were lost stand for others (race E8)."""

    def all_of_it(chat: object, state: object) -> object:
        return chat

    monkeypatch.setattr(reading, "_kept", all_of_it)
    row = await outages.row(named("Redis set back to an older copy"), whole=False)
    assert not row.is_good


async def test_a_client_that_drops_a_message_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control: one that was read and is not on screen."""
    take: Callable[[Model, object], Model] = reducer._message  # type: ignore[assignment]

    def drops(model: Model, frame: object) -> Model:
        return model if getattr(frame, "n", 0) == 3 else take(model, frame)

    monkeypatch.setattr(reducer, "_message", drops)
    async with cuts.town(["c0"]) as (made, here):
        judged = await cuts.play(made, here, "c0", Case("message", "in the JSON", Cut.RESET))
    assert not judged.is_good
