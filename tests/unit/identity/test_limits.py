"""Which buckets a request takes from, and what a refusal costs."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from duologue.identity.buckets import Rate, Script
from duologue.identity.limits import DEFAULTS, IN_MEMORY, Kind, RateLimits, Rates, TooMany, parsed
from duologue.lane import Lane


class Store:
    """Takes notes, and answers what the test says."""

    def __init__(self) -> None:
        self.answer: list[int] = [0, 0]
        self.errors: list[Exception] = []
        self.calls: list[tuple[Sequence[str], list[Any]]] = []
        self.lanes: list[Lane] = []

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        """One note a call."""
        self.calls.append((keys, list(args)))
        self.lanes.append(lane)
        if self.errors:
            raise self.errors.pop(0)
        return self.answer


class Clock:
    """Milliseconds that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limits(store: Store, clock: Clock, **more: Any) -> RateLimits:
    """Two a minute of everything for a person, ten for an address."""
    rates = dict.fromkeys(Kind, Rates(Rate(60, 2), Rate(600, 10)))
    return RateLimits(
        store,
        rates,
        secret=b"s" * 40,
        known=lambda person: f"{{0}}p:{person}",
        now_ms=clock,
        interrupted=InterruptedError,
        **more,
    )


async def test_one_call_takes_from_both(store: Store, clock: Clock) -> None:
    """Person and address in one script, both keys in the shard, the address under a name that hides it."""
    assert await limits(store, clock).spend(Kind.SKIPS, person="ann", address="192.0.2.7") is None
    ((keys, args),) = store.calls
    assert keys[0] == "{0}limit:skips:ann"
    assert keys[1].startswith("{0}limit:skips@")
    assert "192.0.2.7" not in keys[1]
    assert args == ["", 0, "1000.000", 2, "100.000", 10]


async def test_one_ipv6_network_has_one_bucket(store: Store, clock: Clock) -> None:
    """Its addresses are as many as its holder likes."""
    for last in ("1", "2"):
        await limits(store, clock).spend(Kind.SKIPS, address=f"2001:db8:1:2::{last}")
    assert store.calls[0][0] == store.calls[1][0]


async def test_what_hides_addresses_is_the_key(store: Store, clock: Clock) -> None:
    """All servers of a deployment share it, so they share the buckets."""
    await limits(store, clock).spend(Kind.SKIPS, address="192.0.2.7")
    other = RateLimits(
        store, {Kind.SKIPS: Rates(None, Rate(1, 1))}, secret=b"x" * 40, known=str, now_ms=clock
    )
    await other.spend(Kind.SKIPS, address="192.0.2.7")
    assert store.calls[0][0] != store.calls[1][0]


@pytest.mark.parametrize("kind", sorted(IN_MEMORY))
async def test_signs_of_life_ask_no_store_and_no_address(store: Store, clock: Clock, kind: Kind) -> None:
    """Each process counts them in memory, per person only."""
    counted = limits(store, clock)
    said = [await counted.spend(kind, person="ann", address="192.0.2.7") for _ in range(3)]
    assert said == [None, None, TooMany(kind, "person", 1_001)]
    assert await counted.spend(kind, person="ben", address="192.0.2.7") is None
    assert store.calls == []


async def test_a_flood_costs_the_store_nothing(store: Store, clock: Clock) -> None:
    """What it refused once is refused here until the token is back; then it is asked again."""
    counted = limits(store, clock)
    store.answer = [1_500, 1]
    for _ in range(1_000):
        refused = await counted.spend(Kind.SKIPS, person="ann", address="192.0.2.7")
        assert refused is not None
        assert refused.whose == "person"
        assert refused.wait_ms >= 1_500
    assert len(store.calls) == 1
    clock.now += 1_500
    store.answer = [0, 0]
    assert await counted.spend(Kind.SKIPS, person="ann", address="192.0.2.7") is None


async def test_an_address_pays_for_new_people_only(store: Store, clock: Clock) -> None:
    """A renewal is not a new person; whether a stream is a new person's is decided by the script."""
    counted = limits(store, clock)
    await counted.spend(Kind.SESSIONS, person="ann", address="192.0.2.7")
    await counted.spend(Kind.SESSIONS, address="192.0.2.7")
    await counted.spend(Kind.STREAMS, person="ann", address="192.0.2.7")
    renewal, new, stream = (call[0] for call in store.calls)
    assert renewal == ["{0}limit:sessions:ann"]
    assert [key.partition("@")[0] for key in new] == ["{0}limit:sessions"]
    assert stream[2] == "{0}p:ann"
    assert store.calls[2][1][1] == 1


