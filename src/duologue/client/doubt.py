"""Tells a server that is away from one whose live updates are blocked on the way."""

from collections.abc import Callable

SURE = 2
"""So many rounds in a row without live updates, during which another request was answered.

A server that starts again explains one.
"""


class Doubt:
    """Of one page. ``on_blocked`` is told of each change."""

    def __init__(self, on_blocked: Callable[[bool], None]) -> None:
        self._on_blocked = on_blocked
        self._reached = 0
        self._told = False
        self.round = 0
        """An answer counts only in the round in which it was asked for."""

    @property
    def raised(self) -> bool:
        """Whether another request was answered while nothing came by stream or poll."""
        return self._reached > 0

    def answered(self, reached: bool, asked_in: int) -> None:
        """Take note of what a request of another kind came to."""
        if asked_in != self.round:
            return
        self._reached = self._reached + 1 if reached else 0
        self._tell(self._reached >= SURE)

    def clear(self) -> None:
        """Begin again: something came, or there is no connection to look for any more."""
        self.round += 1
        self._reached = 0
        self._tell(False)

    def _tell(self, blocked: bool) -> None:
        if blocked is not self._told:
            self._told = blocked
            self._on_blocked(blocked)
