"""Sockets that are cut before, in and after each type of frame, at each class of its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from duologue.client import Client
from duologue.client.http import HttpTransport, http_session
from duologue.client.model import Link
from tests.faults.house import House, house
from tests.faults.judge import Judgement, judge
from tests.faults.matrix import Row
from tests.faults.people import PATIENCE_S, Person, Town, meet
from tests.faults.traps import CLASSES, Trap
from tests.relay import Cut, Passage

AT_ONCE = 10
"""Cases side by side, each with people and a pool of its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One cut."""

    kind: str
    where: str
    how: Cut


class Scene:
    """Two people, one of them with a trap."""

    def __init__(self, town: Town, pool: str, case: Case) -> None:
        self.town, self.pool, self.case = town, pool, case
        self.trap = Trap(case.kind, case.where)
        self.people: list[Person] = []

    async def arrive(self) -> Person:
        """One more; the first is the one whose stream will be cut."""
        self.people.append(await self.town.arrives(f"{self.pool} {len(self.people)}", self.pool))
        return self.people[-1]

    async def waits(self) -> Person:
        """The first, in the queue."""
        one = await self.arrive()
        one.start()
        await one.until(lambda model: model.waiting)
        return one

    async def meet(self) -> tuple[Person, Person]:
        """Both, who have said something."""
        one, two = await self.arrive(), await self.arrive()
        await meet(one, two)
        for person in (one, two):
            assert await person.say("hello")
        await self.shows(one, 2)
        return one, two

    async def shows(self, person: Person, n: int) -> None:
        """So many lines are on screen."""
        await person.until(lambda model: len(model.chat.messages) >= n)

    def arm(self) -> None:
        """From now on the next such frame to the first person is the last."""
        relay = self.people[0].relays[0]
        relay.trap, relay.how = self.trap, self.case.how

    async def sprung(self) -> None:
        """It happened."""
        async with asyncio.timeout(PATIENCE_S):
            await self.trap.sprung.wait()


Play = Callable[[Scene], Awaitable[None]]


def _streams(passage: Passage) -> bool:
    return passage.is_stream


async def snapshot(scene: Scene) -> None:
    """A page comes back to its conversation."""
    one, _ = await scene.meet()
    scene.arm()
    one.relays[0].cut(_streams)
    await scene.sprung()


async def waiting(scene: Scene) -> None:
    """Press Start while no one else is there."""
    one = await scene.arrive()
    scene.arm()
    one.start()
    await scene.sprung()


async def state(scene: Scene) -> None:
    """Start again, while waiting."""
    one = await scene.waits()
    scene.arm()
    one.start(language="de")
    await scene.sprung()


async def new_match(scene: Scene) -> None:
    """Let a partner come."""
    await scene.waits()
    two = await scene.arrive()
    scene.arm()
    two.start()
    await scene.sprung()


async def skip_confirmed(scene: Scene) -> None:
    """The own Next."""
    one, _ = await scene.meet()
    scene.arm()
    one.next()
    await scene.sprung()


async def force_disconnect(scene: Scene) -> None:
    """The partner's Next."""
    _, two = await scene.meet()
    scene.arm()
    two.next()
    await scene.sprung()


async def idle(scene: Scene) -> None:
    """Stop, while waiting."""
    one = await scene.waits()
    scene.arm()
    one.client.stop()
    await scene.sprung()


async def partner_away(scene: Scene) -> None:
    """The partner's network goes, and is back afterwards."""
    _, two = await scene.meet()
    scene.arm()
    two.relays[0].is_down = True
    two.relays[0].cut()
    await scene.sprung()
    two.relays[0].is_down = False


async def partner_back(scene: Scene) -> None:
    """The partner's network went, and comes back."""
    one, two = await scene.meet()
    two.relays[0].is_down = True
    two.relays[0].cut()
    await one.until(lambda model: model.media.away_until_ms is not None)
    scene.arm()
    two.relays[0].is_down = False
    await scene.sprung()


async def probe(scene: Scene) -> None:
    """The media between them is silent for a while."""
    _, two = await scene.meet()
    scene.arm()
    two.media.up = False
    await scene.sprung()
    two.media.up = True


async def peer_signal(scene: Scene) -> None:
    """The partner's page has something to say to the first's."""
    one, two = await scene.meet()
    scene.arm()
    two.client.signal(two.match, {"hello": True})
    await scene.sprung()
    await one.until(lambda model: model.signal_n >= 1)


