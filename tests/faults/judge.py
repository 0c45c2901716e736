"""What is claimed of all people after a fault: the state is the server's, and every line is in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from duologue.client.api import Api
from duologue.client.clock import SystemClock
from duologue.client.errors import Refused
from duologue.client.model import Link
from duologue.client.transport import Transport
from duologue.client.vocabulary import Numbers, PersonState, State, Wish
from duologue.pairing.invariants import Snapshot, violations
from tests.faults.house import House
from tests.faults.people import Person, Texts

BOUND_MS = 5_000
"""Time after a fault until all people have caught up."""
NOISE_MS = 700
"""What two shared cores add at their worst; the one allowance, on time only."""
LOOK_ON_S = 20.0
"""How long we wait for who is late, to know by how much."""
QUIET_S = 10.0
"""In which a state and its reading agree at some instant, if they ever do."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement of all people after one fault."""

    caught_up_ms: list[float]
    """By person, from the end of the fault; infinite: never."""
    unequal: list[str]
    incomplete: list[str]
    broken: list[str]
    """Invariants of the store."""

    @property
    def is_good(self) -> bool:
        """All of it, and in time."""
        return not (self.unequal or self.incomplete or self.broken) and all(
            ms <= BOUND_MS + NOISE_MS for ms in self.caught_up_ms
        )


async def judge(house: House, people: Sequence[Person], server: Transport, since_s: float) -> Judgement:
    """Judge once no one acts any more. ``since_s``: the end of the fault, by the event loop's clock."""
    caught_up = await catching_up(house, people, since_s)
    unequal = await _unequal(people, server)
    seen = await house.register.next()
    return Judgement(caught_up, unequal, incomplete(people, seen), violations(seen))


async def catching_up(house: House, people: Sequence[Person], since_s: float) -> list[float]:
    """Each one's time."""
    return list(await asyncio.gather(*(_catches_up(house, person, since_s) for person in people)))


async def _catches_up(house: House, person: Person, since_s: float) -> float:
    """Milliseconds from then until the screen shows what the store holds."""
    loop = asyncio.get_running_loop()
    while loop.time() - since_s < LOOK_ON_S:
        seen = await house.register.next()
        if has_caught_up(person, seen):
            return max(0.0, (loop.time() - since_s) * 1000)
    return float("inf")


def has_caught_up(person: Person, seen: Snapshot) -> bool:
    """Connected, the newest version, and all messages of the match."""
    record, model = seen.people.get(person.id), person.client.model
    if record is None or model.state is None or model.link is not Link.OPEN or not record["connection"]:
        return False
    if model.state.version != record["version"] or model.match_id != record["match"] or _is_lost(person):
        return False
    match = seen.matches.get(record["match"])
    return match is None or match["message_last"] == max(person.chats.get(model.match_id, {}), default=0)


def _is_lost(person: Person) -> bool:
    """Return whether a person wants to talk, and has no partner and no place in a queue."""
    model = person.client.model
    return bool(model.own and model.own.wish is Wish.TALK and model.state and model.state.state is State.IDLE)


async def _unequal(people: Sequence[Person], server: Transport) -> list[str]:
    """Return the people whose screen differs from the server's state, with both."""
    found = await asyncio.gather(*(_differs(person, server) for person in people))
    return [each for each in found if each]


async def _differs(person: Person, server: Transport) -> str:
    api, differs = Api(server, SystemClock()), "never read"
    async with asyncio.timeout(QUIET_S):
        for _ in range(40):
            mine = person.client.model.state
            theirs = await _read(api, person)
            # What changed while it was read is compared anew.
            if mine is person.client.model.state:
                if mine is not None and visible(mine) == visible(theirs) and not _is_lost(person):
                    return ""
                differs = f"{person.name} has {mine and msgspec.json.encode(mine)!r}, it is {theirs}"
            await asyncio.sleep(0.05)
    return differs


async def _read(api: Api, person: Person) -> PersonState:
    """Return the state that the server has; one that says when to ask again is asked then, as clients do."""
    while True:
        try:
            return await api.state(token=person.client.session.token)
        except Refused as refused:
            if not refused.passing:
                raise
            await asyncio.sleep(refused.retry_after_s)


def visible(state: PersonState) -> PersonState:
    """What is compared: a met sign and a message raise no version, so a state's own copy of them is old."""
    match = state.match and msgspec.structs.replace(state.match, messages=Numbers(1, 0))
    return msgspec.structs.replace(state, probe=None, match=match)


def incomplete(people: Sequence[Person], seen: Snapshot) -> list[str]:
    """Matches whose messages have a gap, differ between the two, or lack something that was accepted."""
    books: dict[str, list[tuple[str, Texts]]] = {}
    for person in people:
        for match, book in person.chats.items():
            books.setdefault(match, []).append((person.name, book))
    found = []
    for match, both in books.items():
        found += [f"{name} has a gap in {match}: {sorted(b)}" for name, b in both if not _is_whole(b)]
        found += [
            f"{match} is not the same to {one} and {two}: {a} {b}"
            for (one, a), (two, b) in pairwise(both)
            if any(a[n] != b[n] for n in a.keys() & b.keys())
        ]
        if match in seen.matches:
            found += [f"{name} lacks messages of {match}" for name, b in both if len(b) != len(both[0][1])]
            found += _missing(people, match, both)
    return found


def _is_whole(book: Texts) -> bool:
    return sorted(book) == list(range(1, len(book) + 1))


def _missing(people: Sequence[Person], match: str, both: Sequence[tuple[str, Texts]]) -> list[str]:
    accepted = {n: text for person in people for n, text in person.accepted.get(match, {}).items()}
    return [
        f"{name} lacks {text!r}, number {n} of {match}"
        for name, book in both
        for n, text in accepted.items()
        if book.get(n) != text
    ]
