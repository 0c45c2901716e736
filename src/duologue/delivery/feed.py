"""The one subscriber connection of a process: what the scripts publish for its people, read.

It opens itself again, for ever, and says so each time: what was published in
between is lost, so every opening is a suspicion (race E10).
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from duologue.delivery.clock import Clock
from duologue.store.client import StoreError

AGAIN_S = (0.05, 0.5)

log = structlog.get_logger(__name__)


class Subscription(Protocol):
    """An open subscription of one channel."""

    async def next(self) -> bytes:
        """The next publication; waits for ever. Raises ``StoreError`` when the connection ended."""


class Subscriber(Protocol):
    """Opens subscriptions: ``store.client.Store.subscribe``."""

    def __call__(self, channel: str, /) -> AbstractAsyncContextManager[Subscription]:
        """Within the context the store has confirmed the subscription. Raises ``StoreError``."""


class Feed:
    """Reads one channel and hands each publication on, until cancelled.

    Example::

        feed = Feed(store.subscribe, machine.channel(process), clock,
                    deliver=hub.deliver, opened=lambda: contact.suspect("feed"))
        group.create_task(feed.run())
    """

    def __init__(
        self,
        subscribe: Subscriber,
        channel: str,
        clock: Clock,
        *,
        deliver: Callable[[bytes], None],
        opened: Callable[[], None],
    ) -> None:
        self._subscribe = subscribe
        self._channel = channel
        self._clock = clock
        self._deliver = deliver
        self._opened = opened
        self._reading: asyncio.Task[None] | None = None
        self._hearing = False

    def reopen(self) -> None:
        """Leave the present connection, which may be deaf though it looks healthy, and open another."""
        # One that is still being opened is left to the store's own time limit.
        if self._reading is not None and self._hearing:
            self._reading.cancel()

    async def run(self) -> None:
        """Read, and open again whenever that ends; only cancellation ends it."""
        while True:
            async with asyncio.TaskGroup() as group:
                self._reading = group.create_task(self._read())
            self._hearing = False
            await self._clock.sleep(random.uniform(*AGAIN_S))

    async def _read(self) -> None:
        try:
            async with self._subscribe(self._channel) as subscription:
                self._hearing = True
                self._opened()
                while True:
                    self._deliver(await subscription.next())
        except StoreError as error:
            log.info("the subscription ended", error=str(error))
