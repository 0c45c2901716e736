"""A crowd: polite people, and five kinds of rude ones, each with a client of the real protocol."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from random import Random

from duologue.client import Client, Exchange, SimulatedMedia
from duologue.client.api import Api
from duologue.client.clock import SystemClock
from duologue.client.errors import ClientError
from duologue.client.http import HttpTransport
from duologue.client.model import Input, Model
from duologue.client.vocabulary import Outcome
from tests.chaos.diary import Diary
from tests.chaos.gate import Gate, GateClock, GateTransport, now_ms

TALK_S = (0.5, 8.0)
"""How long a polite person looks at another before they press Next."""


class Person:
    """A person with a separate session; their page may come and go."""

    polite = True

    def __init__(
        self,
        name: str,
        servers: Sequence[HttpTransport],
        exchange: Exchange,
        random: Random,
        group: asyncio.TaskGroup,
        polls: bool,
    ) -> None:
        """``group``: where their page runs. ``polls``: no stream reaches them."""
        self.polls = polls
        self.diary = Diary(name, self.polite)
        self.random = random
        self.gate = Gate()
        self.over = False
        self._exchange = exchange
        self._transport = GateTransport(self.gate, servers, random, streams=not polls)
        self._api = Api(self._transport, SystemClock())
        self._clock = GateClock(self.gate)
        self._token = ""
        self._group = group
        self._closing = asyncio.Event()
        self._page: asyncio.Task[None] | None = None
        self.client = Client(self._transport)
        self.media = SimulatedMedia(exchange)

    # --- their page ------------------------------------------------------------------

    async def come(self) -> None:
        """A new load of the page, and Start."""
        self.media = SimulatedMedia(self._exchange, self._clock)
        self.client = Client(
            self._transport,
            alias=self.diary.name,
            token=self._token,
            media=self.media,
            clock=self._clock,
            watch=self._saw,
            asks=False,  # a crowd that keeps this process busy for 5 s has not slept
        )
        self._closing = asyncio.Event()
        opened = asyncio.Event()
        self._page = self._group.create_task(self._stay(self._closing, opened))
        await opened.wait()
        self.client.start()

    async def go(self) -> None:
        """The tab is closed: no ``leave``, the sockets drop. Can be repeated."""
        self._closing.set()
        if self._page:
            await self._page

    async def _stay(self, closing: asyncio.Event, opened: asyncio.Event) -> None:
        async with self.client.running():
            opened.set()
            await closing.wait()

    def _saw(self, model: Model, event: Input) -> None:
        self._token = self.client.session.token
        self.diary.saw(model)

    # --- their hand ------------------------------------------------------------------

    @property
    def match(self) -> str:
        """On screen now."""
        return self.client.model.match_id

    def next(self) -> None:
        """Press Next."""
        if self.match:
            self.diary.skips.setdefault(self.match, now_ms())
        self.client.next()

    def stop(self) -> None:
        """Press Stop."""
        self.diary.leaves.append(now_ms())
        self.client.stop()

    async def pause(self, low: float, high: float) -> None:
        """For a while, or until the crowd goes home."""
        await asyncio.sleep(self.random.uniform(low, high))

    async def until_matched(self) -> bool:
        """Whether they were, within a few seconds."""
        with contextlib.suppress(TimeoutError):
            await self.client.until(lambda model: bool(model.match_id), 3)
        return bool(self.match)

    async def talk(self, low: float, high: float) -> None:
        """Talk with the present partner, for as long as either wants."""
        match = self.match
        with contextlib.suppress(TimeoutError):
            await self.client.until(lambda model: model.match_id != match, self.random.uniform(low, high))

    async def live(self) -> None:
        """Live until the crowd goes home; after it, stay and talk with the present partner."""
        while not self.over:
            await self.turn()

    async def turn(self) -> None:
        """Again and again: talk, press Next; sometimes Stop for a moment, sometimes say something."""
        if not await self.until_matched():
            return
        match = self.match
        if self.random.random() < 0.2:
            with contextlib.suppress(ClientError):
                await self.client.say("hello")
        await self.talk(*TALK_S)
        if self.over or self.match != match:
            return
        if self.random.random() < 0.05:
            self.stop()
            await self.pause(0.2, 2)
            self.client.start()
        else:
            self.next()

    # --- what only rude people do ----------------------------------------------------

    async def _demand(self, name: str, allowed: Sequence[Outcome], **body: object) -> None:
        """A command past the client; only the allowed outcomes are right."""
        with contextlib.suppress(ClientError):
            reply = await self._api.command(name, body, token=self._token)
            if reply.outcome not in allowed:
                self.diary.wrong.append(f"{name} {body} was answered {reply.outcome}")


class Closer(Person):
    """Closes the tab in mid-conversation or while waiting, and comes back some time later, or soon."""

    polite = False

    async def turn(self) -> None:
        await self.until_matched()
        await self.pause(0.3, 5)
        if self.over:
            return
        await self.go()
        self.diary.went("unpolled" if self.polls else "closed")
        await self.pause(*self.random.choice(((0.2, 2), (6, 10))))
        self.diary.comes_back()
        await self.come()
        with contextlib.suppress(TimeoutError):
            await self.client.until(lambda model: model.state is not None, 10)
        self.diary.came_back()


class Freezer(Person):
    """Stands still for seconds with sockets open: a laptop's lid, a busy page."""

    polite = False

    async def turn(self) -> None:
        await self.until_matched()
        await self.pause(0.1, 5)
        if self.over:
            return
        self.gate.freeze()
        self.media.frozen = True
        # What was under way may still count as a sign of theirs: they are gone once it arrived.
        while self.gate.under_way:  # noqa: ASYNC110 # what other tasks have sent
            await asyncio.sleep(0.01)
        self.diary.went("frozen")
        await self.pause(*self.random.choice(((1, 4), (6, 12))))
        self.media.frozen = False
        self.diary.came_back()
        self.gate.thaw()


