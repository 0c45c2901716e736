"""The store client of the first edition, as far as it shows how that collapsed: one queue for all calls."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence

from duologue.lane import Lane
from duologue.store.call import Call, Script, fail_all
from duologue.store.errors import StoreError, StoreInterrupted, StoreUnavailable
from duologue.store.link import Address, Link, pack
from tests.unit.store.simulated import Server
from tests.unit.store.virtual import now

ANSWER_S = 2.0
BATCH = 128


class FirstEdition:
    """All calls in one queue, the oldest first, each with 2 s from being asked for; all in one batch."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._waiting: deque[Call] = deque()
        self._wanted = asyncio.Event()
        self._link: Link | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FirstEdition"]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._serve())
            try:
                yield self
            finally:
                task.cancel()

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes], *, lane: Lane
    ) -> object:
        """Once more if it was interrupted, at once: as the machine did."""
        try:
            return await self._ask(script, args)
        except StoreInterrupted:
            return await self._ask(script, args)

    async def _ask(self, script: Script, args: Sequence[str | int | bytes]) -> object:
        packed = pack("EVALSHA", script.sha1, 0, *args)
        answer = asyncio.get_running_loop().create_future()
        call = Call(script.name, script, packed, answer, Lane.INTERACTIVE, now())
        self._waiting.append(call)
        self._wanted.set()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            raise (StoreInterrupted if call.is_sent else StoreUnavailable)("late") from error

    async def _serve(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._waiting:
                batch: list[Call] = []
                while self._waiting and len(batch) < BATCH:
                    call = self._waiting.popleft()
                    if not call.is_over:
                        batch.append(call)
                await self._round(batch)

    async def _round(self, batch: list[Call]) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._link is None:
                    link = await self._server.connect(Address("redis://simulated"), 1.0)
                    await link.info()
                    self._link = link
                for call in batch:
                    call.is_sent = True
                await self._link.send(b"".join(call.packed for call in batch))
                for call in batch:
                    call.succeed(await self._link.read())
        except (StoreError, TimeoutError) as error:
            self._link = None
            fail_all(batch, error if isinstance(error, StoreError) else StoreInterrupted("late"))
