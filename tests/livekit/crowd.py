"""People on Duologue servers with LiveKit rooms: clients of the real protocol, who talk and press Next."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from duologue.client import Client, Exchange, Model, SimulatedMedia
from duologue.client.http import HttpTransport, http_session
from duologue.client.model import Input, Measures
from duologue.client.vocabulary import MediaWord, State
from tests.chaos.couple import Failover

TALK_S = 0.1
"""The shortest time that a person looks before Next; the others are told by them."""


class Person:
    """One page, and what it showed."""

    def __init__(
        self, name: str, servers: Sequence[HttpTransport], exchange: Exchange, talk_s: float
    ) -> None:
        self.talk_s = talk_s
        self.matches: set[str] = set()
        self.early: set[str] = set()
        """Matches of which a grant came though the room was not ready, or none though it was."""
        self.told_ms: list[int] = []
        """From each press of a partner's Next to this page knowing of it."""
        self.alone_ms: list[int] = []
        self._last = Measures()
        media = SimulatedMedia(exchange)
        self.client = Client(Failover(servers), alias=name, media=media, watch=self._saw, asks=False)

    def _saw(self, model: Model, event: Input) -> None:
        last, self._last = self._last, model.measures
        for kept, before, now in (
            (self.told_ms, last.told_ms, model.measures.told_ms),
            (self.alone_ms, last.alone_ms, model.measures.alone_ms),
        ):
            if now is not None and now != before:
                kept.append(now)
        if model.match is None:
            return
        media = model.match.media
        self.matches.add(model.match_id)
        if media["kind"] == "livekit" and bool(media["ready"]) is not ("token" in media):
            self.early.add(model.match_id)

    @property
    def state(self) -> State | None:
        """As their own client believes."""
        return self.client.model.state.state if self.client.model.state else None

    def talks(self) -> bool:
        """Return whether they have a partner, in a room that exists, and see each other."""
        match = self.client.model.match
        return bool(
            match and match.media.get("ready", True) and self.client.model.media.word is MediaWord.OPEN
        )

    @property
    def match(self) -> str:
        """On screen now."""
        return self.client.model.match_id

    def reads_no_video(self) -> bool:
        """Waits, and reads why."""
        state = self.client.model.state
        return state is not None and state.state is State.WAITING and not state.media_available

    async def skip_on(self, is_over: Callable[[], bool]) -> None:
        """Talks and presses Next, again and again."""
        while not is_over():
            with contextlib.suppress(TimeoutError):
                await self.client.until(lambda _: self.talks(), 1)
                await asyncio.sleep(self.talk_s)
                self.client.next()


class Crowd:
    """All of them."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = people

    @property
    def matches(self) -> set[str]:
        """Every match that a person ever read of."""
        return set().union(*(person.matches for person in self.people))

    def start(self) -> None:
        for person in self.people:
            person.client.start()

    def stop(self) -> None:
        for person in self.people:
            person.client.stop()

    async def skip_until(self, is_over: Callable[[], bool]) -> None:
        """All people skip, so every match has two who may end it."""
        async with asyncio.TaskGroup() as group:
            for person in self.people:
                group.create_task(person.skip_on(is_over))

    async def all_are(self, condition: Callable[[Person], bool], within_s: float) -> list[str]:
        """Wait until it is true of all people; return the people of whom it is not true."""
        end = time.monotonic() + within_s
        while (others := [p for p in self.people if not condition(p)]) and time.monotonic() < end:  # noqa: ASYNC110 # eight clients, no one event
            await asyncio.sleep(0.05)
        return [f"{p.client.session.alias}: {p.client.model.state}" for p in others]


@contextlib.asynccontextmanager
async def crowd(count: int, *servers: str) -> AsyncIterator[Crowd]:
    """Connected within it; each asks the servers in an order of their own."""
    exchange = Exchange()
    async with http_session() as session, contextlib.AsyncExitStack() as stack:
        people = []
        for n in range(count):
            order = [*servers[n % len(servers) :], *servers[: n % len(servers)]]
            transports = [HttpTransport(session, url) for url in order]
            person = Person(f"person {n}", transports, exchange, TALK_S * (1 + n % 4))
            await stack.enter_async_context(person.client.running())
            people.append(person)
        yield Crowd(people)
