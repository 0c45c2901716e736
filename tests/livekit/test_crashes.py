"""kill -9 of our process at every step of a room, and LiveKit stopped under load: no one stuck, no room
left."""

import asyncio
import itertools
import statistics
import sys
import time
from collections.abc import Callable

import pytest

from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace, identity
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.invariants import violations
from duologue.pairing.vocabulary import MatchId
from tests.livekit.conftest import NAMESPACE
from tests.livekit.crowd import Crowd, crowd
from tests.livekit.duologues import STEPS, Duologues, duologues
from tests.livekit.ground import Ground
from tests.livekit.waiting import until
from tests.servers import StoreServer

MATCHES, WHOLE_MATCHES = 100, 1_000
PEOPLE = 8
KILL_S = 1.5
"""Between a server's being ready and the next kill."""
GONE_S = 5
AWAY_S, WHOLE_AWAY_S = 14, 30
"""Longer than the 10 s that a match waits for its room."""
SETTLED_S = 3
"""Time in which people in an open room have pressed Next and been matched once more."""
KILLS, WHOLE_KILLS = 2, 10
"""At each step, at least."""
HOME_S = 40
STRANGE = MatchId("m_AAAAAAAAAAAAAAAA")


def report(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}")


def spread(values: list[int]) -> str:
    if len(values) < 2:
        return f"{values}"
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return f"{len(values)} times, p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, max {max(values)} ms"


async def nothing_of_ours(rooms: LiveKitRooms) -> bool:
    """Neither a match's room nor a canary."""
    return await rooms.list_rooms() == []


async def nobody_is_stuck(house: Duologues, people: Crowd, rooms: LiveKitRooms) -> None:
    """Check, without skips, that all are in rooms that exist; then all press Stop and are idle."""
    assert await people.all_are(lambda person: person.talks(), HOME_S) == []
    there = {room.match for room in await rooms.list_rooms()}
    assert {person.match for person in people.people} <= there
    assert violations(await house.seen()) == []
    people.stop()
    assert await people.all_are(lambda person: person.state == "idle", HOME_S) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("server_kind", ["real"], indirect=True)
async def test_kills_at_every_step(
    valkey9: StoreServer, server: Ground, rooms: LiveKitRooms, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Matches in a row, a server killed at every step again and again: 5 s later none of our rooms is left.

    A room of another app, and of a second Duologue whose name begins as ours does, are still there.
    """
    most, kills = (WHOLE_MATCHES, WHOLE_KILLS) if whole else (MATCHES, KILLS)
    strangers = Namespace(f"{NAMESPACE.name}-2")
    async with (
        LiveKitRooms(server.project, strangers).running() as theirs,
        duologues(server, valkey9, 2) as house,
    ):
        foreign = await theirs.create(strangers.room(STRANGE))
        # LiveKit itself ends a room that nobody came to for 30 s.
        await server.join(Grants(server.project, strangers).mint(foreign.name, identity(STRANGE, "polite")))
        began = time.monotonic()
        async with crowd(PEOPLE, *house.urls) as people:
            people.start()
            is_over: Callable[[], bool] = lambda: (  # noqa: E731 # said once, asked twice
                len(people.matches) >= most and min(house.kills.values()) >= kills
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(people.skip_until(is_over))
                for n, step in enumerate(itertools.cycle(STEPS)):
                    if is_over():
                        break
                    await asyncio.sleep(KILL_S)
                    await house.kill_at(step, n % 2)
            lasted = time.monotonic() - began
            await nobody_is_stuck(house, people, rooms)
            stopped = time.monotonic()
            await until(lambda: nothing_of_ours(rooms), "none of our rooms is left", within_s=GONE_S)
            gone = time.monotonic() - stopped
        assert violations(await house.seen()) == []
        assert [room.name for room in await theirs.list_rooms()] == [foreign.name]
        await theirs.delete(foreign.name)
    assert not set().union(*(person.early for person in people.people))
    told = [ms for person in people.people for ms in person.told_ms]
    alone = [ms for person in people.people for ms in person.alone_ms]
    report(
        capsys,
        f"{len(people.matches)} matches in {lasted:.0f} s, kills by the step of a room: {house.kills}; "
        f"rooms gone {gone:.2f} s after the last Stop; "
        f"alone by skip: {spread(told)}; by a fault: {spread(alone)}",
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server_kind", ["real"], indirect=True)
async def test_livekit_is_away_under_load(
    valkey9: StoreServer, server: Ground, rooms: LiveKitRooms, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped and started again: no one is stuck, there are no useless matches, and a canary finds its
    return."""
    away_s = WHOLE_AWAY_S if whole else AWAY_S
    async with duologues(server, valkey9, 1) as house, crowd(PEOPLE, *house.urls) as people:
        people.start()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(people.skip_until(over.is_set))
            assert await people.all_are(lambda person: len(person.matches) > 1, HOME_S) == []
            await server.stop()
            await asyncio.sleep(SETTLED_S)
            before = people.matches
            await asyncio.sleep(away_s - SETTLED_S)
            assert people.matches == before, "a pool churns"
            assert await people.all_are(lambda person: person.reads_no_video(), 1) == []
            await server.start()
            back = time.monotonic()
            assert await people.all_are(lambda p: p.talks() and p.match not in before, HOME_S) == []
            found = time.monotonic() - back
            over.set()
        await nobody_is_stuck(house, people, rooms)
        await until(lambda: nothing_of_ours(rooms), "none of our rooms is left", within_s=GONE_S)
    report(capsys, f"LiveKit away for {away_s} s: all in new conversations {found:.1f} s after its return")
