"""What the operator reads in the log when reports have no room."""

from collections.abc import Sequence

import pytest
import structlog

from duologue.floods import LINES, Floods
from duologue.reporting import NO_ROOM, logged


def play(facts: Sequence[str]) -> tuple[list[str], list[dict[str, object]]]:
    """Return the facts that were passed on, and the lines that were written behind the flood control."""
    counted, lines = list[str](), list[dict[str, object]]()
    floods = Floods(lambda *_: None)

    def keep(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        lines.append({"level": method, **event})
        raise structlog.DropEvent

    structlog.configure(processors=[floods.of_ours, keep])
    try:
        observe = logged(counted.append)
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
