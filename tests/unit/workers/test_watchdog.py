"""The watchdog's round, and what is kept for it."""

from collections.abc import Sequence

import pytest

from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.webhooks import Fact, FactKind
from duologue.pairing.vocabulary import MatchId, ParticipantFact, RoomLoss, Side
from duologue.workers import suspects
from duologue.workers.suspects import Suspects
from duologue.workers.watchdog import A_PAGE, A_ROUND, ALONE_A_ROUND, Watchdog
from tests.unit.delivery.fakes import FakeClock
from tests.unit.workers.rooms import (
    NAMESPACE,
    NOW_MS,
    ScriptedLiveKit,
    ScriptedOutbox,
    a_match,
    a_room,
    somebody,
)

ONE, OTHER = a_match("a"), a_match("b")
BOTH = [somebody(Side.POLITE), somebody(Side.IMPOLITE)]


def fact(
    kind: FactKind, match: MatchId = ONE, *, name: str = "EV_1", side: Side | None = Side.POLITE
) -> Fact:
    return Fact(name, kind, match, "RM_1", side, NOW_MS)


class Round:
    def __init__(self, *, live: Sequence[str] = (), awaited: Sequence[str] = ()) -> None:
        self.livekit = ScriptedLiveKit()
        self.livekit.by_name = [a_room(ONE), a_room(OTHER)]
        self.outbox = ScriptedOutbox()
        self.suspects = Suspects()
        self.worker = Watchdog(self.livekit, self.outbox, NAMESPACE, self.suspects, FakeClock())
        self.says(NOW_MS, live, awaited)

    def says(self, now_ms: int, live: Sequence[str] = (), awaited: Sequence[str] = ()) -> None:
        self.outbox.seen = self.outbox.seen._replace(now_ms=now_ms, live=[*live], awaited=[*awaited])

    @property
    def looked(self) -> list[object]:
        return [about for what, about in self.livekit.calls if what == "look"]


async def test_no_reason_no_look() -> None:
    """Neither a room of which nothing is told, nor a leaving when all is over, nor a coming costs a call."""
    it = Round(live=[ONE])
    it.suspects.add(OTHER, fact(FactKind.PARTICIPANT_LEFT, OTHER))
    it.suspects.add(ONE, fact(FactKind.PARTICIPANT_JOINED))
    await it.worker.run_once()
    assert (it.livekit.calls, it.outbox.told) == ([], [])


async def test_alone_since_the_first_look() -> None:
    """The same instant is reported until a second person is back; the next absence has its own."""
    it = Round(live=[ONE])
    it.livekit.people[NAMESPACE.room(ONE)] = [somebody(Side.POLITE), somebody(None)]
    it.suspects.add(ONE)
    await it.worker.run_once()
    it.says(NOW_MS + 2_000, [ONE])
    await it.worker.run_once()
    assert it.outbox.told == [("solo", ONE, NOW_MS)] * 2
    it.livekit.people[NAMESPACE.room(ONE)] = BOTH
    it.suspects.add(ONE, fact(FactKind.PARTICIPANT_JOINED))
    await it.worker.run_once()
    assert len(it.looked) == 3
    await it.worker.run_once()
    assert len(it.looked) == 3  # who is back is looked at no more
    it.livekit.people[NAMESPACE.room(ONE)] = []
    it.suspects.add(ONE)
    await it.worker.run_once()
    assert it.outbox.told[2:] == [("solo", ONE, NOW_MS + 2_000)]


@pytest.mark.parametrize("loss", [RoomLoss.ENDED, RoomLoss.STALE])
async def test_a_match_that_is_over_is_forgotten(loss: RoomLoss) -> None:
    """Whichever way it ended."""
    it = Round(live=[ONE])
    it.outbox.loss = loss
    it.suspects.add(ONE)
    await it.worker.run_once()
    await it.worker.run_once()
    assert len(it.looked) == 1


async def test_a_fact_is_true_only_if_it_still_is() -> None:
    """Who left and is back did not leave; who is gone is told by the event, so that it is heard once."""
    it = Round(live=[ONE])
    it.livekit.people[NAMESPACE.room(ONE)] = [somebody(Side.IMPOLITE)]
    it.suspects.add(ONE, fact(FactKind.PARTICIPANT_LEFT, name="EV_1"))
    it.suspects.add(ONE, fact(FactKind.PARTICIPANT_LEFT, name="EV_1"))
    it.suspects.add(ONE, fact(FactKind.PARTICIPANT_LEFT, name="EV_2", side=Side.IMPOLITE))
    await it.worker.run_once()
    assert it.outbox.told[:-1] == [("hint", ONE, Side.POLITE, ParticipantFact.LEFT, "EV_1")]


