"""A process that gets too little of the processor does not take its own lateness for a slow store."""

import asyncio
from collections import Counter

import pytest

from duologue.store.errors import StoreError, StoreInterrupted
from duologue.store.lateness import MOST_S, TICK_S, OwnTime
from tests.unit.store.simulated import Lua, Server, store_on
from tests.unit.store.virtual import VirtualLoop, now, play

ASK = Lua("ask")


def stand_still(seconds: float) -> None:
    """Let so much time pass in which nothing of this process runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._jumping.now += seconds


def count_lateness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the guard off: the clock counts all that passes."""
    monkeypatch.setattr(OwnTime, "now", lambda own: own._now())
    monkeypatch.setattr(OwnTime, "late_since", lambda *_: 0.0)


def held_up_while_asking(seconds: float = 3.0) -> tuple[str, list[str]]:
    """What becomes of a call whose answer arrives while its process stands still, and what is suspected."""

    async def scene() -> tuple[str, list[str]]:
        causes: list[str] = []
        server = Server()
        async with server.running(), store_on(server, causes.append).running() as store:
            await store.run(ASK, [], ["before"])
            asking = asyncio.ensure_future(store.run(ASK, [], ["asked"]))
            while len(server._waiting) + len(server.ran) < 2:  # noqa: ASYNC110 # until it is sent
                await asyncio.sleep(0)
            stand_still(seconds)
            try:
                await asking
                found = "answered"
            except StoreError as error:
                found = type(error).__name__
            await store.run(ASK, [], ["after"])
        return found, causes

    return play(scene())


def test_e45_an_answer_that_arrives_while_the_process_stands_still() -> None:
    """It counts, and the connection is kept: nothing is suspected."""
    assert held_up_while_asking() == ("answered", [])


def test_e45_control_lateness_counts_as_the_stores_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same call is lost, and everybody is owed a snapshot."""
    count_lateness(monkeypatch)
    assert held_up_while_asking() == ("StoreInterrupted", ["store"])


def refused_with_little_processor() -> Counter[str]:
    """What becomes of 600 calls a turn of a quick store, while each turn of the process takes 0.3 s."""

    async def scene() -> Counter[str]:
        server, found = Server(0.00001), Counter[str]()

        async def ask(name: str) -> None:
            try:
                await store.run(ASK, [], [name])
                found["answered"] += 1
            except StoreError as error:
                found[type(error).__name__] += 1

        async with server.running(), store_on(server).running() as store, asyncio.TaskGroup() as group:
            for turn in range(10):
                for n in range(600):
                    group.create_task(ask(f"{turn} {n}"))
                for _ in range(6):
                    stand_still(0.3)
                    await asyncio.sleep(0.0015)
        return found

    return play(scene())


def test_a_process_with_little_processor_refuses_nobody() -> None:
    """Its calls wait for itself, and the store has nothing to do."""
    assert refused_with_little_processor() == {"answered": 6000}


def test_control_a_process_with_little_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """If its lateness counts, it takes the store for overloaded."""
    count_lateness(monkeypatch)
    assert refused_with_little_processor()["StoreBusy"] > 100


@pytest.mark.parametrize("late_s", [0.0, 0.1])
def test_a_store_that_hangs_is_still_found(late_s: float) -> None:
    """After 2 s of this process's own time; one that is late in each turn takes longer, and finds it too."""

    async def scene() -> float:
        server = Server()
        async with server.running(), store_on(server).running() as store:
            await store.run(ASK, [], ["before"])
            server.hang(60)
            began = now()
            asking = asyncio.ensure_future(store.run(ASK, [], ["asked"]))
            while not asking.done():  # a process that works in between
                stand_still(late_s)
                await asyncio.sleep(0.01)
            with pytest.raises(StoreInterrupted):
                await asking
            return now() - began

    took_s = play(scene())
    assert took_s == pytest.approx(2.0, abs=0.05) if not late_s else 2.0 < took_s < 6.0


def test_the_clock_stands_while_no_tick_comes() -> None:
    """It counts ``MOST_S`` at most, never goes back, and says how much it left out."""
    at = 100.0
    own = OwnTime(lambda: at)
    at += TICK_S
    own.tick()
    assert own.now() == pytest.approx(100 + TICK_S)
    assert own.late_since(100.0) == 0.0
    at += 3.0
    before = own.now()
    assert before == pytest.approx(100 + TICK_S + MOST_S)
    assert own.late_since(100.0) == pytest.approx(3 - MOST_S), "also before the late tick"
    own.tick()
    assert own.now() == pytest.approx(before)
    assert own.late_since(100.0) == pytest.approx(3 - MOST_S)
    assert own.late_since(at) == 0.0, "nothing since then"


async def renewed_once(own: OwnTime) -> None:
    """Wait under a limit of 1 s that is renewed after 0.75 s."""
    async with own.limit(1.0) as limit:
        await asyncio.sleep(0.75)
        limit.renew()
        await asyncio.sleep(5)


def test_a_limit_ends_in_its_time_and_can_be_renewed() -> None:
    """By the clock of a process that is never late."""

    async def scene() -> float:
        own = OwnTime(now)
        began = now()
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(own.run())
            with pytest.raises(TimeoutError):
                await renewed_once(own)
            ticking.cancel()
        return now() - began

    assert play(scene()) == pytest.approx(1.75, abs=0.01)
