"""What the operator reads in the log when reports have no room."""

import pytest
import structlog

from duologue.reporting import AGAIN_S, NO_ROOM, RoomForReports


@pytest.mark.parametrize("fact", NO_ROOM)
def test_one_line_a_minute(fact: str) -> None:
    """However often it happens. The metric counts each."""
    now_s, counted = [0.0], list[str]()
    room = RoomForReports(counted.append, now_s=lambda: now_s[0])
    with structlog.testing.capture_logs() as lines:
        for _ in range(1_000):
            room.observe(fact)
        now_s[0] += AGAIN_S
        room.observe(fact)
    assert [(line["kind"], line["log_level"]) for line in lines] == [(NO_ROOM[fact], "warning")] * 2
    assert "--evidence-bytes" in lines[0]["event"]
    assert counted == [fact] * 1_001


def test_other_facts_are_passed_on_in_silence() -> None:
    """They are the metrics' alone."""
    counted = list[str]()
    with structlog.testing.capture_logs() as lines:
        RoomForReports(counted.append).observe("report filed")
    assert (counted, lines) == (["report filed"], [])
