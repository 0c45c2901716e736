"""One timer for all calls of a lane in place of one for each call.

All calls of a lane wait equally long, so their time is up in the order in which they were asked for.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from duologue.store.call import Call
from duologue.store.errors import StoreInterrupted, StoreUnavailable


class Patience:
    """Fail each call that was not answered in time: ``StoreInterrupted`` if it was sent by then."""

    def __init__(self, seconds: float, address: str, now: Callable[[], float]) -> None:
        """``now``: monotonic seconds."""
        self._seconds = seconds
        self._address = address
        self._now = now
        self._calls: deque[Call] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many calls are held; one that was answered is held until those before it are over."""
        return len(self._calls)

    def begin(self, call: Call) -> None:
        """From now on this call has its time."""
        call.late_at = self._now() + self._seconds
        self._forget_the_answered()
        self._calls.append(call)
        if self._timer is None:
            self._set(self._seconds)

    def close(self) -> None:
        """Stop; the calls that are left are failed by whoever closes."""
        self._calls.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._now()
        while self._calls and (self._calls[0].is_over or self._calls[0].late_at <= now):
            call = self._calls.popleft()
            late = StoreInterrupted if call.is_sent else StoreUnavailable
            call.fail(late(f"{self._address} did not answer in {self._seconds:g} s"))
        if self._calls:
            self._set(max(0.001, self._calls[0].late_at - now))

    def _forget_the_answered(self) -> None:
        """The calls hold their replies: drop those at the head, which are answered first."""
        while self._calls and self._calls[0].is_over:
            self._calls.popleft()
