"""Time, handed in: loops and bounds are tested by turning a fake one."""

import asyncio
import time
from collections import deque
from typing import Protocol

DRIFT_MS = 10.0
"""What two clocks may move apart during 20 beats; 500 ppm, the most that NTP corrects, make 5 ms."""


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

    Counted from our monotonic clock, so a jump of our wall clock changes nothing. Of the
    last 20 answers the quickest decides (as in NTP's clock filter): its error is at most
    half its round trip. One that contradicts it says that the store's clock has jumped, or
    that this machine slept: what was known before is forgotten.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque(maxlen=20)
        self.offset_ms = clock.wall_ms() - clock.monotonic() * 1000
        """To our monotonic clock; until the first answer the store's is taken to agree with our wall's."""

    def note(self, sent_s: float, received_s: float, store_ms: int) -> None:
        """One answer that carried the store's time; the first two by our ``monotonic``."""
        round_trip_ms = (received_s - sent_s) * 1000
        # The store cuts its time to whole ms: on average half of one is lost.
        offset = store_ms + 0.5 - (sent_s + received_s) * 500
        if self._samples and self._contradicts(round_trip_ms, offset):
            self._samples.clear()
        self._samples.append((round_trip_ms, offset))
        self.offset_ms = min(self._samples)[1]

    def _contradicts(self, round_trip_ms: float, offset: float) -> bool:
        known_ms, known = min(self._samples)
        return abs(offset - known) > (round_trip_ms + known_ms) / 2 + DRIFT_MS

    def host_ms(self) -> float:
        """This machine's own clock, by which tokens are verified."""
        return self._clock.wall_ms()

    def now_ms(self) -> float:
        """The store's clock now, as well as we know it."""
        return self._clock.monotonic() * 1000 + self.offset_ms
