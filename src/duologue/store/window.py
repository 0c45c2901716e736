"""How many bulk calls are sent at a time: additive increase, multiplicative decrease, as TCP does.

After an outage every process has thousands of attaches to make. How many the store can take at a time is
found out from below: a window that is too large wastes calls whose batch is lost, and delays everybody.
"""

FIRST = 8
LEAST = 4
MOST = 64
TWICE = 2.0
"""A batch that takes so many times the least per call is a sign that others wait for the store too."""
QUICK_S = 0.05
"""A batch that is shorter delays nobody, whatever it is compared with."""


class Window:
    """The window of one process."""

    def __init__(self) -> None:
        self._size = FIRST
        self._least_s: dict[int, float] = {}
        """The least time per call, by the batch's size in powers of two: the way there and back is shared."""

    @property
    def size(self) -> int:
        """How many bulk calls the next batch may have."""
        return self._size

    def note(self, bulk: int, calls: int, took_s: float) -> None:
        """Note that a batch of so many calls, of which so many were bulk, was answered in so long."""
        kind, call_s = calls.bit_length(), took_s / calls
        least_s = self._least_s[kind] = min(call_s, self._least_s.get(kind, call_s))
        if took_s > QUICK_S and call_s >= TWICE * least_s:
            self.halve()
        elif bulk >= self._size:  # one that was not full shows nothing about a larger one
            self._size = min(MOST, self._size + 1)

    def halve(self) -> None:
        """Note that a batch with bulk calls was lost, or was too slow."""
        self._size = max(LEAST, self._size // 2)

    def forget(self) -> None:
        """Note that another server answers from now on: its least is measured from the start."""
        self._least_s.clear()
