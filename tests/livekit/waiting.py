"""Waiting for what nothing announces, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 15.0
"""How long a condition may take before a test gives up; none takes it."""


async def until(look: Callable[[], Awaitable[T]], what: str, *, within_s: float = PATIENCE_S) -> T:
    """The first truthy value of ``look``; fails with the last one when the time is over."""
    deadline = time.monotonic() + within_s
    while not (value := await look()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}; last seen: {value!r}"
        await asyncio.sleep(0.02)
    return value
