"""The one client of the store: scripts run in four lanes on two connections, and one subscription.

What people wait for and what can wait share a connection, for calls that go out together cost a third;
what shows that this process lives has another (decision 26). Nothing is retried in silence: each caller
decides, within a budget that all share, and everybody else is told of a connection that had to be opened
again (``on_suspicion``).
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from redis import exceptions as library

from duologue.lane import Lane
from duologue.metrics import Metrics
from duologue.store.budget import Budget
from duologue.store.call import Call, Script
from duologue.store.errors import (
    StoreBusy,
    StoreError,
    StoreFull,
    StoreInterrupted,
    StoreRefused,
    StoreUnavailable,
    from_reply,
)
from duologue.store.lanes import Bulk, Control, Data, Interactive, Queue
from duologue.store.lateness import OwnTime
from duologue.store.link import Address, BadUrl, Link, ServerInfo, pack
from duologue.store.pace import Pace
from duologue.store.patience import Patience
from duologue.store.pipe import CLOSED, Connect, Pipe
from duologue.store.window import Window

__all__ = [
    "BadUrl",
    "Lane",
    "Script",
    "ServerInfo",
    "Store",
    "StoreBusy",
    "StoreError",
    "StoreFull",
    "StoreInterrupted",
    "StoreRefused",
    "StoreUnavailable",
    "Subscription",
]

CONNECT_S = 1.0
"""Opening a connection, names and TLS included."""
ANSWER_S = 2.0
"""A call, from being asked for to its answer: as long as people may be left without a word (mechanism 6).
For a bulk call, from being sent, or from the last answer of its batch."""


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
    """Two pipelined connections to one server, opened when needed and again when lost.

    Example::

        async with Store("redis://localhost", on_suspicion=contact.suspect).running() as store:
            reply = await store.run(script, keys, arguments, lane=Lane.BULK)

    ``on_suspicion`` is told a cause each time that something published, or written,
    may have been missed: ``store`` (a connection was opened again), ``run-id`` (and
    another server, or a restarted one, answered), ``readonly``, ``moved``.
    """

    def __init__(
        self,
        url: str,
        *,
        on_suspicion: Callable[[str], None] = lambda _: None,
        metrics: Metrics | None = None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
        now: Callable[[], float] = time.monotonic,
        connect: Connect | None = None,
    ) -> None:
        """Raises ``BadUrl``; does not connect yet. ``now`` and ``connect`` are for tests."""
        self._address = Address(url)
        self._on_suspicion = on_suspicion
        self._metrics = metrics or Metrics()
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._now = now
        self._own = OwnTime(now)
        self._connect: Connect = connect or functools.partial(Link.open, limit=self._own.limit)
        self._running = False
        self._server: ServerInfo | None = None
        own_now = self._own.now
        self._budget = Budget(own_now)
        self._pace = Pace()
        self._window = Window()
        control, bulk = Queue(Lane.CONTROL, own_now, self._metrics), Bulk(own_now, self._metrics)
        signs = Interactive(own_now, self._metrics, Lane.SIGNS)
        interactive = Interactive(own_now, self._metrics)
        self._queues: dict[Lane, Queue] = {each.lane: each for each in (control, signs, interactive, bulk)}
        data = self._pipe(Data(signs, interactive, bulk, self._pace, self._window))
        self._pipes = {**dict.fromkeys(Lane, data), Lane.CONTROL: self._pipe(Control(control))}
        self._patience = {
            lane: Patience(answer_s, self.address, own_now) for lane in Lane if lane is not Lane.BULK
        }
        """A bulk call has none: as long as its connection answers it is not given up."""
        self.answered_at: float | None = None
        """When a call was last answered, of whichever lane (``time.monotonic()``); ``None``: none was yet.

        A store that is slow answers, one that is away does not: this tells them apart. A refusal because
        the server is loading, read-only or moved is no answer."""
        self._metrics.store_measures(lambda: self._pace.call_s, lambda: self._window.size)

    @property
    def address(self) -> str:
        """Where the store is, without the password."""
        return self._address.shown

    @property
    def call_s(self) -> float:
        """How long the store takes for one call at present (seconds), as measured; 0.0: nothing is known."""
        return self._pace.call_s

    @property
    def behind_s(self) -> float:
        """How long the oldest call that was not sent yet has waited (seconds); 0.0: none waits."""
        return max(queue.waited_s for queue in self._queues.values())

    def late_since(self, instant_s: float) -> float:
        """Return for how long this process itself was late since then (monotonic seconds): that is not the
        store's time."""
        return self._own.late_since(instant_s)

    def may_repeat(self, lane: Lane) -> bool:
        """Return whether an interrupted call may be repeated now; true spends one of the repeats allowed."""
        allowed = self._budget.spend()
        self._metrics.lane_repeated(lane, allowed=allowed)
        return allowed

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Store"]:
        """Calls are answered within it; leaving it closes the connections and refuses what still waits."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(pipe.serve()) for pipe in set(self._pipes.values())]
            serving.append(group.create_task(self._own.run()))
            self._running = True
            try:
                yield self
            except Exception as error:  # noqa: BLE001 # the block's own: it leaves as it came, not in a group
                failure = error
            finally:
                self._running = False
                for task in serving:
                    task.cancel()
                for patience in self._patience.values():
                    patience.close()
                for queue in self._queues.values():
                    queue.fail(StoreUnavailable(CLOSED))
        if failure is not None:
            raise failure

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        """Runs a script; its reply, undecoded (RESP2).

        Raises ``StoreUnavailable`` (``StoreInterrupted``: it may have run; ``StoreBusy``: it did not, and
        when to ask again), ``StoreFull``, or ``StoreError`` for a script that failed. Cancelled before it
        was sent, it does not run; cancelled or out of time later, it may. A bulk call waits until it can be
        sent, also while the store is away.
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
        link = await self._connect(self._address, self._connect_s)
        try:
            try:
                async with self._own.limit(self._answer_s):
                    server = await link.info()
                    await link.send(pack("SUBSCRIBE", channel))
                    reply = await link.read()
            except TimeoutError as error:
                raise StoreUnavailable(f"{self.address} did not answer in {self._answer_s:g} s") from error
            if isinstance(reply, library.ResponseError):
                raise from_reply(reply, "subscribe")
            yield Subscription(link, server.run_id)
        finally:
            await link.close()

    async def _ask(self, name: str, script: Script | None, packed: bytes, lane: Lane) -> Any:
        if not self._running:
            raise StoreUnavailable(CLOSED)
        answer = asyncio.get_running_loop().create_future()
        queue = self._queue(lane)
        call = Call(name, script, packed, answer, queue.lane, self._own.now())
        queue.put(call)
        if queue.lane in self._patience:
            self._patience[queue.lane].begin(call)
        self._pipes[queue.lane].wake(hurry=queue.lane is not Lane.BULK)
        return await answer

    def _queue(self, lane: Lane) -> Queue:
        return self._queues[lane]

    def _pipe(self, batches: Control | Data) -> Pipe:
        return Pipe(
            self._address,
            batches,
            connect=self._connect,
            connect_s=self._connect_s,
            answer_s=self._answer_s,
            own=self._own,
            opened=self._opened,
            answered=self._answered,
            moved=self._on_suspicion,
        )

    def _answered(self) -> None:
        self.answered_at = self._now()
        self._budget.succeeded()

    def _opened(self, pipe: Pipe, server: ServerInfo) -> None:
        """A connection is open; all but the first of each pipe are a reason for suspicion.

        Both pipes lead to one server. The one that finds another first tells it, and makes the other leave
        the old one, so that what is asked after the suspicion is asked of the new one.
        """
        before, self._server = self._server, server
        if before is not None and before.run_id != server.run_id:
            self._window.forget()
            for other in self._pipes.values():
                if other is not pipe:
                    other.leave()
            self._on_suspicion("run-id")
        elif pipe.run_id is not None and pipe.run_id == server.run_id:
            self._on_suspicion("store")
