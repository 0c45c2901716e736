"""Say in the log that reports, or the messages kept with them, have no room, beside the metrics."""

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

NO_ROOM = {
    "report refused": "reports",
    "report without-evidence": "messages of conversations that are reported",
    "report left-out": "further messages of reported conversations",
}
"""Fact of the state machine → what has no room. ``floods`` bounds the number of these lines."""


def logged(observe: Callable[[str], None]) -> Callable[[str], None]:
    """Return an observer of the state machine's facts that passes each on, and logs those about missing room.

    Example::

        machine = Machine(store, observe=logged(metrics.observe))
    """

    def observe_and_log(fact: str) -> None:
        observe(fact)
        if kind := NO_ROOM.get(fact):
            log.warning("reports have no room: decide on old ones, or raise --evidence-bytes", kind=kind)

    return observe_and_log
