"""The beat, and what follows from not beating."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from duologue.delivery import contact as contact_module
from duologue.delivery.clock import SystemClock
from duologue.delivery.connection import End
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.stream import Stream
from duologue.media.peer import Peer
from duologue.pairing.vocabulary import Beat as Answer
from duologue.pairing.vocabulary import PersonId
from duologue.store.client import StoreUnavailable
from duologue.workers import beat
from duologue.workers.beat import Beat
from duologue.workers.supervisor import repeat
from tests.unit.delivery.fakes import ANN, PAGE, PROCESS, Scene, attached, frames, in_own_task, settle


class Beating:
    """A beat on a scripted machine whose own subscription hears, or not."""

    def __init__(self, scene: Scene) -> None:
        self.reopened = 0
        self.deaf = False
        self.beat = Beat(scene.machine, scene.hub, scene.contact, scene.clock, reopen=self.reopen)
        scene.machine.on_echo = self.echo
        self.scene = scene

    def reopen(self) -> None:
        self.reopened += 1

    def echo(self, token: str) -> None:
        if not self.deaf:
            self.scene.hub.deliver(f"P {token} 0".encode())


@contextlib.asynccontextmanager
async def at_work(scene: Scene, made: Beating) -> AsyncIterator[None]:
    """The hub and the loop, until left."""
    async with scene.hub.running(), asyncio.TaskGroup() as group:
        task = group.create_task(repeat(made.beat, scene.metrics))
        await settle()
        yield
        task.cancel()


@pytest.fixture
async def beating(scene: Scene) -> AsyncIterator[Beating]:
    """The loop at work."""
    made = Beating(scene)
    async with in_own_task(at_work(scene, made)):
        yield made


@pytest.fixture
async def connection(scene: Scene, beating: Beating) -> AsyncIterator[Stream]:
    """A person whose stream is open."""
    with scene.hub.open(ANN, PAGE, alias="") as one:
        await frames(one)
        yield one


async def test_a_beat_only_after_an_echo(scene: Scene, beating: Beating) -> None:
    """A deaf process stops beating, and says that it is deaf within 1.2 s of its last echo."""
    assert scene.machine.named("beat") == [(PROCESS, 0, 0)]
    assert scene.contact.ready()
    assert scene.contact.people_online == 7
    beating.deaf = True
    await scene.clock.turn(1.2)
    assert scene.contact.suspicious
    assert beating.reopened == 1
    assert len(scene.machine.named("beat")) == 1
    beating.deaf = False
    await scene.clock.turn(1.2)
    assert len(scene.machine.named("beat")) >= 2


async def test_a_probe_that_reached_nobody(scene: Scene, beating: Beating) -> None:
    """It cannot come back, so we know at once that we are deaf, and open the subscription again."""
    beating.deaf = True
    scene.machine.usual["echo"] = 0
    asked = 0
    while not scene.contact.suspicious:
        asked = len(scene.machine.named("echo"))
        await scene.clock.turn(0.05)
    assert len(scene.machine.named("echo")) == asked + 1, "not half a second after that probe"
    assert beating.reopened == 1


async def test_a_store_that_counts_no_subscribers(scene: Scene) -> None:
    """Behind some proxies a store counts no subscribers: only echoes count there."""
    scene.machine.usual["echo"] = 0
    async with at_work(scene, Beating(scene)):
        await scene.clock.turn(5)
        assert not scene.contact.suspicious
        assert len(scene.machine.named("beat")) >= 8


async def test_half_a_second(scene: Scene, beating: Beating) -> None:
    """A process that misses four seconds is buried: eight beats fit in."""
    await scene.clock.turn(10)
    assert 16 <= len(scene.machine.named("beat")) <= 27


async def test_the_clock_is_set_by_the_beat(scene: Scene, beating: Beating) -> None:
    """``store_now_ms`` against our own clock."""
    assert scene.contact.store_clock.now_ms() == pytest.approx(1_764_001_000_000, abs=1)


async def test_buried_or_forgotten(scene: Scene, beating: Beating) -> None:
    """Race E28: the beat is not known, so all people are re-attached."""
    scene.contact.people_here = 1
    scene.machine.answers["beat"] = [Answer(False, 0, 0, 1)]
    await scene.clock.turn(0.7)
    assert scene.contact.suspicious


async def test_unavailable_after_2_s(scene: Scene, beating: Beating, connection: Stream) -> None:
    """Once a time away, on every stream, also on one opened meanwhile; the next time away is told again."""
    scene.machine.usual["echo"] = 1
    scene.machine.answers["echo"] = [StoreUnavailable("away")] * 40
    await scene.clock.turn(1.8)
    assert await frames(connection) == []
    await scene.clock.turn(1.2)
    assert [each["type"] for each in await frames(connection)] == ["unavailable"]
    with scene.hub.open(ANN, PAGE, alias="") as late:
        assert (await frames(late))[0]["type"] == "unavailable"
    scene.machine.answers["echo"].clear()
    await scene.clock.turn(1.2)
    scene.machine.answers["echo"] = [StoreUnavailable("away")] * 5
    await scene.clock.turn(3)
    assert [each["type"] for each in await frames(connection)] == ["unavailable"]


async def test_when_the_store_is_back_who_was_told_is_owed_a_snapshot(
    scene: Scene, beating: Beating, connection: Stream
) -> None:
    """The store says *same* of all people, so no other frame would tell them that it is back."""
    scene.machine.answers["echo"] = [StoreUnavailable("away")] * 40
    await scene.clock.turn(3)
    assert [each["type"] for each in await frames(connection)] == ["unavailable"]
    connection.snapshot_of = scene.contact.generation  # the suspicion of that time was answered before
    scene.hub.doubtful.clear()
    scene.machine.answers["echo"].clear()
    await scene.clock.turn(1.2)
    assert scene.hub.doubtful == {connection}
    seen = connection.as_held().seen
    assert seen is not None
    assert seen.version == 0


async def test_who_had_a_snapshot_since_is_owed_none(
    scene: Scene, beating: Beating, connection: Stream
) -> None:
    """After an outage with a lost connection all people had one by the suspicion: once is enough."""
    scene.hub.tell_unavailable()
    connection.attach_answered(attached(11), "resync", scene.contact.generation)
    scene.hub.available()
    assert not scene.hub.doubtful


@pytest.mark.parametrize("call", ["echo", "beat"])
async def test_a_store_that_hangs_is_told_in_time_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A call may take long; the people need not wait for its end to know."""
    for module in (beat, contact_module):
        monkeypatch.setattr(module, "AWAY_S", 0.3)
    monkeypatch.setattr(beat, "CALL_S", 3600)
    contact = Contact(SystemClock(), scene.metrics)
    contact.sequence.begun.set()
    hub = Hub(
        scene.machine, PROCESS, media=Peer(), contact=contact, metrics=scene.metrics, clock=SystemClock()
    )
    scene.machine.on_echo = contact.echoed
    scene.machine.answers[call] = [asyncio.Event()]
    loop = Beat(scene.machine, hub, contact, SystemClock(), reopen=lambda: None)
    async with hub.running(), asyncio.TaskGroup() as group:
        task = group.create_task(repeat(loop, scene.metrics))
        with hub.open(ANN, PAGE, alias="") as one:
            async with asyncio.timeout(20):
                seen = b""
                while b'"unavailable"' not in seen:
                    seen += await anext(one)
            assert contact.away_s() >= 0.3
        task.cancel()


