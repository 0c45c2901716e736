"""Compares the stream with reads of the state, if a server with both transports asks for it.

So its operator learns whether polling can be turned off. The client does not use what it read.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from duologue.client.api import Api
from duologue.client.clock import Clock
from duologue.client.compare import MISSED_S, Comparison, StreamBook
from duologue.client.errors import ClientError, Refused
from duologue.client.session import Session
from duologue.client.timings import Timings
from duologue.client.vocabulary import Frame

MOST = 10_000
"""The highest value that the server accepts for one count."""

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Comparing:
    """The comparison of one client. ``missed`` is called when the stream lost something that a read knew."""

    def __init__(
        self,
        api: Api,
        session: Session,
        clock: Clock,
        *,
        random: Callable[[], float],
        timings: Timings,
        spawn: Spawn,
        missed: Callable[[], None],
    ) -> None:
        self._api = api
        self._session = session
        self._clock = clock
        self._random = random
        self._timings = timings
        self._spawn = spawn
        self._missed = missed
        self._book = StreamBook()
        self._counts: Counter[Comparison] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    def take(self, frame: Frame) -> None:
        """Take a frame of the stream. Its snapshot says whether this connection is to compare."""
        if frame.state is None:
            return
        snapshot = frame.type == "snapshot"
        self._book, caught_up = self._book.streamed(frame.state, snapshot=snapshot)
        self._count(Comparison.POLL_FIRST, caught_up)
        if snapshot and not frame.compare_ms:
            self.stop()
        elif snapshot and not self._tasks:
            every_s = self._timings.compare_s or frame.compare_ms / 1000
            self._tasks = [self._spawn(self._read_on(every_s)), self._spawn(self._report_on())]

    def stop(self) -> None:
        """Note that the stream ended: what it still owed comes with the next snapshot, and is not a miss.
        Can be repeated."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._book = StreamBook()

    async def _read_on(self, every_s: float) -> None:
        asked_s = 0.0
        while True:
            await self._pause(every_s, asked_s)
            asked_s = await self.read_once()

    async def read_once(self) -> float:
        """Read once and compare. Returns for how many seconds the server asks not to be called."""
        self._book, missed = self._book.overdue(self._clock.monotonic())
        if missed:
            self._count(Comparison.MISSED, missed)
            self._missed()
        read = self._book.begun()
        if read is None:
            return 0.0
        try:
            state = await self._api.state(token=self._session.token, timeout_s=MISSED_S)
        except ClientError as error:  # an unanswered read says nothing of the stream
            return error.retry_after_s if isinstance(error, Refused) else 0.0
        self._book, found = self._book.compared(read, state, self._clock.monotonic())
        if found:
            self._count(found, 1)
        return 0.0

    async def _report_on(self) -> None:
        asked_s = 0.0
        while True:
            await self._pause(self._timings.report_s, asked_s)
            asked_s = await self.report_once()

    async def report_once(self) -> float:
        """Send the counts; those that do not arrive go with the next report. Returns as ``read_once``."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return 0.0
        told = False
        try:
            body = {result.value: count for result, count in counts.items()}
            await self._api.command("comparisons", body, token=self._session.token)
            told = True
        except ClientError as error:
            return error.retry_after_s if isinstance(error, Refused) else 0.0
        finally:
            if not told:  # cancelled, too
                for result, count in counts.items():
                    self._count(result, count)
        return 0.0

    async def _pause(self, seconds: float, asked_s: float) -> None:
        await self._clock.sleep(asked_s + seconds * (0.9 + 0.2 * self._random()))

    def _count(self, result: Comparison, more: int) -> None:
        if more:
            self._counts[result] = min(MOST, self._counts[result] + more)
