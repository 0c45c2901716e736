"""What the operator reads in the log when reports have no room."""

from collections.abc import Sequence

import pytest
import structlog

from duologue.floods import LINES, OFTEN, Floods
from duologue.reporting import NO_ROOM, logged


def play(facts: Sequence[str], *, conversations: bool = False) -> tuple[list[str], list[dict[str, object]]]:
    """Return the facts that were passed on, and the lines that were written behind the flood control."""
    counted, lines = list[str](), list[dict[str, object]]()
    floods = Floods(lambda *_: None)

    def keep(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        lines.append({"level": method, **event})
        raise structlog.DropEvent

    structlog.configure(processors=[floods.of_ours, keep])
    try:
        observe = logged(counted.append, conversations=conversations)
        for fact in facts:
            observe(fact)
    finally:
        structlog.reset_defaults()
    return counted, lines


@pytest.mark.parametrize("fact", NO_ROOM)
def test_missing_room_is_logged(fact: str) -> None:
    """A flood of it writes few lines. The metric counts each."""
    counted, lines = play([fact] * 1_000)
    assert counted == [fact] * 1_000
    assert [(line["kind"], line["level"]) for line in lines] == [(NO_ROOM[fact], "warning")] * LINES
    assert "--evidence-bytes" in str(lines[0]["event"])


@pytest.mark.parametrize("fact", ["report filed", "matched 3"])
def test_other_facts_are_passed_on_in_silence(fact: str) -> None:
    """They are the metrics' alone."""
    assert play([fact]) == ([fact], [])


CONVERSATION: dict[str, dict[str, object]] = {
    "matched 1500 m_1 ann main": {
        "event": "matched", "match": "m_1", "person": "ann", "pool": "main", "waited_ms": 1500,
    },
    "ended partner-skipped 61000 m_1 ann ben": {
        "event": "ended", "match": "m_1", "person": ["ann", "ben"],
        "reason": "partner-skipped", "lasted_ms": 61000,
    },
    "away m_1 ann": {"event": "away", "match": "m_1", "person": "ann"},
    "back m_1 ann": {"event": "back", "match": "m_1", "person": "ann"},
}  # fmt: skip


@pytest.mark.parametrize("fact", CONVERSATION)
def test_a_conversation_is_logged_where_it_is_wanted(fact: str) -> None:
    """One line at level debug, with the match and the people by their ids; without the option none."""
    counted, lines = play([fact], conversations=True)
    assert counted == [fact]
    assert lines == [{"level": "debug", **CONVERSATION[fact]}]
    assert play([fact]) == ([fact], [])


def test_a_flood_of_conversations_is_bounded() -> None:
    """Strangers who skip all the time write 6,000 lines a minute of each kind, and no more."""
    _, lines = play(["away m_1 ann"] * (OFTEN + 10), conversations=True)
    assert len(lines) == OFTEN
