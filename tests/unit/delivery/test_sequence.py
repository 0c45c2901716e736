"""What the numbers on a process's channel say, in each order in which they may come."""

from collections.abc import Callable
from collections.abc import Sequence as Several

import pytest

from duologue.delivery.sequence import Sequence


class Hearing:
    """A channel that one run of the store counts, and what its process suspects."""

    def __init__(self, *, is_suspicious: bool = True) -> None:
        self.causes: list[str] = []
        self.is_suspicious = is_suspicious
        self.sequence = Sequence(self.causes.append, lambda: self.is_suspicious)

    def begin(self, count: int = 5, run: str = "run1") -> "Hearing":
        """The subscription is open, and the first echo came."""
        self.sequence.opened(run)
        self.sequence.counted(count)
        self.causes.clear()
        return self

    def hear(self, *numbers: int) -> "Hearing":
        """Publications with these numbers come."""
        for number in numbers:
            self.sequence.heard(number)
        return self


def test_all_is_heard() -> None:
    """Numbers without a gap, echoes anywhere between them: no suspicion."""
    hearing = Hearing().begin()
    for number in range(6, 200):
        hearing.hear(number)
        if number % 3 == 0:
            hearing.sequence.counted(number)
    assert hearing.causes == []


@pytest.mark.parametrize(
    ("numbers", "count", "causes"),
    [
        ((6, 8), 8, ["gap"]),
        ((6, 7), 8, ["gap"]),
        ((), 6, ["gap"]),
        ((9,), 9, ["gap"]),
        ((6, 7, 7), 7, ["set-back"]),
        ((6, 8, 7, 9), 9, ["gap", "set-back", "gap"]),
        ((1, 2), 2, ["set-back"]),
        ((), 0, ["set-back"]),
        ((), 4, ["set-back"]),
        ((5, 6), 6, ["set-back"]),
    ],
    ids=[
        "one lost, another follows",
        "the last one lost, then silence",
        "the only one lost, then silence",
        "three lost",
        "one comes twice",
        "two in another order",
        "a store that forgot everything, and told since",
        "a store that forgot everything",
        "set back by one",
        "set back by one, and told since",
    ],
)
def test_what_is_wrong_is_suspected_once(numbers: Several[int], count: int, causes: Several[str]) -> None:
    """At the number that shows it, or at the next echo; and from there on all is well again."""
    hearing = Hearing().begin().hear(*numbers)
    hearing.sequence.counted(count)
    assert hearing.causes == list(causes)
    hearing.hear(*range(count + 1, count + 50))
    hearing.sequence.counted(count + 49)
    assert hearing.causes == list(causes)


def test_a_lost_echo_says_nothing() -> None:
    """The next one carries the same count, or the publications in between were heard."""
    hearing = Hearing().begin().hear(6, 7)
    hearing.sequence.counted(7)
    hearing.hear(8)
    hearing.sequence.counted(8)  # two echoes were lost in between
    assert hearing.causes == []


def test_the_subscription_is_opened_again() -> None:
    """At the same run of the store, with nothing told meanwhile: nothing is suspected."""
    hearing = Hearing().begin().hear(6)
    hearing.sequence.opened("run1")
    hearing.sequence.counted(6)
    assert hearing.causes == []


@pytest.mark.parametrize("by", ["number", "echo"])
def test_the_subscription_is_opened_again_and_something_was_told_meanwhile(by: str) -> None:
    """Race E10: the next number shows it, or the next echo, whichever is first."""
    hearing = Hearing().begin().hear(6)
    hearing.sequence.opened("run1")
    if by == "number":
        hearing.hear(8)
    else:
        hearing.sequence.counted(7)
    assert hearing.causes == ["gap"]


@pytest.mark.parametrize("run", ["run2", ""])
def test_another_run_of_the_store(run: str) -> None:
    """A failover to a replica that missed some, and has told as many others: the numbers agree, by chance.

    A store that does not tell its run may be another one each time.
    """
    hearing = Hearing().begin(run=run and "run1").hear(6, 7)
    hearing.sequence.opened(run)
    hearing.sequence.counted(7)
    assert hearing.causes == ["feed"]


def test_control_of_the_run() -> None:
    """Control: by the numbers alone, that failover is not seen."""
    hearing = Hearing().begin().hear(6, 7)
    hearing.sequence.opened("run1")
    hearing.sequence.counted(7)
    assert hearing.causes == []


def test_opened_twice_before_anything_was_heard() -> None:
    """There is no number yet to compare with: both openings are suspicions."""
    hearing = Hearing()
    hearing.sequence.opened("run1")
    hearing.sequence.opened("run1")
    assert hearing.causes == ["feed", "feed"]


def test_the_first_number_while_nothing_is_suspected() -> None:
    """The process had no people when the subscription was opened, so its suspicion was ignored; now it has
    some."""
    hearing = Hearing(is_suspicious=False)
    hearing.sequence.opened("run1")
    hearing.causes.clear()
    hearing.sequence.counted(3)
    assert hearing.causes == ["feed"]


def blind(hearing: Hearing) -> None:
    """Every publication is heard, whatever its number."""
    hearing.sequence._compare = lambda _: None  # type: ignore[assignment,method-assign]


@pytest.mark.parametrize("wrong", [lambda h: h.hear(7), lambda h: h.hear(1), lambda h: h.sequence.counted(6)])
def test_control_of_the_numbers(wrong: Callable[[Hearing], object]) -> None:
    """Control: without comparing, a loss and a set-back go unseen."""
    hearing = Hearing().begin()
    blind(hearing)
    wrong(hearing)
    assert hearing.causes == []
