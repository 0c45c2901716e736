"""Servers, stores and networks that go and come back while people talk, write and press Next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import redis

from duologue.client.http import HttpTransport, http_session
from tests.faults.house import House, Server, house
from tests.faults.judge import Judgement, catching_up, judge
from tests.faults.matrix import Row
from tests.faults.people import PATIENCE_S, Person, Town
from tests.relay import Passage

COUPLES = 3
"""Talk from before the fault until after it, each in a pool of their own."""
SKIPPERS = 6
"""Press Next all the time, in one pool."""
POOLS = ("main", *(f"c{n}" for n in range(COUPLES)))
LIVE_S = 1.5
"""Of life before the fault, and under it where it has no length of its own."""
STOPPED_S, STOPPED_WHOLE_S = 7.0, 30.0
"""How long a process is stopped: longer than a server is believed to live without a beat (4 s)."""
MOMENT_S = 2.5
LINE_EVERY_S, LINE_EVERY_WHOLE_S = 0.25, 1.0
"""How often each of a couple writes. The store keeps 64 lines for a person who is away, and the whole plays
take half a minute."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault is played on."""

    house: House
    town: Town
    whole: bool

    @property
    def first(self) -> Server:
        """The server to which most things happen."""
        return self.house.servers[0]

    @property
    def couples(self) -> Sequence[Person]:
        """Those who stay together."""
        return self.town.people[: 2 * COUPLES]

    async def lives(self, seconds: float = LIVE_S) -> None:
        """Time goes by, and people do what they do."""
        await asyncio.sleep(seconds)

    def forget_accepted(self) -> None:
        """The store fell back: what it took before, it need not know any more."""
        for person in self.town.people:
            person.accepted.clear()


Fault = Callable[[Scene], Awaitable[float | None]]
"""Plays the fault until it is over; when that was, if it was not just now."""


def _subscription(passage: Passage) -> bool:
    return passage.is_subscription


def now() -> float:
    """By the event loop's clock."""
    return asyncio.get_running_loop().time()


# --- the network ---------------------------------------------------------------------------


async def network_reset(scene: Scene) -> None:
    """Every second person's connections are reset, and refused for 2 s."""
    relays = [relay for person in scene.town.people[::2] for relay in person.relays]
    for relay in relays:
        relay.is_down = True
        relay.cut()
    await scene.lives(2)
    for relay in relays:
        relay.is_down = False


async def network_silent(scene: Scene) -> None:
    """The packets of every second person are lost for 3 s, and no one is told."""
    relays = [relay for person in scene.town.people[::2] for relay in person.relays]
    for relay in relays:
        relay.stall()
    await scene.lives(3)
    for relay in relays:
        relay.flow()


async def subscription_frozen(scene: Scene) -> float:
    """The server's subscription brings nothing any more, and stays open for good: a healthy look (race E9).

    It never ends, so what counts is from when people did the last that could be missed.
    """
    began = now()
    scene.first.relay.stall(_subscription)
    await scene.lives()
    return began + LIVE_S


async def store_silent(scene: Scene) -> None:
    """The store hears nothing and says nothing for 4 s; every connection stays open."""
    scene.first.relay.stall()
    await scene.lives(4)
    scene.first.relay.flow()


async def between_subscribe_and_snapshot(scene: Scene) -> None:
    """Streams open at one server while the store's answers to it are on their way; the others talk on."""
    mine = [person for person in scene.town.people if person.relays[0].target == scene.first.url]
    relay = scene.first.relay
    relay.stall(up=False)
    for passage in relay.passages:
        passage.stall(up=False)
    for person in mine:
        person.relays[0].cut()
    await scene.lives()
    relay.flow()


# --- servers -------------------------------------------------------------------------------


async def killed_between_script_and_write(scene: Scene) -> None:
    """The script ran, its publication is on the way: the server is killed before it writes (race E12)."""
    scene.first.relay.stall(up=False)
    mine = [person for person in scene.town.people if person.relays[0].target == scene.first.url]
    async with asyncio.timeout(PATIENCE_S):
        while not await _is_newer(scene, mine):
            pass
    await scene.first.kill()


async def _is_newer(scene: Scene, people: Sequence[Person]) -> bool:
    """Whether the store knows something of one of them that their screen does not."""
    seen = await scene.house.register.next()
    models = [(person.client.model.state, seen.people.get(person.id)) for person in people]
    return any(state and record and record["version"] > state.version for state, record in models)


async def one_killed(scene: Scene) -> None:
    """kill -9 of one of two servers."""
    await scene.first.kill()


async def killed_and_back(scene: Scene) -> None:
    """kill -9 of the only server, and another one at its port."""
    await scene.first.kill()
    await scene.first.start()


async def stopped_in_order(scene: Scene) -> None:
    """SIGTERM to one of two servers."""
    await scene.first.stop()


async def paused_a_moment(scene: Scene) -> None:
    """Long enough for `unavailable`, too short to be buried: nothing changed, so nothing else is said."""
    with scene.first.paused():
        await scene.lives(MOMENT_S)


