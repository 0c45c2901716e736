"""Readers who stop reading cost bounded memory and are cut within 10 s; neighbours notice nothing (S5).

The real command over TCP; their partners write 8 KB messages as fast as the server takes them.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
import psutil
import pytest

from duologue.api.server import SEND_BUFFER_BYTES
from duologue.api.stream import WRITE_S
from duologue.client.http import HttpTransport, http_session
from duologue.delivery.stream import MAX_WAITING_BYTES
from tests.faults.bare import Bare, trickles
from tests.faults.house import House, house
from tests.faults.judge import NOISE_MS, judge
from tests.faults.matrix import percentile
from tests.faults.outages import now
from tests.faults.people import Person, Town
from tests.faults.test_latency import Presses

READERS, READERS_WHOLE = 8, 40
NEIGHBOURS = 6
CUT_S = 10.0
CALM_S = 5.0
TEXT = "👋" * 2_000
ROOM_TO_WRITE = ("--side-bytes", str(2**31))
"""What one side may write in a conversation is less than a slow reader's buffers hold."""
OWN_BYTES = 128 * 1024
"""What the HTTP server's own buffers, the request that is read and the connection's objects take."""
FIXED_BYTES = 12 * 1024 * 1024
"""Whatever a busy Python process grows by once: arenas, caches of scripts and tokens."""

pytestmark = pytest.mark.timeout(240)


@dataclass(slots=True)
class Memory:
    """The most that a process held, and the most bytes that wait for one reader in the kernel."""

    pid: int
    port: int
    before: int = 0
    most: int = 0
    queued: int = 0

    async def watch(self) -> None:
        """Until cancelled."""
        self.before = psutil.Process(self.pid).memory_info().rss
        while True:
            self.most = max(self.most, psutil.Process(self.pid).memory_info().rss)
            self.queued = max([self.queued, *unsent(self.port)])
            await asyncio.sleep(0.1)


def unsent(port: int) -> list[int]:
    """Return the unacknowledged bytes of each connection of this port: proc(5), net/tcp."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[4].split(":")[0], 16) for row in rows if int(row[1].split(":")[1], 16) == port]


@dataclass(slots=True)
class Slow:
    """One who does not read, their partner, and how it went."""

    reader: Bare
    partner: Bare
    said: int = 0
    told_s: float = field(default=float("inf"))


@contextlib.asynccontextmanager
async def slow_readers(made: House, http: aiohttp.ClientSession, n: int) -> AsyncIterator[list[Slow]]:
    """In conversations; all but the first take nothing any more, and that one a byte a second."""
    transport = HttpTransport(http, made.servers[0].url)
    port = made.servers[0].port
    found, tasks = [], []
    async with contextlib.AsyncExitStack() as stack:
        for number in range(n):
            one = Slow(Bare(port, transport), Bare(port, transport))
            stalled = await stack.enter_async_context(one.reader.connected(f"slow {number}"))
            read = await stack.enter_async_context(one.partner.connected(f"partner {number}"))
            for person in (one.reader, one.partner):
                await person.join(f"s{number}")
            for person in (one.reader, one.partner):
                await person.finds()
                tasks.append(asyncio.ensure_future(person.lives()))
            tasks.append(asyncio.ensure_future(one.partner.reads(read)))
            if number == 0:
                tasks.append(asyncio.ensure_future(trickles(stalled)))
            found.append(one)
        try:
            yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def flood(slow: Sequence[Slow]) -> None:
    """Until each partner was told; ``told_s`` from the first message on."""
    began = now()

    async def one(each: Slow) -> None:
        each.said = await each.partner.floods(TEXT, lambda: each.partner.told.is_set() or now() - began > 30)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                await each.partner.told.wait()
            each.told_s = each.partner.away_at_s - began

    await asyncio.gather(*(one(each) for each in slow))


async def neighbours(people: Sequence[Person], over: asyncio.Event, seed: int) -> list[float]:
    """Skip until it is over: how long their partners took to be told, in ms."""
    presses, random = Presses(), Random(seed)
    for person in people:
        person.on_press = presses.note
        person.left_at.clear()
    await asyncio.gather(*(p.skip(over, Random(random.random()), (0.3, 1.0)) for p in people))
    return presses.told_ms(people)


async def test_readers_who_stop_reading(whole: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Bounded memory, cut within 10 s, partners told; neighbours are told as before, their state right."""
    n = READERS_WHOLE if whole else READERS
    pools = ["main", *(f"s{number}" for number in range(n))]
    async with (
        house(pools=pools, options=ROOM_TO_WRITE) as made,
        http_session() as http,
        Town(made, http).inhabited() as town,
    ):
        server = made.servers[0]
        people = [await town.arrives(f"n{number}") for number in range(NEIGHBOURS)]
        for person in people:
            person.start()
        async with slow_readers(made, http, n) as slow:
            over = asyncio.Event()
            calm = asyncio.ensure_future(neighbours(people, over, 1))
            await asyncio.sleep(CALM_S)
            over.set()
            calm_ms = await calm

            memory = Memory(server.pid, server.port)
            watching = asyncio.ensure_future(memory.watch())
            over = asyncio.Event()
            busy = asyncio.ensure_future(neighbours(people, over, 2))
            await flood(slow)
            over.set()
            busy_ms = await busy
            watching.cancel()
            transport = HttpTransport(http, server.url)
            judged = await judge(made, people, transport, now())
            text = (await HttpTransport(http, server.ops_url).request("GET", "/metrics")).body.decode()
        grown = memory.most - memory.before
        told = sorted(each.told_s for each in slow)
        with capsys.disabled():
            sys.stdout.write(
                f"\n{n} readers who do not read, {sum(each.said for each in slow)} messages of 8 KB: "
                f"partners told after {told[0]:.1f} to {told[-1]:.1f} s; the process grew by "
                f"{grown >> 10} KiB, {memory.queued >> 10} KiB wait in the kernel for one reader at most; "
                f"neighbours' told p50 {percentile(busy_ms, 50):.0f}, p99 {percentile(busy_ms, 99):.0f} ms, "
                f"without p50 {percentile(calm_ms, 50):.0f}, p99 {percentile(calm_ms, 99):.0f} ms\n"
            )
    assert told[-1] <= CUT_S + NOISE_MS / 1000
    assert told[0] > WRITE_S / 2, "nobody is cut for a moment's pause"
    assert f'duologue_streams_ended_total{{reason="slow"}} {n}.0' in text
    assert grown <= n * (MAX_WAITING_BYTES + OWN_BYTES) + FIXED_BYTES
    # The kernel keeps twice what it is asked for, its own book-keeping included: socket(7).
    assert memory.queued <= 2 * SEND_BUFFER_BYTES
    assert min(len(calm_ms), len(busy_ms)) >= NEIGHBOURS
    assert percentile(busy_ms, 99) <= percentile(calm_ms, 99) + NOISE_MS
    assert not [*judged.unequal, *judged.incomplete, *judged.broken]
