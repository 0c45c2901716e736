"""Buckets in memory: how often, how long to wait, and how many are kept."""

import pytest

from duologue.identity.buckets import Memory, Rate

SKIPS = Rate(per_min=60, burst=3)


class Clock:
    """Milliseconds that a test turns."""

    now = 5_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_then_one_by_one(clock: Clock) -> None:
    """As many at once as the bucket holds; then one each time a token came back, and the wait is exact."""
    memory = Memory(clock)
    assert [memory.spend("a", SKIPS) for _ in range(3)] == [0, 0, 0]
    assert memory.spend("a", SKIPS) == 1_000
    clock.now += 999
    assert memory.spend("a", SKIPS) == 1
    clock.now += 1
    assert memory.spend("a", SKIPS) == 0
    assert memory.spend("a", SKIPS) == 1_000


def test_a_refusal_changes_nothing(clock: Clock) -> None:
    """Refused requests do not delay the next token."""
    memory = Memory(clock)
    for _ in range(3):
        memory.spend("a", SKIPS)
    assert {memory.spend("a", SKIPS) for _ in range(100)} == {1_000}


def test_a_full_bucket_holds_no_more_than_a_burst(clock: Clock) -> None:
    """An hour of rest gives no more than a full bucket."""
    memory = Memory(clock)
    memory.spend("a", SKIPS)
    clock.now += 3_600_000
    assert [memory.spend("a", SKIPS) > 0 for _ in range(4)] == [False, False, False, True]


def test_what_is_kept_is_bounded(clock: Clock) -> None:
    """Beyond the maximum, only the person who asked longest ago has a full bucket again."""
    memory = Memory(clock, most=100)
    for n in range(1_000):
        for _ in range(3):
            memory.spend(str(n), SKIPS)
    assert len(memory) == 100
    assert memory.spend("999", SKIPS) > 0
    assert memory.spend("0", SKIPS) == 0


def test_a_closed_bucket_opens_by_itself(clock: Clock) -> None:
    """What the store refused is refused here for as long, and then the store is asked again."""
    memory = Memory(clock)
    assert memory.closed_for("a") == 0
    memory.close("a", 1_500)
    assert memory.closed_for("a") == 1_500
    clock.now += 1_500
    assert memory.closed_for("a") == 0
