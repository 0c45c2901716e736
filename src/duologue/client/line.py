"""One page's connection, kept open: when it ends, falls quiet, or is sent elsewhere, it comes back.

It is a stream wherever streams get through, and polls where they do not. A stream may be tried beside what
there is (a *trial*): its first frame makes it the connection, and until then nothing is given up.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from duologue.client.api import Api
from duologue.client.backoff import full_jitter
from duologue.client.clock import Clock
from duologue.client.doubt import Doubt
from duologue.client.errors import Refused, Unreached
from duologue.client.fallback import End, Fallback
from duologue.client.model import By, Link
from duologue.client.poll import Known, poll_on
from duologue.client.session import Session
from duologue.client.sse import Event, Parser
from duologue.client.stream import QUIET_S, read_stream
from duologue.client.timings import Timings
from duologue.client.transport import Transport
from duologue.client.vocabulary import Frame, parse_frame

HOLD_S = 2.0
"""Between two polls a connection counts as open for 3 s: no trial of a stream may last longer without one."""
RETURN_SOON_S = 5.0
"""Of the first trial, if what stopped the streams may have been a server that was down."""
POLLS_FAILED = 3
"""Polls that fail so often in a row may be what does not get through."""
RETRY_BASE_S = 0.5
"""Until a stream's ``retry:`` says otherwise. A partner waits 5 s: the first tries come quickly."""
RETRY_CAP_S = 30.0
"""Spares a server that is down for long, and one that is back: its people return spread over 30 s."""

NETWORK_FULL = "network-full"
"""The code of a refused poll, and the reason of a ``reconnect``: enough people are here from this network."""

BANNED = "banned"
"""The reason of a session that a moderator ended: another one would not help."""
FINAL = {"taken-over": Link.TAKEN_OVER, "session-ended": Link.ENDED}