async def test_the_first_self_check_waits_for_the_subscription(scene: Scene) -> None:
    """Race E47: without a subscription it could not come back, and would look as if we were deaf."""
    scene.contact.sequence.begun.clear()
    made = Beating(scene)
    async with at_work(scene, made):
        await scene.clock.turn(1.5)
        assert scene.machine.named("echo") == []
        assert made.reopened == 0
        scene.contact.sequence.begun.set()
        await scene.clock.turn(0.6)
        assert scene.contact.ready()


async def test_a_slow_store_is_not_away(scene: Scene, beating: Beating, connection: Stream) -> None:
    """No beat is possible, but calls are answered: no one is told, leaves or is re-attached."""
    scene.contact.last_answer = lambda: scene.clock.now
    scene.machine.answers["echo"] = [StoreUnavailable("slow")] * 200
    await scene.clock.turn(30)
    assert await told(connection) == {"heartbeat"}
    assert connection.ended is None
    assert not scene.contact.suspicious
    assert scene.contact.ready()


@pytest.mark.parametrize("why", ["nothing is answered", "by a server that takes no writes", "deaf"])
async def test_control_of_what_is_away(scene: Scene, beating: Beating, connection: Stream, why: str) -> None:
    """Without an answer that counts the same is an outage."""
    scene.machine.usual["beat"] = Answer(True, 7, 1, 1, others=1)
    await scene.clock.turn(1)
    if why == "deaf":
        beating.deaf = True
    else:
        scene.machine.answers["echo"] = [StoreUnavailable("away")] * 200
    if why != "nothing is answered":
        scene.contact.last_answer = lambda: scene.clock.now
    if why == "by a server that takes no writes":
        scene.contact.suspect("readonly")
    await scene.clock.turn(15)
    assert "unavailable" in await told(connection)
    assert scene.contact.suspicious
    assert not scene.contact.ready()


