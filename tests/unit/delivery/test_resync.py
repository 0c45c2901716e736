"""Re-attach: what each answer leads to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from duologue.delivery.connection import End, Turn
from duologue.delivery.resync import Resync
from duologue.delivery.stream import Stream
from duologue.pairing.vocabulary import NO_MARKS, Note, PersonId, Refused, Same, Seen
from duologue.store.client import StoreUnavailable
from tests.unit.delivery.fakes import (
    ANN,
    PAGE,
    Scene,
    attached,
    frame,
    frames,
    in_own_task,
    message,
    said,
    settle,
    state,
)


@pytest.fixture
async def connection(scene: Scene) -> AsyncIterator[Stream]:
    """A person in a match, message 1 read."""
    scene.machine.answers["attach"] = [attached(10, "m_1", [message(1)])]
    async with in_own_task(scene.hub.running()):
        with scene.hub.open(ANN, PAGE, alias="Ann") as one:
            await frames(one)
            yield one


async def everybody(scene: Scene) -> None:
    """One round."""
    await Resync(scene.hub).everybody()


async def during_a_round(scene: Scene, connection: Stream, *publications: bytes) -> list[dict[str, Any]]:
    """One round; these arrive while its answer is on the way. What was written, in order."""
    on_the_way = asyncio.Event()
    scene.machine.answers["reattach"].insert(0, on_the_way)
    async with asyncio.TaskGroup() as group:
        group.create_task(everybody(scene))
        await settle()
        for each in publications:
            scene.hub.deliver(each)
        on_the_way.set()
    return await frames(connection)


def asked(scene: Scene) -> list[Seen | None]:
    """What each re-attach of one connection said was written last to it."""
    return [held.seen for _, (held,) in scene.machine.named("reattach")]


def text(connection: Stream, n: int) -> bytes:
    """A message of the match, published."""
    return f"M ann {connection.id} m_1 {n}\n".encode() + message(n).frame


def told(written: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Of each frame its type, and its version or number."""
    return [(each["type"], each.get("n") or each["state"]["version"]) for each in written]


async def test_the_same_is_answered_by_nothing(scene: Scene, connection: Stream) -> None:
    """A round that finds all well writes nothing, and asks no more."""
    scene.machine.answers["reattach"] = [[Same()]]
    await everybody(scene)
    assert await frames(connection) == []
    ((_, (held,)),) = scene.machine.named("reattach")
    assert held == (ANN, connection.id, PAGE, 5000, '"Ann"', Seen(10, "m_1", 1, 0, 1), NO_MARKS)
    assert not scene.hub.doubtful


async def test_a_suspicion_owes_a_snapshot_even_at_the_same_version(scene: Scene, connection: Stream) -> None:
    """Race E35: the store fell back to before a met sign; only a snapshot makes the page pulse again."""
    scene.contact.suspect("feed")
    scene.machine.answers["reattach"] = [[attached(10, "m_1", [message(1)])], [Same()]]
    await everybody(scene)
    (snapshot,) = await frames(connection)
    assert (snapshot["type"], snapshot["reason"]) == ("snapshot", "resync")
    await everybody(scene)
    assert asked(scene) == [Seen(0, "m_1", 1, 0, 1), Seen(10, "m_1", 1, 0, 1)], "once a suspicion"


async def test_a_suspicion_during_the_call_owes_another_snapshot(scene: Scene, connection: Stream) -> None:
    """The answer may be older than what raised it."""
    on_the_way = asyncio.Event()
    scene.machine.answers["reattach"] = [on_the_way, [attached(10, "m_1", [message(1)])], [Same()]]
    scene.contact.suspect("feed")
    async with asyncio.TaskGroup() as group:
        group.create_task(everybody(scene))
        await settle()
        scene.contact.suspect("run-id")
        on_the_way.set()
    await everybody(scene)
    assert [seen and seen.version for seen in asked(scene)] == [0, 0]


async def test_a_lost_newest_frame_is_found(scene: Scene, connection: Stream) -> None:
    """Race E39: nothing follows that would show the gap; the store sees that our version is not its own."""
    scene.machine.answers["reattach"] = [[attached(12)]]
    await everybody(scene)
    assert told(await frames(connection)) == [("snapshot", 12)]
    assert connection.seen[:4] == (12, "", 0, 0)


async def test_a_frame_that_was_only_under_way_is_not_repeated(scene: Scene, connection: Stream) -> None:
    """It came before the answer that knows it: its own frames say more than a snapshot."""
    scene.machine.answers["reattach"] = [[attached(12)]]
    written = await during_a_round(scene, connection, said(connection, 12, frame("force-disconnect")))
    assert told(written) == [("force-disconnect", 12)]
    assert scene.hub.doubtful == {connection}, "asked again: a suspicion is still owed its snapshot"


async def test_a_frame_that_comes_after_its_snapshot_is_not_written(scene: Scene, connection: Stream) -> None:
    """The other order: the answer was faster than the feed."""
    scene.machine.answers["reattach"] = [[attached(12, "m_1", [message(1), message(2)])]]
    await everybody(scene)
    scene.hub.deliver(said(connection, 12, frame("state"), state_=state(12, "m_1", 2)))
    scene.hub.deliver(text(connection, 2))
    assert told(await frames(connection)) == [("snapshot", 12), ("message", 2)]
    assert not scene.hub.doubtful


async def test_a_snapshot_never_turns_back_a_newer_frame(scene: Scene, connection: Stream) -> None:
    """The frame overtook the answer: not that is written, but the next, which is owed as before."""
    scene.contact.suspect("feed")
    scene.machine.answers["reattach"] = [[attached(10, "m_1", [message(1)])], [attached(15)]]
    written = await during_a_round(scene, connection, said(connection, 15, frame("state")))
    assert told(written) == [("state", 15)]
    assert scene.hub.doubtful == {connection}
    await Resync(scene.hub).some([connection])
    assert told(await frames(connection)) == [("snapshot", 15)]
    assert asked(scene)[1] == Seen(0, "", 0, 0)


