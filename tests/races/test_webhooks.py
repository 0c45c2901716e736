"""Webhooks: nothing is lost and nothing is reversed, whatever fails, and one address holds up no other.

Real scripts on a real store; the clock is turned, and the host application is a function.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import redis

from duologue.metrics import Metrics
from duologue.pairing import scripts
from duologue.pairing.events import Events
from duologue.pairing.machine import Machine
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import MATCH_EVENTS, EventKind, MediaKind
from duologue.webhooks.endpoint import USUAL, Address, Endpoint
from duologue.webhooks.post import PostFailed
from duologue.webhooks.retries import RETRIES_MS, pause_ms
from duologue.webhooks.sender import Sender
from duologue.workers.webhooks import Webhooks
from tests.races.direct import Direct, play
from tests.servers import StoreServer
from tests.unit.delivery.fakes import FakeClock, settle

URL = "http://localhost/hooks"
ENDPOINT = Endpoint(Address(URL, USUAL | MATCH_EVENTS), (b"k" * 32,))
OTHER = Endpoint(Address(URL + "/other", USUAL | MATCH_EVENTS), (b"k" * 32,))
HOUR_S = 3600.0


class Killed(Exception):
    """The process ends here."""


class Host:
    """The host application: what it accepted, in this order."""

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], int] = lambda _: 200
        self.hangs: set[str] = set()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if url in self.hangs:
            await asyncio.Event().wait()
        said = {**json.loads(body), "url": url}
        assert headers["webhook-id"] == said["id"]
        self.attempts.append(said)
        await asyncio.sleep(0)
        status = self.answer(said)
        if status == 0:
            raise PostFailed("the connection failed")
        if 200 <= status < 300:
            self.accepted.append(said)
        return status

    def first(self, person: str) -> list[int]:
        """Numbers of a person's events by when each was accepted first."""
        seqs = [each["seq"] for each in self.accepted if each["data"].get("person") == person]
        return list(dict.fromkeys(seqs))

    @property
    def inversions(self) -> int:
        people = {each["data"].get("person") for each in self.accepted}
        return sum(self.first(each) != sorted(self.first(each)) for each in people if each)


class World:
    """An outbox, its host application, and processes that deliver."""

    def __init__(self, server: StoreServer) -> None:
        self.client = redis.Redis.from_url(server.url)
        self.client.flushall()
        self.clock = FakeClock()
        self.host = Host()
        self.metrics = Metrics()
        self.direct = Direct(self.client)
        self.machine = Machine(self.direct, now_ms=lambda: int(self.clock.wall_ms()))
        self.outbox = self.machine.events
        self.emitted = 0
        loaded = scripts.load(Timings(), MediaKind.PEER, "main")
        source = loaded["event_note"].source.replace(b"emit(ARGV[4], ''", b"emit(ARGV[4], ARGV[6]")
        self._emit = self.client.register_script(source)

    def emit(self, person: str, kind: EventKind = EventKind.REPORT_CREATED, fields: str = "{}") -> None:
        """A transition writes an event about a person."""
        self.emitted += 1
        self._emit(keys=["{0}events"], args=["{0}", int(self.clock.wall_ms()), "", kind, fields, person])

    def process(self, name: str = "s1", *endpoints: Endpoint, outbox: Events | None = None) -> Webhooks:
        return Webhooks(
            endpoints or (ENDPOINT,), outbox or self.outbox, name, self.host.post, self.metrics, self.clock
        )

    def missing(self) -> set[int]:
        return {*range(1, self.emitted + 1)} - {each["seq"] for each in self.host.accepted}

    def kinds(self) -> list[str]:
        return [each.kind for each in play(self.outbox.read(0, 1_000)).events]


@pytest.fixture
def world(valkey9: StoreServer) -> World:
    return World(valkey9)


async def at_work(*processes: Webhooks) -> list[asyncio.Task[None]]:
    """Each goes on until it is cancelled, as the supervisor has it."""

    async def repeat(each: Webhooks) -> None:
        while True:
            await each.run_once()
            await each.pause()

    tasks = [asyncio.create_task(repeat(each)) for each in processes]
    await settle()
    return tasks


async def killed(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, asyncio.CancelledError), ended


async def test_an_event_arrives_within_a_look(world: World) -> None:
    """In the order in which it was written, once; an address that is new begins with the next event."""
    world.emit("ann")
    tasks = await at_work(world.process())
    for n in range(50):
        world.emit("ann" if n % 2 else "ben", EventKind.MATCH_STARTED)
    await world.clock.turn(2)
    assert [each["seq"] for each in world.host.attempts] == [*range(2, 52)]
    assert play(world.outbox.delivery(ENDPOINT.id)).state["cursor"] == 51
    assert world.metrics.registry.get_sample_value("duologue_webhook_delivered_seconds_count") == 50
    await killed(*tasks)


