"""docs/from-polling.md, played under people who talk: polls, both, the verdict, streams, and back."""

import asyncio
import contextlib
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from http import HTTPStatus

import aiohttp
import pytest

from duologue.client import By, ByteStream, Exchange, Link, Timings, Unreached
from duologue.client.http import HttpTransport, http_session
from duologue.client.transport import Answer
from duologue.client.vocabulary import Outcome
from tests.chaos.couple import Failover, Seat
from tests.servers import StoreServer
from tests.serving import Serving, clean_environment

COUPLES = 5
TIMINGS = Timings(first_frame_s=1.0, return_s=2.0, compare_s=0.15, report_s=0.5)
"""Quicker than the protocol's: 1,000 reads in some 15 s, below the limit of each person's reads."""
SLOW_TO_RETURN = Timings(first_frame_s=1.0, return_s=600.0, compare_s=0.15, report_s=0.5)
SAY_S = 1.0
"""Between two lines of one person; the limit is 120 a minute."""
PATIENCE_S = 40.0


class Proxy:
    """What stands between one person and the servers: it may hold event streams back."""

    def __init__(self, servers: Sequence[HttpTransport]) -> None:
        self._inner = Failover(servers)
        self._holding = asyncio.Event()

    def hold_streams_back(self) -> None:
        """Those that are open break, and new ones bring nothing. All else gets through."""
        self._holding.set()

    def let_streams_pass(self) -> None:
        """From the next one on."""
        self._holding.clear()

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        return await self._inner.request(method, path, token=token, body=body)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, *, token: str, last_event_id: str = "") -> AsyncIterator[ByteStream]:
        if self._holding.is_set():
            yield HeldBack()
            return
        async with self._inner.stream(path, token=token, last_event_id=last_event_id) as stream:
            yield Cuttable(stream, self._holding)


class HeldBack:
    """Opened, and nothing comes."""

    status = 200

    async def read(self) -> bytes:
        await asyncio.Event().wait()
        return b""


class Cuttable:
    """Breaks when it is told to."""

    def __init__(self, inner: ByteStream, cut: asyncio.Event) -> None:
        self._inner = inner
        self._cut = cut

    @property
    def status(self) -> int:
        return self._inner.status

    async def read(self) -> bytes:
        reading = asyncio.ensure_future(self._inner.read())
        cutting = asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait((reading, cutting), return_when=asyncio.FIRST_COMPLETED)
            if self._cut.is_set():
                raise Unreached("cut")
            return await reading
        finally:
            for waiting in (reading, cutting):
                waiting.cancel()
            await asyncio.gather(reading, cutting, return_exceptions=True)


