"""The one client of the store: scripts run, concurrent calls in one pipeline, and one subscription.

A script call costs 147 µs of our CPU one by one and 50 µs when those of one turn
of the event loop go out together, so one connection serves the whole process.
Nothing is retried in silence: each caller decides, and everybody else is told of
a connection that had to be opened again (``on_suspicion``).
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from redis import exceptions as library

from duologue.lane import Lane
from duologue.store.errors import (
    MOVED_AWAY,
    StoreError,
    StoreFull,
    StoreInterrupted,
    StoreRefused,
    StoreUnavailable,
    code_of,
    from_reply,
)
from duologue.store.link import Address, BadUrl, Link, ServerInfo, pack

__all__ = [
    "BadUrl",
    "Lane",
    "Script",
    "ServerInfo",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreInterrupted",
    "StoreRefused",
    "StoreUnavailable",
    "Subscription",
]

log = structlog.get_logger(__name__)

CONNECT_S = 1.0
"""Opening a connection, names and TLS included."""
ANSWER_S = 2.0
"""A call, from being asked for to its answer: as long as people may be left without a word (mechanism 6)."""
BATCH = 128
"""Calls in one pipeline. More gain nothing, and would make the last one wait for all."""
WAITING_MAX = 20_000
"""Calls that wait for the connection: what one core answers in about a second. More are refused at once."""
CLOSED = "the store client is closed"


class Script(Protocol):
    """What is run: ``pairing.scripts.Script``."""

    @property
    def name(self) -> str:
        """For errors."""

    @property
    def source(self) -> bytes:
        """Sent only where the store does not know the script yet."""

    @property
    def sha1(self) -> str:
        """The store's name for it."""


@dataclass(slots=True, eq=False)
class _Call:
    name: str
    script: Script | None
    packed: bytes
    lane: Lane
    answer: asyncio.Future[Any]
    is_sent: bool = False
    """It may run, or have run, from now on; the wait for its answer does not end that."""


class Subscription:
    """One channel, on a connection of its own."""

    def __init__(self, link: Link, run_id: str) -> None:
        self._link = link
        self.run_id = run_id
        """The run of the server on the other side; ``""``: it does not tell."""

    async def next(self) -> bytes:
        """The next publication; waits for ever (a deaf one is found by the process's own probe).

        Raises ``StoreUnavailable`` when the connection ended; what was published since is lost.
        """
        while True:
            reply = await self._link.read()
            if isinstance(reply, library.ResponseError):
                raise from_reply(reply, "subscription")
            kind, _, payload = reply
            if kind == b"message":
                return bytes(payload)


