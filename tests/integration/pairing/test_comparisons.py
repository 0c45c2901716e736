"""What clients claim of their streams, on real stores: bounded for each person, and counted by people."""

import pytest
import redis

from duologue.api.health import verdict
from duologue.pairing.machine import Machine
from duologue.pairing.scripts import load
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import Comparison, MediaKind, PersonId, Usage
from tests.races.direct import Direct, play
from tests.servers import StoreServer


class Claims:
    """People who claim what comparing found, on a clock that stands still."""

    def __init__(self, client: redis.Redis, without: tuple[str, ...] = ()) -> None:
        scripts = load(Timings(), MediaKind.PEER, "main", without=without)
        self.machine = Machine(Direct(client), now_ms=lambda: 1_764_000_000_000, scripts=scripts)

    def claim(self, person: str, **counts: int) -> None:
        """One report of one client."""
        play(self.machine.compare(PersonId(person), Comparison(**counts)))

    def usage(self) -> Usage:
        """What the verdict is made of."""
        return play(self.machine.usage())

    def sums(self) -> tuple[int, int, bool]:
        """How many people, how many with trouble, and whether polling can be switched off."""
        usage = self.usage()
        return usage.compared, usage.troubled, verdict(usage).safe


def one_guest_claims(claims: Claims) -> None:
    """As the attack did, again and again."""
    for _ in range(30):
        claims.claim("eve", same=10_000)
        claims.claim("eve", missed=10_000, differ=10_000)
    assert sum(claims.usage().today) <= 2_000


def test_one_guest_turns_no_verdict(store_server_each: StoreServer) -> None:
    """Of Eve's 900,000 reads 2,000 count, and she is one person: 49 more are needed, and then it is safe."""
    with store_server_each.client() as client:
        claims = Claims(client)
        one_guest_claims(claims)
        assert claims.sums() == (1, 1, False)
        for n in range(49):
            claims.claim(f"guest {n}", same=19)
        assert claims.sums() == (1, 1, False), "19 reads say nothing yet"
        for n in range(49):
            claims.claim(f"guest {n}", stream_first=1)
        assert claims.sums() == (50, 1, True)
        claims.claim("guest 7", differ=1)
        assert claims.sums() == (50, 2, False)


def test_control_without_the_clip_one_guest_is_all_that_is_compared(redis7: StoreServer) -> None:
    """The very same claims, and the table of sums is Eve's."""
    with redis7.client() as client, pytest.raises(AssertionError):
        one_guest_claims(Claims(client, without=("claims-clipped",)))


def test_trouble_is_noted_even_of_somebody_who_has_claimed_all_they_may(redis7: StoreServer) -> None:
    """Trouble with streams is noted once for each person, also from one who has reported too much."""
    with redis7.client() as client:
        claims = Claims(client)
        claims.claim("ann", same=10_000)
        claims.claim("ann", missed=1)
        assert (claims.usage().troubled, claims.usage().today.missed) == (1, 0)
