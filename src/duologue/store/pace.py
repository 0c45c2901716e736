"""How long the store takes for one call at present, as the batches show it.

Other processes' calls run between ours, so the time per call grows with their number, and the same batch
takes longer: of 128 calls that cost the store 0.1 ms each, beside 190 processes that do the same, 2.4 s.
A batch is therefore as long as it takes, not as many as it has.
"""

import math
from collections import deque

ROUND_S = (0.1, 0.5)
"""How long a batch may take: twice what a small one takes, between these two. What is asked for meanwhile
waits for its end. If the store is 200 ms away, one call takes as long as a hundred."""
MOST = 128
"""Calls in one batch. More gain nothing: a call costs 147 µs of our CPU alone and 50 µs in a full batch."""
LEAST = 8
"""Calls in a batch of a very slow store: its quick calls must be measured beside its slow ones. It is a small
batch, which shows how long the way takes."""
REMEMBERED = 3
"""Batches, of which the quickest decides whether a call can still be answered: one hiccup refuses nothing."""
SMALL_ONES = 15
"""Small batches that are remembered; the median counts."""


class Pace:
    """The measured time per call, and the batch that follows from it."""

    def __init__(self) -> None:
        self._took_s = 0.0
        self._calls = 0.0
        self._last: deque[float] = deque(maxlen=REMEMBERED)
        self._small: deque[float] = deque(maxlen=SMALL_ONES)
        self.small_s = 0.0
        """How long a batch of few calls takes, there and back; 0.0 before the first."""
        self.call_s = 0.0
        """The present time per call, in seconds; 0.0 before the first batch."""
        self.least_s = 0.0
        """The time per call of the quickest of the last batches."""
        self.most = MOST
        """How many calls the next batch may have."""

    def note(self, calls: int, took_s: float) -> None:
        """Note that a batch of so many calls was answered in so long."""
        if calls <= LEAST:
            self._small.append(took_s)
            self.small_s = sorted(self._small)[len(self._small) // 2]
        # The last tenth of a second of work counts; a batch that took longer counts alone, and as no more.
        span_s, _ = ROUND_S
        before, share = math.exp(-took_s / span_s), min(1.0, span_s / took_s) if took_s else 1.0
        self._took_s = self._took_s * before + took_s * share
        self._calls = self._calls * before + calls * share
        self._last.append(took_s / calls)
        self.call_s = self._took_s / self._calls
        self.least_s = min(self._last)
        self.most = self._most()

    def _most(self) -> int:
        least_s, most_s = ROUND_S
        round_s = min(most_s, max(least_s, 2 * self.small_s))
        return max(LEAST, min(MOST, int(round_s / self.call_s))) if self.call_s else MOST
