"""The re-attach loop: every 5 s, and on each suspicion, what we hold is held against what the store knows.

Under suspicion it begins within 0.5 s and comes again every second until an
echo is back and a whole round has run after it. In between it looks at single
connections on which a gap showed.
"""

import random
from collections.abc import Awaitable, Callable

from duologue.delivery.clock import Clock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.resync import BATCH, Resync

PERIOD_S = 5.0
AGAIN_S = 1.0
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

    async def run_once(self) -> None:
        """Raises the store's errors; can be repeated."""
        began = self._clock.monotonic()
        if not self._contact.suspicious and began < self._everybody_at:
            await self._doubtful()
            return
        # Set before the round: one that fails is not repeated at once but in its turn.
        self._everybody_at = began + PERIOD_S
        if self._contact.draining:
            return
        self._hub.doubtful.clear()
        await self._resync.everybody()
        await self._resync.strays()
        if self._remember is not None:
            await self._remember()
        self._contact.healed(began)

    def due(self) -> None:
        """The next round is one for everybody."""
        self._everybody_at = self._clock.monotonic()

    async def _doubtful(self) -> None:
        some = [self._hub.doubtful.pop() for _ in range(min(BATCH, len(self._hub.doubtful)))]
        await self._resync.some(some)
        if self._hub.doubtful:
            self._contact.attention.set()

    async def pause(self) -> None:
        """Until there is a suspicion or a doubt, or 5 s are over; a second while suspicion lasts."""
        if self._contact.suspicious and not self._contact.attention.is_set():
            await self._clock.wait(self._contact.attention, AGAIN_S)
        else:
            until = self._everybody_at - self._clock.monotonic()
            await self._clock.wait(self._contact.attention, until)
        if self._contact.attention.is_set():
            self._contact.attention.clear()
            await self._clock.sleep(random.uniform(0.0, SPREAD_S))