class Flash(Person):
    """Skips within a second of each match."""

    polite = False

    async def turn(self) -> None:
        if await self.until_matched():
            await self.talk(0.0, 1.0)
            if not self.over:
                self.next()


class Repeater(Person):
    """Lives like others, and repeats every old command again and again."""

    polite = False

    async def turn(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(super().turn())
            group.create_task(self._repeat())

    async def _repeat(self) -> None:
        old = [m for m, meeting in self.diary.meetings.items() if meeting.ended_ms is not None]
        for match in old[-4:]:
            await self._demand("skip", (Outcome.STALE, Outcome.SKIPPED), match=match)
            await self._demand("pulse", (Outcome.STALE,), match=match, media="failed")
            await self._demand("messages", (Outcome.STALE,), match=match, key="k", text="too late")
        state = self.client.model.state
        if state and state.intent:
            await self._demand("leave", (Outcome.STALE,), intent=state.intent - 1)
            await self._demand("join", (Outcome.STALE,), intent=state.intent - 1)
        await self.pause(0.1, 0.5)


class Guesser(Person):
    """Lives like others, and tries matches of other people: guessed or overheard."""

    polite = False
    overheard: Callable[[], str] = staticmethod(lambda: "")
    """Return a match that another person is in now."""

    async def turn(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(super().turn())
            group.create_task(self._guess())

    async def _guess(self) -> None:
        for match in ("m_" + secrets.token_urlsafe(12), self.overheard()):
            if not match or match == self.match or match in self.diary.meetings:
                continue
            for name, more in (
                ("skip", {}),
                ("pulse", {"media": "failed"}),
                ("messages", {"key": "k", "text": "who is this?"}),
                ("signal", {"key": "k", "data": {"from": "p_x", "bye": True}}),
                ("ack", {"of": "room-closing"}),
            ):
                await self._demand(name, (Outcome.STALE,), match=match, **more)
            await self._demand("blocks", (Outcome.UNKNOWN_MATCH,), match=match, skip=True)
        await self.pause(0.1, 0.5)


RUDE: tuple[type[Person], ...] = (Closer, Freezer, Flash, Repeater, Guesser)
