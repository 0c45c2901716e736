"""The queues of calls that were not sent to the store yet, one for each lane, and what is sent next.

Why there are several: with all calls in one queue and 2 s of patience, a backlog of more than 2 s is never
worked off again. Each call then reaches the store when its caller has just given up (decision 26).
"""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from duologue.lane import Lane
from duologue.metrics import Metrics
from duologue.store.call import Call, fail_all
from duologue.store.errors import StoreBusy, StoreError, StoreUnavailable
from duologue.store.pace import MOST as BATCH
from duologue.store.pace import Pace
from duologue.store.window import Window

__all__ = ["BATCH", "Batches", "Bulk", "Control", "Data", "Interactive", "Lane", "Queue"]

LATE_S = 0.05
"""A call that a batch left behind, and that has waited so long, is late. One that waits less shows only that
more callers ask at once than fit into a batch. The time of a small batch is added to each of these bounds."""
STANDING_S = 0.1
"""If each batch left late calls behind for so long, more is asked for than the store can answer: overload."""
SLOW_BATCHES = 4
"""So many small batches are added to it: with the store far away, the first batches are small ones."""
REFUSED_S = 0.2
"""Under overload, a call that has waited so long is refused."""
WAITING_MAX = 20_000
"""Calls that wait in a lane: what one core answers in about a second. More are refused at once."""
BULK_MAX = 200_000
"""The same for bulk calls, which may wait: an attach and a detach for each of far more streams than a process
holds."""
LATEST_RETRY_S = 5.0
"""A refused call comes again within this time and a second."""
TELL_S = 0.1
"""The metric of waits gets the longest wait of this time; one for each batch would cost as much as a call."""
SHARE = 4
"""While interactive calls wait, one call of so many in a batch may be bulk."""


class Queue:
    """The calls of one lane that were not sent yet, in the order in which they were asked for."""

    def __init__(
        self, lane: Lane, now: Callable[[], float], metrics: Metrics, most: int | None = None
    ) -> None:
        """``now``: monotonic seconds; ``most``: how many may wait."""
        self.lane = lane
        self._now = now
        self._metrics = metrics
        self._most = most
        self._calls: deque[Call] = deque()
        self._longest_s = 0.0
        self._told_at = -math.inf
        metrics.lane_waits(lane, lambda: len(self._calls))

    def __len__(self) -> int:
        """How many wait; those whose caller gave up meanwhile are counted until they are dropped."""
        return len(self._calls)

    @property
    def waited_s(self) -> float:
        """How long the oldest of them has waited; 0.0: none waits."""
        return self._now() - self._calls[0].asked_at if self._calls else 0.0

    def put(self, call: Call) -> None:
        """Let a call wait. Raises ``StoreUnavailable`` if too many do."""
        if len(self._calls) >= (WAITING_MAX if self._most is None else self._most):
            raise StoreUnavailable(f"too many {self.lane} calls wait for the store")
        self._calls.append(call)

    def take(
        self,
        most: int,
        call_s: float = 0.0,
        small_s: float = 0.0,  # noqa: ARG002 # a lane that judges overload reads it
    ) -> list[Call]:
        """Take the next calls that are to be sent, without those that nobody waits for any more.

        ``call_s``: how long a call takes; one that has less time than that left is not sent. ``small_s``: how
        long a batch of few calls takes.
        """
        if not self._calls:
            return []
        now = self._now()
        batch: list[Call] = []
        asked_at = now
        while self._calls and len(batch) < most:
            call = self._next()
            if self._is_worth_it(call, now + call_s):
                batch.append(call)
                asked_at = min(asked_at, call.asked_at)
            else:
                self._drop(call)
        self._tell(now, now - asked_at)
        return batch

    def _tell(self, now: float, waited_s: float) -> None:
        self._longest_s = max(self._longest_s, waited_s)
        if now - self._told_at >= TELL_S:
            self._metrics.lane_waited(self.lane, self._longest_s)
            self._longest_s, self._told_at = 0.0, now

    def is_wanted(self) -> bool:
        """Return whether a call waits whose caller has not given up; older ones are dropped.

        No connection need be opened for calls that nobody waits for.
        """
        while self._calls and self._calls[0].is_over:
            self._drop(self._calls.popleft())
        return bool(self._calls)

    def fail(self, error: StoreError) -> None:
        """Fail all that wait."""
        fail_all(self._calls, error)
        self._calls.clear()

    def _next(self) -> Call:
        return self._calls.popleft()

    def _is_worth_it(self, call: Call, answered_at: float) -> bool:
        return not call.is_over and call.late_at > answered_at

    def _drop(self, call: Call) -> None:
        self._metrics.lane_dropped(self.lane)
        call.fail(StoreUnavailable("the store cannot answer in the time that is left"))