class Store:
    """A pipelined connection to one server, opened when needed and again when lost.

    Example::

        async with Store("redis://localhost", on_suspicion=contact.suspect).running() as store:
            reply = await store.run(script, keys, arguments)

    ``on_suspicion`` is told a cause each time that something published, or written,
    may have been missed: ``store`` (the connection was opened again), ``run-id`` (and
    another server, or a restarted one, answered), ``readonly``, ``moved``.
    """

    def __init__(
        self,
        url: str,
        *,
        on_suspicion: Callable[[str], None] = lambda _: None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        """Raises ``BadUrl``; does not connect yet."""
        self._address = Address(url)
        self._on_suspicion = on_suspicion
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._waiting: deque[_Call] = deque()
        self._wanted = asyncio.Event()
        self._link: Link | None = None
        self._running = False
        self._server: ServerInfo | None = None
        self.answered_at: float | None = None
        """When a call was last answered, of whichever lane (``time.monotonic()``); ``None``: none was yet.

        A store that is slow answers, one that is away does not: this tells them apart. A refusal because
        the server is loading, read-only or moved is no answer."""

    @property
    def address(self) -> str:
        """Where the store is, without the password."""
        return self._address.shown

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Store"]:
        """Calls are answered within it; leaving it closes the connection and refuses what still waits."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            lane = group.create_task(self._serve())
            self._running = True
            try:
                yield self
            except Exception as error:  # noqa: BLE001 # the block's own: it leaves as it came, not in a group
                failure = error
            finally:
                self._running = False
                lane.cancel()
                _fail(self._waiting, StoreUnavailable(CLOSED))
                self._waiting.clear()
        if failure is not None:
            raise failure

    @property
    def call_s(self) -> float:
        """How long the store takes for one call at present (seconds), as measured."""
        return 0.0

    def may_repeat(self, lane: Lane) -> bool:
        """Return whether an interrupted call may be repeated now; true spends one of the repeats allowed."""
        return lane in Lane

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        """Runs a script; its reply, undecoded (RESP2).

        Raises ``StoreUnavailable`` (``StoreInterrupted``: it may have run), ``StoreFull``, or
        ``StoreError`` for a script that failed. Cancelled or out of time, it may still run.
        """
        packed = pack("EVALSHA", script.sha1, len(keys), *keys, *args)
        return await self._ask(script.name, script, packed, lane)

    async def info(self) -> ServerInfo:
        """Which server answers now. Raises ``StoreUnavailable``; ``StoreRefused``: it does not let us in."""
        await self._ask("ping", None, pack("PING"), Lane.INTERACTIVE)
        assert self._server is not None
        return self._server

    @contextlib.asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Subscription]:
        """A subscription that the store has confirmed. Raises ``StoreUnavailable``."""
        link = await Link.open(self._address, self._connect_s)
        try:
            async with self._in_time():
                server = await link.info()
                await link.send(pack("SUBSCRIBE", channel))
                reply = await link.read()
            if isinstance(reply, library.ResponseError):
                raise from_reply(reply, "subscribe")
            yield Subscription(link, server.run_id)
        finally:
            await link.close()

    # --- asking ------------------------------------------------------------------------

    async def _ask(self, name: str, script: Script | None, packed: bytes, lane: Lane) -> Any:
        if not self._running:
            raise StoreUnavailable(CLOSED)
        if len(self._waiting) >= WAITING_MAX:
            raise StoreUnavailable(f"{self.address}: too many calls wait")
        call = _Call(name, script, packed, lane, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._wanted.set()
        async with self._in_time(call):
            return await call.answer

    @contextlib.asynccontextmanager
    async def _in_time(self, *calls: _Call) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._answer_s):
                yield
        except TimeoutError as error:
            late = StoreInterrupted if any(call.is_sent for call in calls) else StoreUnavailable
            raise late(f"{self.address} did not answer in {self._answer_s:g} s") from error

    # --- the lane ----------------------------------------------------------------------

    async def _serve(self) -> None:
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while batch := self._next_batch():
                    await self._round(batch)
        finally:
            await self._drop()

    def _next_batch(self) -> list[_Call]:
        """Calls in the order in which they came; whoever gave up in the meantime is not sent at all."""
        batch: list[_Call] = []
        while self._waiting and len(batch) < BATCH:
            call = self._waiting.popleft()
            if not call.answer.done():
                batch.append(call)
        return batch

    async def _round(self, batch: list[_Call]) -> None:
        try:
            link = self._link or await self._open()
            async with self._in_time(*batch):
                await self._exchange(link, batch)
        except StoreError as error:
            await self._drop()
            _fail(batch, error)
        except BaseException:
            await self._drop()
            _fail(batch, StoreInterrupted(CLOSED))
            raise

    async def _exchange(self, link: Link, batch: list[_Call]) -> None:
        unknown = await self._once(link, batch)
        if not unknown:
            return
        for script in {call.script.sha1: call.script for call in unknown if call.script}.values():
            await link.send(pack("SCRIPT", "LOAD", script.source))
            reply = await link.read()
            if isinstance(reply, library.ResponseError):
                log.error("a script was refused", script=script.name, error=str(reply))
        for call in await self._once(link, unknown):
            _answer(call, StoreError(f"{call.name}: the store does not keep scripts"))

    async def _once(self, link: Link, batch: list[_Call]) -> list[_Call]:
        """Sends and answers them; those whose script the store does not know are returned, not answered."""
        for call in batch:
            call.is_sent = True
        await link.send(b"".join(call.packed for call in batch))
        unknown, moved = [], ""
        for call in batch:
            reply = await link.read()
            if not isinstance(reply, library.ResponseError):
                self.answered_at = time.monotonic()
            if isinstance(reply, library.NoScriptError):
                unknown.append(call)
            elif isinstance(reply, library.ResponseError):
                moved = moved or MOVED_AWAY.get(code_of(reply), "")
                _answer(call, from_reply(reply, call.name))
            else:
                _answer(call, reply)
        if moved:
            # The name in the address may lead to the new owner by now: open again.
            self._on_suspicion(moved)
            raise StoreUnavailable(f"{self.address}: {moved}")
        return unknown

    async def _open(self) -> Link:
        """A new connection; all but the first are a reason for suspicion."""
        link = await Link.open(self._address, self._connect_s)
        try:
            async with self._in_time():
                server = await link.info()
        except BaseException:
            await link.close()
            raise
        before, self._server, self._link = self._server, server, link
        if before is not None:
            self._on_suspicion("store" if before.run_id == server.run_id else "run-id")
        return link

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


def _answer(call: _Call, reply: Any) -> None:
    if call.answer.done():  # its caller gave up
        return
    if isinstance(reply, StoreError):
        call.answer.set_exception(reply)
    else:
        call.answer.set_result(reply)


def _fail(calls: Iterable[_Call], error: StoreError) -> None:
    for call in calls:
        # One for each: raised in several tasks, one exception would collect all their tracebacks.
        _answer(call, type(error)(*error.args))
