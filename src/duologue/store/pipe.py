"""One connection to the store, and the batches that are sent on it one after the other.

A call costs 147 µs of our CPU alone and 50 µs when those of one turn of the event loop go out together, so
a batch waits for the one before it and takes along what came meanwhile.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog
from redis import exceptions as library

from duologue.store.call import Call, fail_all
from duologue.store.errors import (
    MOVED_AWAY,
    StoreError,
    StoreInterrupted,
    StoreUnavailable,
    code_of,
    from_reply,
)
from duologue.store.lanes import Batches
from duologue.store.lateness import Limit, OwnTime
from duologue.store.link import Address, Link, ServerInfo, pack

log = structlog.get_logger(__name__)

CLOSED = "the store client is closed"
AGAIN_S = (0.05, 1.0)
"""Pauses after a connection that cannot be opened, or on which a batch was lost, before it is tried again for
calls that can wait: the first one, and the longest."""

Connect = Callable[[Address, float], Awaitable[Link]]


class Pipe:
    """Sends the batches of its lanes, on a connection that is opened when needed and again when lost."""

    def __init__(
        self,
        address: Address,
        batches: Batches,
        *,
        connect: Connect,
        connect_s: float,
        answer_s: float,
        own: OwnTime,
        opened: Callable[["Pipe", ServerInfo], None],
        answered: Callable[[], None],
        moved: Callable[[str], None],
    ) -> None:
        """``opened`` is told each new connection, ``answered`` each answer, ``moved`` a cause.
        ``own``: the time that counts for how long the store takes."""
        self._address = address
        self._batches = batches
        self._connect = connect
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._own = own
        self._opened = opened
        self._answered = answered
        self._moved = moved
        self._wanted = asyncio.Event()
        self._hurried = asyncio.Event()
        self._link: Link | None = None
        self._is_left = False
        self._failures = 0
        self.run_id: str | None = None
        """Of the server at the last connection's other end; ``None``: there was none yet."""

    def wake(self, *, hurry: bool) -> None:
        """Note that a call waits; ``hurry``: it cannot wait until the next attempt to connect."""
        self._wanted.set()
        if hurry:
            self._hurried.set()

    def leave(self) -> None:
        """Open another connection before the next batch: this one leads to a server that is out of date."""
        self._is_left = True

    async def serve(self) -> None:
        """Send batches until cancelled; then the connection is closed and the batch under way has failed."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while self._batches.is_wanted():
                    await self._round()
        finally:
            await self._drop()

    async def _round(self) -> None:
        try:
            link = await self._reach()
        except StoreError as error:
            self._batches.unreachable(error)
            await self._pause()
            return
        batch = self._batches.take()
        if batch and not await self._answer(link, batch):
            await self._pause()

    async def _answer(self, link: Link, batch: list[Call]) -> bool:
        """Return whether the batch was answered; if not, its calls failed, and the connection is closed."""
        began = self._own.now()
        try:
            await self._in_time(link, batch)
        except StoreError as error:
            await self._drop()
            if isinstance(error, StoreInterrupted):
                self._batches.lost(batch)
            fail_all(batch, error)
            return False
        except BaseException:  # cancelled, or a defect: no caller waits for ever
            await self._drop()
            fail_all(batch, StoreInterrupted(CLOSED))
            raise
        self._failures = 0
        self._batches.answered(batch, self._own.now() - began)
        return True

    async def _in_time(self, link: Link, batch: list[Call]) -> None:
        """Raises ``StoreInterrupted`` when nothing came for as long as an answer may take.

        A store that is slow and answers keeps its connection: to open another would lose what it has in
        hand, and cause a suspicion, that is, more work.
        """
        try:
            async with self._own.limit(self._answer_s) as patience:
                await self._exchange(link, batch, patience)
        except TimeoutError as error:
            raise self._late() from error

    def _late(self) -> StoreInterrupted:
        return StoreInterrupted(f"{self._address.shown} did not answer in {self._answer_s:g} s")

    async def _exchange(self, link: Link, batch: list[Call], patience: Limit) -> None:
        unknown = await self._once(link, batch, patience)
        if not unknown:
            return
        for script in {call.script.sha1: call.script for call in unknown if call.script}.values():
            await link.send(pack("SCRIPT", "LOAD", script.source))
            reply = await link.read()
            if isinstance(reply, library.ResponseError):
                log.error("a script was refused", script=script.name, error=str(reply))
        for call in await self._once(link, unknown, patience):
            call.fail(StoreError(f"{call.name}: the store does not keep scripts"))

    async def _once(self, link: Link, batch: list[Call], patience: Limit) -> list[Call]:
        """Sends and answers them; those whose script the store does not know are returned, not answered."""
        for call in batch:
            call.is_sent = True
        await link.send(b"".join(call.packed for call in batch))
        unknown, moved = [], ""
        heard_at = self._own.now()
        for call in batch:
            reply = await link.read()
            now = self._own.now()
            if now - heard_at > self._answer_s / 8:
                heard_at = now
                patience.renew()
            if isinstance(reply, library.NoScriptError):
                unknown.append(call)
            elif isinstance(reply, library.ResponseError):
                moved = moved or MOVED_AWAY.get(code_of(reply), "")
                self._refuse(call, reply)
            else:
                self._answered()
                call.succeed(reply)
        if moved:
            # The name in the address may lead to the new owner by now: open again.
            self._moved(moved)
            raise StoreUnavailable(f"{self._address.shown}: {moved}")
        return unknown

    def _refuse(self, call: Call, reply: library.ResponseError) -> None:
        error = from_reply(reply, call.name)
        if not isinstance(error, StoreUnavailable):
            self._answered()
        call.fail(error)

    async def _reach(self) -> Link:
        """The open connection, or another one. Raises ``StoreUnavailable``."""
        if self._is_left:
            self._is_left = False
            await self._drop()
        if self._link is None:
            self._link = await self._open()
        return self._link

    async def _open(self) -> Link:
        link = await self._connect(self._address, self._connect_s)
        try:
            async with self._own.limit(self._answer_s):
                server = await link.info()
        except TimeoutError as error:
            await link.close()
            raise StoreUnavailable(str(self._late())) from error
        except BaseException:  # cancelled too: no connection is left open
            await link.close()
            raise
        self._opened(self, server)
        self.run_id = server.run_id
        return link

    async def _pause(self) -> None:
        """Wait until it is time to try again, or a call waits that cannot: then it is tried at once."""
        if self._batches.is_hurried() or not self._batches.is_wanted():
            return
        self._hurried.clear()
        first_s, longest_s = AGAIN_S
        longest_s = min(longest_s, first_s * 2 ** min(self._failures, 10))
        self._failures += 1
        try:
            async with asyncio.timeout(random.uniform(longest_s / 2, longest_s)):
                await self._hurried.wait()
        except TimeoutError:
            pass

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