@pytest.mark.parametrize("answer", [0, 307, 404, 500], ids=["unreachable", "redirect", "missing", "error"])
async def test_72_hours_down(world: World, answer: int) -> None:
    """Nothing is lost and nothing of a person is reversed; a redirect counts as a failure, too."""
    tasks = await at_work(world.process())
    world.host.answer = lambda _: answer
    for n in range(72):
        for person in ("ann", "ben", f"p{n}"):
            world.emit(person)
        await world.clock.turn(HOUR_S, step=300)
    assert world.host.accepted == []
    world.host.answer = lambda _: 200
    await world.clock.turn(30 * HOUR_S, step=300)
    assert world.missing() == set()
    assert world.host.inversions == 0
    assert len(world.host.accepted) == world.emitted == 216
    assert play(world.outbox.delivery(ENDPOINT.id)).owing == {}
    await killed(*tasks)


class Unordered(Sender):
    """A sender whose events do not wait for each other."""

    def _is_next(self, item: Any) -> bool:
        return True


class Forgetful(Sender):
    """A sender that notes an event as arrived before it has."""

    @property
    def _cursor(self) -> int:
        return self._read


async def test_control_events_that_do_not_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: without the order of a person's events, an outage reverses some."""
    monkeypatch.setattr("duologue.workers.webhooks.Sender", Unordered)
    tasks = await at_work(world.process())
    world.host.answer = lambda said: 500 if said["seq"] == 1 and len(world.host.attempts) < 2 else 200
    world.emit("ann")
    await world.clock.turn(0.5)
    world.emit("ann")
    await world.clock.turn(10)
    assert world.host.inversions == 1
    await killed(*tasks)


