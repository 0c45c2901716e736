"""500 people behind one address, on the real server with the limits that it has by default."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.servers import StoreServer
from tests.serving import serving

PEOPLE = 500
AT_ONCE = 100
"""Requests under way: the test's own share of two cores."""
PATIENCE_S = 120
SECRET = "s" * 32


class Neighbour:
    """One of them: a token, a page, and what was answered."""

    def __init__(self, session: aiohttp.ClientSession, gate: asyncio.Semaphore, number: int) -> None:
        self.session, self.gate, self.number = session, gate, number
        self.headers: dict[str, str] = {}
        self.said: Counter[int] = Counter()

    async def post(self, url: str, path: str, **body: Any) -> dict[str, Any]:
        """A command; its status is counted."""
        async with self.gate, self.session.post(f"{url}{path}", json=body, headers=self.headers) as answer:
            self.said[answer.status] += 1
            found: dict[str, Any] = await answer.json()
            return found

    async def begins(self, url: str) -> None:
        """As a guest."""
        session = await self.post(url, "/v1/sessions", cookie=False)
        self.headers = {"Authorization": f"Bearer {session['token']}"}

    @asynccontextmanager
    async def streaming(self, url: str) -> AsyncIterator[str]:
        """With an open stream; the type of its first frame."""
        where = f"{url}/v1/events?page=p{self.number}"
        async with self.session.get(where, headers=self.headers) as answer:
            self.said[answer.status] += 1
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])["type"]
                    return


async def all_of(people: list[Neighbour], do: Any) -> list[Any]:
    """Each does it, at once."""
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        tasks = [group.create_task(do(one)) for one in people]
    return [task.result() for task in tasks]


@asynccontextmanager
async def all_streaming(people: list[Neighbour], url: str) -> AsyncIterator[Counter[str]]:
    """Every one of them has a stream open; how often which frame was the first."""
    async with AsyncExitStack() as stack:
        first: Counter[str] = Counter()

        async def opens(one: Neighbour) -> None:
            async with one.gate:
                first[await stack.enter_async_context(one.streaming(url))] += 1

        await all_of(people, opens)
        yield first


def command(redis: str, port: int = 0, **settings: str) -> Any:
    """A server on this store; again on the same port after a restart."""
    return serving(
        *("--port", str(port), "--no-page", "--redis-url", redis, "--drain-s", "1"),
        DUOLOGUE_SECRET=SECRET,
        **settings,
    )


@pytest.mark.parametrize("forgotten", [False, True], ids=["known", "forgotten"])
async def test_500_people_behind_one_address(redis7: StoreServer, forgotten: bool) -> None:
    """All begin, open a stream and join at once; after a restart all are back at once, and none is refused.

    ``forgotten``: the store lost everything meanwhile, so they are all new to it.
    """
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        gate = asyncio.Semaphore(AT_ONCE)
        people = [Neighbour(session, gate, number) for number in range(PEOPLE)]
        with command(redis7.url) as server:
            url, port = server.url, server.port
            await all_of(people, lambda one: one.begins(url))
            async with all_streaming(people, url) as first:
                assert first == {"snapshot": PEOPLE}
                joined = await all_of(people, lambda one: one.post(url, "/v1/join", intent=1, tags=["a"]))
                assert {each["outcome"] for each in joined} <= {"waiting", "matched"}
                await all_of(people, lambda one: one.post(url, "/v1/pulse"))
                server.stop()
        if forgotten:
            with redis7.client() as client:
                client.flushall()
        with command(redis7.url, port) as server:
            async with all_streaming(people, url) as first:
                assert first == {"snapshot": PEOPLE}
                await all_of(people, lambda one: one.post(url, "/v1/join", intent=1, tags=["a"]))
    answers = sum((one.said for one in people), Counter())
    assert answers == {200: 5 * PEOPLE, 201: PEOPLE}


async def test_with_a_limit_of_a_hundred_they_would_be_refused(redis7: StoreServer) -> None:
    """The control: the very same beginning, with an address's bucket that is too small for them."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        gate = asyncio.Semaphore(AT_ONCE)
        people = [Neighbour(session, gate, number) for number in range(150)]
        with command(redis7.url, DUOLOGUE_LIMIT="sessions=,600/100") as server:
            said = await all_of(people, lambda one: one.post(server.url, "/v1/sessions", cookie=False))
    assert sum("token" in each for each in said) in range(100, 120)
    assert any(each.get("code") == "too-many" for each in said)


@pytest.mark.parametrize(("trusted", "refused"), [("127.0.0.1", 0), ("10.0.0.1", 5)])
async def test_who_is_behind_a_proxy(redis7: StoreServer, trusted: str, refused: int) -> None:
    """Eight people behind a proxy on this machine: eight addresses if it is trusted, else one."""
    said = []
    burst = {"DUOLOGUE_LIMIT": "sessions=,600/3"}
    with command(redis7.url, 0, DUOLOGUE_TRUSTED_PROXIES=trusted, **burst) as server:
        async with aiohttp.ClientSession() as session:
            for n in range(8):
                behind = {"X-Forwarded-For": f"203.0.113.{n}"}
                async with session.post(f"{server.url}/v1/sessions", json={}, headers=behind) as answer:
                    said.append(answer.status)
    assert said.count(429) == refused
    assert said.count(201) == 8 - refused
