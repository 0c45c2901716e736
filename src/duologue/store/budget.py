"""The budget of repeats: a store that is in trouble must not be answered with every call a second time."""

from collections.abc import Callable

SHARE = 0.1
"""Repeats per call that succeeded."""
PER_S = 10.0
"""Repeats per second besides, for a server with little to do."""
MOST = 128.0
"""What can be saved up: one lost batch is repeated whole (``lanes.BATCH``)."""


class Budget:
    """Count what may still be repeated; one for the whole process.

    Example: ``budget.succeeded()`` for each answer, ``if budget.spend(): …`` before each repeat.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """``now``: monotonic seconds."""
        self._now = now
        self._left = MOST
        self._at = now()

    def succeeded(self) -> None:
        """Note that a call was answered."""
        self._left = min(MOST, self._left + SHARE)

    def spend(self) -> bool:
        """Take one repeat from the budget; false, and nothing is taken, if none is left."""
        now = self._now()
        self._left = min(MOST, self._left + (now - self._at) * PER_S)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
