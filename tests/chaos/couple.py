"""Two people in a conversation, whose own media never stops: whatever happens to servers and stores."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from duologue.client import Client, Exchange, Model, SimulatedMedia, Timings
from duologue.client.errors import Unreached
from duologue.client.http import HttpTransport, http_session
from duologue.client.model import Input, Link
from duologue.client.pulses import owes
from duologue.client.transport import Answer, ByteStream, Transport
from duologue.client.vocabulary import MediaWord, Outcome

PATIENCE_S = 30.0
USUAL = Timings()


class Seat:
    """One of the two, and what their screen said."""

    def __init__(self, name: str, transport: Transport, exchange: Exchange, timings: Timings = USUAL) -> None:
        self.matches: list[str] = []
        """Each match that was ever on screen."""
        self.away = False
        """The screen said at some time that the partner is away."""
        self.snapshots = 0
        self.links: list[Link] = []
        media = SimulatedMedia(exchange)
        self.client = Client(transport, alias=name, media=media, watch=self._saw, timings=timings)

    def _saw(self, model: Model, event: Input) -> None:
        self.snapshots = model.snapshots
        if not self.links or self.links[-1] is not model.link:
            self.links.append(model.link)
        if model.match:
            if model.match_id not in self.matches:
                self.matches.append(model.match_id)
            self.away = self.away or model.match.partner.away_until_ms is not None

    @property
    def texts(self) -> list[str]:
        """The conversation, as it is on screen."""
        return [message.text for message in self.client.model.chat.messages]


class Couple:
    """Both of them."""

    def __init__(self, one: Seat, two: Seat) -> None:
        self.one, self.two = one, two

    @property
    def seats(self) -> Sequence[Seat]:
        return (self.one, self.two)

    async def meet(self) -> str:
        """With each other, media up, three lines said: the match."""
        for seat in self.seats:
            seat.client.start()
        await self.until(lambda m: m.match is not None and m.media.word is MediaWord.OPEN)
        for number, seat in enumerate((self.one, self.two, self.one), 1):
            assert await self.say(seat, f"line {number}") is Outcome.SENT
        return self.one.client.model.match_id

    async def say(self, seat: Seat, text: str) -> Outcome:
        """And both have it on screen."""
        outcome = (await seat.client.say(text)).outcome
        if outcome is Outcome.SENT:
            await self.until(lambda m: text in [message.text for message in m.chat.messages])
        return outcome

    async def until(self, condition: Callable[[Model], bool]) -> None:
        """True of both."""
        for seat in self.seats:
            await seat.client.until(condition, PATIENCE_S)

    async def lost(self) -> None:
        """Both have noticed that the stream is gone, or that its server has lost the store."""
        await self.until(lambda model: model.link is not Link.OPEN)

    async def back(self) -> float:
        """Both are on an open stream again and owe nothing: after how many seconds."""
        before = time.monotonic()
        # A met sign raises no version, so the state may go on showing it: whether it was answered counts.
        await self.until(lambda m: m.link is Link.OPEN and m.state is not None and not owes(m))
        return time.monotonic() - before


class Failover:
    """The first of several servers that answers, as behind a load balancer."""

    def __init__(self, servers: Sequence[HttpTransport]) -> None:
        self._servers = servers

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        for server in self._servers[:-1]:
            with contextlib.suppress(Unreached):
                return await server.request(method, path, token=token, body=body)
        return await self._servers[-1].request(method, path, token=token, body=body)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, *, token: str, last_event_id: str = "") -> AsyncIterator[ByteStream]:
        async with contextlib.AsyncExitStack() as stack:
            yield await self._first(stack, path, token, last_event_id)

    async def _first(
        self, stack: contextlib.AsyncExitStack, path: str, token: str, last_event_id: str
    ) -> ByteStream:
        for server in self._servers[:-1]:
            with contextlib.suppress(Unreached):
                return await stack.enter_async_context(
                    server.stream(path, token=token, last_event_id=last_event_id)
                )
        last = self._servers[-1].stream(path, token=token, last_event_id=last_event_id)
        return await stack.enter_async_context(last)


@contextlib.asynccontextmanager
async def couple(ones: Sequence[str], twos: Sequence[str]) -> AsyncIterator[Couple]:
    """Connected within it, each to the first server of theirs that answers."""
    exchange = Exchange()
    async with http_session() as session:
        one, two = (
            Seat(name, Failover([HttpTransport(session, url) for url in urls]), exchange)
            for name, urls in (("Ada", ones), ("Grace", twos))
        )
        async with one.client.running(), two.client.running():
            yield Couple(one, two)


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """A condition that nothing announces, within patience."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        await asyncio.sleep(0.02)
