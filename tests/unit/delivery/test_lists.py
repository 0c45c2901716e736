"""When the lengths of the two lists are a reason to compare them."""

import pytest

from duologue.delivery.lists import ENOUGH, Lists


def beats(lists: Lists, *differences: int, under_way: int = 0) -> bool:
    """One beat for each difference (the store's length minus ours); whether they are to be compared."""
    for difference in differences:
        lists.counted(10 + difference, 10, under_way)
    return lists.attention.is_set()


@pytest.mark.parametrize("difference", [1, -1])
def test_a_difference_that_lasts(difference: int) -> None:
    """A stray of either kind: one whom only the store lists, and one whom only we hold."""
    lists = Lists()
    assert not beats(lists, *[difference] * (ENOUGH - 1))
    assert beats(lists, difference)
    lists.compared(found=1)
    assert not beats(Lists(), 0)


@pytest.mark.parametrize("differences", [(1, 1, 1, 0, 1, 1, 1, 0), (1, -1) * 20, (0,) * 100])
def test_a_difference_that_passes(differences: tuple[int, ...]) -> None:
    """Beats and attaches cross: that says nothing."""
    assert not beats(Lists(), *differences)


def test_what_is_under_way_explains_a_difference() -> None:
    """Three people attach or detach all the time: three may be on one side only, four may not."""
    assert not beats(Lists(), *[3] * 50, *[-3] * 50, under_way=3)
    assert beats(Lists(), *[4] * ENOUGH, under_way=3)


def test_in_a_busy_time_the_quiet_beats_count() -> None:
    """Beats that can say nothing neither confirm a stray nor hide it."""
    lists = Lists()
    for _ in range(ENOUGH):
        assert not beats(lists, 1, 0, 1, under_way=1)
        beats(lists, 1, under_way=0)
    assert lists.attention.is_set()


def test_when_nothing_is_found_it_is_looked_at_less_often() -> None:
    """A difference that is none of a person, such as a stream that ended and is not closed, costs little."""
    lists, looks = Lists(), 0
    for _ in range(1_000):
        if beats(lists, -1):
            looks += 1
            lists.attention.clear()
            lists.compared(found=0)
    assert looks <= 8
    beats(lists, 0)
    assert beats(lists, *[-1] * ENOUGH), "and as soon as before once it was explained"
