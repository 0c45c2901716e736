"""Latency added between people, servers and store: told is what was added, and little more.

200 ± 100 ms each way between people and servers, 200 ± 100 ms there and back between servers and
store, spikes of a second in which nothing arrives, and connections that are cut: while people press
Next, also both at the same instant.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from duologue.client.http import HttpTransport, http_session
from duologue.pairing.invariants import violations
from tests.chaos.gate import now_ms
from tests.chaos.machine import Machine
from tests.faults.house import House, house
from tests.faults.judge import NOISE_MS, judge
from tests.faults.matrix import percentile
from tests.faults.outages import now
from tests.faults.people import Person, Town, passed
from tests.relay import CALM, Passage, Weather

pytestmark = pytest.mark.timeout(400)

PEOPLE = 14
SAMPLE_S, WHOLE_S = 15, 60
FEWEST = 3
"""People who were told, in each row: where everything is slow, partners often press before they could be."""
TRIES = 2
"""Of an evening that a machine without a free core leaves unjudged, as in ``tests.chaos.test_crowd``."""
SPIKE_MS = 1_000
FAR = Weather(200, 100)
FAR_STORM = Weather(200, 100, SPIKE_MS, spike_every_s=6)
STORE = Weather(100, 50)
STORE_STORM = Weather(100, 50, SPIKE_MS, spike_every_s=6)
LITTLE_MS = 300
"""What told may take besides: two processes, a store, and this one, on two shared cores."""
TRIPS, MOST_TRIPS = 3, 4
"""There and back to the store on the way of a skip: its limits, and the script with its publication; each
waits for the batch of calls that is under way, half of its time or, at worst, all of it."""
FALSE = frozenset({"no-show", "partner-lost", "media-failed", "you-were-away"})
"""Ends without a reason: no one went."""


@dataclass(slots=True)
class Evening:
    """One row: the weather, and what was found."""

    title: str
    to_people: Weather
    to_store: Weather
    far_ms: list[float] = field(default_factory=list)
    store_ms: list[float] = field(default_factory=list)
    """What was added to each piece that passed."""
    told_ms: list[float] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    skips: int = 0
    both_at_once: int = 0
    looks: int = 0
    held_up: bool = False

    @property
    def added_ms(self) -> float:
        """On the way of a skip, by what the relays did: to people and back, to the store and back."""
        return 2 * percentile(self.far_ms, 50) + 2 * TRIPS * percentile(self.store_ms, 50)

    @property
    def most_ms(self) -> float:
        """The same at its worst."""
        return 2 * percentile(self.far_ms, 99) + 2 * MOST_TRIPS * percentile(self.store_ms, 99)

    @property
    def late(self) -> list[str]:
        """Claims about time that broke."""
        # With both ways slow there is a batch under way more often than not, and the samples are small.
        usual_ms = self.added_ms + 2 * (MOST_TRIPS - TRIPS) * percentile(self.store_ms, 50)
        bounds = ((50, usual_ms), (99, self.most_ms + NOISE_MS))
        return [
            f"{self.title}: p{percent} of told is {percentile(self.told_ms, percent):.0f} ms, added {added}"
            for percent, added in bounds
            if percentile(self.told_ms, percent) > added + LITTLE_MS
        ]

    def line(self) -> str:
        """Return the figures as a line."""
        p50, p99 = (percentile(self.told_ms, percent) for percent in (50, 99))
        added, both = self.added_ms, self.both_at_once
        return (
            f"{self.title:36} added {added:4.0f} ms, told p50 {p50:4.0f} ({p50 - added:+.0f}), "
            f"p99 {p99:4.0f}, n {len(self.told_ms)}; {self.skips} skips, {both} by both at once, "
            f"{len(self.found)} broken claims"
        )


def weathers() -> list[Evening]:
    """The rows."""
    return [
        Evening("no delay", CALM, CALM),
        Evening("people ↔ servers, spikes and cuts", FAR_STORM, CALM),
        Evening("servers ↔ store, spikes", CALM, STORE_STORM),
        Evening("both, cuts", FAR, STORE),
    ]


class Presses:
    """Who pressed Next in which match, and when first."""

    def __init__(self) -> None:
        self.first_s: dict[str, float] = {}
        self.by: dict[str, set[str]] = {}

    def note(self, person: Person, match: str, at_s: float) -> None:
        """One press."""
        self.first_s.setdefault(match, at_s)
        self.by.setdefault(match, set()).add(person.name)

    def told_ms(self, people: Sequence[Person]) -> list[float]:
        """Of each partner who did not press themselves, and whose own line was left alone."""
        return sorted(
            (person.left_at[match] - at_s) * 1000
            for match, at_s in self.first_s.items()
            for person in people
            if match in person.left_at and person.name not in self.by[match]
        )


async def play(evening: Evening, seconds: float, seed: int) -> None:
    """Fills it in."""
    machine = Machine()
    async with (
        house(2, to_store=evening.to_store, options=("--limits",)) as made,
        http_session() as http,
        Town(made, http, evening.to_people).inhabited() as town,
    ):
        watching = asyncio.ensure_future(machine.watch([server.pid for server in made.servers]))
        from_ms = now_ms()
        presses = Presses()
        people = [await town.arrives(f"p{n}", first=n % 2) for n in range(PEOPLE)]
        for person in people:
            person.on_press = presses.note
            person.start()
        await live(evening, made, people, seconds, Random(seed))
        evening.told_ms = presses.told_ms(people[1:])
        evening.skips = len(presses.first_s)
        evening.far_ms = sorted(ms for person in people for relay in person.relays for ms in relay.added_ms)
        evening.store_ms = sorted(ms for each in made.servers for ms in each.relay.added_ms)
        server = HttpTransport(http, made.servers[0].url)
        judged = await judge(made, people, server, now())
        evening.found += [*judged.unequal, *judged.incomplete, *judged.broken]
        evening.found += [f"{p.name}: {reason}" for p in people for reason in p.reasons if reason in FALSE]
        watching.cancel()
        evening.held_up = machine.was_held_up(from_ms, now_ms())


async def live(
    evening: Evening, made: House, people: Sequence[Person], seconds: float, random: Random
) -> None:
    """Half of them press Next now and then, and any two together; the first one's connections are cut."""
    over = asyncio.Event()
    acting = [asyncio.ensure_future(p.skip(over, Random(random.random()), (1, 3))) for p in people[::2]]
    acting.append(asyncio.ensure_future(look(evening, made, over)))
    until_s, turn = now() + seconds, 0
    while now() < until_s:
        await asyncio.sleep(1)
        turn += 1
        if turn % 3 == 0 and (together := _both(people[1:])):
            evening.both_at_once += 1
            for person in together:
                person.next()
        if turn % 4 == 0 and evening.to_people is not CALM:
            people[0].relays[0].cut(_streams)
    over.set()
    await asyncio.gather(*acting)


