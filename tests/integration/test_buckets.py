"""``spend.lua`` on both stores: the same buckets as in memory, shared, with keys that expire."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from duologue.identity.buckets import Memory, Rate, read_script
from duologue.identity.limits import Kind, RateLimits, Rates, TooMany
from duologue.pairing.keys import Keys
from tests.races.direct import Clock, Direct, play
from tests.servers import StoreServer

SOURCE = read_script().source.decode()
HOME = "192.0.2.7"


class Door:
    """Two processes' limits on one store, with one clock."""

    def __init__(self, client: redis.Redis, rates: Rates, script: bytes | None = None) -> None:
        self.client, self.clock = client, Clock()
        self.direct = Direct(client)
        self.processes = [
            RateLimits(
                self.direct,  # type: ignore[arg-type] # the scripts of both packages look alike
                dict.fromkeys(Kind, rates),
                known=Keys("0").person,
                now_ms=self.clock,
                store_now_ms=self.clock,
                script=read_script(script),
            )
            for _ in range(2)
        ]

    def spend(
        self, person: str, address: str = "", *, kind: Kind = Kind.SKIPS, process: int = 0
    ) -> TooMany | None:
        """One more."""
        return play(self.processes[process].spend(kind, person=person, address=address))

    def kept(self) -> set[bytes]:
        """All that the store holds."""
        found: Any = self.client.keys("*")
        return set(found)


@pytest.fixture
def client(store_server_each: StoreServer) -> Iterator[redis.Redis]:
    with store_server_each.client() as client:
        yield client


def test_two_processes_share_a_bucket(client: redis.Redis) -> None:
    """A burst through any of them is one burst; who waits as long as told is let in."""
    door = Door(client, Rates(person=Rate(60, 4)))
    said = [door.spend("ann", process=n % 2) for n in range(4)]
    assert said == [None] * 4
    refused = door.spend("ann", process=1)
    assert refused == TooMany(Kind.SKIPS, "person", 1_000)
    assert door.spend("ann", process=0) == refused
    door.clock.turn(1_000)
    assert door.spend("ann", process=0) is None
    assert door.spend("ben", process=1) is None


def test_a_refusal_by_one_bucket_takes_nothing_from_the_other(client: redis.Redis) -> None:
    """All or nothing: a flood spends nothing of the neighbours behind the same address."""
    door = Door(client, Rates(Rate(60, 1), Rate(60, 2)))
    assert door.spend("ann", HOME) is None
    for n in range(20):
        refused = door.spend("ann", HOME, process=n % 2)
        assert refused is not None
        assert refused.whose == "person"
    assert door.spend("ben", HOME) is None
    full = door.spend("cat", HOME)
    assert full is not None
    assert full.whose == "address"
    door.processes[0] = Door(client, Rates(Rate(60, 1), None)).processes[0]
    assert door.spend("cat") is None, "the refusal by the address took cat's token"


def test_keys_go_by_themselves(client: redis.Redis) -> None:
    """Each lives until its bucket is full again, and a refusal makes none."""
    door = Door(client, Rates(Rate(60, 3), Rate(6_000, 3)))
    for _ in range(3):
        door.spend("ann", HOME)
    before = door.kept()
    lives = sorted(int(client.pttl(key)) for key in before)
    assert len(lives) == 2
    assert 0 < lives[0] <= 30
    assert 2_000 < lives[1] <= 3_000
    for _ in range(10):
        assert door.spend("ann", HOME, process=1) is not None
    assert door.kept() <= before


def test_the_script_and_the_memory_agree(client: redis.Redis) -> None:
    """Bucket for bucket, over an evening of uneven steps."""
    rate = Rate(90, 5)
    door = Door(client, Rates(person=rate))
    memory = Memory(door.clock)
    for n in range(400):
        door.clock.turn((n * 7919) % 1_300)
        wait_ms = memory.spend("ann", rate)
        refused = door.spend("ann", process=n % 2)
        # The process that was refused remembers it in whole milliseconds.
        assert (refused is None) == (wait_ms == 0), n
        if refused is not None:
            assert abs(refused.wait_ms - wait_ms) <= 2


def test_a_clock_that_is_behind_locks_nobody_out(client: redis.Redis) -> None:
    """After a failover: at worst the bucket is empty, not full of an hour's debt."""
    door = Door(client, Rates(person=Rate(60, 3)))
    door.spend("ann")
    door.clock.turn(-3_600_000)
    refused = door.spend("ann")
    assert refused is not None
    assert refused.wait_ms <= 1_000


@pytest.mark.parametrize("guarded", [True, False])
def test_after_a_step_back_tokens_come_as_ever(client: redis.Redis, guarded: bool) -> None:
    """Who waits as long as told is let in, and the next token comes one token's time later.

    The control: an instant that is clamped but not written moves on with the clock, for an hour.
    """
    source = SOURCE if guarded else re.sub(r".*-- guard: clamp-written\n", "", SOURCE)
    door = Door(client, Rates(person=Rate(60, 3)), source.encode())
    door.spend("ann")
    door.clock.turn(-3_600_000)
    said = []
    for n in range(10):
        said.append(door.spend("ann", process=n % 2) is None)
        door.clock.turn(1_000)
    assert (said == [False] + [True] * 9) is guarded
    assert any(said) is guarded


@pytest.mark.parametrize("guarded", [True, False])
def test_people_who_come_back_are_not_their_addresss(client: redis.Redis, guarded: bool) -> None:
    """A stream of a person who is in the store costs their address nothing; that of a new person does.

    The control: without the guard the second person to come back is refused because of the neighbours.
    """
    source = SOURCE if guarded else re.sub(r".*-- guard: known-spared\n", "", SOURCE)
    door = Door(client, Rates(Rate(600, 99), Rate(60, 1)), source.encode())
    client.set(Keys("0").person("ann"), b"a record")
    said = [door.spend("ann", HOME, kind=Kind.STREAMS) for _ in range(5)]
    assert (said == [None] * 5) is guarded
    if guarded:
        assert door.spend("new", HOME, kind=Kind.STREAMS) is None
        refused = door.spend("newer", HOME, kind=Kind.STREAMS)
        assert refused is not None
        assert refused.whose == "address"


def test_the_keys_are_known_kinds(client: redis.Redis) -> None:
    """The invariants' look at a store finds nothing that it does not know."""
    door = Door(client, Rates(Rate(60, 3), Rate(60, 3)))
    for kind in Kind:
        door.spend("a:b@c", "2001:db8::1", kind=kind)
    assert door.kept()
    assert door.direct.broken() == []


def test_a_full_store_still_counts(store_server_each: StoreServer, client: redis.Redis) -> None:
    """People can skip and leave with the memory full, so they can be counted then."""
    door = Door(client, Rates(Rate(60, 1), Rate(60, 3)))
    client.config_set("maxmemory", 1)
    assert door.spend("ann", HOME) is None
    assert door.spend("ann", HOME) is not None
    client.config_set("maxmemory", 0)


def test_the_header_is_true() -> None:
    """It names what the body takes, and each guard can be switched off."""
    assert SOURCE.startswith("#!lua flags=allow-oom\n-- Spend: ")
    for line in ("-- KEYS ", "-- ARGV ", "-- Returns ", "-- Invariants: "):
        assert line in SOURCE
    assert SOURCE.count("-- guard: known-spared\n") == 1
    assert SOURCE.count("-- guard: clamp-written\n") == 1
