"""Marks of networks: the same for one customer, none for shared addresses, and unreadable without the key."""

import pytest

from duologue.identity.addresses import Proxies
from duologue.identity.keyring import Keyring
from duologue.identity.networks import Networks, Wrapped, store_key

PROXIES = Proxies.parse("127.0.0.1,198.51.100.1,2001:db8:ffff::/48")
NETWORKS = Networks(b"k" * 32, PROXIES)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "64:ff9b::192.0.2.7", True),
        ("2001:db8:1:200::1", "2001:db8:1:2ff:1::2", True),
        ("2001:db8:1:200::1", "2001:db8:1:300::1", False),
    ],
)
def test_a_customer_is_one_network(one: str, other: str, same: bool) -> None:
    """IPv4 by address, IPv6 by the /56, however the address is written."""
    assert (NETWORKS.mark(one) == NETWORKS.mark(other)) is same
    assert len(NETWORKS.mark(one)) == 16


@pytest.mark.parametrize(
    "address",
    [
        "", "nonsense", "127.0.0.1", "::1", "10.1.2.3", "172.17.0.1", "192.168.1.1", "169.254.1.1",
        "100.64.0.1", "fe80::1", "fd00::1", "64:ff9b::10.0.0.1", "::ffff:127.0.0.1", "198.51.100.1",
        "2001:db8:ffff:1::1", "64:ff9b::198.51.100.1",
    ],
)  # fmt: skip
def test_what_tells_nobody_apart_has_no_mark(address: str) -> None:
    """Behind one proxy, or on one machine, all people have the same address, so it says nothing about a
    person."""
    assert NETWORKS.mark(address) == ""


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0,0.0.0.0/0", "*"])
def test_trust_in_all_peers_takes_nobodys_mark(everybody: str) -> None:
    """A list that holds every address names no proxy: else no block would hold against a network."""
    networks = Networks(b"k" * 32, Proxies.parse(everybody))
    for address in ("192.0.2.7", "2001:db8:1:200::1"):
        assert networks.mark(address) == NETWORKS.mark(address) != ""


def test_a_mark_depends_on_the_stores_key() -> None:
    """Two stores call one network by two names."""
    assert Networks(b"l" * 32, PROXIES).mark("192.0.2.7") != NETWORKS.mark("192.0.2.7")


class Entries:
    """The store's entries, as ``pairing.machine`` keeps them."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.listed: tuple[str, ...] = ()

    async def propose(self, name: str, value: str, *listed: str) -> Wrapped:
        self.listed = listed
        if name:
            self.kept.setdefault(name, value)
        return dict(self.kept)


async def test_the_key_outlives_the_rotation_of_the_signing_key() -> None:
    """Blocks of a network hold on when the signing key changes: the new one wraps the same key."""
    old, new = "old:" + "a" * 32, "new:" + "b" * 32
    entries = Entries()
    first = await store_key(Keyring.parse(old), entries.propose)
    assert len(first) == 32
    assert await store_key(Keyring.parse(f"{new},{old}"), entries.propose) == first
    assert len(entries.listed) == 2, "where there are too many entries, those of both keys stay"
    assert await store_key(Keyring.parse(new), entries.propose) == first
    assert first.hex() not in "".join(entries.kept.values())


async def test_two_servers_that_start_together_agree() -> None:
    """The first proposal stays."""
    entries = Entries()
    keyring = Keyring.parse("a" * 32)

    class Late(Entries):
        """Reads nothing at first: the other server's entry is made in between."""

        async def propose(self, name: str, value: str, *listed: str) -> Wrapped:
            return await entries.propose(name, value, *listed) if name else {}

    first = await store_key(keyring, entries.propose)
    assert await store_key(keyring, Late().propose) == first


async def test_a_store_that_lost_its_data_gets_the_key_back() -> None:
    """From a server that runs; else one that starts later tells other marks, and blocks hold on one only."""
    entries, keyring = Entries(), Keyring.parse("a" * 32)
    first = await store_key(keyring, entries.propose)
    entries.kept.clear()
    assert await store_key(keyring, entries.propose, first) == first
    assert await store_key(keyring, entries.propose) == first, "of a server that starts now"
    entries.kept.clear()
    other = await store_key(keyring, entries.propose)
    assert other != first, "the control: the one that starts is the first to ask"
    assert await store_key(keyring, entries.propose, first) == other


def test_another_key_is_adopted() -> None:
    """Where a server that started was the first, the others tell its marks from then on."""
    one, other = Networks(b"k" * 32, PROXIES), Networks(b"l" * 32, PROXIES)
    assert one.mark("192.0.2.7") != other.mark("192.0.2.7")
    other.adopt(one.key)
    assert one.mark("192.0.2.7") == other.mark("192.0.2.7")


async def test_a_stranger_with_the_store_makes_another_key() -> None:
    """A signing key that wraps no entry reads none."""
    entries = Entries()
    first = await store_key(Keyring.parse("a" * 32), entries.propose)
    assert await store_key(Keyring.parse("b" * 32), entries.propose) != first
