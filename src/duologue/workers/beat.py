"""The beat: every 0.5 s this process shows that it hears and is heard (mechanism 6).

It probes its own subscription first and beats only when the probe came back,
so that a deaf process stops beating and is buried. What follows from not
beating is decided here too: suspicion after 1 s, ``unavailable`` after 2 s,
``reconnect`` after 10 s.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from duologue.delivery.clock import Clock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.pairing.vocabulary import Beat as Answer
from duologue.pairing.vocabulary import ProcessId
from duologue.store.client import StoreError
from duologue.workers.supervisor import jittered

PERIOD_S = 0.5
ECHO_S = 0.5
"""With the period, silence is noticed 1 s after the last echo: re-attaching must begin sooner than
the shortest deadline, 3 s (race E29)."""
CALL_S = 1.0
UNAVAILABLE_S = 2.0
ELSEWHERE_S = 10.0


class Heart(Protocol):
    """The part of ``pairing.machine.Machine`` that is about processes; see there."""

    async def echo(self, process: ProcessId, token: str, /) -> None:
        """Publish the token on the process's own channel."""

    async def beat(self, process: ProcessId, on_sse: int, on_poll: int, /) -> Answer:
        """The process lives, and holds so many people by streams and by polls."""


class Beat:
    """One round: probe, echo, beat. Sends nothing any more once the process drains."""

    name = "beat"

    def __init__(
        self, machine: Heart, hub: Hub, contact: Contact, clock: Clock, *, reopen: Callable[[], None]
    ) -> None:
        """``reopen``: open the subscription anew (``Feed.reopen``): a deaf one may look healthy (E9)."""
        self._machine = machine
        self._hub = hub
        self._contact = contact
        self._clock = clock
        self._reopen = reopen
        self._sent_elsewhere_at_s = 0.0

    async def run_once(self) -> None:
        """Beat if we can; whatever it came to, tell the people if that has not been possible for long."""
        if self._contact.draining:
            return
        self._look_at_the_time()
        try:
            await self._beat()
        finally:
            self._look_at_the_time()

    async def pause(self) -> None:
        """Half a second, or until people must be told."""
        if (at_most_s := self._at_most_s(PERIOD_S)) < PERIOD_S:
            await self._clock.sleep(at_most_s)
        else:
            await jittered(self._clock, PERIOD_S)

    def _at_most_s(self, seconds: float) -> float:
        """That, but not past the moment at which people must be told: a hung store must not delay it."""
        left_s = UNAVAILABLE_S - self._contact.away_s()
        return min(seconds, left_s) if left_s > 0 else seconds

    async def _beat(self) -> None:
        if not await self._hears():
            self._contact.suspect("deaf")
            return
        if self._contact.draining:
            return
        on_sse, on_poll = self._contact.held_here
        sent_s = self._clock.monotonic()
        async with asyncio.timeout(self._at_most_s(CALL_S)):
            answer = await self._machine.beat(self._hub.process, on_sse, on_poll)
        self._contact.beaten(answer, sent_s, self._clock.monotonic())

    async def _hears(self) -> bool:
        try:
            async with asyncio.timeout(self._at_most_s(CALL_S)):
                await self._machine.echo(self._hub.process, self._contact.probe())
        except (StoreError, TimeoutError):
            return False
        heard = await self._contact.hears(self._at_most_s(ECHO_S))
        if not heard:
            self._reopen()
        return heard

    def _look_at_the_time(self) -> None:
        away_s = self._contact.away_s()
        if away_s < UNAVAILABLE_S:
            self._hub.available()
            self._sent_elsewhere_at_s = 0.0
            return
        self._hub.tell_unavailable()
        if away_s - self._sent_elsewhere_at_s >= ELSEWHERE_S:
            self._sent_elsewhere_at_s = away_s
            self._hub.send_elsewhere()
