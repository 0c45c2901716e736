"""Time, handed in: so that a test can turn it."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Clock(Protocol):
    """What the client needs of time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, as this device believes."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Return after that time."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """Raises ``TimeoutError`` out of its body after that time."""


class SystemClock:
    """The machine's own."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that time."""
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """``asyncio.timeout``."""
        return asyncio.timeout(seconds)
