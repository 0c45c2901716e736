"""A grant of an ended match (race R6): how long can its holder keep, or make again, the match's room?"""

import asyncio
import contextlib
import sys
import time

import pytest

from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.vocabulary import MatchId
from tests.livekit.conftest import NAMESPACE
from tests.livekit.crowd import crowd
from tests.livekit.duologues import duologues
from tests.livekit.ground import Ground, JoinRefused
from tests.servers import StoreServer

TRIES_S = 8.0
BOUND_S = 2.0


@pytest.mark.parametrize("server_kind", ["real"], indirect=True)
@pytest.mark.parametrize("auto_create", [False, True])
async def test_a_stale_grant_keeps_no_room(
    valkey9: StoreServer,
    server: Ground,
    rooms: LiveKitRooms,
    auto_create: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its holder joins again and again: no room stands for 2 s after the match; some come only by joining.

    Duologue gets the webhooks, as the docs have it. Without them a listing finds such a room after up to
    6 s: on a busy machine, where the holder's joins come further apart than the deletions, it took 5.8 s.
    """
    async with duologues(server, valkey9, 1) as house, crowd(2, *house.urls) as people:
        server.mailbox.forward_to = house.urls[0]
        people.start()
        assert await people.all_are(lambda person: person.talks(), 20) == []
        match = people.people[0].client.model.match
        assert match is not None
        name, token = NAMESPACE.room(MatchId(match.match)), match.media["token"]
        await server.join(token)
        assert [room.name for room in await rooms.list_rooms([name])] == [name]
        people.people[0].client.next()
        ended = time.monotonic()
        stood: dict[str, tuple[float, float]] = {}
        """When each room of that name was seen first and last, after the end."""
        entered = 0

        async def watch() -> None:
            while (now := time.monotonic() - ended) < TRIES_S:
                for room in await rooms.list_rooms([name]):
                    stood[room.sid] = (stood.get(room.sid, (now, now))[0], now)
                await asyncio.sleep(0.05)

        watching = asyncio.create_task(watch())
        while not watching.done():
            # Whoever is deleted while they come in is told neither yes nor no.
            with contextlib.suppress(JoinRefused, TimeoutError):
                async with asyncio.timeout(1):
                    await server.join(token)
                    entered += 1
        await watching
    longest = max((last - first for first, last in stood.values()), default=0.0)
    with capsys.disabled():
        kind = "on" if auto_create else "off"
        sys.stdout.write(
            f"\nauto_create {kind}: {len(stood)} rooms of an ended match, {entered} joins let in, "
            f"the longest stood {longest:.2f} s"
        )
    assert longest < BOUND_S
    if not auto_create:
        assert len(stood) <= 1
        assert all(last < BOUND_S for _, last in stood.values())
