"""Metrics: the names that others rely on, and the facts behind them."""

import pytest

from duologue.metrics import Metrics

NAMES = [
    'duologue_skip_told_seconds_count{source="server"} 0.0',
    'duologue_skip_told_seconds_count{source="client"} 0.0',
    "duologue_alone_people 0.0",
    'duologue_alone_seconds_count{cause="away"} 0.0',
    'duologue_alone_incidents_total{cause="no-show"} 0.0',
    'duologue_false_endings_total{cause="partner-lost"} 0.0',
    'duologue_skips_total{outcome="skipped"} 0.0',
    "duologue_streams_open 0.0",
    'duologue_streams_ended_total{reason="closed"} 0.0',
    "duologue_stream_seconds_count 0.0",
    "duologue_next_face_seconds_count 0.0",
    "duologue_client_alone_seconds_count 0.0",
    'duologue_people_by_transport{transport="poll"} 0.0',
    'duologue_comparisons_total{result="missed"} 0.0',
    'duologue_store_waited_seconds_count{lane="bulk"} 0.0',
    'duologue_store_refused_total{lane="interactive"} 0.0',
    'duologue_store_dropped_total{lane="bulk"} 0.0',
    'duologue_store_repeats_total{lane="interactive",what="given-up"} 0.0',
]


@pytest.mark.parametrize("line", NAMES)
def test_the_names_are_there_from_the_start(line: str) -> None:
    """The measurements that the project began from, once each, under these names, at zero."""
    assert line in Metrics().render().decode().splitlines()


@pytest.mark.parametrize(
    ("fact", "name", "labels", "value"),
    [
        ("alone away 2400", "alone_incidents_total", {"cause": "away"}, 1),
        ("alone away 2400", "alone_seconds_sum", {"cause": "away"}, 2.4),
        ("ended partner-skipped 61000", "conversation_seconds_sum", {"reason": "partner-skipped"}, 61),
        ("matched 1500", "match_wait_seconds_sum", {}, 1.5),
        ("false-ending no-show", "false_endings_total", {"cause": "no-show"}, 1),
        ("expired lease", "expired_total", {"what": "lease"}, 1),
        ("compared differ 3", "comparisons_total", {"result": "differ"}, 3),
        ("buried 12", "buried_people_total", {}, 12),
        ("room-opened 40", "room_open_seconds_sum", {}, 0.04),
        ("room-gone 1100", "room_gone_seconds_sum", {}, 1.1),
        ("report filed", "reports_total", {"what": "filed"}, 1),
        ("report-bytes 4711", "report_bytes", {}, 4711),
        ("room orphaned", "rooms_total", {"what": "orphaned"}, 1),
        ("video down", "video_changes_total", {"to": "down"}, 1),
    ],
)
def test_facts(fact: str, name: str, labels: dict[str, str], value: float) -> None:
    """What the state machine tells, told once, is counted once."""
    metrics = Metrics()
    metrics.observe(fact)
    assert metrics.registry.get_sample_value(f"duologue_{name}", labels) == pytest.approx(value)


@pytest.mark.parametrize("fact", ["", "alone away", "something else"])
def test_an_unknown_fact_is_a_mistake(fact: str) -> None:
    """Otherwise a measurement would be lost unseen."""
    with pytest.raises(ValueError, match="unknown fact"):
        Metrics().observe(fact)


def test_streams_open_and_end() -> None:
    """Open now, and why they ended."""
    metrics = Metrics()
    metrics.stream_opened()
    metrics.stream_opened()
    metrics.stream_ended("drain", 3)
    text = metrics.render().decode()
    assert "duologue_streams_open 1.0" in text
    assert 'duologue_streams_ended_total{reason="drain"} 1.0' in text


def test_rooms_and_video() -> None:
    """How many rooms there are and should be, whether they open, and what came of looking."""
    metrics = Metrics()
    metrics.rooms_seen(listed=5, owned=3, closing=1)
    metrics.video(is_up=True)
    metrics.canary("opened")
    metrics.webhook("refused")
    lines = metrics.render().decode().splitlines()
    for line in (
        'duologue_rooms_now{what="listed"} 5.0',
        'duologue_rooms_now{what="owned"} 3.0',
        'duologue_rooms_now{what="closing"} 1.0',
        "duologue_video_up 1.0",
        'duologue_canaries_total{what="opened"} 1.0',
        'duologue_webhooks_total{what="refused"} 1.0',
    ):
        assert line in lines
