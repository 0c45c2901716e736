"""Servers and stores that are killed under a conversation: it is the same one afterwards."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import psutil
import pytest
import redis.asyncio

from duologue.pairing.invariants import Snapshot
from duologue.store.embedded import Embedded
from tests.chaos.couple import Couple, couple, eventually
from tests.chaos.dump import at_once
from tests.freezing import frozen
from tests.servers import StoreServer
from tests.serving import Serving, data_folder, serving

SAME = ["line 1", "line 2", "line 3"]


@dataclass(slots=True)
class House:
    """A store, and a server on it that can be started again on the same port."""

    store_url: str
    options: tuple[str, ...]
    environment: dict[str, str]
    server: Serving
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    async def again(self) -> None:
        """A new server on the same port and the same store."""
        options = ("--no-page", *self.options, "--port", str(self.server.port))
        # In a thread: the people must go on while it starts.
        enter = self.running.enter_context
        self.server = await asyncio.to_thread(enter, serving(*options, **self.environment))

    async def kill(self) -> None:
        """kill -9."""
        await asyncio.to_thread(self.server.kill)

    async def stop(self) -> None:
        """SIGTERM, and it went in good order."""
        assert await asyncio.to_thread(self.server.stop) == 0


@pytest.fixture(params=["embedded", "redis7"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """On each of the two kinds of store."""
    with contextlib.ExitStack() as stack:
        if request.param == "embedded":
            data = stack.enter_context(data_folder())
            url, options, environment = Embedded(data).url, ("--data", str(data)), {}
        else:
            url = request.getfixturevalue("redis7").url
            options = ("--redis-url", url)
            environment = {"DUOLOGUE_SECRET": secrets.token_urlsafe(32)}
        server = stack.enter_context(serving("--no-page", *options, **environment))
        made = House(url, options, environment, server)
        stack.enter_context(made.running)
        yield made
        # In good order, so that the embedded store goes with its last server.
        assert made.server.stop() == 0


@pytest.fixture
async def pair(house: House) -> AsyncIterator[Couple]:
    """Two people in front of it, not talking yet."""
    async with couple([house.server.url], [house.server.url]) as made:
        yield made


def report(capsys: pytest.CaptureFixture[str], what: str, **seconds: float) -> None:
    """Return the figures as a line of the table."""
    with capsys.disabled():
        figures = ", ".join(f"{name.replace('_', ' ')} {value:.2f} s" for name, value in seconds.items())
        sys.stdout.write(f"\n{what}: {figures}")


async def in_store(url: str, condition: Callable[[Snapshot], bool]) -> None:
    """Until this is so: one process is known, since the dead one was buried; and the like."""
    async with redis.asyncio.Redis.from_url(url, protocol=2) as store, asyncio.timeout(20):
        while not condition(await at_once(store)):  # noqa: ASYNC110 # the store tells nobody
            await asyncio.sleep(0.1)


def attached(seen: Snapshot) -> int:
    """How many people the store believes to be connected."""
    return sum(record["connection"] != "" for record in seen.people.values())


async def goes_on(pair: Couple, match: str) -> None:
    """The same conversation with all that was said, and it works in both directions."""
    assert [seat.client.model.match_id for seat in pair.seats] == [match, match]
    assert [seat.texts for seat in pair.seats] == [SAME, SAME]
    await pair.say(pair.one, "still there?")
    await pair.say(pair.two, "yes")
    assert [seat.texts for seat in pair.seats] == [[*SAME, "still there?", "yes"]] * 2
    assert [seat.matches for seat in pair.seats] == [[match], [match]]


async def test_a_server_is_killed_and_starts_again(
    house: House, pair: Couple, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 during a conversation: both return to the same match, and neither reads that the other is
    away."""
    match = await pair.meet()
    began = time.monotonic()
    await house.kill()
    await pair.lost()
    await house.again()
    up = time.monotonic() - began
    back = await pair.back()
    await in_store(house.store_url, lambda seen: len(seen.sets["beats"]) == 1)
    await goes_on(pair, match)
    assert not any(seat.away for seat in pair.seats)
    report(capsys, f"kill -9, {house.server.said[1].strip()}", down=up, both_back_after=back)


