"""The subscription of a process: it reads what the scripts publish for the process's people.

It always opens again, and reports each opening with the run of the store: what was published in between is
lost (race E10), and ``sequence`` tells whether there was anything.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from duologue.delivery.clock import Clock

AGAIN_S = (0.05, 0.5)


class Subscription(Protocol):
    """An open subscription of one channel."""

    @property
    def run_id(self) -> str:
        """The run of the server that publishes on it; ``""``: it does not tell."""

    async def next(self) -> bytes:
        """Return the next publication, however late it comes. Raises ``StoreError`` at the end."""


class Subscriber(Protocol):
    """Opens subscriptions: ``store.client.Store.subscribe``."""

    def __call__(self, channel: str, /) -> AbstractAsyncContextManager[Subscription]:
        """Within the context the store has confirmed the subscription. Raises ``StoreError``."""


class Feed:
    """Reads one channel and hands each publication on: a loop whose round is the life of one connection.

    Example::

        feed = Feed(store.subscribe, machine.channel(process), clock,
                    deliver=hub.deliver, opened=contact.sequence.opened)
        await supervisor.run([feed, beat, sweep, reattach], metrics)
    """

    name = "feed"

    def __init__(
        self,
        subscribe: Subscriber,
        channel: str,
        clock: Clock,
        *,
        deliver: Callable[[bytes], None],
        opened: Callable[[str], None],
    ) -> None:
        self._subscribe = subscribe
        self._channel = channel
        self._clock = clock
        self._deliver = deliver
        self._opened = opened
        self._hearing: asyncio.Task[None] | None = None

    def reopen(self) -> None:
        """Leave the present connection, which may be deaf though it looks healthy, for another one."""
        # One that is still being opened is left to the store's own time limit.
        if self._hearing is not None:
            self._hearing.cancel()

    async def run_once(self) -> None:
        """Open, say so, and read until the connection ends (``StoreError``) or is left."""
        async with self._subscribe(self._channel) as subscription, asyncio.TaskGroup() as group:
            self._opened(subscription.run_id)
            self._hearing = group.create_task(self._hear(subscription))
            self._hearing.add_done_callback(self._heard)

    async def pause(self) -> None:
        """Short, and different in each process."""
        await self._clock.sleep(random.uniform(*AGAIN_S))

    def _heard(self, _: asyncio.Task[None]) -> None:
        self._hearing = None

    async def _hear(self, subscription: Subscription) -> None:
        while True:
            self._deliver(await subscription.next())
