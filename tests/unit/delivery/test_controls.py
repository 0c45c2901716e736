"""Negative controls: each guard of delivery switched off, and the race that it prevents is there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from duologue.delivery import connection as connection_module
from duologue.delivery import resync
from duologue.delivery.connection import Connection, End, Turn
from duologue.delivery.resync import Resync
from duologue.delivery.stream import Stream
from duologue.pairing.vocabulary import ConnectionId, Same, Seen
from tests.unit.delivery.fakes import ANN, PAGE, Scene, attached, frame, frames, message, said, settle, state


class NoTurns(Turn):
    """A lock without any waiting."""

    async def take(self) -> None:
        pass

    def give_back(self) -> None:
        pass


@contextlib.asynccontextmanager
async def opened(scene: Scene) -> AsyncIterator[Stream]:
    """A connection, attached."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await frames(connection)
            yield connection


async def test_without_holding_the_snapshot_turns_the_page_back(scene: Scene) -> None:
    """Race E5 and its like: a frame that is newer than the snapshot is written before it."""
    answer = asyncio.Event()
    scene.machine.answers["attach"] = [answer, attached(10)]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
            connection._held = None
            scene.hub.deliver(said(connection, 11, frame("state")))
            answer.set()
            told = await frames(connection)
    assert [each["state"]["version"] for each in told] == [11, 10]


async def test_without_turns_a_detach_overtakes_its_attach(scene: Scene) -> None:
    """Races E16, E34: it finds nothing to detach, and the attach that lands after it stays."""
    answer = asyncio.Event()
    scene.machine.answers["attach"] = [answer, attached(10)]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            connection.turn = NoTurns()
            await settle()
        await settle()
        assert len(scene.machine.named("detach")) == 1, "while the attach is still under way"
        answer.set()


async def test_by_person_instead_of_by_connection_a_takeover_kills_both(scene: Scene) -> None:
    """Race E15: the frame for the older page reaches the newer one."""
    async with opened(scene) as connection:
        scene.hub._by_id[ConnectionId("c_older")] = connection
        scene.hub.deliver(b"T ann c_older")
        assert connection.ended is End.TAKEN_OVER


async def test_without_looking_for_crossings_an_answer_turns_the_page_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer state and a message came; the answer, older than both, is written as if it were the newest.

    The message's number falls with it: fetched later, it is written twice.
    """
    monkeypatch.setattr(resync, "crossed", lambda *_: False)
    on_the_way = asyncio.Event()
    scene.machine.answers["attach"] = [attached(10, "m_1")]
    scene.machine.answers["reattach"] = [on_the_way, [attached(11, "m_1")]]
    async with opened(scene) as connection, asyncio.TaskGroup() as group:
        group.create_task(Resync(scene.hub).everybody())
        await settle()
        scene.hub.deliver(said(connection, 15, frame("state"), state_=state(15, "m_1")))
        scene.hub.deliver(f"M ann {connection.id} m_1 1\n".encode() + message(1).frame)
        on_the_way.set()
        written = await frames(connection)
        assert [each["type"] for each in written] == ["state", "message", "snapshot"]
        assert connection.seen[:4] == (11, "m_1", 0, 0)


async def test_by_number_alone_what_was_said_anew_is_taken_for_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race E8: as many messages as the store lost; on screen are the lost ones."""
    monkeypatch.setattr(connection_module, "is_newer", lambda n, _at_ms, last_n, _last_at_ms: n > last_n)
    scene.machine.answers["attach"] = [attached(10, "m_1", [message(1, at_ms=50)])]
    async with opened(scene) as connection:
        connection.attach_answered(attached(10, "m_1", [message(1, at_ms=900)]), "resync", 0)
        assert [each["type"] for each in await frames(connection)] == ["snapshot"]


async def test_without_the_owed_snapshot_a_fallen_back_store_goes_unseen(scene: Scene) -> None:
    """Race E35: we name the store's version, it answers *same*, and the page does not pulse."""
    scene.machine.answers["reattach"] = [[Same()]]
    async with opened(scene) as connection:
        scene.contact.suspect("feed")
        connection.snapshot_of = scene.contact.generation
        await Resync(scene.hub).everybody()
        ((_, (held,)),) = scene.machine.named("reattach")
        assert held.seen == Seen(10, "", 0, 0)
        assert await frames(connection) == []


async def test_without_numbers_a_lost_message_is_written_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages 1 and 3 are read, and 2 is never asked for."""

    def always(self: Connection, match: str, n: int, last: int) -> bool:
        return True

    monkeypatch.setattr(Connection, "_is_next", always)
    scene.machine.answers["attach"] = [attached(10, "m_1", [message(1)])]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
            scene.hub.deliver(f"M ann {connection.id} m_1 3\n".encode() + message(3).frame)
            assert [each.get("n") for each in await frames(connection)] == [None, 1, 3]
            assert not scene.hub.doubtful
