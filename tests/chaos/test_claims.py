"""The claims on a crowd are themselves tested: each finds what it is there to find, and nothing else."""

import asyncio
import itertools
import os
import time

import pytest

from tests.chaos import claims, machine
from tests.chaos.diary import Diary, Gone, Meeting, Wait

SLACK_MS = 100


def diaries(*people: Diary) -> claims.Diaries:
    return {person.name: person for person in people}


def meeting(
    partner: str, reason: str = "partner-skipped", *, match: str = "m_1", ended_ms: int = 60_000
) -> Meeting:
    return Meeting(match, partner, 10_000, [], ended_ms, reason)


def person(name: str, *meetings: Meeting, polite: bool = True, gone: list[Gone] | None = None) -> Diary:
    return Diary(name, polite, {one.match: one for one in meetings}, gone or [])


def broken(found: "list[claims.Broken]") -> list[str]:
    return [one.what for one in found]


def test_somebody_alone_too_long_is_found() -> None:
    """B froze at 20 s, A was told after 4 s and free after 9 s."""
    a = person("A", Meeting("m_1", "B", 10_000, [(24_000, None)], 29_000, "partner-lost"))
    b = person("B", polite=False, gone=[Gone("frozen", 20_000, 60_000)])
    assert broken(list(claims.too_long(diaries(a, b), SLACK_MS))) == [
        "A was alone for 9000 ms in m_1 (frozen)",
        "A was not told for 4000 ms in m_1 (frozen)",
    ]


def test_somebody_alone_within_the_bounds_is_not() -> None:
    """Told at once, and B was back after 5 s; what A did later is another matter."""
    a = person("A", Meeting("m_1", "B", 10_000, [(20_100, 25_000)], 90_000, "skipped"))
    b = person("B", polite=False, gone=[Gone("closed", 20_000, 25_000), Gone("closed", 200_000, 300_000)])
    assert broken(list(claims.too_long(diaries(a, b), SLACK_MS))) == []


def test_a_screen_that_said_so_before_counts_at_once() -> None:
    """The partner's line had dropped already when they went for good."""
    a = person("A", Meeting("m_1", "B", 10_000, [(19_000, None)], 22_000, "partner-lost"))
    b = person("B", polite=False, gone=[Gone("closed", 20_000, 60_000)])
    [(_, _, one)] = claims.alone(diaries(a, b))
    assert (one.told_ms, one.free_ms) == (0, 2_000)


def test_a_match_with_somebody_gone_already_has_its_own_bound() -> None:
    """3 s: no sign of life came."""
    a = person("A", Meeting("m_1", "B", 10_000, [(14_000, None)], 14_000, "no-show"))
    b = person("B", polite=False, gone=[Gone("frozen", 5_000, 60_000)])
    assert len(list(claims.too_long(diaries(a, b), SLACK_MS))) == 2
    assert not list(claims.too_long(diaries(a, b), 1_000))


def test_somebody_gone_who_is_dealt_out_twice_is_found() -> None:
    """Once may happen before a process can know."""
    b = person("B", polite=False, gone=[Gone("frozen", 9_000, 60_000)])
    a = person("A", meeting("B"))
    c = person("C", meeting("B", match="m_2"))
    assert claims.dealt_twice(diaries(a, b)) == []
    assert len(claims.dealt_twice(diaries(a, b, c))) == 1


@pytest.mark.parametrize(
    "people",
    [
        (person("A", meeting("B")), person("B", meeting("C"))),
        (person("A", meeting("B")), person("B", meeting("A")), person("C", meeting("A"))),
        (person("A", meeting("A")),),
    ],
)
def test_a_conversation_that_is_not_of_two_is_found(people: tuple[Diary, ...]) -> None:
    """One-sided, of three, with oneself."""
    assert len(claims.asymmetric(diaries(*people))) == 1


def test_a_conversation_of_two_is_none() -> None:
    """Also one that only one of them has seen yet."""
    assert claims.asymmetric(diaries(person("A", meeting("B")), person("B", meeting("A")))) == []
    assert claims.asymmetric(diaries(person("A", meeting("B")), person("B"))) == []


@pytest.mark.parametrize(
    "reason", ["skipped", "left", "partner-skipped", "partner-left", "partner-lost", "no-show"]
)
def test_an_end_without_a_reason_is_found(reason: str) -> None:
    """No one pressed anything, and no one was gone."""
    assert len(list(claims.false_endings(diaries(person("A", meeting("B", reason)), person("B"))))) == 1


def test_an_end_with_a_reason_is_none() -> None:
    """A person did what the end says."""
    b = person("B", gone=[Gone("closed", 20_000, 59_000)])
    b.skips["m_1"] = 50_000
    found = [
        list(claims.false_endings(diaries(person("A", meeting("B", reason)), b)))
        for reason in ("partner-skipped", "partner-lost", "no-show", "media-failed")
    ]
    assert found == [[], [], [], []]


def test_whoever_was_never_served_is_found() -> None:
    """Or waited too long."""
    a, b = person("A"), person("B", meeting("A"))
    b.waits.append(Wait(0, 25_000))
    assert broken(list(claims.unserved(diaries(a, b), 20_000))) == [
        "A never met anybody",
        "B waited for 25000 ms",
    ]


async def test_a_process_that_gets_no_core_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong then says nothing about a server; what went wrong before or after does."""
    counts = itertools.count(0, 200)
    monkeypatch.setattr(machine, "waited_ms", lambda _: next(counts))
    monkeypatch.setattr(machine, "SAMPLE_S", 0.01)
    monkeypatch.setattr(machine, "now_ms", itertools.count(1_000, 250).__next__)
    found = machine.Machine()
    watching = asyncio.ensure_future(found.watch([]))
    while len(found.lags_ms) < 8:  # noqa: ASYNC110 # it tells nobody
        await asyncio.sleep(0.01)
    watching.cancel()
    assert found.was_held_up(1_000, 2_000)
    assert not found.was_held_up(1_000, 1_500)
    assert not found.was_held_up(0, 900)


def test_a_process_that_blocks_itself_is_not_excused() -> None:
    """It sleeps: it does not wait for a core."""
    before, began = machine.waited_ms(os.getpid()), time.monotonic()
    time.sleep(0.3)
    waited_ms = machine.waited_ms(os.getpid()) - before
    assert waited_ms <= (time.monotonic() - began) * 1000 - 290
    assert machine.waited_ms(2**22 + 1) == 0
