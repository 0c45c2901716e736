"""The beat: every 0.5 s this process shows that it hears the store and that the store hears it.

It first sends a message to itself over its own subscription (a self check), and beats only when that
message came back, so a deaf process stops beating and is buried. It also decides what follows: suspicion 1
s after the last sign of the store; ``unavailable`` when the store answered nothing for 2 s, or we are deaf
for so long; and after 10 s ``reconnect`` for a few streams per second, if another process was seen beating.
A slow store is not unavailable: no person is told of it, and the beat waits for it.
"""

import asyncio
from collections.abc import Callable

from duologue.delivery.clock import Clock
from duologue.delivery.contact import AWAY_S, Contact
from duologue.delivery.hub import Hub
from duologue.pairing.machine import Machine
from duologue.store.client import StoreError
from duologue.workers.supervisor import jittered

PERIOD_S = 0.5
ECHO_S = 0.5
"""With the period, silence is noticed 1 s after the last echo: re-attaching must begin sooner than
the shortest deadline, 3 s (race E29)."""
SILENT_S = 1.0
"""A probe that is not answered for so long, and nothing else either: we may hear nothing any more."""
CALL_S = 2.0
"""As long as the store's client waits for an answer."""
SLOW_S = 0.2
"""A call that waits for so long before it is sent: then commands are refused, signs of life among them."""
SLOW_ATTACH_S = 1.0
"""How long a stream waits for its attach before it is told: an away person has at least 1 s."""
HELD_UP_S = 2.0
"""A round that begins so long after the last one was held up with the whole process (a pause takes 0.6 s)."""
ELSEWHERE_S = 10.0
ELSEWHERE_SHARE = 0.02
"""Of the streams that there are, sent elsewhere per second: other processes must take them in."""


class Beat:
    """One round: probe, echo, beat. Sends nothing any more once the process drains."""

    name = "beat"

    def __init__(
        self, machine: Machine, hub: Hub, contact: Contact, clock: Clock, *, reopen: Callable[[], None]
    ) -> None:
        """Take the parts. ``reopen``: open the subscription again (``Feed.reopen``), because a deaf one may
        look healthy (race E9)."""
        self._machine = machine
        self._hub = hub
        self._contact = contact
        self._clock = clock
        self._reopen = reopen
        self._looked_at_s = clock.monotonic()
        self._counts = False
        """Whether the store ever counted us as a subscriber; a store behind a proxy may count no one."""
        self._reached = True
        """Whether the last self check can come back; if it reached no subscriber, we are deaf."""
        self._leaving = 0
        """Streams that there were when the first one was sent elsewhere."""
        self._left_at_s = 0.0
        self._owed = 0.0
        """Streams that are to be sent elsewhere by now: what is less than one waits for the next look."""

    async def run_once(self) -> None:
        """Beat if we can; whatever it came to, tell the people if that has not been possible for long."""
        if self._contact.draining:
            return
        if self._clock.monotonic() - self._looked_at_s > HELD_UP_S:
            self._contact.held_up()
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
        left_s = AWAY_S - self._contact.away_s()
        return min(seconds, left_s) if left_s > 0 else seconds

    async def _beat(self) -> None:
        # A self check that is published before the subscription stands does not come back.
        begun = self._contact.sequence.begun
        if not begun.is_set() and not await self._clock.wait(begun, self._at_most_s(ECHO_S)):
            return
        if not await self._hears() or self._contact.draining:
            return
        on_sse, on_poll = self._contact.held_here
        sent_s = self._clock.monotonic()
        async with asyncio.timeout(self._at_most_s(CALL_S)):
            answer = await self._machine.beat(self._hub.process, on_sse, on_poll, is_slow=self._is_slow)
        self._contact.beaten(answer, sent_s, self._clock.monotonic())
        self._contact.lists.counted(answer.listed, self._contact.people_here, self._hub.under_way)

    @property
    def _is_slow(self) -> bool:
        """Whether signs of life wait here, or are refused, through no fault of their people."""
        return self._contact.behind_s() > SLOW_S or self._hub.attaches.oldest_s > SLOW_ATTACH_S

    async def _hears(self) -> bool:
        if not await self._probed():
            return False
        heard = self._reached and await self._contact.hears(self._at_most_s(ECHO_S))
        if not heard:
            self._contact.deaf()
            self._reopen()
        return heard

    async def _probed(self) -> bool:
        """Return whether the store took our probe; while it answers nothing, we may be deaf as well."""
        began_s = self._clock.monotonic()
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(self._probe())
            await asyncio.wait([probing], timeout=self._at_most_s(SILENT_S))
            silent = not probing.done() or not probing.result()
            if silent and not self._contact.answered_since(began_s):
                self._contact.suspect("deaf")
        return probing.result()

    async def _probe(self) -> bool:
        try:
            async with asyncio.timeout(self._at_most_s(CALL_S)):
                heard_by = await self._machine.echo(self._hub.process, self._contact.probe())
        except (StoreError, TimeoutError):
            return False
        self._counts = self._counts or heard_by > 0
        self._reached = heard_by > 0 or not self._counts
        return True

    def _look_at_the_time(self) -> None:
        self._looked_at_s = self._clock.monotonic()
        if not self._contact.is_away:
            self._hub.available()
            self._leaving = 0
            return
        self._hub.tell_unavailable()
        if self._contact.away_s() >= ELSEWHERE_S and self._contact.others:
            self._send_some_elsewhere()

    def _send_some_elsewhere(self) -> None:
        now_s = self._clock.monotonic()
        if not self._leaving:
            self._leaving, self._left_at_s, self._owed = self._hub.streams, now_s, 0.0
        self._owed += self._leaving * ELSEWHERE_SHARE * (now_s - self._left_at_s)
        self._left_at_s = now_s
        whole = int(self._owed)
        self._owed -= whole
        self._hub.send_elsewhere(whole)