class Slot:
    """A connection, or what will be one: a task that ends with it."""

    def __init__(self) -> None:
        self.closed = False
        self.task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Nothing of it counts any more, and its socket closes."""
        self.closed = True
        _cancel(self.task)


class Line:
    """The connection of one page id after another. ``on_frame`` and ``on_link`` are called in order."""

    def __init__(
        self,
        transport: Transport,
        api: Api,
        session: Session,
        clock: Clock,
        *,
        random: Callable[[], float],
        known: Callable[[], Known],
        on_frame: Callable[[Frame], None],
        on_link: Callable[[Link, By], None],
        timings: Timings,
        on_blocked: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """``known``: what the page has, for a poll to name."""
        self._transport = transport
        self._api = api
        self._session = session
        self._clock = clock
        self._random = random
        self._known = known
        self._on_frame = on_frame
        self._on_link = on_link
        self._timings = timings
        self._doubt = Doubt(on_blocked)
        self._group: asyncio.TaskGroup | None = None
        self._told: tuple[Link, By] = (Link.CLOSED, By.SSE)
        self._begin("")

    async def run(self, page: str) -> None:
        """Until another page has taken over or the session is over, as ``on_link`` says.

        Cancelled, the sockets close.
        """
        self._begin(page)
        self._told = (Link.CLOSED, By.SSE)
        over = self._over
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._become(Link.CONNECTING)
            self._connect()
            await over.wait()

    def close(self) -> None:
        """Nothing counts any more; whoever runs it cancels that, too. Can be repeated."""
        self._drop()
        self._drop_trial()
        _cancel(self._reaching)
        self._doubt.clear()
        self._told = (Link.CLOSED, By.SSE)

    @property
    def by(self) -> By:
        """Of what kind the connection is."""
        return self._by

    def nudge(self) -> None:
        """Do now what is due later: the network is back.

        A delay that the server named stays: it spreads people who come back.
        """
        if self._named:
            return
        if self._current is None and self._told[0] is Link.AWAY:
            self._connect()
        elif self._returning is not None:
            self._return()

    def unauthorized(self) -> None:
        """A command was refused for want of a session: the connection must have lost it too."""
        if self._told[0] is Link.OPEN:
            self._drop()
            self._become(Link.AWAY)
            self._retry()

    def renewed(self) -> None:
        """There is a new token: a stream goes over to it, and nothing is missed. Polls name it anyway."""
        if self._told == (Link.OPEN, By.SSE):
            self._try()

    # --- within ----------------------------------------------------------------------

    def _begin(self, page: str) -> None:
        self._page = page
        self._by = By.SSE
        self._fallback = Fallback()
        self._transports = ""
        self._last_id = ""
        self._retry_s = RETRY_BASE_S
        self._attempt = 0
        self._left_s = 0.0
        """When the first of these attempts was planned, by the monotonic clock."""
        self._heard = False
        """The current stream, or any poll since streams were given up, brought something."""
        self._returns_soon = False
        self._named = False
        """Whether the server named the delay after which this page comes back."""
        self._current: Slot | None = None
        self._trial: Slot | None = None
        self._coming: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._trying: asyncio.Task[None] | None = None
        self._reaching: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    def _connect(self) -> None:
        self._drop()
        self._current = self._open(self._link_up)

    async def _link_up(self, slot: Slot) -> None:
        try:
            await self._session.ensure(self._api)
        except (Refused, Unreached) as error:
            if not slot.closed:
                self._no_session(error)
            return
        if self._by is By.POLL:
            await self._poll(slot)
        else:
            self._heard = False
            patient = self._fallback.barred and not self._doubt.raised
            await self._stream(slot, QUIET_S if patient else self._timings.first_frame_s)

    def _no_session(self, error: Refused | Unreached) -> None:
        if isinstance(error, Refused) and not error.passing:
            self._finish(Link.ENDED)
            return
        self._drop()
        self._become(Link.AWAY)
        self._retry(error.retry_after_s if isinstance(error, Refused) else 0.0)

    # --- streams ---------------------------------------------------------------------

    async def _stream(self, slot: Slot, first_s: float) -> None:
        parser = Parser(self._last_id)

        def take(event: Event) -> bool:
            if slot is self._trial:
                self._tried(event)
            if not slot.closed:
                self._event(event, parser.retry_ms)
            return not slot.closed

        path = f"/v1/events?page={self._page}"
        opening = self._transport.stream(path, token=self._session.token, last_event_id=self._last_id)
        end = await read_stream(opening, parser, self._clock, first_s=first_s, take=take)
        if slot.closed:
            return
        if slot is self._trial:
            self._abandon()
        else:
            self._stream_ended(end)

    def _event(self, event: Event, retry_ms: int | None) -> None:
        self._last_id = event.id
        self._retry_s = (retry_ms or 0) / 1000 or self._retry_s
        self._heard = True
        self._fallback.streamed()
        self._doubt.clear()
        frame = parse_frame(event.data)
        if frame:
            self._take(frame)

    def _stream_ended(self, end: End) -> None:
        early = not self._heard
        self._drop()
        if self._trial is not None:
            self._await_trial()
            return
        if end.status == HTTPStatus.UNAUTHORIZED:
            self._session.refused()
        elif end.final and end.status != HTTPStatus.NOT_FOUND:
            self._finish(Link.ENDED)
            return
        if early:
            self._fallback.failed(end)
        self._become(Link.AWAY)
        if early and self._fallback.wants_poll:
            self._by, self._heard = By.POLL, False
            self._returns_soon = self._fallback.may_pass
            self._connect()
        else:
            if early and self._fallback.failing:
                self._raise_doubt()
            self._retry()

    def _raise_doubt(self) -> None:
        if self._reaching is None or self._reaching.done():
            self._reaching = self._spawn(self._reach(self._doubt.round))

    async def _reach(self, asked_in: int) -> None:
        """Ask whether the server answers a request that is neither a stream nor a poll."""
        self._doubt.answered(await self._api.reaches(token=self._session.token), asked_in)

    def _take(self, frame: Frame) -> None:
        if frame.transports:
            self._transports = frame.transports
            self._fallback.serves(frame.transports)
        if frame.type in FINAL:
            if frame.type == "session-ended":
                self._on_frame(frame)
                if frame.reason != BANNED:
                    self._session.refused()  # the next open asks for a new session first
            self._finish(FINAL[frame.type])
        elif frame.type == "reconnect":
            self._drop()
            self._become(Link.AWAY)
            self._named = frame.reason != NETWORK_FULL  # this page may be on another network by now
            self._later(frame.after_ms / 1000)
            self._on_frame(frame)
        else:
            if frame.type != "unavailable":
                self._attempt = 0
            self._become(self._link_by(frame))
            self._on_frame(frame)

    def _link_by(self, frame: Frame) -> Link:
        away = self._told[0] is Link.AWAY
        # Of a server that has lost its store a heartbeat says only that the stream lives.
        return Link.AWAY if frame.type == "unavailable" or (away and frame.type == "heartbeat") else Link.OPEN

    # --- polls -----------------------------------------------------------------------

    async def _poll(self, slot: Slot) -> None:
        def take(frame: Frame) -> bool:
            if not slot.closed:
                self._polled(frame)
            return not slot.closed

        end = await poll_on(
            self._page,
            lambda query, timeout_s: self._api.poll(query, token=self._session.token, timeout_s=timeout_s),
            lambda: replace(self._known(), after=self._last_id),
            self._clock,
            random=self._random,
            take=take,
            goes_on=lambda: not slot.closed and self._goes_on(),
        )
        if end is not None and not slot.closed:
            self._poll_ended(end)

    def _polled(self, frame: Frame) -> None:
        self._heard = True
        self._doubt.clear()
        if frame.type == "message":
            self._last_id = f"{frame.match}:{frame.n}:{frame.at_ms}"
        self._take(frame)
        self._plan_return()

    def _goes_on(self) -> bool:
        """A poll answered while a stream is tried may have been replaced by it: the next would replace it."""
        if self._trial is None:
            return True
        self._current = None
        self._await_trial()
        return False

    def _poll_ended(self, end: End) -> None:
        self._drop()
        if self._trial is not None:
            self._await_trial()
            return
        self._become(Link.AWAY)
        if end.status == HTTPStatus.UNAUTHORIZED:
            self._session.refused()
        if end.code == NETWORK_FULL:
            # Told as a stream tells it. No instant of the server's is known: 0 is none that counts.
            self._on_frame(
                Frame("reconnect", 0, reason=NETWORK_FULL, after_ms=round(end.retry_after_s * 1000))
            )
        if end.final:
            self._fallback.barred = True
        if end.final or (end.status == 0 and not self._heard):
            self._raise_doubt()  # a refusal that passes is an answer: polls are not blocked
        if end.final or not self._heard or self._attempt >= POLLS_FAILED:
            self._by = By.SSE
        self._retry(end.retry_after_s)

    # --- a stream tried beside what there is -----------------------------------------

    def _plan_return(self) -> None:
        if self._by is By.POLL and self._transports == "both" and self._returning is None and self._current:
            about_s = (
                min(RETURN_SOON_S, self._timings.return_s) if self._returns_soon else self._timings.return_s
            )
            self._returns_soon = False
            self._returning = self._after(about_s * (0.8 + 0.4 * self._random()), self._return)

    def _return(self) -> None:
        _cancel(self._returning)
        self._returning = None
        if self._told[0] is Link.OPEN:
            self._try()

    def _try(self) -> None:
        if self._trial is None:
            first_s = self._timings.first_frame_s
            self._trial = self._open(lambda slot: self._stream(slot, first_s))
            # Its own deadline is of its first event; this one is shortened once there is nothing else.
            self._trying = self._after(first_s, self._abandon)

    def _tried(self, event: Event) -> None:
        """The first event of the trial: it is the connection now, unless the server wants it later."""
        frame = parse_frame(event.data)
        if frame is not None and frame.type == "reconnect":
            self._abandon()
            return
        _cancel(self._trying)
        trial, self._trial = self._trial, None
        self._drop()
        self._current, self._by = trial, By.SSE

    def _await_trial(self) -> None:
        """What there was is over, and the stream that is tried has a moment to show that this is why."""
        _cancel(self._trying)
        self._trying = self._after(HOLD_S, self._abandon)

    def _abandon(self) -> None:
        self._drop_trial()
        if self._current is None:
            self._connect()
        else:
            self._plan_return()

    # --- ends and waits --------------------------------------------------------------

    def _retry(self, asked_s: float = 0.0) -> None:
        now_s = self._clock.monotonic()
        if self._attempt == 0:
            self._left_s = now_s
        self._attempt += 1
        # Short draws in a row would raise the span beyond the time that was lost so far, and a page would
        # be away long after the fault.
        cap_s = min(RETRY_CAP_S, self._retry_s + 2 * (now_s - self._left_s))
        jitter_s = full_jitter(self._attempt - 1, base_s=self._retry_s, cap_s=cap_s, random=self._random)
        self._later(asked_s + jitter_s)

    def _later(self, seconds: float) -> None:
        _cancel(self._coming)
        self._coming = self._after(seconds, self._connect)

    def _finish(self, link: Link) -> None:
        self._drop()
        self._drop_trial()
        _cancel(self._reaching)
        self._doubt.clear()
        self._become(link)
        self._over.set()

    def _drop(self) -> None:
        self._named = False
        for task in (self._coming, self._returning):
            _cancel(task)
        self._coming = self._returning = None
        if self._current is not None:
            self._current.close()
        self._current = None

    def _drop_trial(self) -> None:
        _cancel(self._trying)
        if self._trial is not None:
            self._trial.close()
        self._trial = None

    def _become(self, link: Link) -> None:
        if self._told != (link, self._by):
            self._told = (link, self._by)
            self._on_link(link, self._by)

    def _open(self, work: Callable[[Slot], Coroutine[Any, Any, None]]) -> Slot:
        slot = Slot()
        slot.task = self._spawn(work(slot))
        return slot

    def _after(self, seconds: float, act: Callable[[], None]) -> asyncio.Task[None]:
        async def wait() -> None:
            await self._clock.sleep(seconds)
            act()

        return self._spawn(wait())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._group is not None, "only while it runs"
        return self._group.create_task(work)


def _cancel(task: asyncio.Task[None] | None) -> None:
    """Unless it is the one that asks: it ends by itself."""
    if task is not None and task is not asyncio.current_task():
        task.cancel()
