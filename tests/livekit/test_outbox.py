"""The outbox on a LiveKit server: work is claimed, done and reported, and no room of ours is left."""

import asyncio

import pytest

from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.vocabulary import (
    MatchId,
    Media,
)
from duologue.store.client import Store
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import Ground, JoinRefused
from tests.livekit.people import RULES, People
from tests.livekit.waiting import PATIENCE_S, until
from tests.servers import StoreServer


async def test_rooms_open_and_die(valkey9: StoreServer, rooms: LiveKitRooms, server: Ground) -> None:
    """Twenty matches get their rooms once these are worked on; all are skipped, and a foreign room stays."""
    strangers = Namespace(f"{NAMESPACE.name}-2")
    async with (
        Store(valkey9.url).running() as store,
        LiveKitRooms(server.project, strangers).running() as theirs,
    ):
        foreign = await theirs.create(strangers.room(MatchId("m_AAAAAAAAAAAAAAAA")))
        people = People(store, rooms)
        met = [await people.meet() for _ in range(20)]
        assert not await people.ready(met[0][0])
        await people.work()
        assert sorted(await people.names()) == sorted(NAMESPACE.room(match) for _, _, match in met)
        assert all([await people.ready(one) for one, _, _ in met])
        for one, other, match in met:
            await people.machine.skip(one, match)
            await people.machine.ack(one, match)
            await people.machine.ack(other, match)
        await until(people.nothing_is_left, "no room is left")
        audit = await people.machine.rooms.reconcile(await people.now_ms(), await people.listed())
        assert audit == (0, 0)
        assert await theirs.list_rooms() == [foreign]
        await theirs.delete(foreign.name)


async def test_no_grant_is_good_after_the_match(
    valkey9: StoreServer, rooms: LiveKitRooms, server: Ground
) -> None:
    """R1, R6: a person with the grant of an ended match is not let in, and brings no room back."""
    grants = Grants(server.project, NAMESPACE)
    async with Store(valkey9.url).running() as store:
        people = People(store, rooms)
        one, _, match = await people.meet()
        await people.work()
        token = grants.dress({"kind": "livekit", "role": "polite", "ready": True}, match)["token"]
        guest = await server.join(token)
        await people.machine.skip(one, match)
        await until(people.nothing_is_left, "no room is left")
        async with asyncio.timeout(PATIENCE_S):
            await guest.sent_away.wait()
        with pytest.raises(JoinRefused):
            await server.join(token)
        assert await people.names() == []


async def test_r20_the_server_restarts(valkey9: StoreServer, rooms: LiveKitRooms, server: Ground) -> None:
    """Its rooms are gone: the live match ends ``media-failed``; and while it is away, a skip takes effect."""
    async with Store(valkey9.url).running() as store:
        people = People(store, rooms)
        one, other, match = await people.meet()
        skipper, _, skipped = await people.meet()
        await people.work()
        for person in (one, other):
            await people.machine.pulse(person, match, Media.OPEN)
        await server.stop()
        assert (await people.machine.skip(skipper, skipped)).outcome == "skipped"
        await people.work()
        await server.start()
        later_ms = await people.now_ms() + RULES.spare_ms
        audit = await people.machine.rooms.reconcile(later_ms, await people.listed())
        assert audit == (0, 1)
        state = await people.state(one)
        assert state["state"] == "waiting"
        assert state["ended"] == {"match": match, "reason": "media-failed", "at_ms": state["since_ms"]}
        await until(people.nothing_is_left, "no room is left")
