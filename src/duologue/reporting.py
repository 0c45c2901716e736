"""Says in the log that reports, or the messages kept with them, have no room, beside the metrics."""

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

AGAIN_S = 60.0
"""Between two lines of a kind: strangers decide how often there is no room. The metrics count each."""
NO_ROOM = {
    "report refused": "reports",
    "report without-evidence": "messages of conversations that are reported",
    "report left-out": "further messages of reported conversations",
}
"""Fact of the state machine → what has no room."""


class RoomForReports:
    """Passes each fact on, and logs one line a minute at most for each kind of missing room.

    Example::

        machine = Machine(store, observe=RoomForReports(metrics.observe).observe)
    """

    def __init__(
        self, observe: Callable[[str], None], *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._observe = observe
        self._now_s = now_s
        self._said_s: dict[str, float] = {}

    def observe(self, fact: str) -> None:
        """Count the fact, and say it if it is about missing room and was not said for a minute."""
        self._observe(fact)
        if (kind := NO_ROOM.get(fact)) is None:
            return
        now_s = self._now_s()
        if now_s - self._said_s.get(fact, -AGAIN_S) >= AGAIN_S:
            self._said_s[fact] = now_s
            log.warning("reports have no room: decide on old ones, or raise --evidence-bytes", kind=kind)
