"""Re-attach: what each answer leads to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from duologue.delivery.connection import Connection, End
from duologue.delivery.resync import Resync
from duologue.pairing.vocabulary import PersonId, Refused, Same
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
async def connection(scene: Scene) -> AsyncIterator[Connection]:
    """A person in a match, message 1 read."""
    scene.machine.answers["attach"] = [attached(10, "m_1", [message(1)])]
    async with in_own_task(scene.hub.running()):
        with scene.hub.open(ANN, PAGE, alias="Ann") as one:
            await frames(one)
            yield one


async def everybody(scene: Scene) -> None:
    """One round."""
    await Resync(scene.hub).everybody()


async def test_the_same_is_answered_by_nothing(scene: Scene, connection: Connection) -> None:
    """A round that finds all well writes nothing, and asks no more."""
    scene.machine.answers["reattach"] = [[Same(10, "m_1", 1, 0)]]
    await everybody(scene)
    assert await frames(connection) == []
    assert scene.machine.named("read") == []
    ((_, (held,)),) = scene.machine.named("reattach")
    assert held == (ANN, connection.id, PAGE, 5000, '"Ann"')


async def test_a_suspicion_owes_a_snapshot_even_at_the_same_version(
    scene: Scene, connection: Connection
) -> None:
    """Race E35: the store fell back to before a met sign; only a snapshot makes the page pulse again."""
    scene.contact.suspect("feed")
    scene.machine.usual["reattach"] = [Same(10, "m_1", 1, 0)]
    scene.machine.usual["read"] = state(10, "m_1", 1)
    await everybody(scene)
    (snapshot,) = await frames(connection)
    assert (snapshot["type"], snapshot["reason"]) == ("snapshot", "resync")
    await everybody(scene)
    assert await frames(connection) == [], "once a suspicion"


async def test_a_lost_newest_frame_is_found(scene: Scene, connection: Connection) -> None:
    """Race E39: nothing follows that would show the gap; the loop reads the state."""
    scene.machine.answers["reattach"] = [[Same(12, "", 0, 0)]]
    scene.machine.answers["read"] = [state(12)]
    await everybody(scene)
    (snapshot,) = await frames(connection)
    assert snapshot["state"]["version"] == 12
    assert (connection.version, connection.match) == (12, "")


async def test_a_frame_that_was_only_under_way_is_not_repeated(scene: Scene, connection: Connection) -> None:
    """It came while the state was read: its own frames say more than a snapshot."""
    reading = asyncio.Event()
    scene.machine.answers["reattach"] = [[Same(12, "", 0, 0)]]
    scene.machine.answers["read"] = [reading, state(12)]
    async with asyncio.TaskGroup() as group:
        group.create_task(everybody(scene))
        await settle()
        scene.hub.deliver(said(connection, 12, frame("force-disconnect")))
        reading.set()
    assert [each["type"] for each in await frames(connection)] == ["force-disconnect"]


async def test_a_snapshot_never_turns_back_a_newer_frame(scene: Scene, connection: Connection) -> None:
    """The frame overtook the read: the state is read again, not written."""
    scene.contact.suspect("feed")
    reading = asyncio.Event()
    scene.machine.answers["reattach"] = [[Same(10, "m_1", 1, 0)]]
    scene.machine.answers["read"] = [reading, state(10, "m_1", 1), state(15)]
    async with asyncio.TaskGroup() as group:
        group.create_task(everybody(scene))
        await settle()
        scene.hub.deliver(said(connection, 15, frame("state")))
        reading.set()
    told = await frames(connection)
    assert [(each["type"], each["state"]["version"]) for each in told] == [("state", 15), ("snapshot", 15)]


async def test_a_store_that_fell_back_is_followed_down(scene: Scene, connection: Connection) -> None:
    """Race E20: the version is lower, and true."""
    scene.machine.answers["reattach"] = [[Same(8, "m_0", 0, 0)]]
    scene.machine.answers["read"] = [state(8, "m_0")]
    await everybody(scene)
    assert (connection.version, connection.match) == (8, "m_0")


async def test_message_numbers_fall_back_too(scene: Scene, connection: Connection) -> None:
    """Or message 1, given out again to another text, would be taken for a repeat."""
    scene.machine.answers["reattach"] = [[Same(10, "m_1", 0, 0)]]
    await everybody(scene)
    scene.hub.deliver(f"M ann {connection.id} m_1 1\n".encode() + message(1).frame)
    assert [each["n"] for each in await frames(connection)] == [1]


async def test_a_lost_address_is_answered_by_a_snapshot(scene: Scene, connection: Connection) -> None:
    """Races E17, E18: written again, and what was said meanwhile follows, once."""
    scene.machine.answers["reattach"] = [[attached(20, "m_1", [message(1), message(2)])]]
    await everybody(scene)
    told = await frames(connection)
    assert [(each["type"], each.get("n")) for each in told] == [("snapshot", None), ("message", 2)]
    assert told[0]["reason"] == "resync"


async def test_refused_ends_the_stream(scene: Scene, connection: Connection) -> None:
    """Race E38: a later connection is this person's; ours is a dead socket."""
    scene.machine.answers["reattach"] = [[Refused()]]
    await everybody(scene)
    assert connection.ended is End.REFUSED
    assert connection.ended.detach is None


