"""An outage of 11 s, and then more work than 2 s of it: the process comes back by itself.

Time is virtual and what is asserted are counts. Each control is the same scene with one guard switched off.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from duologue.lane import Lane
from duologue.store import lanes, pace
from duologue.store.client import Store
from duologue.store.errors import StoreBusy, StoreError
from duologue.store.lanes import Queue
from duologue.store.window import Window
from tests.unit.store.crowd import ECHO, SHARES, Crowd
from tests.unit.store.first_edition import FirstEdition
from tests.unit.store.simulated import Lua, Server, store_on
from tests.unit.store.virtual import now, play

PEOPLE = 500
ATTACH_S = 0.02
"""500 people × 20 ms: 10 s of work, as 10,000 people × 1 ms."""
WORK_S = PEOPLE * ATTACH_S
OUTAGE_S = 11.0
LONG_S = 2 * WORK_S + 8
"""The time within which everybody must be back."""
ASK = Lua("ask")


@dataclass(frozen=True)
class After:
    """What came of an outage."""

    back: int
    took_s: float
    wasted: int
    late_echoes: int


def outage(make: Callable[[Server], Store | FirstEdition], seconds: float = 60.0) -> After:
    """The store hangs for 11 s while everybody wants to attach; then up to so long to come back."""

    async def scene() -> After:
        server = Server(ATTACH_S, SHARES)
        async with server.running(), make(server).running() as store:
            for lane in (Lane.CONTROL, Lane.INTERACTIVE):
                await store.run(ECHO, [], ["before"], lane=lane)
            server.ran.clear()
            server.hang(OUTAGE_S)
            over_at = now() + OUTAGE_S
            crowd = Crowd(store, server, PEOPLE, over_at=over_at)
            await crowd.play(OUTAGE_S + seconds)
            return After(len(crowd.back), crowd.back_at - over_at, crowd.wasted(), crowd.late_echoes)

    return play(scene())


def test_everybody_is_back_after_an_outage() -> None:
    """In at most twice the work and 8 s; at most one window of calls was lost with the connection.

    No echo is late once the store answers again: slow is not away.
    """
    after = outage(store_on)
    assert after.back == PEOPLE
    assert after.took_s < LONG_S
    assert after.wasted <= 16
    assert after.late_echoes == 0


def test_the_first_edition_never_came_back() -> None:
    """Control: with one queue and 2 s of patience thousands of calls run for nobody, a minute later too."""
    after = outage(FirstEdition)
    assert after.back < PEOPLE / 2
    assert after.wasted > 2 * PEOPLE
    assert after.late_echoes > 20


def test_without_priorities_it_is_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: all calls in the interactive lane, on one connection."""
    monkeypatch.setattr(Store, "_queue", lambda store, _: store._queues[Lane.INTERACTIVE])
    after = outage(store_on)
    assert after.late_echoes > 2
    assert after.wasted > 50


def test_without_dropping_the_dead_it_is_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a call is sent although its caller gave up. Each stream that came and went costs an attach."""
    monkeypatch.setattr(Queue, "_is_worth_it", lambda *_: True)
    monkeypatch.setattr(Queue, "is_wanted", lambda queue: len(queue) > 0)
    assert outage(store_on).wasted >= PEOPLE


def test_without_the_window_it_is_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: as many bulk calls as fit into a batch. All of them are lost when the store hangs."""
    monkeypatch.setattr(Window, "size", pace.MOST)
    assert outage(store_on).wasted >= 100


@dataclass(frozen=True)
class Answered:
    """What came of commands under overload."""

    soon: int
    """Answered within half a second."""
    refused_after_s: float
    """How long the last refused one had waited; the longest."""
    others: int
    """Neither answered nor told that too much is asked."""
    wasted: int


def overload(seconds: float = 10.0) -> Answered:
    """Twice as many commands as the store can answer, for so long."""

    async def scene() -> Answered:
        server = Server(0.005)
        answered: list[float] = []
        refused: list[float] = []
        others: list[float] = []
        times: list[int] = []

        async def ask(name: str) -> None:
            began = now()
            try:
                await store.run(ASK, [], [name])
                answered.append(now() - began)
            except StoreBusy as error:
                times.append(error.retry_after_s)
                refused.append(now() - began)
            except StoreError:
                others.append(now() - began)

        async with server.running(), store_on(server).running() as store, asyncio.TaskGroup() as group:
            for n in range(int(400 * seconds)):
                group.create_task(ask(str(n)))
                await asyncio.sleep(1 / 400)
        assert set(times) <= {1, 2, 3, 4, 5, 6}
        soon = sum(took < 0.5 for took in answered)
        return Answered(soon, max(refused, default=0.0), len(others), len(server.ran) - len(answered))

    return play(scene())


def test_under_overload_those_who_are_served_are_served_soon() -> None:
    """The store's whole capacity goes to people who are still there, and the others know soon."""
    came = overload()
    assert came.soon > 0.9 * 200 * 10
    assert came.refused_after_s < 0.5
    assert came.others == 0
    assert came.wasted == 0


