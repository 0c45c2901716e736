"""The client of one person: the reducer, and around it the code that carries out its effects."""

import asyncio
import random as system_random
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, assert_never

from duologue.client.absence import AWAY_S
from duologue.client.api import Api
from duologue.client.clock import Clock, SystemClock
from duologue.client.comparing import Comparing
from duologue.client.courier import Courier
from duologue.client.line import Line
from duologue.client.media import Media, NoMedia
from duologue.client.model import (
    After,
    AskPartner,
    Blocked,
    By,
    Command,
    Effect,
    FaceSeen,
    FrameRead,
    Hear,
    Input,
    Link,
    LinkChanged,
    MediaSaid,
    Model,
    NewPage,
    NextPressed,
    Preferences,
    Pressed,
    ReadState,
    RepeatDue,
    Send,
    Slept,
    TimerFired,
    Vouched,
)
from duologue.client.poll import Known
from duologue.client.reducer import reduce
from duologue.client.session import Session, Supply
from duologue.client.timings import Timings
from duologue.client.transport import Transport
from duologue.client.vocabulary import Frame, MediaWord, Reply, Wish

REPEAT_S = 2.5
"""How often a lasting problem is reported again."""

TICK_S = 1.0
"""How often a running program notes that it runs."""

ANYBODY = Preferences()
USUAL = Timings()

Watcher = Callable[[Model, Input], None]
"""Called after each input with the model after it. An exception ends the client."""


def fresh_id(prefix: str) -> str:
    """Return 96 random bits."""
    return prefix + secrets.token_urlsafe(12)


