"""The re-attach loop: on each suspicion, what we hold is held against what the store knows.

Under suspicion it begins within 0.5 s and comes again every second until an
echo is back and a whole round has run after it. A round that took long is
followed by four times as long a rest: it must not be what makes the store slow.
In between the loop looks at single connections on which a gap showed. Without a
suspicion or a doubt nobody is named to the store here; the census does, slowly.
"""

import random
from collections.abc import Awaitable, Callable

from duologue.delivery.clock import Clock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.resync import BATCH, Resync

AGAIN_S = 1.0
IDLE_S = 60.0
"""Nothing is due without a suspicion or a doubt; both end the pause."""
REST = 4
"""Factor of the duration of a round before the next one for all people: it takes a fifth of the time at
most."""
SPREAD_S = 0.2
"""Begin after up to so long: after a failover all processes suspect at the same instant."""


class Reattach:
    """One round: all people under suspicion, else only the doubtful connections."""

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
        self._is_due = False
        self._rest_until = 0.0

    async def run_once(self) -> None:
        """Raises the store's errors; can be repeated."""
        if self._contact.draining:
            return
        began = self._clock.monotonic()
        wanted = self._contact.suspicious or self._is_due
        if not wanted or began < self._rest_until:
            await self._doubtful()
            return
        # Set before the round: one that fails is not repeated at once but in its turn.
        self._is_due = False
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
        """Make the next round one for all people."""
        self._is_due, self._rest_until = True, 0.0

    async def _doubtful(self) -> None:
        some = [self._hub.doubtful.pop() for _ in range(min(BATCH, len(self._hub.doubtful)))]
        try:
            await self._resync.some(some)
        except BaseException:  # cancelled too: a doubt that was not looked at is kept
            self._hub.doubtful.update(one for one in some if one.ended is None)
            raise
        if self._hub.doubtful:
            self._contact.attention.set()

    async def pause(self) -> None:
        """Until there is a suspicion or a doubt; while there is, until the rest is over."""
        await self._clock.wait(self._contact.attention, self._rest_s())
        if self._contact.attention.is_set():
            self._contact.attention.clear()
            await self._clock.sleep(random.uniform(0.0, SPREAD_S))

    def _rest_s(self) -> float:
        if self._contact.draining or not (self._contact.suspicious or self._hub.doubtful):
            return IDLE_S
        left_s = self._rest_until - self._clock.monotonic()
        # A doubt that could not be looked at, and a suspicion that a round just missed, wait a moment too.
        return left_s if left_s > 0 and self._contact.suspicious else AGAIN_S
