"""Time, handed in: loops and bounds are tested by turning a fake one."""

import asyncio
import time
from collections import deque
from typing import Protocol


class Clock(Protocol):
    """What loops may ask of time."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def wall_ms(self) -> float:
        """This machine's own clock, ms since the epoch; may jump."""

    async def sleep(self, seconds: float) -> None:
        """Return after so long."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Whether the event was set within so long; it stays as it is."""


class SystemClock:
    """The real one."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wall_ms(self) -> float:
        """This machine's own clock, ms since the epoch."""
        return time.time() * 1000

    async def sleep(self, seconds: float) -> None:
        """Return after so long."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Whether the event was set within so long."""
        if seconds <= 0:
            return event.is_set()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True


class StoreClock:
    """The store's clock, estimated from the beats: all instants on the wire are its.

    Of the last 20 answers the quickest decides (as in NTP's clock filter): its
    error is at most half its round trip.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque(maxlen=20)
        self.offset_ms = 0.0

    def note(self, sent_ms: float, received_ms: float, store_ms: int) -> None:
        """One answer that carried the store's time; the first two by our ``wall_ms``."""
        # The store cuts its time to whole ms: on average half of one is lost.
        offset = store_ms + 0.5 - (sent_ms + received_ms) / 2
        self._samples.append((received_ms - sent_ms, offset))
        self.offset_ms = min(self._samples)[1]

    def now_ms(self) -> float:
        """The store's clock now, as well as we know it."""
        return self._clock.wall_ms() + self.offset_ms
