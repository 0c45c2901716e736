"""The content of the store, read again and again: all screens are compared with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import redis

from duologue.pairing.invariants import Snapshot
from tests.chaos.dump import at_once
from tests.faults.store import MortalStore

LOOK_S = 0.03


class Register:
    """The newest dump, and a way to wait for the next one."""

    def __init__(self, store: MortalStore) -> None:
        self.seen = Snapshot()
        self._store = store
        self._looked = asyncio.Event()
        self._reading: asyncio.Future[None] = asyncio.Future()

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[Register]:
        """Read while this lasts, also across deaths of the store."""
        over = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read(over))
        try:
            yield self
        finally:
            over.set()
            await self._reading

    async def next(self) -> Snapshot:
        """A dump that was begun after this was asked for."""
        for _ in range(2):  # the one under way began before
            looked = asyncio.ensure_future(self._looked.wait())
            await asyncio.wait((looked, self._reading), return_when=asyncio.FIRST_COMPLETED)
            if self._reading.done():
                looked.cancel()
                self._reading.result()
        return self.seen

    async def _read(self, over: asyncio.Event) -> None:
        # Told, not cancelled: the library may swallow a cancellation in mid-command.
        async with self._store.client() as client:
            while not over.is_set():
                with contextlib.suppress(redis.RedisError, OSError):
                    self.seen = await at_once(client)
                    looked, self._looked = self._looked, asyncio.Event()
                    looked.set()
                await asyncio.sleep(LOOK_S)