def test_oldest_first_and_without_refusals_nobody_is_served_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: as the first edition did. Everybody waits for as long as anybody may."""
    monkeypatch.setattr(lanes, "STANDING_S", 1e9)
    came = overload()
    assert came.soon < 0.2 * 200 * 10
    assert came.others > 100


def refused_of_many_callers() -> int:
    """How many calls are refused in half a second in which 512 callers ask a quick store again and again."""

    async def scene() -> int:
        server, refused = Server(0.0001), 0
        until = now() + 0.5

        async def ask(name: str) -> None:
            nonlocal refused
            while now() < until:
                try:
                    await store.run(ASK, [], [name])
                except StoreBusy:
                    refused += 1

        async with server.running(), store_on(server).running() as store:
            await asyncio.gather(*(ask(str(n)) for n in range(512)))
        return refused

    return play(scene())


def test_a_quick_store_with_many_callers_is_not_overloaded() -> None:
    """No batch empties the queue, but each call waits for 50 ms at most: none is refused."""
    assert refused_of_many_callers() == 0


def test_a_queue_is_no_overload_by_being_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: if each call that is left behind is late, the newest starve the others."""
    monkeypatch.setattr(lanes, "LATE_S", -1.0)
    assert refused_of_many_callers() > 300


def refused_far_away(people: int = 100) -> int:
    """How many commands are refused while so many people ask all at once, 200 ms away from the store."""

    async def scene() -> int:
        server, refused = Server(0.0001, way_s=0.1), 0

        async def ask(name: str) -> None:
            nonlocal refused
            for turn in range(5):
                await asyncio.sleep(0.5)
                try:
                    await store.run(ASK, [], [f"{name} {turn}"])
                except StoreBusy:
                    refused += 1

        async with server.running(), store_on(server).running() as store:
            await store.run(ASK, [], ["alone"])
            await asyncio.gather(*(ask(str(n)) for n in range(people)))
        return refused

    return play(scene())


def test_a_store_that_is_far_away_is_not_overloaded() -> None:
    """Each call takes 200 ms, however few there are: none is refused."""
    assert refused_far_away() == 0


def test_the_way_is_not_what_a_call_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: if the time of small batches does not count, commands are refused by a store that is idle."""
    monkeypatch.setattr(pace.Pace, "small_s", property(lambda _: 0.0, lambda _, __: None), raising=False)
    assert refused_far_away() > 20


def signs_under_overload(lane: Lane) -> Counter[str]:
    """What became of 20 signs of life a second for 10 s, while twice as much is asked as can be answered."""

    async def scene() -> Counter[str]:
        server, found = Server(0.005), Counter[str]()

        async def ask(name: str, lane: Lane) -> str:
            began = now()
            try:
                await store.run(ASK, [], [name], lane=lane)
            except StoreError as error:
                return type(error).__name__
            return "soon" if now() - began < 0.5 else "late"

        async def sign(name: str) -> None:
            found[await ask(name, lane)] += 1

        async with server.running(), store_on(server).running() as store, asyncio.TaskGroup() as group:
            for n in range(4000):
                group.create_task(ask(str(n), Lane.INTERACTIVE))
                if n % 20 == 0:
                    group.create_task(sign(f"sign {n}"))
                await asyncio.sleep(1 / 400)
        return found

    return play(scene())


def test_no_sign_of_life_is_late_because_of_our_own_queue() -> None:
    """A deadline waits for it: to refuse it would end a conversation in which both are there."""
    assert signs_under_overload(Lane.SIGNS) == {"soon": 200}


def test_among_the_other_calls_signs_of_life_are_refused() -> None:
    """Control: in the interactive lane they are as many among the refused as among the others."""
    assert signs_under_overload(Lane.INTERACTIVE)["StoreBusy"] > 50


def beside_190_processes(turns: int = 10) -> tuple[int, int]:
    """A store that is as slow as beside 190 processes with full batches; how many were answered, and wasted.

    One call costs it 0.1 ms, and between two of ours 190 others run: 19 ms.
    """

    async def scene() -> tuple[int, int]:
        server = Server(0.019)
        answered = 0

        async def person(n: int) -> None:
            nonlocal answered
            for turn in range(turns):
                try:
                    await store.run(ASK, [], [f"{n} {turn}"])
                    answered += 1
                except StoreError:
                    await asyncio.sleep(1)

        async with server.running(), store_on(server).running() as store:
            await asyncio.gather(*(person(n) for n in range(128)))
        return answered, len(server.ran) - answered

    return play(scene())


def test_a_batch_is_as_long_as_it_takes_beside_190_processes() -> None:
    """The first batch is too long, since nothing was measured yet; after that no call is wasted."""
    answered, wasted = beside_190_processes()
    assert wasted <= 24
    assert answered > 20 * wasted


def test_batches_of_128_are_too_long_beside_190_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: with batches of 128, however long they take, a part of each is answered too late."""
    monkeypatch.setattr(pace, "LEAST", pace.MOST)
    _, wasted = beside_190_processes()
    assert wasted > 200