class Interactive(Queue):
    """Signs of life, or what people wait for. Under overload the newest goes first, and old ones are refused.

    Under overload somebody has to wait in vain. Newest first, those who are served are served at once, and
    the others know soon; oldest first, everybody would wait as long as anybody may.
    """

    def __init__(self, now: Callable[[], float], metrics: Metrics, lane: Lane = Lane.INTERACTIVE) -> None:
        super().__init__(lane, now, metrics)
        self._standing_since: float | None = None
        self._is_overloaded = False

    def take(self, most: int, call_s: float = 0.0, small_s: float = 0.0) -> list[Call]:
        """Take the next calls, in the order in which they were asked for. See ``Queue.take``."""
        if not self._calls:
            self._standing_since = None
            return []
        now = self._now()
        since = self._standing_since
        self._is_overloaded = since is not None and now - since >= STANDING_S + SLOW_BATCHES * small_s
        if since is not None and self._is_overloaded:
            self._refuse(now, now - since, REFUSED_S + small_s)
        batch = super().take(most, call_s)
        if self._is_overloaded:
            batch.reverse()
        self._standing_since = (now if since is None else since) if self.waited_s > LATE_S + small_s else None
        return batch

    def _next(self) -> Call:
        return self._calls.pop() if self._is_overloaded else self._calls.popleft()

    def _refuse(self, now: float, standing_s: float, after_s: float) -> None:
        while self._calls and now - self._calls[0].asked_at > after_s:
            call = self._calls.popleft()
            if call.is_over:
                self._drop(call)
                continue
            self._metrics.lane_refused(self.lane)
            # The longer the overload lasts, the later, and never all at once.
            later_s = random.uniform(0, min(LATEST_RETRY_S, 1 + standing_s))
            call.fail(StoreBusy("more is asked of the store than it can answer", 1 + int(later_s)))


class Bulk(Queue):
    """Attach, detach and re-attach. No call's time runs out here: its caller gives up when it wants to."""

    def __init__(self, now: Callable[[], float], metrics: Metrics) -> None:
        super().__init__(Lane.BULK, now, metrics, BULK_MAX)


class Batches(Protocol):
    """What a pipe sends, one batch after the other."""

    def is_wanted(self) -> bool:
        """Whether calls wait that somebody waits for."""

    def is_hurried(self) -> bool:
        """Whether one of them cannot wait until a connection that failed is tried again."""

    def take(self) -> list[Call]:
        """Take the next batch; it may be empty if nobody waits for the calls any more."""

    def answered(self, batch: list[Call], took_s: float) -> None:
        """Note that the whole batch was answered."""

    def lost(self, batch: list[Call]) -> None:
        """Note that the connection ended before the whole batch was answered."""

    def unreachable(self, error: StoreError) -> None:
        """Note that no connection can be opened."""


class Control:
    """Echo, beat, sweep: few, and in order."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue

    def is_wanted(self) -> bool:
        """Whether calls wait that somebody waits for."""
        return self.queue.is_wanted()

    def is_hurried(self) -> bool:
        """Whether calls wait: none of them can wait longer."""
        return self.is_wanted()

    def take(self) -> list[Call]:
        """Take the next calls."""
        return self.queue.take(BATCH)

    def answered(self, batch: list[Call], took_s: float) -> None:
        """Nothing follows."""

    def lost(self, batch: list[Call]) -> None:
        """Nothing follows."""

    def unreachable(self, error: StoreError) -> None:
        """Fail all that wait."""
        self.queue.fail(error)


class Data:
    """What people wait for, and bulk calls, mixed into batches."""

    def __init__(
        self, signs: Interactive, interactive: Interactive, bulk: Bulk, pace: Pace, window: Window
    ) -> None:
        self.signs = signs
        self.interactive = interactive
        self.bulk = bulk
        self.pace = pace
        self.window = window

    def is_wanted(self) -> bool:
        """Whether calls wait that somebody waits for."""
        return self.is_hurried() or self.bulk.is_wanted()

    def is_hurried(self) -> bool:
        """Whether others than bulk calls wait."""
        return self.signs.is_wanted() or self.interactive.is_wanted()

    def take(self) -> list[Call]:
        """Take signs of life first, then interactive calls, then as many bulk calls as the window allows."""
        most, least_s, small_s = self.pace.most, self.pace.least_s, self.pace.small_s
        bulk = min(len(self.bulk), self.window.size, most // SHARE)
        batch = self.signs.take(most - bulk, least_s, small_s)
        batch += self.interactive.take(most - bulk - len(batch), least_s, small_s)
        if not (self.signs or self.interactive):
            bulk = min(self.window.size, most - len(batch))
        return batch + self.bulk.take(bulk)

    def answered(self, batch: list[Call], took_s: float) -> None:
        """Measure the store by it."""
        self.pace.note(len(batch), took_s)
        if bulk := _bulk(batch):
            self.window.note(bulk, len(batch), took_s)

    def lost(self, batch: list[Call]) -> None:
        """Send fewer bulk calls from now on."""
        if _bulk(batch):
            self.window.halve()

    def unreachable(self, error: StoreError) -> None:
        """Fail what people wait for; bulk calls wait until the store is back."""
        self.signs.fail(error)
        self.interactive.fail(error)


def _bulk(batch: list[Call]) -> int:
    return sum(call.lane is Lane.BULK for call in batch)