async def test_sent_elsewhere_a_few_at_a_time(scene: Scene, beating: Beating) -> None:
    """After 10 s, at most 2 % of the streams each second, and only if another process was seen beating."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(scene.hub.open(PersonId(f"p{n}"), PAGE, alias="")) for n in range(200)]
        await settle()
        scene.machine.usual["beat"] = Answer(True, 7, 1, 1, others=1)
        await scene.clock.turn(1)
        beating.deaf = True
        await scene.clock.turn(9.5)
        assert scene.hub.streams == 200
        before = 200
        for _ in range(10):
            await scene.clock.turn(1)
            assert before - scene.hub.streams <= 200 * beat.ELSEWHERE_SHARE + 2
            before = scene.hub.streams
        gone = [one for one in streams if one.ended]
        assert 25 <= len(gone) <= 40
        assert {one.ended for one in gone} == {End.STORE_AWAY}
        assert (await frames(gone[0]))[-1]["type"] == "reconnect"


@pytest.mark.parametrize(
    ("behind_s", "oldest_s", "told"), [(0.1, 0.9, ()), (0.3, 0, ("slow",)), (0, 1.1, ("slow",))]
)
async def test_a_process_says_that_it_is_slow(
    scene: Scene, beating: Beating, behind_s: float, oldest_s: float, told: tuple[str, ...]
) -> None:
    """While calls or streams wait long in it, nothing may fall due for want of signs of life (race E42)."""
    scene.contact.behind_s = lambda: behind_s
    if oldest_s:
        scene.hub.attaches._waiting["somebody"] = scene.clock.now - oldest_s, asyncio.Future()
        scene.hub.attaches.stop()
    count = len(scene.machine.named("beat"))
    await scene.clock.turn(0.05 if oldest_s == 0.9 else 0.65)
    beats = scene.machine.named("beat")[count:] or scene.machine.named("beat")[-1:]
    assert {beat[3:] for beat in beats} == {told}


async def test_a_process_that_begins_deaf_has_as_long_as_any_other(scene: Scene) -> None:
    """Its subscription is not open yet: that counts from its first probe, not from when it was made."""
    made = Beating(scene)
    made.deaf = True
    await scene.clock.turn(5)
    async with at_work(scene, made):
        with scene.hub.open(ANN, PAGE, alias="") as one:
            await scene.clock.turn(1.8)
            assert "unavailable" not in await told(one)
            await scene.clock.turn(1.5)
            assert "unavailable" in await told(one)


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_process_that_stood_still_blames_nobody(
    scene: Scene, beating: Beating, connection: Stream, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Stopped for 20 s, it asked nothing: the store is not away. The control: its people read that it is."""
    if not is_guarded:
        monkeypatch.setattr(Contact, "held_up", lambda _: None)
    await scene.clock.turn(1)
    await scene.clock.turn(20, step=20)
    await scene.clock.turn(1)
    assert ("unavailable" not in await told(connection)) == is_guarded


async def test_nobody_is_sent_where_nobody_is(scene: Scene, beating: Beating, connection: Stream) -> None:
    """This is the only process: its streams stay open, and are told when the store is back."""
    beating.deaf = True
    await scene.clock.turn(60)
    assert connection.ended is None
    assert "reconnect" not in await told(connection)


async def told(connection: Stream) -> set[str]:
    """The kinds of frames that were written."""
    return {each["type"] for each in await frames(connection)}


async def test_no_beat_after_the_drain(scene: Scene, beating: Beating) -> None:
    """A drained process is to be buried soon if it left people behind."""
    await scene.hub.drain()
    count = len(scene.machine.calls)
    await scene.clock.turn(3)
    assert len(scene.machine.calls) == count
