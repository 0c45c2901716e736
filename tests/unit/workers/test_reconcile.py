"""The reconciler's round."""

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
        self.worker = Reconcile(
            self.livekit, self.outbox, NAMESPACE, self.suspects, self.metrics, FakeClock()
        )


async def test_a_short_list_is_asked_about_by_name() -> None:
    """A room that is there, though the listing left it out, ends no conversation; one that is not, does."""
    it = Round()
    it.outbox.opened = [ONE, OTHER]
    it.livekit.by_name = [a_room(ONE)]
    await it.worker.run_once()
    assert it.outbox.told == [("reconcile", NOW_MS, {ONE: 0})]


@pytest.mark.parametrize("fails_at", [(), (NAMESPACE.room(ONE),)])
async def test_a_listing_that_failed_is_not_told(fails_at: tuple[str, ...]) -> None:
    """Neither the first nor the second."""
    it = Round()
    it.outbox.opened = [ONE]
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
    """They are told to nobody; an old one is deleted here, and a failure of that ends no round."""
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
