"""A person who polls and a person with a stream, over real sockets and two real servers: they meet, talk,
part.

The people are HTTP clients that follow the protocol; there is no browser.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from tests.e2e.table import Table
from tests.servers import StoreServer
from tests.serving import Serving, serving

pytestmark = pytest.mark.timeout(180)
PATIENCE_S = 20
OPTIONS = ("--no-page", "--transports", "both")


class Someone:
    """A person with a token, and what their screen would show: the last state, and all texts."""

    def __init__(self, name: str, servers: Sequence[Serving]) -> None:
        self.name = name
        self.servers = list(servers)
        self.state: dict[str, Any] = {"state": "unknown"}
        self.texts: dict[int, str] = {}
        self.away: list[float] = []
        """Note when the partner was said to be away, each time, by the monotonic clock of the test."""
        self.waits_since = 0.0
        self.answered = ""
        """The last match that they pulsed for."""
        self.http = httpx.AsyncClient(timeout=30, trust_env=False)
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def arrive(self) -> None:
        """With a session, and connected: the first state is there."""
        answer = await self.http.post(
            f"{self.servers[0].url}/v1/sessions", json={"alias": self.name, "cookie": False}
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        self._task = asyncio.ensure_future(self.connect())
        await self.until(lambda: self.state["state"] != "unknown")

    async def go(self) -> None:
        """As a killed browser: all of their sockets close."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.http.aclose()

    async def connect(self) -> None:
        """Hold a connection, for as long as they are there."""
        raise NotImplementedError

    async def post(self, path: str, **body: Any) -> None:
        """A command that is accepted."""
        answer = await self.http.post(f"{self.servers[0].url}/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the screen shows it."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._told.clear()
                await self._told.wait()

    async def saw(self, state: dict[str, Any]) -> None:
        """A state was read: pulse for a match or a probe, as the protocol asks."""
        before, self.state = self.state, state
        match = state.get("match")
        if is_away(state) and not is_away(before):
            self.away.append(time.monotonic())
        if state["state"] == "waiting" != before["state"]:
            self.waits_since = time.monotonic()
        self._told.set()
        if match:
            await self.post("pulse", match=match["match"], media="silent" if is_away(state) else "open")
            self.answered = match["match"]
            self._told.set()

    def heard(self, message: dict[str, Any]) -> None:
        """A text message was read."""
        assert message["n"] not in self.texts, "read twice"
        self.texts[message["n"]] = message["text"]
        self._told.set()

    @property
    def match(self) -> str:
        """``""`` unless matched."""
        return str(self.state["match"]["match"]) if "match" in self.state else ""


def is_away(state: dict[str, Any]) -> bool:
    """Whether it says that the partner's connection dropped."""
    return "match" in state and state["match"]["partner"]["away_until_ms"] is not None


class Streams(Someone):
    """By the event stream of the first server."""

    async def connect(self) -> None:
        url = f"{self.servers[0].url}/v1/events?page={self.name}"
        async with self.http.stream("GET", url) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    await self._take(json.loads(line.removeprefix("data: ")))

    async def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "message":
            self.heard(event)
        if "state" in event:
            await self.saw(event["state"])


class Polls(Someone):
    """By one poll after the other, each at the next server, as a proxy without affinity sends them."""

    def __init__(self, name: str, servers: Sequence[Serving]) -> None:
        super().__init__(name, servers)
        self.asks = True
        """False: the poll under way is the last one."""
        self.polls = 0
        self.served: set[int] = set()

    async def connect(self) -> None:
        query: dict[str, Any] = {"page": self.name, "wait_ms": 5_000}
        while self.asks:
            at = self.polls % len(self.servers)
            self.polls += 1
            try:
                answer = await self.http.get(f"{self.servers[at].url}/v1/state", params=query)
            except httpx.TransportError:  # a server that goes: the next one is asked, as at first
                query.pop("version", None)
                continue
            self.served.add(at)
            read = answer.json()
            assert answer.status_code == 200, read
            for message in read["messages"]:
                self.heard(message)
            await self.saw(read["state"])
            query["version"] = read["state"]["version"]
            query["after"] = f"{self.match or 'none'}:{max(self.texts, default=0) if self.match else 0}"


@pytest.fixture
def servers(valkey9: StoreServer) -> Iterator[list[Serving]]:
    """Two on one store, which live for the test."""
    store = {"REDIS_URL": valkey9.url, "DUOLOGUE_SECRET": "e" * 32}
    with serving(*OPTIONS, **store) as one, serving(*OPTIONS, **store) as other:
        yield [one, other]


@contextlib.asynccontextmanager
async def couple(servers: list[Serving]) -> AsyncIterator[tuple[Streams, Polls]]:
    """Ada, who streams, and Bob, who polls both servers, in a match whose media is up."""
    ada, bob = Streams("Ada", servers), Polls("Bob", servers)
    try:
        for one in (ada, bob):
            await one.arrive()
            await one.post("join", intent=int(time.time() * 1000))
        await ada.until(lambda: ada.answered != "")
        await bob.until(lambda: bob.answered == ada.answered)
        yield ada, bob
    finally:
        await ada.go()
        await bob.go()


async def test_they_talk_and_skip(servers: list[Serving]) -> None:
    """Every message arrives once and in order, a skip at once, and neither ever reads *away*."""
    async with couple(servers) as (ada, bob):
        first = ada.match
        for n in range(1, 13):
            await (ada if n % 2 else bob).post("messages", match=first, key=f"k{n}", text=f"text {n}")
        await ada.until(lambda: len(ada.texts) == 12)
        await bob.until(lambda: len(bob.texts) == 12)
        said = {n: f"text {n}" for n in range(1, 13)}
        assert ada.texts == bob.texts == said
        assert list(ada.texts) == list(bob.texts) == list(said)
        assert bob.served == {0, 1}, "both servers answered polls"
        await bob.post("skip", match=first)
        await ada.until(lambda: ada.state["state"] == "waiting")
        assert ada.state["ended"]["reason"] == "partner-skipped"
        await bob.until(lambda: bob.state["state"] == "waiting")
        assert ada.away == bob.away == []


async def test_who_polls_stays_while_nothing_happens(servers: list[Serving]) -> None:
    """Through polls that bring no news: Ada reads nothing at all."""
    async with couple(servers) as (ada, bob):
        version, polls = ada.state["version"], bob.polls
        async with asyncio.timeout(PATIENCE_S):
            while bob.polls < polls + 2:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.1)
        assert ada.state["version"] == version
        assert ada.match == bob.match != ""


