"""The worker of webhooks: one process at a time delivers events to the host application.

It has a claim in the store, which it renews every second. A process that dies or stalls loses the claim, and
another one goes on. Each endpoint has a task of its own, so a slow one holds up no other. The worker also
deletes events whose time is over, in each process and without endpoints, too.
"""

import asyncio
from collections.abc import Sequence

from duologue.delivery.clock import Clock
from duologue.metrics import Metrics
from duologue.pairing.events import Events
from duologue.webhooks.endpoint import Endpoint
from duologue.webhooks.sender import ClaimLost, Post, Sender
from duologue.workers.supervisor import jittered

RENEW_S = 1.0
TRIM_S = 600.0


class Webhooks:
    """The loop of one process.

    Example::

        Webhooks(endpoints, machine.events, process, Poster().post, metrics, clock)
    """

    name = "webhooks"

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        outbox: Events,
        holder: str,
        post: Post,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._endpoints = endpoints
        self._outbox = outbox
        self._holder = holder
        self._post = post
        self._metrics = metrics
        self._clock = clock
        self._trimmed_at = -TRIM_S

    async def run_once(self) -> None:
        """Deliver as long as the claim is ours. Raises the store's errors."""
        await self._trim()
        if not self._endpoints or not await self._outbox.claim(self._holder):
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep())
                for each in self._endpoints:
                    sender = Sender(each, self._outbox, self._holder, self._post, self._metrics, self._clock)
                    group.create_task(sender.run())
        except* ClaimLost:
            pass  # another process delivers; what is under way here may arrive twice

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(RENEW_S)
            if not await self._outbox.claim(self._holder):
                raise ClaimLost
            await self._trim()

    async def _trim(self) -> None:
        now = self._clock.monotonic()
        if now - self._trimmed_at >= TRIM_S:
            self._trimmed_at = now
            await self._outbox.trim()

    async def pause(self) -> None:
        """Another process has the claim, or the store failed."""
        await jittered(self._clock, RENEW_S)