class Client:
    """One person's client. ``start``, ``next`` and ``stop`` are what a person presses; everything else
    happens in the background."""

    def __init__(
        self,
        transport: Transport,
        *,
        alias: str = "",
        token: str = "",
        device: str = "",
        tokens: Supply | None = None,
        media: Media | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = system_random.random,
        watch: Watcher | None = None,
        timings: Timings = USUAL,
        asks: bool = True,
    ) -> None:
        """Take the settings; nothing is sent before ``running``.

        ``alias``: what partners read, at most 64 characters. ``token``: a token of an earlier session, or
        one that an operator signed; without it a guest begins. ``device``: the device of an earlier
        session. ``tokens``: gets a token from a host's back end, in place of both. It is called before the
        first connection, after half of each token's life, and when the server refuses one. ``media``: how
        picture and sound travel; without it each match ends after 10 s. ``clock``, ``random`` (in [0, 1)):
        for tests. ``timings``: when the client does what. ``asks``: whether a program that did not run for
        longer than 5 s waits for another ``start`` before the next partner; a program without a person need
        not.
        """
        self.model = Model(asks=asks)
        self._clock = clock or SystemClock()
        self._media = media or NoMedia()
        self._media.bind(self)
        self._watch = watch
        self._random = random
        self.session = Session(self._clock, alias=alias, token=token, device=device, supply=tokens)
        self._api = Api(transport, self._clock)
        self._line = Line(
            transport,
            self._api,
            self.session,
            self._clock,
            random=random,
            known=self._known,
            on_frame=self._read,
            on_link=self._linked,
            timings=timings,
            on_blocked=lambda blocked: self.dispatch(Blocked(blocked)),
        )
        self._courier = Courier(
            self._api,
            self.session,
            self._clock,
            random=random,
            model=lambda: self.model,
            dispatch=self.dispatch,
            unauthorized=self._line.unauthorized,
        )
        self._comparing = Comparing(
            self._api,
            self.session,
            self._clock,
            random=random,
            timings=timings,
            spawn=self._spawn,
            missed=lambda: self._run(ReadState()),
        )
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lining: asyncio.Task[None] | None = None
        self._repeating: asyncio.Task[None] | None = None
        self._ran = (self._clock.now_ms() / 1000, self._clock.monotonic())
        self._inputs: deque[Input] = deque()
        self._busy = False
        self._changed = asyncio.Event()

    # --- what its person does --------------------------------------------------------

    @asynccontextmanager
    async def running(self, page: str = "") -> AsyncIterator["Client"]:
        """Connect inside the block, as this page (a new one by default).

        Leaving it closes every socket and tells the server nothing: like a reload it does not end a
        conversation; ``stop`` does.
        """
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._spawn(self._media.run())
            self._spawn(self._tick())
            self._spawn(self.session.keep(self._api, renewed=self._line.renewed, random=self._random))
            self.open(page)
            try:
                yield self
            finally:
                self._line.close()
                self._comparing.stop()
                self._group = None
                self._media.leave()
                for task in self._tasks:
                    task.cancel()

    def open(self, page: str = "") -> None:
        """Connect as a new page, to take over again from another one."""
        if self._lining:
            self._lining.cancel()
        self._line.close()
        self._comparing.stop()
        page = page or fresh_id("p_")
        self.dispatch(NewPage(page))
        self._lining = self._spawn(self._line.run(page))

    def start(self, preferences: Preferences = ANYBODY) -> None:
        """Look for a partner; if that is so already, change the preferences."""
        self.dispatch(Pressed(Wish.TALK, preferences))

    def stop(self) -> None:
        """Stop looking, and leave the present conversation."""
        self.dispatch(Pressed(Wish.REST, self.model.own.preferences if self.model.own else ANYBODY))

    def next(self) -> None:
        """End the conversation on screen and look for the next partner; without a conversation do nothing."""
        self.dispatch(NextPressed())

    def saw_face(self, match: str) -> None:
        """Report that the partner's first picture is on screen, which a press of Next waited for. The
        server counts the time."""
        self.dispatch(FaceSeen(match))

    def nudge(self) -> None:
        """Report that the network is back: retries that were planned for later happen now."""
        self._line.nudge()

    async def say(self, text: str) -> Reply:
        """Send text to the partner; ``stale`` if the match is over. Raises ``Refused``, ``Unreached``."""
        match, key = self.model.match_id, fresh_id("k_")
        return await self._ask("messages", {"match": match, "key": key, "text": text})

    async def block(self, match: str, *, skip: bool = False) -> Reply:
        """Never meet the partner of that match again; possible until 15 min after it. Raises as ``say``."""
        return await self._ask("blocks", {"match": match, "skip": skip})

    async def report(self, match: str, reason: str, *, text: str = "", skip: bool = False) -> Reply:
        """Report to the operator, with the match's messages; this includes a block. Raises as ``say``."""
        body = {"match": match, "key": fresh_id("k_"), "reason": reason, "skip": skip}
        return await self._ask("reports", body | ({"text": text} if text else {}))

    async def confirm(self) -> Reply | None:
        """Confirm the warning in ``model.sanction``; ``None``: there is none. Raises as ``say``."""
        sanction = self.model.sanction
        return await self._ask("confirm", {"sanction": sanction.sanction}) if sanction else None

    async def until(self, condition: Callable[[Model], bool], timeout_s: float = 30.0) -> Model:
        """Return the first model for which the condition holds. Raises ``TimeoutError``."""
        async with self._clock.timeout(timeout_s):
            while not condition(self.model):
                self._changed.clear()
                await self._changed.wait()
        return self.model

    # --- what media tells ------------------------------------------------------------

    def media_said(self, match: str, word: MediaWord | None) -> None:
        """See ``MediaListener``."""
        self.dispatch(MediaSaid(match, word))

    def vouched(self, match: str) -> None:
        """See ``MediaListener``."""
        self.dispatch(Vouched(match))

    def signal(self, match: str, data: Mapping[str, Any]) -> None:
        """See ``MediaListener``."""
        body = {"match": match, "key": fresh_id("k_"), "data": {**data, "from": self.model.page}}
        if self._group:
            self._spawn(self._courier.carry(Send(Command("signal", match), body)))

    # --- within ----------------------------------------------------------------------

    def _read(self, frame: Frame) -> None:
        """Compare what a stream brought with reads, if the server asks for it; polls are not compared."""
        if self._line.by is By.SSE:
            self._comparing.take(frame)
        self.dispatch(FrameRead(frame))

    def _linked(self, link: Link, by: By) -> None:
        if link is not Link.OPEN or by is not By.SSE:
            self._comparing.stop()
        self.dispatch(LinkChanged(link, by))

    def _known(self) -> Known:
        model = self.model
        version = model.state.version if model.state else None
        return Known(version, model.media.match, model.signal_n, model.signal_at_ms)

    def dispatch(self, event: Input) -> None:
        """Process an input; inputs that it causes are processed after it."""
        if self._has_slept():
            self._inputs.append(Slept())
        self._inputs.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                self._step(self._inputs.popleft())
        finally:
            self._busy = False

    def _has_slept(self) -> bool:
        """Return whether the program did not run for a while until now.

        Linux stops the monotonic clock while a machine sleeps, and the other clock can be set, so the
        longer span counts.
        """
        before, self._ran = self._ran, (self._clock.now_ms() / 1000, self._clock.monotonic())
        return max(now - then for now, then in zip(self._ran, before, strict=True)) > AWAY_S

    def _step(self, event: Input) -> None:
        before = self.model
        self.model, effects = reduce(before, event, self._clock.now_ms())
        if self._group is None:
            return
        self._follow(before)
        for effect in effects:
            self._run(effect)
        self._changed.set()
        if self._watch:
            self._watch(self.model, event)

    def _follow(self, before: Model) -> None:
        model = self.model
        if _call(model) != _call(before):
            if model.match and model.match.is_open:
                self._media.enter(model.match)
            else:
                self._media.leave()
        if model.wants_repeat == (self._repeating is not None):
            return
        if self._repeating:
            self._repeating.cancel()
        self._repeating = self._spawn(self._repeat()) if model.wants_repeat else None

    def _run(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._spawn(self._courier.carry(effect))
            case ReadState():
                self._spawn(self._courier.read_state())
            case AskPartner():
                self._media.ask()
            case Hear(_, data):
                self._media.hear(data)
            case After(what, seconds):
                self._spawn(self._fire(TimerFired(what), seconds))
            case _:
                assert_never(effect)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._group is not None, "only while it is running"
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask(self, name: str, body: Mapping[str, Any]) -> Reply:
        return await self._courier.ask(Command(name, str(body["match"])), body)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            if self._has_slept():
                self.dispatch(Slept())

    async def _repeat(self) -> None:
        while True:
            await self._clock.sleep(REPEAT_S)
            self.dispatch(RepeatDue())

    async def _fire(self, event: Input, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.dispatch(event)


def _call(model: Model) -> tuple[str, str]:
    """Return the call that media is in: of this match and page, once it can begin (a LiveKit room opens
    later)."""
    return (model.match_id, model.page) if model.match and model.match.is_open else ("", "")
