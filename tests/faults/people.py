"""People who talk, write and press Next, each behind relays of their own; and what their screens showed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random

import aiohttp

from duologue.client import Client, Exchange, Model, Preferences, SimulatedMedia
from duologue.client.errors import ClientError
from duologue.client.http import HttpTransport
from duologue.client.model import Input, Link, Message
from duologue.client.vocabulary import MediaWord, Outcome
from tests.chaos.couple import Failover
from tests.faults.house import House
from tests.relay import CALM, Relay, Weather

PATIENCE_S = 20.0
WORDS = "größer, 大きい, 👋"
"""Of every length that a character has in UTF-8."""

Texts = dict[int, str]
Pressed = Callable[["Person", str, float], None]
"""A person ends a match, at an instant of the event loop's clock."""


class Person:
    """One client of the real protocol."""

    def __init__(
        self, name: str, pool: str, relays: Sequence[Relay], http: aiohttp.ClientSession, exchange: Exchange
    ) -> None:
        """``relays``: their ways to the servers, the first is asked first."""
        self.name, self.pool, self.relays = name, pool, relays
        self.transport = Failover([HttpTransport(http, relay.url) for relay in relays])
        self.media = SimulatedMedia(exchange)
        self.client = Client(self.transport, alias=f"{name} {WORDS}", media=self.media, watch=self._saw)
        self.chats: dict[str, Texts] = {}
        """Of each match, as it was last on screen."""
        self.accepted: dict[str, Texts] = {}
        """What the server took, by its own numbers."""
        self.left_at: dict[str, float] = {}
        """When a match was last on screen."""
        self.on_press: Pressed = lambda _person, _match, _at: None
        self.reasons: list[str] = []
        """Why each match ended, as the screen said."""
        self._match = ""

    def _saw(self, model: Model, _: Input) -> None:
        if model.chat.match:
            self.chats[model.chat.match] = texts(model.chat.messages)
        if model.match_id != self._match:
            if self._match:
                self.left_at[self._match] = asyncio.get_running_loop().time()
                ended = model.state.ended if model.state else None
                if ended and ended.match == self._match:
                    self.reasons.append(ended.reason)
            self._match = model.match_id

    @property
    def id(self) -> str:
        """As the store knows them."""
        return self.client.session.person

    @property
    def match(self) -> str:
        """On screen now."""
        return self.client.model.match_id

    def start(self, language: str = "") -> None:
        """Look for a partner in their pool."""
        self.client.start(Preferences(pool=self.pool, language=language))

    def next(self) -> None:
        """Press Next."""
        if self.match:
            self.on_press(self, self.match, asyncio.get_running_loop().time())
        self.client.next()

    async def until(self, condition: Callable[[Model], bool]) -> Model:
        """Within patience."""
        return await self.client.until(condition, PATIENCE_S)

    async def say(self, text: str) -> bool:
        """Whether the server took it."""
        match = self.match
        with contextlib.suppress(ClientError):
            reply = await self.client.say(f"{text}: {WORDS}")
            if reply.outcome is Outcome.SENT:
                self.accepted.setdefault(match, {})[reply.n] = f"{text}: {WORDS}"
                return True
        return False

    async def talk(self, over: asyncio.Event, every_s: float) -> None:
        """Send one line after another to the present partner."""
        n = 0
        while not over.is_set():
            if self.match:
                n += 1
                await self.say(f"{self.name} {n}")
            await passed(over, every_s)

    async def skip(self, over: asyncio.Event, random: Random, within_s: tuple[float, float]) -> None:
        """Next, again and again, and a word to each stranger."""
        while not over.is_set():
            if self.match:
                await self.say(f"hello from {self.name}")
            await passed(over, random.uniform(*within_s))
            if not over.is_set():
                self.next()


def texts(messages: Sequence[Message]) -> Texts:
    """By their numbers."""
    return {message.n: message.text for message in messages}


async def passed(over: asyncio.Event, seconds: float) -> None:
    """So long, or until it is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await over.wait()


class Town:
    """Where people come from: each connects by ways of their own."""

    def __init__(self, house: House, http: aiohttp.ClientSession, weather: Weather = CALM) -> None:
        self.people: list[Person] = []
        self.http = http
        self._house, self._weather = house, weather
        self._exchange = Exchange()
        self._stack = contextlib.AsyncExitStack()
        self._closing = asyncio.Event()
        self._pages: list[asyncio.Future[None]] = []

    @contextlib.asynccontextmanager
    async def inhabited(self) -> AsyncIterator[Town]:
        """At its end all people have gone."""
        async with self._stack:
            try:
                yield self
            finally:
                self._closing.set()
                await asyncio.gather(*self._pages)

    async def person(self, name: str, pool: str = "main", *, first: int = 0) -> Person:
        """Return a person who is not connected yet; ``first``: the server that they ask first."""
        servers = [*self._house.servers[first:], *self._house.servers[:first]]
        relays = [
            await self._stack.enter_async_context(
                Relay(server.url, self._weather, seed=100 * len(self.people) + n).running()
            )
            for n, server in enumerate(servers)
        ]
        made = Person(name, pool, relays, self.http, self._exchange)
        self.people.append(made)
        return made

    async def connect(self, person: Person, page: str = "") -> None:
        """Their page is open."""
        opened = asyncio.Event()
        # A task a page: what a test asserts would come out wrapped in each client's task group.
        self._pages.append(asyncio.ensure_future(self._stay(person.client, page, opened)))
        await opened.wait()

    async def _stay(self, client: Client, page: str, opened: asyncio.Event) -> None:
        async with client.running(page):
            opened.set()
            await self._closing.wait()

    async def arrives(self, name: str, pool: str = "main", *, first: int = 0) -> Person:
        """Return a person whose stream is open."""
        person = await self.person(name, pool, first=first)
        await self.connect(person)
        await person.until(lambda model: model.link is Link.OPEN and model.state is not None)
        return person

    async def couple(self, pool: str, *, first: int = 0) -> tuple[Person, Person]:
        """Two people in a conversation, media up on both sides."""
        one = await self.arrives(f"{pool} one", pool, first=first)
        two = await self.arrives(f"{pool} two", pool, first=len(self._house.servers) - 1 - first)
        await meet(one, two)
        return one, two


async def meet(one: Person, two: Person) -> str:
    """With each other: the match."""
    for person in (one, two):
        person.start()
    for person in (one, two):
        await person.until(lambda m: m.match is not None and m.media.word is MediaWord.OPEN)
    return one.match
