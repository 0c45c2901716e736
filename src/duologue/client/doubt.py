"""Distinguishes a server that does not answer from one whose live updates are blocked on the way."""

from collections.abc import Callable

SURE = 2
"""How many rounds in a row bring no live updates although another request was answered. A server that
restarts explains one."""


class Doubt:
    """The doubt of one page. ``on_blocked`` is told of each change."""

    def __init__(self, on_blocked: Callable[[bool], None]) -> None:
        self._on_blocked = on_blocked
        self._reached = 0
        self._told = False
        self.round = 0
        """The present round: an answer counts only in the round in which it was asked for."""

    @property
    def raised(self) -> bool:
        """Return whether another request was answered while nothing came by stream or poll."""
        return self._reached > 0

    def answered(self, reached: bool, asked_in: int) -> None:
        """Note the result of a request of another kind."""
        if asked_in != self.round:
            return
        self._reached = self._reached + 1 if reached else 0
        self._tell(self._reached >= SURE)

    def clear(self) -> None:
        """Begin again: something came, or no connection is wanted any more."""
        self.round += 1
        self._reached = 0
        self._tell(False)

    def _tell(self, blocked: bool) -> None:
        if blocked is not self._told:
            self._told = blocked
            self._on_blocked(blocked)