async def test_an_older_frame_does_not_keep_a_snapshot_back(scene: Scene, connection: Stream) -> None:
    """Something came meanwhile, but the answer is newer."""
    scene.machine.answers["reattach"] = [[attached(15)]]
    written = await during_a_round(scene, connection, said(connection, 12, frame("state")))
    assert told(written) == [("state", 12), ("snapshot", 15)]
    assert not scene.hub.doubtful


async def test_a_store_that_fell_back_is_followed_down(scene: Scene, connection: Stream) -> None:
    """Race E20: the version is lower, and true."""
    scene.machine.answers["reattach"] = [[attached(8, "m_0")]]
    await everybody(scene)
    assert connection.seen[:4] == (8, "m_0", 0, 0)


async def test_message_numbers_fall_back_too(scene: Scene, connection: Stream) -> None:
    """Or message 1, given out again to another text, would be taken for a repeat."""
    scene.machine.answers["reattach"] = [[attached(10, "m_1")]]
    await everybody(scene)
    scene.hub.deliver(text(connection, 1))
    assert told(await frames(connection)) == [("snapshot", 10), ("message", 1)]


async def test_a_lost_address_is_answered_by_a_snapshot(scene: Scene, connection: Stream) -> None:
    """Races E17, E18: written again, and what was said meanwhile follows, once."""
    scene.machine.answers["reattach"] = [[attached(20, "m_1", [message(1), message(2)])]]
    await everybody(scene)
    written = await frames(connection)
    assert told(written) == [("snapshot", 20), ("message", 2)]
    assert written[0]["reason"] == "resync"


async def test_refused_ends_the_stream(scene: Scene, connection: Stream) -> None:
    """Race E38: a later connection is this person's; ours is a dead socket."""
    scene.machine.answers["reattach"] = [[Refused()]]
    await everybody(scene)
    assert connection.ended is End.REFUSED
    assert connection.ended.detach is None


async def test_missing_messages_and_signals_are_fetched(scene: Scene, connection: Stream) -> None:
    """What followed the numbers that we named comes after the snapshot, and the numbers go on from there."""
    signal = Note(2, frame("peer-signal", match="m_1", n=2))
    scene.machine.answers["reattach"] = [[attached(10, "m_1", [message(2), message(3)], [signal])]]
    await everybody(scene)
    assert told(await frames(connection)) == [
        ("snapshot", 10),
        ("message", 2),
        ("message", 3),
        ("peer-signal", 2),
    ]
    assert connection.seen[:4] == (10, "m_1", 3, 2)


@pytest.mark.parametrize("last", [1, 2, 3])
async def test_messages_under_way_are_written_once(scene: Scene, connection: Stream, last: int) -> None:
    """Message 2 arrives before an answer that knows 1, 2 or 3: no repeat, no gap, however they cross."""
    scene.machine.usual["reattach"] = [Same()]
    fetched = [message(n) for n in range(1, last + 1)]
    scene.machine.answers["reattach"] = [[attached(12, "m_1", fetched)]]
    written = await during_a_round(scene, connection, text(connection, 2))
    await Resync(scene.hub).some(list(scene.hub.doubtful))
    scene.hub.deliver(text(connection, 3))
    scene.hub.deliver(text(connection, 4))
    numbers = [each["n"] for each in [*written, *await frames(connection)] if each["type"] == "message"]
    assert numbers == [2, 3, 4]


async def test_batches_of_50_matched_first(scene: Scene, connection: Stream) -> None:
    """However many there are; those whose deadlines are near come first."""
    people = [PersonId(f"p{n}") for n in range(70)]
    opened = [scene.hub.open(each, PAGE, alias="") for each in people]
    for each in opened:
        each.__enter__()
    await settle()
    scene.machine.answers["reattach"] = [[Same()] * 50, [Same()] * 21]
    await everybody(scene)
    batches = [held for _, held in scene.machine.named("reattach")]
    assert [len(batch) for batch in batches] == [50, 21]
    assert batches[0][0].person == ANN
    for each in opened:
        each.__exit__(None, None, None)


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_round_waits_for_nobody_who_waits_already(
    scene: Scene, connection: Stream, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Race E41: a turn was just given back, and an attach waits for it that may take long.

    The control: a lock that nobody holds counts as free. The round waits for that attach, and the turns of
    the others with it.
    """
    if not is_guarded:
        monkeypatch.setattr(Turn, "is_free", property(lambda turn: not turn._lock.locked()))
    await frames(connection)
    go_on = asyncio.Event()

    async def attaching() -> None:
        async with connection.turn:
            await go_on.wait()

    async def another_round() -> None:
        connection.turn.give_back()
        await everybody(scene)

    await connection.turn.take()
    async with asyncio.TaskGroup() as group:
        group.create_task(attaching())
        await settle()
        scene.machine.answers["reattach"] = [[Same()]]
        round_ = group.create_task(another_round())
        await settle()
        assert round_.done() == is_guarded
        go_on.set()


async def test_the_store_goes_away_in_the_middle(scene: Scene, connection: Stream) -> None:
    """The round fails, the turn is given back, the snapshot is still owed."""
    scene.contact.suspect("feed")
    scene.machine.answers["reattach"] = [StoreUnavailable("away"), [attached(10, "m_1", [message(1)])]]
    with pytest.raises(StoreUnavailable):
        await everybody(scene)
    assert connection.turn.is_free
    await everybody(scene)
    assert told(await frames(connection)) == [("snapshot", 10)]
