"""The queue of attaches: a stream waits here, open, until the store has room for its attach.

A process that starts, or whose neighbour died, is met by thousands of streams within seconds. The store does
one attach after the other, so the streams wait in order, and one that ends meanwhile leaves without a call.
Nothing waits by a timer of its own: while the store is away the queue stands still.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from duologue.delivery.clock import Clock

UNDER_WAY = 64
"""Attaches handed to the store's client at a time: the most that it sends before the first is answered."""
MANY = 8
"""With fewer under way the time between two answers says how seldom people come, not how long one takes."""
ATTACH_S = 0.001
"""What one attach takes until it was measured (0.9 ms, docs/performance.md)."""
WEIGHT = 1 / 64
"""Of one answer in the mean."""
OLD_S = 60.0
"""After so long without a measurement the first guess counts again."""
SPAN_S = (2.0, 60.0)
"""The least and the longest time over which people are spread who are told to come back."""
MOST_WAIT_S = 30.0
"""With a longer queue, new streams are told to come back later. A stream that waits is back sooner than one
that was sent away: this bounds what a process holds, not what people wait."""


class Pace:
    """How long the store takes for one attach while it has many to do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._each_s = ATTACH_S
        self._measured_at: float | None = None
        self._last: float | None = None

    @property
    def each_s(self) -> float:
        """Seconds for one attach: the mean of the last hundred or so."""
        at = self._measured_at
        if at is None or self._clock.monotonic() - at > OLD_S:
            return ATTACH_S
        return self._each_s

    def answered(self, *, many: bool) -> None:
        """Note an answer; ``many``: whether more are under way than the store does at once."""
        now = self._clock.monotonic()
        if self._last is not None:
            self._each_s = self.each_s + ((now - self._last) - self.each_s) * WEIGHT
            self._measured_at = now
        self._last = now if many else None

    def interrupted(self) -> None:
        """Note that the time until the next answer says nothing: the store was away, or nothing waits."""
        self._last = None

    def span_s(self, people: int) -> float:
        """Return over how many seconds so many people come back: twice what the store needs for them."""
        least, most = SPAN_S
        return min(most, max(least, 2 * people * self.each_s))

    def wait_ms(self, people: int) -> int:
        """Return a delay for one of so many people who are to come back, drawn from 0 to the span."""
        return random.randint(0, round(self.span_s(people) * 1000))


class Attaches:
    """First come, first served; at most ``UNDER_WAY`` at a time.

    Example::

        async with attaches.place(connection) as granted:
            if granted:
                await machine.attach(...)
                attaches.answered()
    """

    def __init__(self, clock: Clock) -> None:
        self.pace = Pace(clock)
        self._waiting: dict[object, tuple[float, asyncio.Future[bool]]] = {}
        """Since when each one waits, and what it waits for."""
        self._clock = clock
        self._under_way = 0
        self._stopped = False

    def __len__(self) -> int:
        """Return how many wait, those under way included."""
        return len(self._waiting) + self._under_way

    @property
    def wait_s(self) -> float:
        """Return how long a person who comes now would wait."""
        return len(self) * self.pace.each_s

    @property
    def oldest_s(self) -> float:
        """Return how long the first one in the queue has waited; 0 if the queue is empty."""
        since, _ = next(iter(self._waiting.values()), (self._clock.monotonic(), None))
        return self._clock.monotonic() - since

    @property
    def is_busy(self) -> bool:
        """Return whether anyone waits."""
        return bool(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether new streams should come later: those that wait already take long enough."""
        return self.wait_s > MOST_WAIT_S

    @contextlib.asynccontextmanager
    async def place(self, who: object) -> AsyncIterator[bool]:
        """Wait in the queue; whether the attach may run now. False: ``who`` left the queue."""
        granted = await self._granted(who)
        try:
            yield granted
        finally:
            if granted:
                self._over()

    async def _granted(self, who: object) -> bool:
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[who] = self._clock.monotonic(), place
        self._go_on()
        try:
            return await place
        except asyncio.CancelledError:
            self._waiting.pop(who, None)
            if place.done() and not place.cancelled() and place.result():
                self._over()
            raise

    def _over(self) -> None:
        self._under_way -= 1
        self._go_on()

    @property
    def span_ms(self) -> int:
        """Over how long those are spread who are told to come back later."""
        return round(self.pace.span_s(len(self)) * 1000)

    def retry_after_s(self) -> int:
        """Return the same in whole seconds; 1 while there is no queue."""
        return 1 + (self.pace.wait_ms(len(self)) // 1000 if self.is_busy else 0)

    def answered(self) -> None:
        """Note that one of those under way was answered."""
        self.pace.answered(many=self._under_way >= MANY)

    def leave(self, who: object) -> None:
        """Take ``who`` out of the queue, if it still waits there. Can be repeated."""
        if who in self._waiting:
            _, place = self._waiting.pop(who)
            if not place.done():
                place.set_result(False)

    def stop(self) -> None:
        """Start no attach: the store is away."""
        self._stopped = True
        self.pace.interrupted()

    def go_on(self) -> None:
        """Start attaches again."""
        self._stopped = False
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._under_way < UNDER_WAY and not self._stopped:
            _, place = self._waiting.pop(next(iter(self._waiting)))
            if not place.done():
                self._under_way += 1
                place.set_result(True)
