"""Negative controls: each guard of delivery switched off, and the race that it prevents is there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from duologue.delivery.connection import Connection, End
from duologue.delivery.resync import Resync
from duologue.pairing.vocabulary import ConnectionId, Same
from tests.unit.delivery.fakes import ANN, PAGE, Scene, attached, frame, frames, message, said, settle, state


class NoTurns(asyncio.Lock):
    """A lock that never makes anybody wait."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass

    async def acquire(self) -> bool:  # type: ignore[override]
        return True

    def release(self) -> None:
        pass


@contextlib.asynccontextmanager
async def opened(scene: Scene) -> AsyncIterator[Connection]:
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
    """Races E16, E34: it finds nothing to detach, and the attach that lands after it stays for ever."""
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
        connection.former, connection.id = connection.id, ConnectionId("c_older")
        scene.hub.deliver(b"T ann c_older")
        assert connection.ended is End.TAKEN_OVER


async def test_without_reading_again_a_snapshot_turns_a_newer_frame_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state was read, a newer frame came, the older state is written as if it were the newest."""

    async def naive(self: Resync, one: Connection, *, owed: bool) -> None:
        one.snapshot(await self._machine.read(one.person), "resync", 1)

    monkeypatch.setattr(Resync, "_snapshot", naive)
    reading = asyncio.Event()
    scene.machine.answers["reattach"] = [[Same(10, "", 0, 0)]]
    scene.machine.answers["read"] = [reading, state(10)]
    async with opened(scene) as connection:
        scene.contact.suspect("feed")
        async with asyncio.TaskGroup() as group:
            group.create_task(Resync(scene.hub).everybody())
            await settle()
            scene.hub.deliver(said(connection, 15, frame("state")))
            reading.set()
        assert [each["state"]["version"] for each in await frames(connection)] == [15, 10]


async def test_without_the_owed_snapshot_a_fallen_back_store_goes_unseen(scene: Scene) -> None:
    """Race E35: the version is the same, so nothing is written, and nobody pulses."""
    scene.machine.answers["reattach"] = [[Same(10, "", 0, 0)]]
    async with opened(scene) as connection:
        scene.contact.suspect("feed")
        connection.snapshot_of = scene.contact.generation
        await Resync(scene.hub).everybody()
        assert await frames(connection) == []


async def test_without_numbers_a_lost_message_is_written_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages 1 and 3 are read, nobody ever asks for 2."""

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
