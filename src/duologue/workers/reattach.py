"""The re-attach loop: every 5 s, and on each suspicion, what we hold is held against what the store knows.

Under suspicion it begins within 0.5 s and comes again every second until an
echo is back and a whole round has run after it. A round that took long is
followed by four times as long a rest: it must not be what makes the store slow.
In between the loop looks at single connections on which a gap showed.
"""

import random
from collections.abc import Awaitable, Callable

from duologue.delivery.clock import Clock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.resync import BATCH, Resync

PERIOD_S = 5.0
AGAIN_S = 1.0
REST = 4
"""Times the duration of a round, before the next one for everybody: it takes a fifth of the time at most."""
SPREAD_S = 0.2
"""Begin after up to so long: after a failover all processes suspect at the same instant."""


class Reattach:
    """One round: everybody if it is time or if we suspect, else only the doubtful."""

    name = "reattach"

    def __init__(
        self,
        hub: Hub,
        contact: Contact,
        clock: Clock,
        *,
        remember: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``remember``: tell a store that lost its data what else it held (``identity.networks``)."""
        self._remember = remember
        self._hub = hub
        self._contact = contact
        self._clock = clock
        self._resync = Resync(hub)
        self._everybody_at = clock.monotonic() + PERIOD_S
        self._rest_until = 0.0

    async def run_once(self) -> None:
        """Raises the store's errors; can be repeated."""
        began = self._clock.monotonic()
        wanted = self._contact.suspicious or began >= self._everybody_at
        if not wanted or began < self._rest_until:
            await self._doubtful()
            return
        # Set before the round: one that fails is not repeated at once but in its turn.
        self._everybody_at = began + PERIOD_S
        if self._contact.draining:
            return
        self._hub.doubtful.clear()
        self._rest_until = began + AGAIN_S
        await self._everybody()
        ended = self._clock.monotonic()
        self._rest_until = ended + max(AGAIN_S, REST * (ended - began))
        self._contact.healed(began)

    async def _everybody(self) -> None:
        await self._resync.everybody()
        await self._resync.strays()
        if self._remember is not None:
            await self._remember()

    def due(self) -> None:
        """The next round is one for everybody."""
        self._everybody_at = self._rest_until = self._clock.monotonic()

    async def _doubtful(self) -> None:
        some = [self._hub.doubtful.pop() for _ in range(min(BATCH, len(self._hub.doubtful)))]
        await self._resync.some(some)
        if self._hub.doubtful:
            self._contact.attention.set()

    async def pause(self) -> None:
        """Until there is a suspicion or a doubt, or 5 s (under suspicion: the rest) are over."""
        now = self._clock.monotonic()
        due = now if self._contact.suspicious else self._everybody_at
        wait_s = max(due, self._rest_until) - now
        if wait_s > 0:
            await self._clock.wait(self._contact.attention, wait_s)
        if self._contact.attention.is_set():
            self._contact.attention.clear()
            await self._clock.sleep(random.uniform(0.0, SPREAD_S))
