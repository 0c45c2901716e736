"""People who name an interest: who waits beside somebody who named the same, and who is paired by it."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from bench.contestants import ours
from bench.figures import Figures
from bench.sizes import Size
from bench.speed import OURS
from duologue.bench.crowd import Crowd, Person

BESIDE_S = 1.0
"""Who waits longer than this, while another of the same interest waits, waits beside one another."""
SEED = 15
OPENING = 48


@dataclass(slots=True)
class Wait:
    """One person's wait: an interest, from when until when."""

    interest: int
    since: float
    until: float = 0.0
    match: str = ""


class Waited(Protocol):
    """A wait as far as ``shares`` reads it; seconds."""

    since: float
    until: float
    match: str

    @property
    def interest(self) -> Hashable: ...


async def measure(size: Size, figures: Figures) -> None:
    """Count people who waited beside a fitting partner, and people paired by an interest."""
    with ours() as contestant:
        async with Crowd(contestant.urls) as crowd:
            waits = await _arrive(crowd, size)
    beside, paired = shares(waits)
    figures.add(OURS, "beside", 100 * beside)
    figures.add(OURS, "paired", 100 * paired)
    figures.add(OURS, "arrived", len(waits))
    figures.note(OURS, "interests_of", f"{size.interests} interests, {size.arrivals_per_s:g} arrivals/s")


async def _arrive(crowd: Crowd, size: Size) -> list[Wait]:
    drawn = random.Random(SEED)
    count = int(size.arrivals_per_s * size.arriving_s)
    people = [crowd.new_person() for _ in range(count)]
    opening = iter(people)

    async def some() -> None:
        for person in opening:
            await person.begin()

    async with asyncio.TaskGroup() as group:
        for _ in range(OPENING):
            group.create_task(some())
    waits: dict[Person, Wait] = {}
    start = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, person in enumerate(people):
            await asyncio.sleep(max(0.0, start + number / size.arrivals_per_s - perf_counter()))
            wait = waits[person] = Wait(drawn.randrange(size.interests), perf_counter())
            person.on_state = lambda person: _take(waits[person], person)
            group.create_task(person.join(f"i{wait.interest}"))
    end = perf_counter()
    for wait in waits.values():
        wait.until = wait.until or end
    return [*waits.values()]


def _take(wait: Wait, person: Person) -> None:
    if person.match and not wait.match:
        wait.match, wait.until = person.match, perf_counter()


def shares(waits: Sequence[Waited]) -> tuple[float, float]:
    """Return the share of people who waited beside the same interest, and of pairs who share one."""
    by_interest: dict[Hashable, list[Waited]] = defaultdict(list)
    by_match: dict[str, list[Waited]] = defaultdict(list)
    for wait in waits:
        by_interest[wait.interest].append(wait)
        if wait.match:
            by_match[wait.match].append(wait)
    beside = sum(
        any(_together_s(one, other) > BESIDE_S for other in same if other is not one)
        for same in by_interest.values()
        for one in same
    )
    pairs = [pair for pair in by_match.values() if len(pair) == 2]
    alike = sum(one.interest == other.interest for one, other in pairs)
    return beside / len(waits), alike / len(pairs) if pairs else 0.0


def _together_s(one: Waited, other: Waited) -> float:
    return min(one.until, other.until) - max(one.since, other.since)