async def message(scene: Scene) -> None:
    """The partner says something, and something more while the line is away."""
    _, two = await scene.meet()
    scene.arm()
    assert await two.say("are you there?")
    await scene.sprung()
    assert await two.say("still?")


async def heartbeat(scene: Scene) -> None:
    """The stream is quiet, and waiting people are asked for a sign."""
    await scene.waits()
    scene.arm()
    await scene.sprung()


async def taken_over(scene: Scene) -> None:
    """Another page has the connection; the old one, which was not told, comes back and is told (race E25)."""
    one = await scene.waits()
    scene.arm()
    old = one.client
    one.client = Client(one.transport, token=old.session.token, watch=one._saw)
    await scene.town.connect(one)
    await scene.sprung()
    await old.until(lambda model: model.link is Link.TAKEN_OVER, PATIENCE_S)
    one.client.session.person = old.session.person


PLAYS: Mapping[str, Play] = {
    "snapshot": snapshot,
    "state": state,
    "waiting": waiting,
    "new-match": new_match,
    "skip-confirmed": skip_confirmed,
    "force-disconnect": force_disconnect,
    "idle": idle,
    "partner-away": partner_away,
    "partner-back": partner_back,
    "probe": probe,
    "peer-signal": peer_signal,
    "message": message,
    "taken-over": taken_over,
    "heartbeat": heartbeat,
}
"""By type of frame. Those that all get at once are in ``partings``, the end of a token in ``sessions``."""

SLOW = ("heartbeat",)
"""Comes once in 15 s."""


def every_case() -> list[Case]:
    """The whole matrix."""
    return [Case(kind, where, how) for kind in PLAYS for where in CLASSES for how in Cut if has(kind, where)]


def has(kind: str, where: str) -> bool:
    """Whether such a frame has such bytes."""
    if "`id" in where:
        return kind == "message"
    if "`retry" in where:
        return kind == "snapshot"
    if where == "in a character":
        return kind in ("snapshot", "new-match", "partner-away", "partner-back", "probe", "message")
    return True


def a_sample() -> list[Case]:
    """Every type with the classes that only it has and three others, both ways to cut."""
    ways = list(Cut)
    cases = []
    for number, kind in enumerate(kind for kind in PLAYS if kind not in SLOW):
        fitting = [where for where in CLASSES if has(kind, where)]
        chosen = [where for where in fitting if "`id" in where or "`retry" in where]
        chosen += [fitting[(number + 3 * n) % len(fitting)] for n in range(3)]
        cases += [Case(kind, where, ways[n % 2]) for n, where in enumerate(dict.fromkeys(chosen))]
    return cases


@asynccontextmanager
async def town(pools: Sequence[str], without: str = "") -> AsyncIterator[tuple[House, Town]]:
    """One server, and a way to it for each person."""
    async with (
        house(pools=pools, without=without) as made,
        http_session() as http,
        Town(made, http).inhabited() as here,
    ):
        yield made, here


async def play(made: House, here: Town, pool: str, case: Case) -> Judgement:
    """One case, judged when both have had time. Raises ``TimeoutError`` if it could not be brought about."""
    scene = Scene(here, pool, case)
    await PLAYS[case.kind](scene)
    assert not scene.trap.has_no_such_byte, f"{case.kind} has no byte {case.where}"
    server = HttpTransport(here.http, made.servers[0].url)
    return await judge(made, scene.people, server, scene.trap.at_s)


async def rows(cases: Iterable[Case]) -> list[Row]:
    """A row a type of frame."""
    cases = list(cases)
    found = {case.kind: Row(f"cut in `{case.kind}`") for case in cases}
    pools = [f"c{n}" for n in range(len(cases))]
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(made: House, here: Town, pool: str, case: Case) -> None:
        row = found[case.kind]
        async with turns:
            try:
                row.judgements.append(await play(made, here, pool, case))
            except (TimeoutError, AssertionError) as error:
                row.failures.append(f"{case.where} ({case.how.value}): {error!r}")

    async with town(pools) as (made, here):
        await asyncio.gather(*(one(made, here, pool, case) for pool, case in zip(pools, cases, strict=True)))
    for kind, row in found.items():
        mine = [case for case in cases if case.kind == kind]
        row.note = f"{len(mine)} cuts at {len({case.where for case in mine})} classes of bytes"
    return list(found.values())
