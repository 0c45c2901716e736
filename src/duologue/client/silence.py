"""How long a partner has been silent, counted only over ticks that came on time."""

TICK_S = 0.5
"""A silence is found at most one tick late."""
SILENCE_S = 2.5
"""Time without a ping or pong that counts as silence."""
LATE_S = 1.6
"""A tick that is later than this was delayed: messages of the partner may still be in a queue."""


class Silence:
    """The clock of silence. It starts when the page believes that it is in the match, not when a channel
    opens (races R12, R14)."""

    def __init__(self, now: float) -> None:
        """Start at ``now``, in monotonic seconds."""
        self._ticked = now
        self._quiet = 0.0

    def heard(self, now: float) -> None:
        """Note a ping or pong of the partner."""
        self._ticked, self._quiet = now, 0.0

    def tick(self, now: float) -> bool:
        """Return whether it is a silence by now."""
        passed, self._ticked = now - self._ticked, now
        self._quiet = 0.0 if passed > LATE_S else self._quiet + passed
        return self._quiet >= SILENCE_S
