"""An evening of 200 people: they come, live, stop skipping, find each other, and go."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import redis.asyncio

from duologue.client import Exchange
from duologue.client.http import HttpTransport, http_session
from duologue.client.vocabulary import State
from duologue.pairing.invariants import violations
from tests.chaos import claims
from tests.chaos.dump import at_once
from tests.chaos.machine import Machine
from tests.chaos.people import RUDE, Guesser, Person

PEOPLE = 200
ARRIVAL_S = 3.0
"""Over which they come."""
HOME_S = 40
"""Until all people have partners once no one skips: two relaxations of 15 s, and a margin."""
PATIENCE_S = 120
"""For all that comes after the last skip."""
LOOK_S = 1.0
"""Between two looks at the store."""


@dataclass(slots=True)
class Crowd:
    """All people, and what was found on the way."""

    seed: int
    people: list[Person] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    looks: int = 0
    machine: Machine = field(default_factory=Machine)
    over: bool = False
    """Whether the checks of the store have ended."""

    @property
    def diaries(self) -> claims.Diaries:
        return {person.diary.name: person.diary for person in self.people}

    @property
    def polite(self) -> list[Person]:
        return [person for person in self.people if person.polite]


async def play(
    urls: Sequence[str],
    store_url: str,
    processes: Sequence[int],
    seconds: float,
    seed: int | None = None,
    *,
    people: int = PEOPLE,
    polling: bool = False,
) -> Crowd:
    """The whole evening; ``seconds`` of it they skip. What is random depends on the seed and on time.

    ``processes``: those of servers and store, to know when they got no core. ``polling``: no stream reaches
    every second person.
    """
    crowd = Crowd(secrets.randbits(32) if seed is None else seed)
    async with (
        asyncio.timeout(seconds + PATIENCE_S),
        redis.asyncio.Redis.from_url(store_url, protocol=2) as store,
        http_session() as session,
        asyncio.TaskGroup() as pages,
    ):
        servers = [HttpTransport(session, url) for url in urls]
        crowd.people = gather(servers, crowd.seed, pages, people, polling=polling)
        async with asyncio.TaskGroup() as group:
            group.create_task(watch(crowd, store))
            measuring = group.create_task(crowd.machine.watch(processes))
            await live(crowd, seconds)
            await together(crowd)
            await home(crowd)
            measuring.cancel()
            crowd.over = True
        await look(crowd, store)
        for person in crowd.people:
            await person.go()
    return crowd


def gather(
    servers: Sequence[HttpTransport],
    seed: int,
    pages: asyncio.TaskGroup,
    people: int,
    *,
    polling: bool,
) -> list[Person]:
    """Two thirds polite, and as many of each rude kind."""
    random, exchange = Random(seed), Exchange()
    kinds = [Person if i % 3 else RUDE[i // 3 % len(RUDE)] for i in range(people)]
    found = [
        kind(
            f"{kind.__name__} {i}", servers, exchange, Random(random.random()), pages, polling and i % 2 == 0
        )
        for i, kind in enumerate(kinds)
    ]
    for person in found:
        if isinstance(person, Guesser):
            person.overheard = lambda: random.choice(found).match
    return found


async def live(crowd: Crowd, seconds: float) -> None:
    """They come within some seconds, live until it is late, and are all there at the end."""

    async def evening(person: Person, late: float) -> None:
        await asyncio.sleep(late)
        await person.come()
        await person.live()

    async with asyncio.TaskGroup() as group:
        for i, person in enumerate(crowd.people):
            group.create_task(evening(person, ARRIVAL_S * i / len(crowd.people)))
        await asyncio.sleep(seconds)
        for person in crowd.people:
            person.over = True


async def together(crowd: Crowd) -> None:
    """Wait, without skips, until all who want to talk have a partner."""
    await until(lambda: sum(not person.match for person in crowd.people) <= len(crowd.people) % 2, HOME_S)
    partners = {}
    for person in crowd.people:
        match = person.client.model.match
        partners[person.diary.name] = match.partner.alias if match else ""
    for name, partner in partners.items():
        if not partner:
            crowd.found.append(f"{name} wants to talk, and is with nobody")
        elif partners[partner] != name:
            crowd.found.append(f"{name} is with {partner}, who is with {partners[partner]!r}")


async def home(crowd: Crowd) -> None:
    """Let all press Stop: then no one is in a queue or in a conversation."""
    for person in crowd.people:
        person.stop()
    if not await until(lambda: all(is_idle(person) for person in crowd.people), HOME_S):
        crowd.found += [
            f"{p.diary.name} pressed Stop and is not idle" for p in crowd.people if not is_idle(p)
        ]


def is_idle(person: Person) -> bool:
    """As their own client believes."""
    state = person.client.model.state
    return state is not None and state.state is State.IDLE


async def watch(crowd: Crowd, store: "redis.asyncio.Redis") -> None:
    """The invariants of the store, again and again, while everything runs."""
    # Told, not cancelled: the library may swallow a cancellation in mid-command.
    while not crowd.over:
        await look(crowd, store)
        await asyncio.sleep(LOOK_S)


async def look(crowd: Crowd, store: "redis.asyncio.Redis") -> None:
    """Once."""
    crowd.looks += 1
    crowd.found += violations(await at_once(store))


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true within that time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110 # nothing announces it
        await asyncio.sleep(0.05)
    return condition()
