"""What the lanes go by: the time per call, the window of bulk calls, the budget of repeats, one timer."""

import asyncio

import pytest

from duologue.lane import Lane
from duologue.store.budget import MOST as SAVED
from duologue.store.budget import Budget
from duologue.store.call import Call
from duologue.store.errors import StoreBusy, StoreInterrupted, StoreUnavailable
from duologue.store.pace import LEAST, MOST, Pace
from duologue.store.patience import Patience
from duologue.store.window import FIRST, Window
from duologue.store.window import LEAST as SMALLEST
from duologue.store.window import MOST as LARGEST
from tests.unit.store.virtual import now, play


def test_a_batch_is_full_until_the_store_was_measured() -> None:
    """Nothing is known about it, and most are quick."""
    assert (Pace().most, Pace().call_s, Pace().least_s) == (MOST, 0.0, 0.0)


@pytest.mark.parametrize(
    ("call_ms", "most"), [(0.1, MOST), (0.5, MOST), (1, 100), (6, 16), (10, 10), (19, LEAST), (90, LEAST)]
)
def test_a_batch_takes_a_tenth_of_a_second(call_ms: float, most: int) -> None:
    """As many calls as that is enough for, and never so few that nothing is measured."""
    pace = Pace()
    pace.note(100, call_ms / 10)
    assert pace.most == most


def test_a_store_that_is_far_away_is_not_slow() -> None:
    """A batch of one call takes as long as one of a hundred: the batches grow until they are full."""
    pace = Pace()
    for calls in (1, 1, 1):
        pace.note(calls, 0.2)
    sizes = [pace.most]
    while pace.most < MOST:
        pace.note(pace.most, 0.2)
        sizes.append(pace.most)
    assert sizes[0] == LEAST
    assert len(sizes) < 10


def test_a_store_that_becomes_slow_is_noticed_with_one_batch() -> None:
    """However quick it was before."""
    pace = Pace()
    for _ in range(100):
        pace.note(128, 0.0128)
    pace.note(128, 0.768)
    assert pace.most < 20
    batches = 0
    while pace.most < MOST:
        pace.note(pace.most, pace.most * 0.0001)
        batches += 1
    assert batches < 100, "and one that becomes quick again within 0.2 s of work"


def test_one_hiccup_is_not_what_a_call_takes() -> None:
    """The quickest of the last three batches decides whether a call can still be answered in time."""
    pace = Pace()
    pace.note(10, 0.001)
    pace.note(1, 1.9)
    assert pace.least_s == pytest.approx(0.0001)
    for _ in range(2):
        pace.note(1, 1.9)
    assert pace.least_s == pytest.approx(1.9), "three in a row are"


def test_the_window_grows_by_one_with_each_full_batch() -> None:
    """Up to its bound; a batch that was not full shows nothing."""
    window = Window()
    window.note(FIRST - 1, FIRST - 1, 0.01)
    assert window.size == FIRST
    for _ in range(100):
        window.note(window.size, window.size, window.size * 0.0005)
    assert window.size == LARGEST


def test_the_window_is_halved_by_a_lost_batch() -> None:
    """Down to its bound."""
    window = Window()
    window.halve()
    assert window.size == FIRST // 2
    for _ in range(10):
        window.halve()
    assert window.size == SMALLEST


def test_the_window_is_halved_when_others_wait_for_the_store_too() -> None:
    """The same number of calls takes twice the least; below 50 ms it does not matter to anybody."""
    window = Window()
    window.note(8, 8, 0.010)
    window.note(9, 9, 0.030)
    assert window.size == 10
    window.note(10, 10, 0.060)
    assert window.size == 5


def test_a_larger_batch_is_not_a_slower_store() -> None:
    """The way there and back is shared by more calls: batches are compared with those of about their size."""
    window = Window()
    window.note(8, 128, 0.100)
    window.note(9, 9, 0.070)
    assert window.size == 10, "0.8 and 8 ms a call"


def test_another_server_is_measured_from_the_start() -> None:
    """What was the least of the old one says nothing."""
    window = Window()
    window.note(8, 8, 0.010)
    window.forget()
    window.note(9, 9, 0.090)
    assert window.size == 10


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def spent(budget: Budget, most: int = 1000) -> int:
    """How many repeats it allows now."""
    return next(n for n in range(most) if not budget.spend())


def test_a_lost_batch_is_repeated_and_a_lost_store_is_not() -> None:
    """128 at once, then 10 a second, and one for each ten calls that succeeded."""
    clock = Clock()
    budget = Budget(clock)
    assert spent(budget) == SAVED
    clock.now += 1
    assert spent(budget) == 10
    for _ in range(205):
        budget.succeeded()
    assert spent(budget) == 20
    clock.now += 3600
    assert spent(budget) == SAVED, "no more is saved up than that"


def call(is_sent: bool = False) -> Call:
    """A call that waits."""
    return Call(
        "c", None, b"", asyncio.get_running_loop().create_future(), Lane.INTERACTIVE, now(), is_sent=is_sent
    )


def test_one_timer_ends_each_call_in_its_time() -> None:
    """Whether it was sent decides what its caller is told; one that was answered is let go."""

    async def scene() -> None:
        patience = Patience(2.0, "here", now)
        began = now()
        calls = []
        for n in range(4):
            calls.append(call(is_sent=n % 2 == 1))
            patience.begin(calls[-1])
            await asyncio.sleep(0.5)
        calls[2].succeed(b"answer")
        ended = []
        for each, error in (
            (calls[0], StoreUnavailable),
            (calls[1], StoreInterrupted),
            (calls[3], StoreInterrupted),
        ):
            with pytest.raises(error, match="here did not answer in 2 s"):
                await each.answer
            ended.append(now() - began)
        assert ended == pytest.approx([2.0, 2.5, 3.5])
        assert len(patience) == 0

    play(scene())


def test_calls_that_were_answered_are_not_held() -> None:
    """Their replies are large, and there are thousands in 2 s."""

    async def scene() -> None:
        patience = Patience(2.0, "here", now)
        for _ in range(1000):
            one = call()
            patience.begin(one)
            one.succeed(b"answer")
        assert len(patience) == 1
        patience.close()

    play(scene())


def test_a_refusal_is_copied_whole() -> None:
    """Each of the calls that fail together has an exception of its own, which says the same."""
    error = StoreBusy("too much", 3)
    copy = type(error)(*error.args)
    assert (str(copy), copy.retry_after_s) == ("too much", 3)