async def test_a_server_is_stopped_and_starts_again(
    house: House, pair: Couple, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGTERM: told to reconnect, the same match, and neither reads that the other is away (race R23)."""
    match = await pair.meet()
    began = time.monotonic()
    await house.stop()
    stopped = time.monotonic() - began
    await house.again()
    up = time.monotonic() - began
    back = await pair.back()
    await goes_on(pair, match)
    assert not any(seat.away for seat in pair.seats)
    report(capsys, f"SIGTERM, {house.server.said[1].strip()}", stop=stopped, down=up, both_back_after=back)


@pytest.mark.parametrize("house", ["embedded"], indirect=True)
async def test_the_embedded_store_is_killed(
    house: House, pair: Couple, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 of the child: it is started again, and has lost nothing."""
    match = await pair.meet()
    [store] = psutil.Process(house.server.pid).children()
    before = [seat.snapshots for seat in pair.seats]
    began = time.monotonic()
    os.kill(store.pid, signal.SIGKILL)
    await eventually(
        lambda: all(s.snapshots > n for s, n in zip(pair.seats, before, strict=True)), "snapshots"
    )
    snapshots = time.monotonic() - began
    await pair.back()
    [again] = psutil.Process(house.server.pid).children()
    assert again.pid != store.pid
    await goes_on(pair, match)
    assert not any(seat.away for seat in pair.seats)
    report(capsys, "kill -9 of the embedded store", both_have_a_snapshot_after=snapshots)


async def test_a_server_that_is_down_for_longer(house: House, pair: Couple) -> None:
    """Ten seconds without any server: every deadline is overdue, and none has fallen due (race E22)."""
    match = await pair.meet()
    await house.kill()
    await pair.lost()
    down = time.monotonic()
    await eventually(lambda: time.monotonic() - down > 10, "ten seconds")
    await house.again()
    await pair.back()
    await goes_on(pair, match)


# --- two servers -----------------------------------------------------------------------


@pytest.fixture
def servers(redis7: StoreServer) -> Iterator[tuple[Serving, Serving]]:
    """On one Redis."""
    options = ("--redis-url", redis7.url, "--no-page")
    secret = secrets.token_urlsafe(32)
    with serving(*options, DUOLOGUE_SECRET=secret) as one, serving(*options, DUOLOGUE_SECRET=secret) as two:
        yield one, two


async def test_one_of_two_servers_is_killed(servers: tuple[Serving, Serving], redis7: StoreServer) -> None:
    """Its people come back at the other one; their partners read nothing of it."""
    one, two = servers
    # The first is asked first, the second only if the first does not answer.
    async with couple([one.url, two.url], [two.url]) as pair:
        match = await pair.meet()
        await asyncio.to_thread(one.kill)
        await in_store(redis7.url, lambda seen: len(seen.sets["beats"]) == 1 and attached(seen) == 2)
        await pair.back()
        await goes_on(pair, match)
        assert not any(seat.away for seat in pair.seats)


async def test_one_of_two_servers_is_paused(servers: tuple[Serving, Serving], redis7: StoreServer) -> None:
    """SIGSTOP until it is buried: conversations go on, it takes its people up again (races E23, E28)."""
    one, two = servers
    async with couple([one.url], [two.url]) as pair:
        match = await pair.meet()
        with frozen(one.pid):
            await in_store(redis7.url, lambda seen: len(seen.sets["beats"]) == 1 and attached(seen) == 1)
        await in_store(redis7.url, lambda seen: len(seen.sets["beats"]) == 2 and attached(seen) == 2)
        await pair.back()
        await goes_on(pair, match)
        assert not any(seat.away for seat in pair.seats)
