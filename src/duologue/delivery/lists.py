"""Whether the store lists as many people of this process as the process holds.

Each beat brings the length of the store's list. The two lengths also differ while somebody attaches or
detaches, so a difference counts if it is larger than what is under way, and if it lasts. Only then are the
people themselves compared (``resync.Resync.compare``).
"""

import asyncio

ENOUGH = 4
"""Beats in a row that show a difference, about 2 s, before the lists are compared."""
MOST = 600
"""The same, about 5 min, at most: it doubles each time that nothing was found."""


class Lists:
    """The two lengths, beat by beat."""

    def __init__(self) -> None:
        self.attention = asyncio.Event()
        """Set while the lists are to be compared."""
        self._longer = 0
        self._shorter = 0
        self._enough = ENOUGH

    def counted(self, listed: int, here: int, under_way: int) -> None:
        """Note the store's length and ours; ``under_way``: attaches and detaches that have not ended."""
        difference = listed - here
        if difference > under_way:
            self._longer, self._shorter = self._longer + 1, 0
        elif difference < -under_way:
            self._longer, self._shorter = 0, self._shorter + 1
        elif under_way == 0:
            self._longer = self._shorter = 0
            self._enough = ENOUGH
        if max(self._longer, self._shorter) >= self._enough:
            self.attention.set()

    def compared(self, found: int) -> None:
        """Note that the lists were compared, and how many people were wrong on either."""
        self._longer = self._shorter = 0
        self._enough = ENOUGH if found else min(2 * self._enough, MOST)
