"""Race S5 on the real server with its default limits: one person floods, and others notice nothing."""

import asyncio
import statistics
import time
from collections import Counter
from typing import Any

import aiohttp
import psutil

from tests.servers import StoreServer
from tests.serving import serving

FLOOD = 4_000
"""Requests of each flooder, as fast as they are answered."""
AT_ONCE = 32
MORE_MEMORY_BYTES = 24 * 1024 * 1024
"""What a process may grow by in a flood: allocators round up, and nothing is kept for each request."""
PATIENCE_S = 120
GARBAGE = b"\xff{" * 20_000


class Guest:
    """A person with a token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self.session, self.url, self.token = session, url, token
        self.said: Counter[int] = Counter()
        self.took_s: list[float] = []

    async def post(self, path: str, body: dict[str, Any] | bytes) -> dict[str, Any]:
        """One command, timed."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        how: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        began = time.monotonic()
        async with self.session.post(f"{self.url}{path}", headers=headers, **how) as answer:
            found: dict[str, Any] = await answer.json()
        self.took_s.append(time.monotonic() - began)
        self.said[answer.status] += 1
        return found


async def guest(session: aiohttp.ClientSession, url: str) -> Guest:
    """A new one."""
    async with session.post(f"{url}/v1/sessions", json={"cookie": False}) as answer:
        assert answer.status == 201
        return Guest(session, url, (await answer.json())["token"])


async def floods(eve: Guest) -> None:
    """Joins, skips, messages, garbage, huge bodies and streams, as many as there is time for."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        async with gate:
            match n % 6:
                case 0:
                    await eve.post("/v1/join", {"intent": n})
                case 1:
                    await eve.post("/v1/skip", {"match": "m_x"})
                case 2:
                    await eve.post("/v1/messages", {"match": "m_x", "key": f"k{n}", "text": "x" * 2_000})
                case 3:
                    await eve.post("/v1/skip", GARBAGE)
                case 4:
                    await eve.post("/v1/signal", b"x" * 60_000)
                case _:
                    where = f"{eve.url}/v1/events?page=p{n}"
                    headers = {"Authorization": f"Bearer {eve.token}"}
                    async with eve.session.get(where, headers=headers) as answer:
                        eve.said[answer.status] += 1
                        await answer.content.readline()

    async with asyncio.TaskGroup() as group:
        for n in range(FLOOD):
            group.create_task(one(n))


async def neighbours(ann: Guest, ben: Guest, until: asyncio.Event) -> None:
    """They say that they live, twice a second each, and read where they are."""
    while not until.is_set():
        for one in (ann, ben):
            await one.post("/v1/pulse", {})
        await asyncio.sleep(0.25)


async def test_s05_one_floods(redis7: StoreServer) -> None:
    """Eve gets 429 and 422, memory of server and store stays flat, and other people notice nothing."""
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        with serving("--no-page", "--redis-url", redis7.url, DUOLOGUE_SECRET="s" * 32) as server:
            eve, ann, ben = [await guest(session, server.url) for _ in range(3)]
            for one in (ann, ben):
                await one.post("/v1/join", {"intent": 1})
            await floods(await guest(session, server.url))  # what is made once is there
            process = psutil.Process(server.pid)
            with redis7.client() as client:
                memory, keys = process.memory_info().rss, client.dbsize()
                over = asyncio.Event()
                living = asyncio.ensure_future(neighbours(ann, ben, over))
                await floods(eve)
                over.set()
                await living
                assert process.memory_info().rss - memory < MORE_MEMORY_BYTES
                # A record, its indexes, and a bucket for each kind of request; of the neighbours nothing new.
                assert client.dbsize() - keys < 20
            assert set(eve.said) <= {200, 422, 429}
            assert eve.said[429] > FLOOD / 2
            for one in (ann, ben):
                assert set(one.said) == {200}
                assert statistics.median(one.took_s) < 0.5
                state = await one.post("/v1/pulse", {})
                assert state["outcome"] == "ok"
            assert server.is_running
