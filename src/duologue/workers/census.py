"""The census: the store's list of our people is held against ours when their lengths differ, and as a net.

What is lost on the way to us shows itself by number (``delivery/sequence.py``), so nobody needs to be named
to the store for that. What is lost within the store shows itself in the length of its list, which each beat
brings. What neither shows is found by the net: within 5 min everybody is named once, a few people every 5 s,
and then the lists are compared.
"""

from collections.abc import Awaitable, Callable, Sequence

from duologue.delivery.clock import Clock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.resync import BATCH, Resync
from duologue.pairing.vocabulary import ConnectionId

PERIOD_S = 300.0
"""Time in which every person is named once."""
STEP_S = 5.0


class Census:
    """One round: compare the lists if their lengths say so, and name those whose turn it is."""

    name = "census"

    def __init__(
        self,
        hub: Hub,
        contact: Contact,
        clock: Clock,
        *,
        remember: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``remember``: tell a store that lost its data what else it held (``identity.networks``)."""
        self._hub = hub
        self._contact = contact
        self._clock = clock
        self._remember = remember
        self._resync = Resync(hub)
        self._ids: Sequence[ConnectionId] = ()
        """The connections that there were when this pass began."""
        self._named = 0
        """How many of them were named."""
        self._began_at = self._step_at = clock.monotonic()

    async def run_once(self) -> None:
        """Do nothing under suspicion, when all people are named in any case. Raises the store's errors; can
        be repeated."""
        differ = self._contact.lists.attention.is_set()
        self._contact.lists.attention.clear()  # the next beat sets it again, as long as they differ
        if self._contact.draining or self._contact.suspicious:
            return
        if differ:
            await self._compare()
        now = self._clock.monotonic()
        if now >= self._step_at:
            self._step_at = now + STEP_S
            await self._step(now)

    async def pause(self) -> None:
        """Wait for the next step, or until the lists are to be compared."""
        left_s = self._step_at - self._clock.monotonic()
        await self._clock.wait(self._contact.lists.attention, left_s if left_s > 0 else STEP_S)

    async def _step(self, now: float) -> None:
        if self._remember is not None:
            await self._remember()
        share = min(1.0, (now - self._began_at) / PERIOD_S)
        until = round(share * len(self._ids))
        while self._named < until:
            ids = self._ids[self._named : min(until, self._named + BATCH)]
            await self._resync.some(self._hub.held(ids))
            self._named += len(ids)
        if share == 1.0:
            await self._compare()
            self._ids = [one.id for one in self._hub.connections()]
            self._named, self._began_at = 0, now

    async def _compare(self) -> None:
        strays, missing = await self._resync.compare()
        self._contact.lists.compared(strays + missing)