async def paused(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT: a machine that swaps, or is moved."""
    with scene.first.paused():
        await scene.lives(STOPPED_WHOLE_S if scene.whole else STOPPED_S)


# --- the store -----------------------------------------------------------------------------


async def store_killed(scene: Scene) -> None:
    """kill -9 of Redis, which has its append-only file."""
    await scene.house.store.kill()
    await scene.lives()
    await scene.house.store.start()


async def store_lost(scene: Scene) -> None:
    """kill -9 of Redis, and nothing is left on its disk."""
    await scene.house.store.kill()
    scene.house.store.forget()
    await scene.lives()
    await scene.house.store.start()


async def store_set_back(scene: Scene) -> None:
    """What Redis knew some seconds ago is all that it knows when it is back (races E8, E20, E33, E35)."""
    copy = await scene.house.store.copy()
    await scene.lives(2)
    await scene.house.store.kill()
    scene.house.store.restore(copy)
    scene.forget_accepted()
    await scene.house.store.start()


async def store_flushed(scene: Scene) -> None:
    """FLUSHALL, and no connection ends (race E18)."""
    async with scene.house.store.client() as client:
        await client.flushall()


@dataclass(frozen=True, slots=True)
class Outage:
    """A row of the matrix."""

    fault: str
    play: Fault
    servers: int = 1
    durable: bool = True
    note: str = ""
    in_sample: bool = True
    quiet: bool = False
    """People who do nothing meanwhile: no frame comes except those of the fault itself."""


NEW_ONLY = "the lost matches' messages are lost: no gap, nothing twice, and all of the new ones"
OUTAGES = (
    Outage("people's connections reset, refused for 2 s", network_reset),
    Outage("people's network silent for 3 s", network_silent),
    Outage("subscription frozen, not closed", subscription_frozen),
    Outage("store silent for 4 s", store_silent, in_sample=False),
    Outage("store's answers held between subscribe and snapshot", between_subscribe_and_snapshot, servers=2),
    Outage("server killed between script and write", killed_between_script_and_write, servers=2),
    Outage("one of two servers killed", one_killed, servers=2, in_sample=False),
    Outage("server killed, another at its port", killed_and_back),
    Outage("one of two servers stopped (SIGTERM)", stopped_in_order, servers=2, in_sample=False),
    Outage(
        "the only server paused (SIGSTOP)", paused, note=f"{STOPPED_S:.0f} s; whole {STOPPED_WHOLE_S:.0f} s"
    ),
    Outage("the only server held up for a moment", paused_a_moment, note=f"{MOMENT_S} s; quiet", quiet=True),
    Outage("one of two servers paused (SIGSTOP)", paused, servers=2, in_sample=False),
    Outage("Redis killed, append-only file", store_killed),
    Outage("Redis killed, nothing on disk", store_lost, durable=False, note=NEW_ONLY),
    Outage("Redis set back to an older copy", store_set_back, durable=False, note=NEW_ONLY),
    Outage("FLUSHALL", store_flushed, note=NEW_ONLY),
)


@contextlib.asynccontextmanager
async def evening(outage: Outage, *, whole: bool, without: str = "") -> AsyncIterator[Scene]:
    """People in front of servers, the couples in their conversations."""
    async with (
        house(outage.servers, durable=outage.durable, pools=POOLS, without=without) as made,
        http_session() as http,
        Town(made, http).inhabited() as town,
    ):
        for n in range(COUPLES):
            await town.couple(f"c{n}", first=n % outage.servers)
        for n in range(SKIPPERS):
            person = await town.arrives(f"skipper {n}", first=n % outage.servers)
            person.start()
        yield Scene(made, town, whole)


async def row(outage: Outage, *, whole: bool, without: str = "", seed: int = 1) -> Row:
    """Play it, and judge all people."""
    made = Row(outage.fault, outage.note)
    try:
        async with asyncio.timeout(150), evening(outage, whole=whole, without=without) as scene:
            with acting(scene, seed) as (over, people):
                await scene.lives()
                if outage.quiet:
                    over.set()
                    await asyncio.gather(*people)
                since = await outage.play(scene) or now()
                over.set()
                made.judgements.append(await verdict(scene, since, people))
    except (TimeoutError, AssertionError, redis.RedisError) as error:
        made.failures.append(repr(error))
    return made


@contextlib.contextmanager
def acting(scene: Scene, seed: int) -> Iterator[tuple[asyncio.Event, Sequence[asyncio.Future[None]]]]:
    """Let all people act until the event is set."""
    over, random = asyncio.Event(), Random(seed)
    every_s = LINE_EVERY_WHOLE_S if scene.whole else LINE_EVERY_S
    talking = [person.talk(over, every_s) for person in scene.couples]
    skipping = [
        person.skip(over, Random(random.random()), (0.3, 1.2)) for person in scene.town.people[2 * COUPLES :]
    ]
    tasks = [asyncio.ensure_future(each) for each in (*talking, *skipping)]
    try:
        yield over, tasks
    finally:
        for task in tasks:
            task.cancel()


async def verdict(scene: Scene, since_s: float, people_acting: Sequence[asyncio.Future[None]]) -> Judgement:
    """Return how soon all people caught up; the rest is judged when all are done."""
    people = scene.town.people
    caught_up = await catching_up(scene.house, people, since_s)
    await asyncio.gather(*people_acting)
    await asyncio.gather(*(person.say("goodbye") for person in scene.couples if person.match))
    server = HttpTransport(scene.town.http, scene.house.servers[-1].url)
    last = await judge(scene.house, people, server, now())
    return replace(last, caught_up_ms=caught_up)