async def test_a_strangers_refusal_is_nobody_elses(store: Store, clock: Clock) -> None:
    """It is remembered, but another person of the address may be known to the store, so it is asked."""
    counted = limits(store, clock)
    store.answer = [1_500, 2]
    for _ in range(5):
        refused = await counted.spend(Kind.STREAMS, person="new", address="192.0.2.7")
        assert refused is not None
        assert refused.whose == "address"
    assert len(store.calls) == 1
    store.answer = [0, 0]
    assert await counted.spend(Kind.STREAMS, person="ann", address="192.0.2.7") is None


async def test_a_lost_answer_is_asked_for_once_more(store: Store, clock: Clock) -> None:
    """As transitions are; a second loss is the caller's to answer."""
    counted = limits(store, clock)
    store.errors = [InterruptedError()]
    assert await counted.spend(Kind.SKIPS, person="ann") is None
    store.errors = [InterruptedError(), InterruptedError()]
    with pytest.raises(InterruptedError):
        await counted.spend(Kind.SKIPS, person="ann")


async def test_a_lost_answer_is_given_up_when_the_budget_is_spent(store: Store, clock: Clock) -> None:
    """All repeats of a process share one."""
    counted = limits(store, clock, may_repeat=lambda _: False)
    store.errors = [InterruptedError()]
    with pytest.raises(InterruptedError):
        await counted.spend(Kind.SKIPS, person="ann")
    assert len(store.calls) == 1


async def test_streams_ask_in_the_bulk_lane(store: Store, clock: Clock) -> None:
    """After an outage thousands open at once; a person's command does not wait behind their limits."""
    for kind in (Kind.STREAMS, Kind.SKIPS):
        await limits(store, clock).spend(kind, person="ann", address="192.0.2.7")
    assert store.lanes == [Lane.BULK, Lane.INTERACTIVE]


async def test_without_a_rate_nothing_is_counted(store: Store, clock: Clock) -> None:
    """A person about whom nothing is known is not counted."""
    assert await RateLimits(store, {}, known=str).spend(Kind.SKIPS, person="ann", address="a") is None
    assert await limits(store, clock).spend(Kind.SKIPS) is None
    assert store.calls == []


def test_every_kind_has_limits() -> None:
    """Each kind has numbers for a person and for an address; only measurements are left out, not refused."""
    assert set(DEFAULTS) == set(Kind)
    for kind, each in DEFAULTS.items():
        assert each.person is not None, kind
        assert (each.address is None) == (kind is Kind.MEASURES), kind
    assert DEFAULTS[Kind.SKIPS].person == Rate(60, 40)


@pytest.mark.parametrize(
    ("text", "person", "address"),
    [
        ("skips=1/2,3/4", Rate(1, 2), Rate(3, 4)),
        ("skips=1/2", Rate(1, 2), Rate(12_000, 6_000)),
        ("skips=1/2,", Rate(1, 2), Rate(12_000, 6_000)),
        ("skips=,3/4", Rate(60, 40), Rate(3, 4)),
        ("skips=off", None, Rate(12_000, 6_000)),
        ("skips=off,off", None, None),
        ("skips=,off", Rate(60, 40), None),
    ],
)
def test_a_limit_is_a_text(text: str, person: Rate | None, address: Rate | None) -> None:
    """What is left out keeps its default; only "off" means that there is no limit."""
    assert parsed(text) == (Kind.SKIPS, Rates(person, address))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a kind of request; there are sessions, joins, skips"),
        ("skip=1/2", "'skip' is not a kind of request"),
        ("skips", "skips needs a limit, such as skips=60/40,12000/6000"),
        ("skips=,", "skips needs a limit"),
        ("skips=60", "'60' is not a limit: write 60/40 for 60 a minute and 40 at once, or off"),
        ("skips=0/40", "'0/40' is not"),
        ("skips=60/0", "'60/0' is not"),
        ("skips=-1/1", "'-1/1' is not"),
        ("skips=1/1,1/1,1/1", "'1/1,1/1' is not"),
        ("skips=1/1 ", "'1/1 ' is not"),
        ("skips=١/1", "is not a limit"),
        ("skips=9999999999/1", "is not a limit"),
        ("measures=1/1,2/2", "measures has a limit for each person only, such as measures=12/12"),
    ],
)
def test_a_limit_that_cannot_be_meant(text: str, words: str) -> None:
    """The error names the part that is wrong, and shows one that is right."""
    with pytest.raises(ValueError, match=re.escape(words)):
        parsed(text)
