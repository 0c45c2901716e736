"""The queue of attaches: in order, a few at a time, and no work for streams that are gone."""

import asyncio
import contextlib
from typing import Any

import pytest

from duologue.delivery import hub as hub_module
from duologue.delivery.attaches import ATTACH_S, MOST_WAIT_S, SPAN_S, UNDER_WAY, Attaches, Pace
from duologue.delivery.connection import End
from duologue.delivery.poll import Asked, Untold
from duologue.delivery.stream import Stream
from duologue.pairing.vocabulary import Attached, Crowded, PersonId, TakenOver
from duologue.store.client import StoreUnavailable
from tests.unit.delivery.fakes import ANN, PAGE, FakeClock, Scene, attached, frames, settle


class SlowMachine:
    """Makes each attach of a scene wait until it is let through."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.arrived: list[asyncio.Event] = []
        self._attach = scene.machine.attach
        scene.machine.attach = self.attach  # type: ignore[method-assign, assignment]

    async def attach(self, *args: Any) -> Attached | TakenOver | Crowded:
        event = asyncio.Event()
        self.arrived.append(event)
        await event.wait()
        return await self._attach(*args)

    async def let(self, count: int) -> None:
        """Let so many of those that wait through."""
        for event in [each for each in self.arrived if not each.is_set()][:count]:
            event.set()
        await settle()


def opened(scene: Scene, stack: contextlib.ExitStack, count: int) -> list[Stream]:
    """Streams of so many people."""
    return [stack.enter_context(scene.hub.open(PersonId(f"p{n}"), PAGE, alias="")) for n in range(count)]


async def kinds(stream: Stream) -> list[str]:
    """What was written, by type."""
    return [each["type"] for each in await frames(stream)]


async def test_a_few_at_a_time_and_in_order(scene: Scene) -> None:
    """The store's client gets no more than it sends at once."""
    machine = SlowMachine(scene)
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            streams = opened(scene, stack, UNDER_WAY + 20)
            await settle()
            assert len(machine.arrived) == UNDER_WAY
            await machine.let(15)
            assert len(machine.arrived) == UNDER_WAY + 15
            assert [one.attached for one in streams[:20]] == [True] * 15 + [False] * 5
            while len(scene.hub.attaches):
                await machine.let(100)
            assert all(one.attached for one in streams)


async def test_a_stream_that_is_gone_costs_no_call(scene: Scene) -> None:
    """It leaves the queue: neither its attach nor a detach is sent, and the next one moves up."""
    machine = SlowMachine(scene)
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            opened(scene, stack, UNDER_WAY)
            with scene.hub.open(ANN, PAGE, alias=""):
                await settle()
            (last,) = opened(scene, stack, 1)
            await settle()
            await machine.let(1)
            assert len(machine.arrived) == UNDER_WAY + 1
            await machine.let(UNDER_WAY)
            assert last.attached
            assert ANN not in [call[0] for call in scene.machine.named("attach")]
            assert scene.machine.named("detach") == []