class Site:
    """Two servers on one store, whose transports an operator changes, one server at a time."""

    def __init__(self, store: StoreServer, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._options = ("--redis-url", store.url, "--no-page")
        self._secret = secrets.token_urlsafe(32)
        self._ports = [free_port(), free_port()]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self.servers: list[Serving] = []

    def start(self, number: int, transports: str) -> Serving:
        """That server, ready."""
        port = ("--port", str(self._ports[number]))
        given = (*self._options, *port, "--transports", transports, "--compare-percent", "100")
        return Serving(*given, DUOLOGUE_SECRET=self._secret).ready()

    async def open(self, transports: str) -> None:
        """Both."""
        for number in range(2):
            self.servers.append(await asyncio.to_thread(self.start, number, transports))

    async def switch(self, transports: str, settled: Callable[[], bool]) -> None:
        """A rolling restart with another setting; ``settled``: when the next one may go."""
        for number in range(2):
            assert await asyncio.to_thread(self.servers[number].stop) == 0
            self.servers[number] = await asyncio.to_thread(self.start, number, transports)
            await eventually(settled, f"everybody is back after server {number} began to serve {transports}")

    async def verdict(self) -> tuple[bool, str]:
        """As ``GET /transports`` says."""
        async with self._http.get(f"{self.servers[0].ops_url}/transports") as answer:
            found = (await answer.json())["verdict"]
            return found["safe"], found["why"]

    async def until_said(self, safe: bool, words: str) -> str:
        """Wait for that verdict: its sentence."""
        said: tuple[bool, str] = (False, "")
        async with asyncio.timeout(PATIENCE_S):
            while said[0] is not safe or words not in said[1]:
                await asyncio.sleep(0.2)
                said = await self.verdict()
        return said[1]

    async def others_agree(self, people: int) -> None:
        """So many more people, who are not played, say that their reads agreed with their streams."""
        for _ in range(people):
            async with self._http.post(f"{self.urls[0]}/v1/sessions", json={"cookie": False}) as answer:
                token = (await answer.json())["token"]
            headers = {"Authorization": f"Bearer {token}"}
            claim = f"{self.urls[0]}/v1/comparisons"
            async with self._http.post(claim, json={"same": 20}, headers=headers) as answer:
                assert answer.status == HTTPStatus.OK

    async def shown(self) -> str:
        """What ``duologue transports`` prints."""
        command = [sys.executable, "-m", "duologue", "transports", self.servers[1].ops_url]
        done = await asyncio.to_thread(
            subprocess.run, command, env=clean_environment({}), capture_output=True, text=True, check=True
        )
        return done.stdout

    def close(self) -> None:
        """Whatever still runs."""
        for server in self.servers:
            server.kill()


class People:
    """Couples who talk; the first of the first couple is behind a proxy that may hold streams back."""

    def __init__(self, site: Site, http: aiohttp.ClientSession) -> None:
        exchange = Exchange()
        servers = [HttpTransport(http, url) for url in site.urls]
        self.proxies = [Proxy(servers[::step]) for _ in range(COUPLES) for step in (1, -1)]
        self.seats = [
            Seat(f"Guest {n}", proxy, exchange, TIMINGS if n else SLOW_TO_RETURN)
            for n, proxy in enumerate(self.proxies)
        ]
        self.said: dict[str, list[str]] = {}
        """Of each match, what the server accepted."""
        self.over = False

    @contextlib.asynccontextmanager
    async def talking(self) -> AsyncIterator["People"]:
        """All of them talk, each with a partner, with a message every second until it is ``over``."""
        async with contextlib.AsyncExitStack() as stack:
            for seat in self.seats:
                await stack.enter_async_context(seat.client.running())
                seat.client.start()
            for seat in self.seats:
                await seat.client.until(lambda model: model.match is not None, PATIENCE_S)
            async with asyncio.TaskGroup() as group:
                for seat in self.seats:
                    group.create_task(self._talk(seat))
                yield self

    async def _talk(self, seat: Seat) -> None:
        number = 0
        while not self.over:
            number += 1
            text = f"{seat.client.model.page} {number}"
            reply = await seat.client.say(text)
            if reply.outcome is Outcome.SENT:
                self.said.setdefault(seat.client.model.match_id, []).append(text)
            await asyncio.sleep(SAY_S)

    @property
    def away(self) -> list[int]:
        """Whose screens said that their partner is away."""
        return [n for n, seat in enumerate(self.seats) if seat.away]

    def partner_of(self, number: int) -> int:
        """Who else is in that match."""
        match = self.seats[number].client.model.match_id
        [found] = [n for n, s in enumerate(self.seats) if n != number and s.client.model.match_id == match]
        return found

    def look_anew(self) -> None:
        """What screens said until now does not count any more."""
        for seat in self.seats:
            seat.away = False

    async def read_everything(self) -> None:
        """Each has had one conversation, and every line of it that the server took is on screen, once."""
        for seat in self.seats:
            [match] = seat.matches
            said = self.said[match]
            await eventually(partial(_has_read, seat, said), "every line on both screens")
            numbers = [line.n for line in seat.client.model.chat.messages]
            assert numbers == list(range(1, len(said) + 1))

    def all_by(self, *by: By) -> bool:
        """Return whether all people have a connection of one of these kinds."""
        models = [seat.client.model for seat in self.seats]
        return all(model.link is Link.OPEN and model.by in by for model in models)


def _has_read(seat: Seat, said: list[str]) -> bool:
    return sorted(seat.texts) == sorted(said)


@pytest.mark.timeout(180)
async def test_from_polls_to_streams_and_nobody_notices(valkey9: StoreServer) -> None:
    """Each has one conversation from the first phase to the last: never away or alone, every line once."""
    async with http_session() as http:
        site = Site(valkey9, http)
        try:
            await site.open("poll")
            async with People(site, http).talking() as people:
                await migrate(site, people)
                people.over = True
                await people.read_everything()
        finally:
            site.close()


async def migrate(site: Site, people: People) -> None:
    """The four phases, as the page says."""
    slow = people.proxies[0]
    assert people.all_by(By.POLL)
    assert "0 people" in await site.until_said(False, "50 people are needed")

    # Streams beside polls. One person's proxy holds them back.
    slow.hold_streams_back()
    await site.switch("both", lambda: people.all_by(By.SSE, By.POLL))
    others = people.seats[1:]
    await eventually(
        lambda: all(seat.client.model.by is By.SSE for seat in others), "streams, where they get through"
    )
    assert people.seats[0].client.model.by is By.POLL
    await site.until_said(False, "50 people are needed")
    await site.others_agree(49)
    await site.until_said(False, "1 person polls: streams do not reach them")
    assert people.away == []
    assert "Not safe to switch polling off: 1 person polls" in await site.shown()

    # The proxy is put right; the network comes back, so that nobody waits for the next trial.
    slow.let_streams_pass()
    people.seats[0].client.nudge()
    await eventually(lambda: people.all_by(By.SSE), "streams for everybody")
    await site.until_said(True, "agreed with their reads, and no one polls")
    assert "Polling can be switched off" in await site.shown()

    # Somebody's stream breaks at the very moment, and they poll; their partner is told of that, and no more.
    slow.hold_streams_back()
    await eventually(lambda: people.seats[0].client.model.by is By.POLL, "one person polls again")
    await eventually(lambda: people.seats[0].client.model.link is Link.OPEN, "and is answered")
    assert people.away == [people.partner_of(0)]
    people.look_anew()
    slow.let_streams_pass()
    await site.switch("sse", lambda: people.all_by(By.SSE, By.POLL))
    await eventually(lambda: people.all_by(By.SSE), "streams for everybody again")

    # And all the way back.
    await site.switch("poll", lambda: people.all_by(By.SSE, By.POLL))
    await eventually(lambda: people.all_by(By.POLL), "everybody polls, as at the beginning")
    assert people.away == []


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """A condition that nothing announces."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 # several people's models
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


def free_port() -> int:
    """Return a free port; a server that is restarted keeps its port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
