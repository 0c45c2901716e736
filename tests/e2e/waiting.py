"""Waiting for conditions, with deadlines; and watching that one holds for a span of time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.03


def now_ms() -> float:
    """The clock of the pages too: all browsers run on this machine."""
    return time.time() * 1000


def until(
    look: Callable[[], T], within_s: float, what: str, *, last: Callable[[], object] | None = None
) -> T:
    """The first truthy value of ``look``; fails with what was seen ``last`` when the time is over."""
    deadline = time.monotonic() + within_s
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            seen = f"; last seen: {last()}" if last else ""
            raise AssertionError(f"not within {within_s:g} s: {what}{seen}")
        time.sleep(POLL_S)


def holds(look: Callable[[], bool], for_s: float, what: str, *, every_s: float = 0.1) -> None:
    """Looks on for a span of time and fails at the first moment at which it is not so."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < for_s:
        assert look(), f"no more after {passed:.1f} s: {what}"
        time.sleep(min(every_s, max(0.0, for_s - passed)))