@pytest.mark.parametrize("when", ["in a poll", "between two polls"])
async def test_who_polls_and_goes(servers: list[Serving], table: Table, when: str) -> None:
    """Invariant 7: told at 3 s, free at 8 s, since their sockets closed or their last poll was answered."""
    async with couple(servers) as (ada, bob):
        with table.row(f"B polls and goes, {when}", told=3, free=8) as row:
            if when == "between two polls":
                bob.asks = False
                await ada.post("messages", match=ada.match, key="k1", text="are you there?")
                await bob.until(lambda: bool(bob.texts))
            gone_at = time.monotonic()
            await bob.go()
            await ada.until(lambda: bool(ada.away))
            row.told_s = ada.away[0] - gone_at
            await ada.until(lambda: ada.state["state"] == "waiting")
            row.free_s = ada.waits_since - gone_at
            assert row.told_s >= 2.5, "not before the time between two polls is over"


async def test_a_server_goes_under_a_poll(servers: list[Serving]) -> None:
    """SIGTERM: the waiting poll is answered, the next one reaches the other server, and no one reads
    *away*."""
    async with couple(servers) as (ada, bob):
        polls = bob.polls
        servers[1].stop()  # not the one of Ada's stream
        bob.servers = servers[:1]
        await ada.post("messages", match=ada.match, key="k1", text="still there?")
        await bob.until(lambda: bob.texts == {1: "still there?"})
        await bob.post("messages", match=bob.match, key="k2", text="yes")
        await ada.until(lambda: len(ada.texts) == 2)
        assert bob.polls > polls
        assert ada.away == []
