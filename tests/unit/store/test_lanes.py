"""Which call is sent next: the three queues, and what shares a batch."""

import asyncio

import pytest

from duologue.lane import Lane
from duologue.metrics import Metrics
from duologue.store.call import Call
from duologue.store.errors import StoreBusy, StoreUnavailable
from duologue.store.lanes import BATCH, Bulk, Data, Interactive
from duologue.store.pace import Pace
from duologue.store.window import FIRST, Window
from tests.unit.store.crowd import ECHO
from tests.unit.store.simulated import Lua, Server, store_on
from tests.unit.store.virtual import now, play

ASK = Lua("ask")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Ground:
    """Both queues of data calls, and a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        self.interactive = Interactive(self.clock, self.metrics)
        self.bulk = Bulk(self.clock, self.metrics)
        self.signs = Interactive(self.clock, self.metrics, Lane.SIGNS)
        self.data = Data(self.signs, self.interactive, self.bulk, Pace(), Window())

    def ask(self, *names: object, lane: Lane = Lane.INTERACTIVE) -> list[Call]:
        """Calls that begin to wait now."""
        queues = {Lane.BULK: self.bulk, Lane.SIGNS: self.signs}
        queue = queues.get(lane, self.interactive)
        made = []
        for name in names:
            answer = asyncio.get_running_loop().create_future()
            at = self.clock()
            made.append(Call(str(name), None, b"", answer, lane, at, late_at=at + 2))
            queue.put(made[-1])
        return made

    def sample(self, name: str, lane: Lane) -> float | None:
        return self.metrics.registry.get_sample_value(f"duologue_store_{name}", {"lane": lane})


@pytest.fixture
async def ground() -> Ground:
    return Ground()


def names(calls: list[Call]) -> list[str]:
    return [call.name for call in calls]


async def test_the_oldest_is_sent_first_while_batches_empty_the_queue(ground: Ground) -> None:
    """However long they waited: after a hiccup nothing is refused."""
    ground.ask(1, 2)
    ground.clock.now += 1.5
    ground.ask(3)
    assert names(ground.interactive.take(BATCH)) == ["1", "2", "3"]
    assert ground.sample("waited_seconds_sum", Lane.INTERACTIVE) == pytest.approx(1.5)


async def test_late_calls_left_behind_for_a_tenth_of_a_second_are_overload(ground: Ground) -> None:
    """From then on the newest are sent, and what waited for more than 0.2 s is refused."""
    calls = ground.ask(1, 2, 3, 4)
    ground.clock.now += 0.06
    assert names(ground.interactive.take(1)) == ["1"]
    ground.clock.now += 0.11
    ground.ask(5, 6, 7)
    assert names(ground.interactive.take(2)) == ["6", "7"], "in the order in which they came"
    ground.clock.now += 0.1
    assert names(ground.interactive.take(2)) == ["5"]
    for call in calls[1:]:
        error = call.answer.exception()
        assert isinstance(error, StoreBusy)
        assert 1 <= error.retry_after_s <= 3
    assert ground.sample("refused_total", Lane.INTERACTIVE) == 3
    ground.clock.now += 0.1
    ground.ask(8, 9)
    assert names(ground.interactive.take(1)) == ["8"], "the queue was empty: it is over"


async def test_who_gave_up_is_not_sent_and_not_refused(ground: Ground) -> None:
    """It is counted as dropped."""
    first, second, *_ = ground.ask(1, 2, 3)
    first.answer.cancel()
    second.answer.cancel()
    assert names(ground.interactive.take(BATCH)) == ["3"]
    assert ground.sample("dropped_total", Lane.INTERACTIVE) == 2


async def test_a_call_that_cannot_be_answered_in_time_is_not_sent(ground: Ground) -> None:
    """It has less time left than one call takes; one that has more is sent."""
    (late,) = ground.ask("late")
    ground.clock.now += 1.95
    ground.ask("early")
    assert names(ground.interactive.take(BATCH, 0.1)) == ["early"]
    assert isinstance(late.answer.exception(), StoreUnavailable)
    assert ground.sample("dropped_total", Lane.INTERACTIVE) == 1


async def test_bulk_calls_have_the_window_when_nothing_else_waits(ground: Ground) -> None:
    """Interactive calls of the batch are first; then a window of bulk calls."""
    ground.ask(*range(100), lane=Lane.BULK)
    ground.ask("a", "b")
    assert names(ground.data.take()) == ["a", "b", *map(str, range(FIRST))]


async def test_a_quarter_of_a_batch_is_bulk_while_interactive_calls_wait(ground: Ground) -> None:
    """Also with the largest window, and in the smallest batch."""
    for _ in range(100):
        ground.data.window.note(ground.data.window.size, 64, 0.001)
    ground.ask(*range(300), lane=Lane.BULK)
    ground.ask(*("i" * 500))
    batch = ground.data.take()
    assert (len(batch), names(batch).count("i")) == (128, 96)
    ground.data.pace.note(8, 8.0)
    batch = ground.data.take()
    assert (len(batch), names(batch).count("i")) == (8, 6)


async def test_signs_of_life_are_sent_first(ground: Ground) -> None:
    """However many other calls wait; they leave bulk calls their share."""
    ground.ask(*range(200), lane=Lane.BULK)
    ground.ask(*("i" * 200))
    ground.ask(*("s" * 50), lane=Lane.SIGNS)
    batch = names(ground.data.take())
    assert batch[:50] == ["s"] * 50
    assert (batch.count("i"), len(batch)) == (128 - 50 - FIRST, 128)


async def test_bulk_calls_do_not_starve(ground: Ground) -> None:
    """However many interactive calls come, some bulk calls are in each batch."""
    ground.ask(*range(200), lane=Lane.BULK)
    for _ in range(10):
        ground.ask(*("i" * 200))
        ground.data.take()
    assert len(ground.bulk) == 200 - 10 * FIRST


async def test_the_depth_of_each_lane_is_a_metric(ground: Ground) -> None:
    """As it is at the moment of asking."""
    ground.ask(1, 2)
    ground.ask(3, lane=Lane.BULK)
    assert [ground.sample("waiting", lane) for lane in (Lane.INTERACTIVE, Lane.BULK)] == [2, 1]


def test_control_is_not_behind_data() -> None:
    """An echo is answered within one batch of the data, while more than a second of it waits."""

    async def scene() -> None:
        server = Server(0.01)
        async with server.running(), store_on(server).running() as store:
            data = [asyncio.ensure_future(store.run(ASK, [], [str(n)], lane=Lane.BULK)) for n in range(200)]
            await asyncio.sleep(0.5)
            began = now()
            await store.run(ECHO, [], ["echo"], lane=Lane.CONTROL)
            took_s = now() - began
            assert took_s < 0.5
            assert len(server.ran) < 100
            for each in data:
                each.cancel()
            await asyncio.wait(data)

    play(scene())
