"""The reconciler's round."""

from collections.abc import Iterable

import pytest

from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.rooms import Room
from duologue.metrics import Metrics
from duologue.workers.reconcile import CANARY_MS, SOLO_MS, Reconcile
from duologue.workers.suspects import Suspects
from tests.unit.delivery.fakes import FakeClock
from tests.unit.workers.rooms import NAMESPACE, NOW_MS, ScriptedLiveKit, ScriptedOutbox, a_match, a_room

ONE, OTHER = a_match("a"), a_match("b")


class Round:
    def __init__(self) -> None:
        self.livekit = ScriptedLiveKit()
        self.outbox = ScriptedOutbox()
        self.suspects = Suspects()
        self.metrics = Metrics()
        self.clock = FakeClock()
        self.worker = Reconcile(self.livekit, self.outbox, NAMESPACE, self.suspects, self.metrics, self.clock)


async def test_a_short_list_is_asked_about_by_name() -> None:
    """A room that is there, though the listing left it out, ends no conversation; one that is not, does."""
    it = Round()
    it.outbox.open_now = [ONE, OTHER]
    it.livekit.by_name = [a_room(ONE)]
    await it.worker.run_once()
    assert it.outbox.told == [("reconcile", NOW_MS, {ONE: 0})]


@pytest.mark.parametrize("fails_at", [(), (NAMESPACE.room(ONE),)])
async def test_a_listing_that_failed_is_not_told(fails_at: tuple[str, ...]) -> None:
    """Neither the first nor the second."""
    it = Round()
    it.outbox.open_now = [ONE]
    it.livekit.away = {fails_at}  # type: ignore[arg-type]
    with pytest.raises(LiveKitError):
        await it.worker.run_once()
    assert it.outbox.told == []


async def test_the_age_of_a_room_where_clocks_differ() -> None:
    """LiveKit's clock is ahead by an hour: the room ages from when it was seen first."""
    it = Round()
    it.livekit.listed = [a_room(ONE, age_ms=-3_600_000)]
    await it.worker.run_once()
    it.outbox.seen = it.outbox.seen._replace(now_ms=NOW_MS + 6_000, wall_ms=NOW_MS + 6_000)
    await it.worker.run_once()
    assert [told[2] for told in it.outbox.told] == [{ONE: 0}, {ONE: 6_000}]


async def test_who_looks_lonely_is_handed_on() -> None:
    """Fewer than two people, as LiveKit says, in a room that is old enough."""
    it = Round()
    it.livekit.listed = [
        a_room(ONE, people=1),
        a_room(OTHER, people=2),
        a_room(a_match("c"), people=0, age_ms=SOLO_MS - 1),
    ]
    await it.worker.run_once()
    assert it.suspects.take(9) == {ONE: []}


async def test_canaries_are_not_matches() -> None:
    """They are not reported; an old one is deleted here, and a failure of that ends no round."""
    it = Round()
    fresh, old = NAMESPACE.fresh_canary(), NAMESPACE.fresh_canary()
    it.livekit.listed = [Room(fresh, None, "RM_1", NOW_MS), Room(old, None, "RM_2", NOW_MS - CANARY_MS)]
    it.livekit.away = {"delete"}
    await it.worker.run_once()
    assert it.outbox.told == [("reconcile", NOW_MS, {})]
    assert [about for what, about in it.livekit.calls if what == "delete"] == [old]


async def test_what_was_seen_is_measured() -> None:
    """So that a graph shows rooms that leak."""
    it = Round()
    it.livekit.listed = [a_room(ONE)]
    it.outbox.seen = it.outbox.seen._replace(owned=3, closing=2)
    await it.worker.run_once()
    shown = {
        what: it.metrics.registry.get_sample_value("duologue_rooms_now", {"what": what})
        for what in ("listed", "owned", "closing")
    }
    assert shown == {"listed": 1, "owned": 3, "closing": 2}


async def test_a_process_without_the_round_asks_nothing() -> None:
    """One call of the store, none of LiveKit; its metrics still show what the holder saw."""
    it = Round()
    it.outbox.is_ours, it.outbox.seen_by_others = False, 7
    await it.worker.run_once()
    assert (it.livekit.calls, it.outbox.told, it.outbox.rounds) == ([], [], [("begin", "")])
    assert it.metrics.registry.get_sample_value("duologue_rooms_now", {"what": "listed"}) == 7


async def test_a_round_is_ended_with_what_it_saw() -> None:
    """The next one names it, so that the same process goes on; a listing that failed says so."""
    it = Round()
    it.livekit.listed = [a_room(ONE)]
    await it.worker.run_once()
    await it.worker.run_once()
    ends = [("end", "r_1", 1), ("end", "r_3", 1)]
    assert it.outbox.rounds == [("begin", ""), ends[0], ("begin", "r_1"), ends[1]]
    it.livekit.away = {"list"}
    with pytest.raises(LiveKitError):
        await it.worker.run_once()
    assert it.outbox.rounds[-1] == ("end", "r_5", None)


@pytest.mark.parametrize("missing", [0, 1])
async def test_a_round_that_was_taken_over_is_not_ended(missing: int) -> None:
    """It says nothing, hands nothing on, and does not end the other process's round."""
    it = Round()
    it.outbox.open_now = [ONE] * missing
    it.livekit.listed = [a_room(OTHER, people=0)]
    listed = it.livekit.list_rooms

    async def slowly(names: Iterable[str] = ()) -> list[Room]:
        it.outbox.is_ours = False
        return await listed(names)

    it.livekit.list_rooms = slowly  # type: ignore[method-assign]
    await it.worker.run_once()
    assert it.outbox.told == []
    assert it.suspects.take(9) == {}
    assert "end" not in [what for what, *_ in it.outbox.rounds]