async def test_a_missing_message_is_fetched_under_a_new_id(scene: Scene, connection: Connection) -> None:
    """By a re-attach, for an attach would be a sign of life; what replaces our own old id ends nothing."""
    before = connection.id
    scene.machine.answers["reattach"] = [
        [Same(10, "m_1", 3, 0)],
        [attached(10, "m_1", [message(1), message(2), message(3)])],
    ]
    await everybody(scene)
    assert connection.id != before
    _, (held,) = scene.machine.named("reattach")[1]
    assert held.connection == connection.id
    assert held.attached_at_ms == 5001
    scene.hub.deliver(f"E ann {before}".encode())
    assert connection.ended is None
    assert [each.get("n") for each in await frames(connection)] == [None, 2, 3]
    assert scene.hub.holds(ANN, connection.id)


async def test_a_message_under_way_is_not_fetched(scene: Scene, connection: Connection) -> None:
    """A round trip later it is there."""
    reading = asyncio.Event()
    scene.machine.answers["reattach"] = [[Same(10, "m_1", 2, 0)]]
    scene.machine.answers["read"] = [reading]
    async with asyncio.TaskGroup() as group:
        group.create_task(everybody(scene))
        await settle()
        scene.hub.deliver(f"M ann {connection.id} m_1 2\n".encode() + message(2).frame)
        reading.set()
    assert len(scene.machine.named("reattach")) == 1


async def test_batches_of_200_matched_first(scene: Scene, connection: Connection) -> None:
    """However many there are; those whose deadlines are near come first."""
    people = [PersonId(f"p{n}") for n in range(250)]
    opened = [scene.hub.open(each, PAGE, alias="") for each in people]
    for each in opened:
        each.__enter__()
    await settle()
    scene.machine.answers["reattach"] = [[Same(10, "", 0, 0)] * 200, [Same(10, "", 0, 0)] * 51]
    scene.machine.usual["read"] = state(10)
    await everybody(scene)
    batches = [held for _, held in scene.machine.named("reattach")]
    assert [len(batch) for batch in batches] == [200, 51]
    assert batches[0][0].person == ANN
    for each in opened:
        each.__exit__(None, None, None)


async def test_the_store_goes_away_in_the_middle(scene: Scene, connection: Connection) -> None:
    """The round fails, the turn is given back, the next round can be."""
    scene.contact.suspect("feed")
    scene.machine.usual["reattach"] = [Same(10, "m_1", 1, 0)]
    scene.machine.answers["read"] = [StoreUnavailable("away"), state(10, "m_1", 1)]
    with pytest.raises(StoreUnavailable):
        await everybody(scene)
    assert not connection.turn.locked()
    await everybody(scene)
    assert [each["type"] for each in await frames(connection)] == ["snapshot"]
