"""Says in the log that reports, or the messages kept with them, have no room, beside the metrics."""

import time
from collections.abc import Callable

import structlog

from duologue.pairing.timings import Timings

log = structlog.get_logger(__name__)

AGAIN_S = 60.0
"""Between two lines: strangers decide how often there is no room."""
NO_ROOM = {
    "report refused": "no room for a report: decide on old ones, or raise --evidence-bytes",
    "report without-evidence": "no room for the messages of a reported conversation: decide on old reports, "
    "or raise --evidence-bytes",
    "report left-out": "no room for more messages of a reported conversation: decide on old reports, "
    "or raise --evidence-bytes",
}
"""Fact of the state machine → what the operator reads."""


class RoomForReports:
    """Passes each fact on, and logs one line a minute at most for each kind of missing room.

    Example::

        machine = Machine(store, observe=RoomForReports(metrics.observe, timings).observe)
    """

    def __init__(
        self,
        observe: Callable[[str], None],
        timings: Timings,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observe = observe
        self._bytes = timings.evidence_bytes
        self._now_s = now_s
        self._said_s: dict[str, float] = {}
        self._missed: dict[str, int] = dict.fromkeys(NO_ROOM, 0)

    def observe(self, fact: str) -> None:
        """Count the fact, and say it if it is about missing room and was not said for a minute."""
        self._observe(fact)
        if fact not in NO_ROOM:
            return
        self._missed[fact] += 1
        now_s = self._now_s()
        if now_s - self._said_s.get(fact, -AGAIN_S) < AGAIN_S:
            return
        self._said_s[fact] = now_s
        log.warning(NO_ROOM[fact], times=self._missed[fact], evidence_bytes=self._bytes)
        self._missed[fact] = 0
