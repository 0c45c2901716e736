"""Events for the host application: written with what they tell of, and never twice, never lost."""

import json
from typing import Any

import pytest

from duologue.pairing.vocabulary import EventKind, Media, PersonId, ReportReason
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Stage

WEEK_MS = 7 * 86_400_000


def events(stage: Stage, after: int = 0) -> list[Any]:
    """What the outbox holds behind a number."""
    return [*play(stage.machine.events.read(after)).events]


def kinds(stage: Stage, person: str = "") -> list[str]:
    return [each.kind for each in events(stage) if person in ("", each.person)]


def met(stage: Stage) -> str:
    stage.attach("ann")
    stage.attach("ben")
    stage.join("ann")
    stage.join("ben")
    match = stage.match("ann")
    assert match
    stage.says(Media.OPEN, "ann")
    stage.says(Media.OPEN, "ben")
    return match


def report(stage: Stage, match: str, key: str) -> None:
    said = stage.machine.report(PersonId("ann"), match, key, ReportReason.SPAM, "He sells things")
    play(said)


@held_by("event-written")
def test_a_report_is_an_event_once(stage: Stage) -> None:
    """It names the person reported, the match and the reason, not the text nor the reporter.

    An amendment is not an event.
    """
    match = met(stage)
    report(stage, match, "k1")
    report(stage, match, "k2")
    report(stage, match, "k2")
    found = events(stage)
    assert [(each.kind, each.person) for each in found] == [("report.created", "ben")]
    body = json.dumps(found[0].body())
    assert found[0].body()["data"] == {"person": "ben", "match": match, "reason": "spam"}
    assert "ann" not in body
    assert "sells" not in body


def test_matches_and_presence_are_written_only_if_asked_for(stage: Stage) -> None:
    """Without the settings nothing is written."""
    match = met(stage)
    stage.skip("ann", match)
    assert events(stage) == []
    assert stage.client.exists("{0}events") == 0


@pytest.mark.timings(match_events=True, presence_events=True)
@held_by("event-written")
def test_matches_and_presence(stage: Stage) -> None:
    """In the order in which they happen to each person, with numbers that rise by one."""
    match = met(stage)
    stage.skip("ann", match)
    stage.closes("ben")
    assert kinds(stage, "ann") == ["person.online", "match.started", "match.ended"]
    assert kinds(stage, "ben") == ["person.online", "match.started", "match.ended", "person.offline"]
    assert [each.seq for each in events(stage)] == [*range(1, 8)]
    ended = {each.person: each.fields["reason"] for each in events(stage) if each.kind == "match.ended"}
    assert ended == {"ann": "skipped", "ben": "partner-skipped"}


@pytest.mark.timings(kept_events=200)
def test_the_outbox_is_bounded(stage: Stage) -> None:
    """The oldest events leave, and a reader who has not read them is told of the gap."""
    for _ in range(700):
        play(stage.machine.events.note(EventKind.WEBHOOK_TEST, {}))
    page = play(stage.machine.events.read(0, 1_000))
    assert len(page.events) <= 400  # the store drops whole nodes of 100 entries
    assert page.last == 700
    assert page.gap(0)
    assert page.gap(page.oldest - 2)
    assert not page.gap(page.oldest - 1)
    assert not page.gap(700)


def test_events_are_kept_for_a_week(stage: Stage) -> None:
    """Then they go, and the numbers go on where they were."""
    for _ in range(1_200):
        play(stage.machine.events.note(EventKind.WEBHOOK_TEST, {}))
    stage.clock.turn(WEEK_MS - 1)
    play(stage.machine.events.trim())
    assert play(stage.machine.events.read(0)).oldest == 1
    stage.clock.turn(1)
    play(stage.machine.events.trim())
    page = play(stage.machine.events.read(0))
    assert (page.oldest, page.last) == (0, 1_200)
    assert page.gap(0)
    assert not page.gap(1_200)
    play(stage.machine.events.note(EventKind.WEBHOOK_TEST, {}))
    assert [each.seq for each in events(stage, 1_200)] == [1_201]


def test_an_event_says_the_hosts_own_name(stage: Stage) -> None:
    """If the person came with a token of the host's."""
    match = met(stage)
    play(stage.machine.events.name(PersonId("ben"), "shop", "user-7"))
    report(stage, match, "k1")
    data = events(stage)[0].body()["data"]
    assert (data["iss"], data["sub"]) == ("shop", "user-7")


@held_by("webhook-claimed", "webhook-fence")
def test_one_process_delivers(stage: Stage) -> None:
    """Another one takes over once the first says nothing. What the first notes then is refused (S16)."""
    outbox = stage.machine.events
    assert play(outbox.claim("s1"))
    assert not play(outbox.claim("s2"))
    stage.wait(1_000)
    assert play(outbox.claim("s1"))
    stage.wait(6_000)
    assert play(outbox.claim("s2"))
    assert play(outbox.settle("e", "s2", {"cursor": 3}, {1: {"tries": 1}}))
    assert not play(outbox.settle("e", "s1", {"cursor": 1}, {}))
    assert play(outbox.delivery("e")).state == {"cursor": 3}
    assert [*play(outbox.delivery("e")).owing] == [1]


@held_by("disabled-once")
def test_a_repeated_note_disables_once(stage: Stage) -> None:
    """The answer is lost, and the same is noted again: there is one event."""
    outbox = stage.machine.events
    assert play(outbox.claim("s1"))
    for _ in range(2):
        state, said = {"cursor": 3, "disabled_at_ms": 5}, {"endpoint": "e", "reason": "gone"}
        assert play(outbox.settle("e", "s1", state, {}, said))
    assert kinds(stage) == ["webhook.disabled"]
