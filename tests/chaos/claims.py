"""What must be true of a crowd, checked on the diaries of all people; and the figures."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.chaos.diary import UNSEEN, Diary, Gone, Meeting

# Invariant 7 with the protocol's defaults, each with the 0.3 s of a sweep and a round trip.
TOLD_MS = {"closed": 500, "unpolled": 3_300, "frozen": 3_300, "no-show": 3_300}
FREE_MS = {"closed": 5_300, "unpolled": 8_300, "frozen": 6_300, "no-show": 3_300}
LATEST_CAUSE_MS = 5_000
"""Before an end by a deadline, what let it fall due: nearly always an answer that did not come within 3 s."""
SEEN_MS = 250
"""A closed socket is noticed within this time; earlier, no process can know."""

Diaries = Mapping[str, Diary]


@dataclass(frozen=True, slots=True)
class Alone:
    """A polite person in a match whose partner is gone."""

    cause: str
    since_ms: int
    told_ms: int
    """Until the screen said so, or it was over."""
    free_ms: int
    """Until it was over: a match that ended, or a partner who is back."""


class Broken(NamedTuple):
    """A claim about time that did not hold, and when."""

    what: str
    from_ms: int
    until_ms: int


def alone(diaries: Diaries) -> Iterator[tuple[Diary, Meeting, Alone]]:
    """Each time, of each polite person."""
    for diary in diaries.values():
        if not diary.polite:
            continue
        for meeting in diary.meetings.values():
            for gone in diaries[meeting.partner].gone:
                if (found := _overlap(meeting, gone)) is not None:
                    yield diary, meeting, found


def _overlap(meeting: Meeting, gone: Gone) -> Alone | None:
    if meeting.ended_ms is None or gone.until_ms is None:
        return None
    since = max(meeting.started_ms, gone.from_ms)
    until = min(meeting.ended_ms, gone.until_ms)
    if until <= since:
        return None
    told = min([max(a, since) for a, b in meeting.troubled if b is None or b > since], default=until)
    cause = "no-show" if meeting.started_ms > gone.from_ms else gone.how
    return Alone(cause, since, min(told, until) - since, until - since)


def too_long(diaries: Diaries, slack_ms: int) -> Iterator[Broken]:
    """Return the polite people who were alone with a gone partner beyond the bounds of invariant 7."""
    for diary, meeting, one in alone(diaries):
        where = f"in {meeting.match} ({one.cause})"
        when = (one.since_ms, one.since_ms + one.free_ms)
        if one.free_ms > FREE_MS[one.cause] + slack_ms:
            yield Broken(f"{diary.name} was alone for {one.free_ms} ms {where}", *when)
        if one.told_ms > TOLD_MS[one.cause] + slack_ms:
            yield Broken(f"{diary.name} was not told for {one.told_ms} ms {where}", *when)


def dealt_twice(diaries: Diaries) -> list[str]:
    """Return the people who are gone and were matched twice before they came back."""
    dealt: dict[str, dict[str, int]] = defaultdict(dict)
    for diary in diaries.values():
        for meeting in diary.meetings.values():
            dealt[meeting.partner][meeting.match] = meeting.started_ms
    found = []
    for name, diary in diaries.items():
        for gone in diary.gone:
            until = gone.returns_ms or gone.until_ms or 0
            new = [m for m, at in dealt[name].items() if gone.from_ms + SEEN_MS < at < until]
            if len(new) > 1:
                found.append(f"{name} ({gone.how} for {until - gone.from_ms} ms) was dealt out as {new}")
    return found


def asymmetric(diaries: Diaries) -> list[str]:
    """Each conversation has exactly two people, each the other's partner."""
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for name, diary in diaries.items():
        for meeting in diary.meetings.values():
            sides[meeting.match][name] = meeting.partner
    found = []
    for match, people in sides.items():
        right = len(people) <= 2 and all(people.get(p, n) == n and p != n for n, p in people.items())
        if not right:
            found.append(f"{match} is {people}")
    return found


def false_endings(diaries: Diaries) -> Iterator[Broken]:
    """Each conversation of a polite person ended for a reason that there was."""
    for diary in diaries.values():
        for meeting in diary.meetings.values():
            if diary.polite and not _had_a_reason(diary, meeting, diaries[meeting.partner]):
                end_ms = meeting.ended_ms or 0
                text = f"{diary.name} in {meeting.match} with {meeting.partner}: {meeting.reason}"
                yield Broken(text, end_ms - LATEST_CAUSE_MS, end_ms)


def _had_a_reason(me: Diary, meeting: Meeting, partner: Diary) -> bool:
    gone = any(_overlap(meeting, each) is not None for each in partner.gone)
    reasons = {
        "": meeting.ended_ms is None,
        "skipped": meeting.match in me.skips,
        "left": bool(me.leaves),
        "partner-skipped": meeting.match in partner.skips,
        "partner-left": bool(partner.leaves),
        "partner-lost": gone,
        "no-show": gone,
        "media-failed": gone,
        # Two ends at once, the last read first.
        UNSEEN: True,
    }
    return reasons.get(meeting.reason, False)


def unserved(diaries: Diaries, most_ms: int) -> Iterator[Broken]:
    """Return the polite people who met no one, or waited without end."""
    for diary in diaries.values():
        if diary.polite and not diary.meetings:
            yield Broken(f"{diary.name} never met anybody", 0, 0)
        for wait in diary.waits:
            if diary.polite and wait.until_ms and wait.until_ms - wait.from_ms > most_ms:
                text = f"{diary.name} waited for {wait.until_ms - wait.from_ms} ms"
                yield Broken(text, wait.from_ms, wait.until_ms)


def percentile(values: Iterable[int], percent: int) -> int:
    """Of nothing: 0."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0


def told_of_skips(diaries: Diaries) -> list[int]:
    """From a press of Next to a polite partner's client reading it."""
    found = []
    for diary in diaries.values():
        if not diary.polite:
            continue
        for meeting in diary.meetings.values():
            pressed = diaries[meeting.partner].skips.get(meeting.match)
            if meeting.reason == "partner-skipped" and meeting.ended_ms and pressed:
                found.append(meeting.ended_ms - pressed)
    return found


def rows(diaries: Diaries) -> list[tuple[str, Sequence[int]]]:
    """What the table shows: a name, and values in ms."""
    by_cause: dict[str, list[Alone]] = defaultdict(list)
    for _, _, one in alone(diaries):
        by_cause[one.cause].append(one)
    found: list[tuple[str, Sequence[int]]] = [("skip → partner told", told_of_skips(diaries))]
    for cause in [cause for cause in TOLD_MS if cause != "unpolled" or by_cause[cause]]:
        told = [one.told_ms for one in by_cause[cause]]
        found += [(f"{cause}: told", told), (f"{cause}: free or back", [o.free_ms for o in by_cause[cause]])]
    waits = [w.until_ms - w.from_ms for d in diaries.values() if d.polite for w in d.waits if w.until_ms]
    return [*found, ("polite person in the queue", waits)]


def endings(diaries: Diaries) -> Counter[str]:
    """Why conversations of polite people ended."""
    return Counter(m.reason for d in diaries.values() if d.polite for m in d.meetings.values() if m.reason)