async def test_both_are_there_where_no_page_speaks() -> None:
    """Told of both at once, never of one: what was known of the other may be from before."""
    it = Round(awaited=[ONE, OTHER])
    it.livekit.people[NAMESPACE.room(ONE)] = BOTH
    it.livekit.people[NAMESPACE.room(OTHER)] = [somebody(Side.POLITE)]
    await it.worker.run_once()
    joined = ParticipantFact.JOINED
    assert it.outbox.told == [
        ("hint", ONE, Side.POLITE, joined, ""),
        ("hint", ONE, Side.IMPOLITE, joined, ""),
        ("solo", OTHER, NOW_MS),
    ]


async def test_who_publishes_is_there() -> None:
    """Whatever LiveKit says of their connection; who is only joining is not."""
    it = Round(awaited=[ONE])
    coming = somebody(Side.POLITE, is_active=False)
    it.livekit.people[NAMESPACE.room(ONE)] = [coming, somebody(Side.IMPOLITE)]
    await it.worker.run_once()
    assert it.outbox.told == [("solo", ONE, NOW_MS)]
    it.livekit.people[NAMESPACE.room(ONE)] = [coming._replace(is_publishing=True), somebody(Side.IMPOLITE)]
    await it.worker.run_once()
    assert len(it.outbox.told) == 3


async def test_an_empty_room_and_none_are_two_things() -> None:
    """Only a room that is not there when asked for by name has vanished."""
    it = Round(live=[ONE, OTHER])
    it.livekit.by_name = [a_room(ONE)]
    for match in (ONE, OTHER):
        it.suspects.add(match, fact(FactKind.ROOM_FINISHED, match, side=None))
    it.outbox.loss = RoomLoss.ENDED
    await it.worker.run_once()
    assert it.outbox.told == [("solo", ONE, NOW_MS), ("vanished", OTHER, NOW_MS)]


@pytest.mark.parametrize("kind", [FactKind.ROOM_STARTED, FactKind.PARTICIPANT_JOINED])
async def test_somebody_in_the_room_of_no_live_match(kind: FactKind) -> None:
    """Reported to the store, if the room is there; a closed room, or a person who left, is not news."""
    it = Round()
    third = a_match("c")
    it.livekit.by_name = [a_room(ONE)]
    it.suspects.add(ONE, fact(kind))
    it.suspects.add(OTHER, fact(FactKind.PARTICIPANT_JOINED, OTHER))
    it.suspects.add(third, fact(FactKind.PARTICIPANT_LEFT, third))
    await it.worker.run_once()
    assert it.livekit.calls == [("list", (NAMESPACE.room(ONE), NAMESPACE.room(OTHER)))]
    assert it.outbox.told == [("stray", ONE)]


async def test_a_room_that_cannot_be_looked_into() -> None:
    """Other rooms are still looked into; no one was seen alone in it, so its time begins again."""
    it = Round(live=[ONE, OTHER])
    it.suspects.add(ONE)
    await it.worker.run_once()
    it.livekit.away = {NAMESPACE.room(ONE)}
    it.suspects.add(OTHER)
    it.outbox.told.clear()
    with pytest.raises(LiveKitError):
        await it.worker.run_once()
    assert it.outbox.told == [("solo", OTHER, NOW_MS)]
    it.livekit.away.clear()
    it.says(NOW_MS + 9_000, [ONE])
    it.suspects.add(ONE)
    it.outbox.told.clear()
    await it.worker.run_once()
    assert it.outbox.told == [("solo", ONE, NOW_MS + 9_000)]


async def test_all_that_are_due_are_looked_at_in_one_round() -> None:
    """Page by page, while there are more; the empty rooms of the first page delay no others."""
    names = [MatchId(f"m_{n:016d}") for n in range(3 * A_PAGE - 1)]
    it = Round(awaited=names)
    it.outbox.in_pages = True
    await it.worker.run_once()
    assert it.looked == [NAMESPACE.room(match) for match in names]


async def test_webhooks_do_not_keep_from_those_who_are_alone() -> None:
    """More hints than a round looks at: each room with one person still has a turn, one after the other."""
    alone = [MatchId(f"m_{n:016d}") for n in range(2 * ALONE_A_ROUND)]
    it = Round(live=alone)
    for match in alone:
        it.suspects.add(match)
    await it.worker.run_once()
    it.outbox.asked.clear()
    for _ in range(2):
        for n in range(2 * A_ROUND):
            it.suspects.add(f"m_news{n:012d}", fact(FactKind.PARTICIPANT_JOINED))
        await it.worker.run_once()
    assert {match for asked in it.outbox.asked for match in asked if match in alone} == {*alone}


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More is dropped, for a listing finds it again; a flood about one match is one look."""
    monkeypatch.setattr(suspects, "MOST", 2)
    it = Suspects()
    for match in ("x", "y", "z"):
        it.add(match)
    assert not it.attention.is_set()  # a listing's doubts can wait for the round
    for n in range(100):
        it.add("x", fact(FactKind.PARTICIPANT_LEFT, name=f"EV_{n}"))
    assert it.attention.is_set()
    assert len(it.take(1)["x"]) == suspects.FACTS_A_MATCH
    assert it.attention.is_set()
    assert it.take(9) == {"y": []}
    assert not it.attention.is_set()
