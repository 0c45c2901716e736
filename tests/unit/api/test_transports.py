"""The verdict: when polling can be switched off, and the sentence that says why."""

import pytest

from duologue.api.health import verdict
from duologue.pairing.vocabulary import Comparison, Usage

NONE = Comparison()
MANY = Comparison(same=10_000, missed=10_000)


@pytest.mark.parametrize(
    ("usage", "safe", "why"),
    [
        (Usage(50, 0, NONE, NONE, 50), True, "of 50 people agreed with their reads, and no one polls"),
        (Usage(50, 0, NONE, NONE, 50, 1), True, "for 1 of them a read knew what the stream never brought"),
        (Usage(50, 0, NONE, NONE, 500, 2), False, "for 2 people a read knew what the stream never brought"),
        (Usage(50, 0, NONE, NONE, 49), False, "49 people were compared, and 50 people are needed"),
        (Usage(50, 0, MANY, MANY, 1, 1), False, "1 person was compared, for 1 of them a read knew"),
        (Usage(50, 1, NONE, NONE, 50), False, "1 person polls"),
        (Usage(50, 7, NONE, NONE, 50), False, "7 people poll"),
        (Usage(0, 0, NONE, NONE), False, "0 people"),
        (Usage(0, 3, NONE, NONE, 0, 2), False, "find out why"),
    ],
)
def test_safe_only_if_nothing_speaks_against_it(usage: Usage, safe: bool, why: str) -> None:
    """Enough people, at most one of them with trouble, and streams reach all of them."""
    found = verdict(usage)
    assert found.safe is safe
    assert why in found.why


@pytest.mark.parametrize("others", [49, 50, 400])
@pytest.mark.parametrize("troubled", [0, 2])
def test_one_person_turns_it_neither_way(others: int, troubled: int) -> None:
    """Whatever sums one client claims, and whether it claims trouble: the verdict is the same as without."""
    without = verdict(Usage(others, 0, NONE, NONE, others, troubled))
    for claimed in (MANY, Comparison(same=10_000)):
        with_them = verdict(Usage(others, 0, claimed, claimed, others, troubled))
        assert with_them == without
    if troubled == 0:
        assert verdict(Usage(others, 0, NONE, NONE, others, 1)).safe is without.safe
