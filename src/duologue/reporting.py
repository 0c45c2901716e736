"""Say in the log what the state machine did: each conversation, and reports that have no room."""

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

NO_ROOM = {
    "report refused": "reports",
    "report without-evidence": "messages of conversations that are reported",
    "report left-out": "further messages of reported conversations",
}
"""Fact of the state machine → what has no room. ``floods`` bounds the number of these lines."""


def logged(observe: Callable[[str], None], *, conversations: bool = False) -> Callable[[str], None]:
    """Return an observer of the state machine's facts that passes each on, and logs some of them.

    ``conversations``: log each match, end, away and back, at level debug. Otherwise those facts cost nothing
    here (docs/decisions/0038-the-log-of-a-conversation.md).

    Example::

        machine = Machine(store, observe=logged(metrics.observe))
    """

    def observe_and_log(fact: str) -> None:
        observe(fact)
        if conversations:
            _log_conversation(fact)
        if kind := NO_ROOM.get(fact):
            log.warning("reports have no room: decide on old ones, or raise --evidence-bytes", kind=kind)

    return observe_and_log


def _log_conversation(fact: str) -> None:
    """Write a line about a match, if the fact is about one; it names people by their ids."""
    match fact.split(" "):
        case ["matched", ms, match, person, pool]:
            log.debug("matched", often=True, match=match, person=person, pool=pool, waited_ms=int(ms))
        case ["ended", reason, ms, match, *people]:
            log.debug("ended", often=True, match=match, person=people, reason=reason, lasted_ms=int(ms))
        case ["away", match, person]:
            log.debug("away", often=True, match=match, person=person)
        case ["back", match, person]:
            log.debug("back", often=True, match=match, person=person)
        case _:
            pass