def _streams(passage: Passage) -> bool:
    return passage.is_stream


def _both(people: Sequence[Person]) -> list[Person]:
    """Two who are with each other, if there are."""
    by_match: dict[str, list[Person]] = {}
    for person in people:
        by_match.setdefault(person.match, []).append(person)
    return next((both for match, both in by_match.items() if match and len(both) == 2), [])


async def look(evening: Evening, made: House, over: asyncio.Event) -> None:
    """Check the invariants of the store while everything runs, above all that no one is in two matches."""
    while not over.is_set():
        evening.looks += 1
        evening.found += violations(await made.register.next())
        await passed(over, 0.2)


async def judged(evening: Evening, seconds: float) -> Evening:
    """One that can be judged."""
    for attempt in range(TRIES):
        evening = Evening(evening.title, evening.to_people, evening.to_store)
        await play(evening, seconds, seed=attempt)
        if evening.found or not (evening.late and evening.held_up):
            break
    return evening


async def test_told_is_the_added_delay_and_little_more(
    whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The invariants hold, no conversation ends by a deadline, and all screens are right at the end."""
    seconds = WHOLE_S if whole else SAMPLE_S
    evenings = await asyncio.gather(*(judged(each, seconds) for each in weathers()))
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(each.line() for each in evenings) + "\n")
    assert not [what for each in evenings for what in (*each.found, *each.late)]
    for each in evenings:
        assert each.looks > seconds
        assert each.both_at_once > 0
        assert len(each.told_ms) >= FEWEST
