"""This process's own time: a clock that does not count what the process itself came too late.

The event loop sets a timer every 25 ms. A timer that comes later shows that the loop was busy, or that the
process got too little of the processor. Meanwhile an answer of the store may lie in the socket, unread, so
that time says nothing about the store (decision 41).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType

TICK_S = 0.025
"""The timer: 40 times a second, which costs an idle process 0.4 % of a core."""
MOST_S = 0.05
"""As much as the clock counts between two ticks; not more than ``lanes.LATE_S``, when a call is late."""
REMEMBERED = 1024
"""Late ticks that are remembered. They come more than ``MOST_S`` apart, so they cover 50 s or more."""
NEARLY_S = 0.001
"""A limit ends up to so much early; a timer for less would come at once, and again."""


class OwnTime:
    """The clock. It is at most ``MOST_S`` ahead of the last tick, so it stands while ticks do not come."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now``: monotonic seconds."""
        self._now = now
        self._ticked_at = self._counted_s = now()
        self._late: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def now(self) -> float:
        """Return the seconds of this clock; they never go back."""
        return self._counted_s + min(self._now() - self._ticked_at, MOST_S)

    def late_since(self, instant_s: float) -> float:
        """Return how much this clock has left out since then (seconds); ``instant_s`` is monotonic."""
        under_way_s = self._now() - self._ticked_at - MOST_S
        return max(0.0, under_way_s) + sum(late_s for at, late_s in self._late if at > instant_s)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def tick(self) -> None:
        """Count the time since the last tick, up to ``MOST_S``."""
        now, counted_s = self._now(), self.now()
        if (late_s := now - self._ticked_at - MOST_S) > 0:
            self._late.append((now, late_s))
        self._ticked_at, self._counted_s = now, counted_s

    def limit(self, seconds: float) -> "Limit":
        """Return a time limit by this clock."""
        return Limit(seconds, self.now)


class Limit:
    """``asyncio.timeout`` by another clock: ``TimeoutError`` when its time is up.

    After the process stood still, the timers come before what the sockets hold is read. A limit by the
    loop's clock would then end a wait for an answer that has arrived.
    """

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._until = 0.0
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def renew(self) -> None:
        """Give the whole time again, from now on."""
        self._until = self._now() + self._seconds

    async def __aenter__(self) -> "Limit":
        await self._timeout.__aenter__()
        self.renew()
        self._look_in(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        if (left_s := self._until - self._now()) > NEARLY_S:
            self._look_in(left_s)
        else:
            self._timeout.reschedule(asyncio.get_running_loop().time())