class Mortal(Direct):
    """A store client of a process that dies at its n-th step, before or after the step's effect."""

    def __init__(self, client: redis.Redis, dies_at: int, *, after: bool) -> None:
        super().__init__(client)
        self.left = dies_at
        self.after = after

    async def run(self, *args: Any, **more: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        reply = await super().run(*args, **more)
        if self.left == 0:
            raise Killed
        return reply


def is_killed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(is_killed(each) for each in error.exceptions)
    return isinstance(error, Killed)


async def dies(world: World, step: int, *, after: bool) -> bool:
    """A process delivers and dies at this step; false: it came to no such step."""
    client = Mortal(world.client, step, after=after)
    outbox = Machine(client, now_ms=lambda: int(world.clock.wall_ms())).events
    task = asyncio.create_task(world.process(f"s{step}{after}", outbox=outbox).run_once())
    for _ in range(40):
        await world.clock.turn(0.25)
        if task.done():
            error = task.exception()
            assert error is not None
            assert is_killed(error)
            return True
    await killed(task)
    return False


async def killed_at_each_step(world: World) -> None:
    """One process after the other dies, each one step further; the next one takes over after its claim."""
    begun = await at_work(world.process("first"))
    await killed(*begun)
    steps = 0
    for step in range(1, 25):
        for after in (False, True):
            await world.clock.turn(6)
            fails_once = {world.emitted + 2}

            def answer(said: dict[str, Any], fails: set[int] = fails_once) -> int:
                failed = said["seq"] in fails
                fails.discard(said["seq"])
                return 500 if failed else 200

            world.host.answer = answer
            for person in ("ann", "ben", "ann"):
                world.emit(person)
            steps += await dies(world, step, after=after)
    assert steps >= 40
    world.host.answer = lambda _: 200
    await world.clock.turn(6)
    tasks = await at_work(world.process("last"))
    await world.clock.turn(2 * HOUR_S, step=5)
    await killed(*tasks)


async def test_killed_at_each_step(world: World) -> None:
    """Nothing is lost or reversed, wherever a process dies between two calls; events may come twice."""
    await killed_at_each_step(world)
    assert world.missing() == set()
    assert world.host.inversions == 0


async def test_control_killed_with_a_cursor_ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: if an event counts as arrived before it has, a death loses some."""
    monkeypatch.setattr("duologue.workers.webhooks.Sender", Forgetful)
    await killed_at_each_step(world)
    assert world.missing() != set()


async def test_killed_while_a_request_is_under_way(world: World) -> None:
    """The next process sends it again, and the one after it waits until then."""
    tasks = await at_work(world.process("s1"))
    world.host.hangs.add(URL)
    world.emit("ann")
    world.emit("ann")
    await world.clock.turn(0.5)
    await killed(*tasks)
    world.host.hangs.clear()
    tasks = await at_work(world.process("s2"))
    await world.clock.turn(3)
    assert world.host.accepted == []  # the claim of the first still holds
    await world.clock.turn(5)
    assert world.host.first("ann") == [1, 2]
    await killed(*tasks)


async def test_two_processes_deliver_once(world: World) -> None:
    """The one without the claim sends nothing."""
    tasks = await at_work(world.process("s1"), world.process("s2"), world.process("s3"))
    for n in range(30):
        world.emit(f"p{n}")
        await world.clock.turn(0.4)
    await world.clock.turn(1)
    assert [each["seq"] for each in world.host.attempts] == [*range(1, 31)]
    await killed(*tasks)


async def test_a_slow_address_holds_up_no_other(world: World) -> None:
    """One never answers; the other has everything within a look."""
    tasks = await at_work(world.process("s1", ENDPOINT, OTHER))
    world.host.hangs.add(URL)
    for n in range(100):
        world.emit(f"p{n}")
    await world.clock.turn(1)
    assert len(world.host.accepted) == 100
    assert {each["url"] for each in world.host.accepted} == {OTHER.address.url}
    await killed(*tasks)


async def test_one_persons_failure_holds_up_no_other_person(world: World) -> None:
    """Ann's events are refused and wait in order; those of Ben arrive."""
    tasks = await at_work(world.process())
    world.host.answer = lambda said: 500 if said["data"]["person"] == "ann" else 200
    for _ in range(5):
        world.emit("ann")
        world.emit("ben")
    await world.clock.turn(1)
    assert world.host.first("ben") == [2, 4, 6, 8, 10]
    assert [each["seq"] for each in world.host.attempts if each["seq"] % 2] == [1]
    await killed(*tasks)


async def test_the_schedule(world: World) -> None:
    """5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, each up to a fifth later."""
    assert [pause_ms(n, lambda low, _: low) for n in range(1, 12)] == [*RETRIES_MS, *RETRIES_MS[-1:] * 2]
    assert all(RETRIES_MS[0] <= pause_ms(1) <= 1.2 * RETRIES_MS[0] for _ in range(100))
    assert sum(RETRIES_MS) >= 72 * 3_600_000
    tasks = await at_work(world.process())
    world.host.answer = lambda _: 503
    world.emit("ann")
    await world.clock.turn(0.5)
    for attempts, seconds in ((1, 4.3), (2, 2), (2, 295), (3, 75)):
        await world.clock.turn(seconds, step=0.25)
        assert len(world.host.attempts) == attempts
    await killed(*tasks)


async def test_gone_disables_at_once(world: World) -> None:
    """410: no further request, the other address hears of it, and an operator can turn it on again."""
    tasks = await at_work(world.process("s1", ENDPOINT, OTHER))
    world.host.answer = lambda said: 410 if said["url"] == URL else 200
    world.emit("ann")
    await world.clock.turn(1)
    world.emit("ben")
    await world.clock.turn(60, step=0.25)
    assert [each["seq"] for each in world.host.attempts if each["url"] == URL] == [1]
    assert world.kinds() == ["report.created", "webhook.disabled", "report.created"]
    told = next(each for each in world.host.accepted if each["type"] == "webhook.disabled")
    assert told["data"] == {"endpoint": ENDPOINT.id, "reason": "gone"}
    assert world.metrics.registry.get_sample_value("duologue_webhook_deliveries_total", {"what": "disabled"})
    world.host.answer = lambda _: 200
    await killed(*tasks)
    tasks = await at_work(world.process("s2", ENDPOINT, OTHER))
    await world.clock.turn(10, step=0.25)
    assert not [each for each in world.host.accepted if each["url"] == URL]  # also after a restart
    play(world.outbox.retry(ENDPOINT.id))
    await world.clock.turn(10, step=0.25)
    assert [each["seq"] for each in world.host.accepted if each["url"] == URL] == [1, 2, 3]
    await killed(*tasks)


async def test_five_days_of_failure_disable(world: World) -> None:
    """Not after four days; what is owed is kept for the operator."""
    tasks = await at_work(world.process("s1", ENDPOINT, OTHER))
    world.host.answer = lambda said: 500 if said["url"] == URL else 200
    for _ in range(24):
        world.emit("ann")
        await world.clock.turn(4 * HOUR_S, step=600)
    assert "webhook.disabled" not in world.kinds()
    await world.clock.turn(60 * HOUR_S, step=600)
    assert world.kinds().count("webhook.disabled") == 1
    found = play(world.outbox.delivery(ENDPOINT.id))
    assert found.state["disabled_at_ms"]
    assert found.owing
    await killed(*tasks)


async def test_an_event_that_always_fails_is_given_up(world: World) -> None:
    """After 5 days, while others arrive; then the next ones of its person go on."""
    tasks = await at_work(world.process())
    world.host.answer = lambda said: 400 if said["seq"] == 1 else 200
    world.emit("ann")
    world.emit("ann")
    for n in range(36):
        world.emit(f"p{n}")
        await world.clock.turn(4 * HOUR_S, step=600)
    assert world.missing() == {1}
    assert "webhook.disabled" not in world.kinds()
    given_up = {"what": "given-up"}
    assert world.metrics.registry.get_sample_value("duologue_webhook_deliveries_total", given_up) == 1
    await killed(*tasks)


async def test_a_test_goes_to_one_address(world: World) -> None:
    """To the one that it names."""
    tasks = await at_work(world.process("s1", ENDPOINT, OTHER))
    play(world.outbox.note(EventKind.WEBHOOK_TEST, {"endpoint": OTHER.id}))
    await world.clock.turn(0.5)
    assert [(each["type"], each["url"]) for each in world.host.accepted] == [
        ("webhook.test", OTHER.address.url)
    ]
    await killed(*tasks)
