"""The polling connections of one process, and the time that each may stay away between two polls.

A loop whose round waits for the one that has been away longest.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Iterator

from duologue.delivery.clock import Clock
from duologue.delivery.connection import End
from duologue.delivery.hub import Hub, new_connection_id
from duologue.delivery.poll import Asked, Asking, Poll, Untold
from duologue.pairing.vocabulary import NO_MARKS, Marks, PageId, PersonId

LINGER_S = 3.0
"""Between two polls a connection counts as open for so long."""
LATE_S = 1.0
"""A round that is later than this was held up with the whole process, and so were the polls."""


class Polls:
    """Polls are asked here; the connections behind them are held by the hub, as streams are.

    Example::

        polls = Polls(hub, clock)
        with polls.ask(person, page, Asked(version=7, wait_s=15), alias="Ann") as asking:
            reply = await asking.reply()
    """

    name = "polls"

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self.hub = hub
        self._clock = clock
        self._by_page: dict[tuple[PersonId, PageId], Poll] = {}
        self._away: deque[tuple[float, Poll, int]] = deque()
        """When the time is up, for whom, and how many polls there were: all stay away equally long, so it is
        in order; one who came back is passed over."""
        self._left = asyncio.Event()

    @contextlib.contextmanager
    def ask(
        self,
        person: PersonId,
        page: PageId,
        asked: Asked,
        *,
        alias: str,
        expires_at_ms: int = 0,
        marks: Marks = NO_MARKS,
    ) -> Iterator[Asking]:
        """A poll of this page, its attach under way in the background. Never waits, never raises.

        When the block is left the reply is on its way: the time until the next poll begins.
        """
        host_ms = self.hub.contact.store_clock.host_ms()
        left_s = (expires_at_ms - host_ms) / 1000 if expires_at_ms else math.inf
        asking = Asking(asked, left_s, self._clock)
        if self.hub.contact.draining:
            asking.answer(Untold.NOT_HELD)
            yield asking
            return
        if self.hub.attaches.is_full and (person, page) not in self._by_page:
            asking.answer(Untold.AWAY)
            yield asking
            return
        poll = self._of(person, page, alias)
        poll.expires_at_ms, poll.marks = expires_at_ms, marks
        poll.ask(asking)
        self.hub.spawn(self._attach(poll, asking))
        try:
            yield asking
        finally:
            self.hub.attaches.leave(asking)
            if poll.leave(asking):
                self._linger(poll)

    def _of(self, person: PersonId, page: PageId, alias: str) -> Poll:
        poll = self._by_page.get((person, page))
        if poll is None or poll.ended:
            poll = Poll(person, page, new_connection_id(), self.hub.means, alias=alias, on_end=self._close)
            self._by_page[person, page] = poll
            self.hub.enter(poll)
        poll.alias = alias
        return poll

    async def _attach(self, poll: Poll, asking: Asking) -> None:
        try:
            if not self.hub.is_away:
                await self._attach_in_turn(poll, asking)
        finally:
            poll.settle(asking)

    async def _attach_in_turn(self, poll: Poll, asking: Asking) -> None:
        async with self.hub.attaches.place(asking) as granted, poll.turn:
            if granted and poll.ended is None:
                poll.begin(asking)
                await self.hub.attach_once(poll)

    # --- between two polls -----------------------------------------------------------

    def _linger(self, poll: Poll) -> None:
        if poll.ended:
            self._close(poll)
            return
        self._away.append((self._clock.monotonic() + LINGER_S, poll, poll.polls))
        self._left.set()

    def _close(self, poll: Poll) -> None:
        self.hub.close(poll)
        if self._by_page.get((poll.person, poll.page)) is poll:
            del self._by_page[poll.person, poll.page]

    async def run_once(self) -> None:
        """Wait until the time of the first one is up, and close it if it did not come back."""
        while not self._away:
            self._left.clear()
            await self._left.wait()
        due = self._away[0][0]
        await self._clock.sleep(due - self._clock.monotonic())
        now = self._clock.monotonic()
        if now - due > LATE_S:
            # Nobody could be heard meanwhile: the polls that came wait in their sockets.
            self._away = deque((now + LINGER_S, poll, polls) for _, poll, polls in self._away)
            return
        while self._away and self._away[0][0] <= now:
            _, poll, polls = self._away.popleft()
            if poll.asking is None and poll.polls == polls:
                poll.end(End.CLOSED)

    async def pause(self) -> None:
        """None: the round itself waits."""