async def test_only_streams_that_wait_are_told_and_once(scene: Scene) -> None:
    """After 2 s; then heartbeats say that the stream lives. Who is attached reads nothing of it."""
    with contextlib.ExitStack() as stack:
        async with scene.hub.running():
            first = stack.enter_context(scene.hub.open(ANN, PAGE, alias=""))
            await settle()
            machine = SlowMachine(scene)
            late = opened(scene, stack, 3)
            await scene.clock.turn(1.7)
            assert [await kinds(one) for one in late] == [[]] * 3
            await scene.clock.turn(0.6)
            assert [await kinds(one) for one in late] == [["unavailable"]] * 3
            await scene.clock.turn(40)
            assert [set(await kinds(one)) for one in late] == [{"heartbeat"}] * 3
            assert "unavailable" not in await kinds(first)
            await machine.let(3)
            assert [await kinds(one) for one in late] == [["snapshot"]] * 3
            stack.close()


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_while_the_store_is_away_nothing_is_tried_again(
    scene: Scene, is_guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it answers, all are attached, each by one call. The control: the queue goes on meanwhile."""
    if not is_guarded:
        monkeypatch.setattr(Attaches, "stop", lambda _: None)
    people = 30
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            scene.machine.usual["attach"] = attached(10)
            away = StoreUnavailable("away")
            scene.machine.answers["attach"] = [away] * 1_000
            scene.hub.tell_unavailable()
            streams = opened(scene, stack, people)
            await scene.clock.turn(11)
            tried = len(scene.machine.named("attach"))
            assert (tried == 0) == is_guarded
            scene.machine.answers["attach"].clear()
            scene.hub.available()
            await scene.clock.turn(1.1)
            assert all(one.attached for one in streams)
            assert (len(scene.machine.named("attach")) == people) == is_guarded


async def test_a_failed_attach_waits_in_the_queue_again(scene: Scene) -> None:
    """The stream is told, and tried ever more seldom while the store answers others."""
    async with scene.hub.running():
        scene.machine.answers["attach"] = [StoreUnavailable("busy")] * 1000
        with scene.hub.open(ANN, PAGE, alias="") as one:
            await scene.clock.turn(60)
            assert len(scene.machine.named("attach")) <= 11
            assert (await kinds(one)).count("unavailable") == 1
            scene.machine.answers["attach"].clear()
            await scene.clock.turn(17)
            assert one.attached


async def test_a_poll_does_not_wait_without_end(scene: Scene) -> None:
    """2 s beyond its own wait it is refused, and leaves the queue; the store is asked nothing for it."""
    machine = SlowMachine(scene)
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            opened(scene, stack, UNDER_WAY)
            await settle()
            with scene.polls.ask(ANN, PAGE, Asked(), alias="") as asking:
                reply = asyncio.ensure_future(asking.reply())
                await scene.clock.turn(1.9)
                assert not reply.done()
                await scene.clock.turn(0.2)
                assert await reply is Untold.AWAY
            await machine.let(UNDER_WAY)
            assert len(machine.arrived) == UNDER_WAY


async def test_a_poll_is_refused_at_once_while_the_store_is_away(scene: Scene) -> None:
    """Its client comes again when it is told to."""
    async with scene.hub.running():
        scene.hub.tell_unavailable()
        with scene.polls.ask(ANN, PAGE, Asked(), alias="") as asking:
            assert await asking.reply() is Untold.AWAY
        assert scene.machine.named("attach") == []


async def test_the_pace_is_measured_while_many_wait() -> None:
    """Answers 6 ms apart; what comes seldom says nothing, nor does a minute-old measurement."""
    clock = FakeClock()
    pace = Pace(clock)
    for _ in range(500):
        clock.now += 0.006
        pace.answered(many=True)
    assert pace.each_s == pytest.approx(0.006, rel=0.05)
    pace.answered(many=False)
    clock.now += 5
    pace.answered(many=False)
    assert pace.each_s == pytest.approx(0.006, rel=0.1)
    clock.now += 61
    assert pace.each_s == ATTACH_S


async def test_people_come_back_over_twice_what_the_store_needs() -> None:
    """Between 2 and 60 s, drawn evenly."""
    clock = FakeClock()
    pace = Pace(clock)
    assert [pace.span_s(people) for people in (0, 500, 1_000, 10_000, 100_000)] == [2, 2, 2, 20, 60]
    drawn = sorted(pace.wait_ms(10_000) for _ in range(2_000))
    assert drawn[0] < 200
    assert drawn[-1] > 19_800
    assert 9_000 < drawn[1_000] < 11_000
    assert SPAN_S == (2.0, 60.0)


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_drain_spreads_its_people(
    scene: Scene, is_guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the pace says, and within 15 s: their partners are told 20 s after it. The control: within 2 s."""
    if not is_guarded:
        monkeypatch.setattr(Pace, "span_s", lambda *_: 2.0)
    scene.hub.attaches.pace._each_s = 0.02
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            streams = opened(scene, stack, 400)
            await settle()
            for _ in range(200):
                scene.clock.now += 0.02
                scene.hub.attaches.pace.answered(many=True)
            for one in streams:
                await frames(one)
            group = asyncio.ensure_future(scene.hub.drain())
            await settle()
            delays = [(await frames(one))[-1]["after_ms"] for one in streams]
            assert {one.ended for one in streams} == {End.DRAIN}
            assert (max(delays) > 5_000) == is_guarded
            assert max(delays) <= hub_module.DRAIN_SPAN_S * 1000
        await group


async def test_a_long_queue_is_full(scene: Scene) -> None:
    """Whoever comes then would wait more than 30 s; polls of somebody new are refused."""
    machine = SlowMachine(scene)
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            opened(scene, stack, 200)
            await settle()
            assert 0 < scene.hub.attaches.wait_s < MOST_WAIT_S
            scene.hub.attaches.pace._each_s = 2 * MOST_WAIT_S / 200
            scene.hub.attaches.pace._measured_at = scene.clock.now
            assert scene.hub.attaches.is_full
            assert scene.hub.attaches.retry_after_s() <= SPAN_S[1] + 1
            with scene.polls.ask(ANN, PAGE, Asked(), alias="") as asking:
                assert await asking.reply() is Untold.AWAY
            while len(scene.hub.attaches):
                await machine.let(1000)
            assert scene.hub.attaches.wait_s == 0
