"""Who asks, behind proxies: a header counts only as far as trusted hands wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.identity.addresses import HOPS_MAX, BadProxy, Proxies, grouped

HOME = Proxies.parse("127.0.0.1, ::1, 10.0.0.0/8, 2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded", "asks"),
    [
        ("10.0.0.2", ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["203.0.113.9, 192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        ("127.0.0.1", ["203.0.113.9", "192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        ("10.0.0.2", [" 192.0.2.7:4711 "], "192.0.2.7"),
        ("10.0.0.2", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.2", ["::ffff:192.0.2.7"], "192.0.2.7"),
        ("::ffff:10.0.0.2", ["192.0.2.7"], "192.0.2.7"),
        ("2001:db8:ffff::1", ["2001:db8::7%eth0"], "2001:db8::7"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("10.0.0.2", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        ("10.0.0.2", ["nonsense, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.2", ["192.0.2.7, unknown"], "10.0.0.2"),
        ("10.0.0.2", [""], "10.0.0.2"),
        ("10.0.0.2", [",,,"], "10.0.0.2"),
        (None, [], ""),
        (None, ["192.0.2.7"], ""),
    ],
)
def test_who_asks(peer: str | None, forwarded: list[str], asks: str) -> None:
    """From the right, the first address that is not a trusted proxy's; text that is not an address counts
    for its sender."""
    assert HOME.client(peer, forwarded) == asks


@pytest.mark.parametrize("forged", ["10.0.0.9", "127.0.0.1", "192.0.2.1", "192.0.2.1, 10.0.0.9"])
def test_a_strangers_header_changes_nothing(forged: str) -> None:
    """Whatever a peer that is not trusted says, it is itself; the control: a trusted one is believed."""
    assert HOME.client("198.51.100.4", [forged]) == "198.51.100.4"
    assert HOME.client("10.0.0.2", [f"{forged}, 198.51.100.4"]) == "198.51.100.4"
    assert HOME.client("10.0.0.2", [forged]) != "10.0.0.2"


def test_peers_on_a_unix_socket() -> None:
    """They have no address of their own, and are believed only if the list says so."""
    assert Proxies.parse("unix").client(None, ["192.0.2.7"]) == "192.0.2.7"
    assert Proxies.parse("unix").client("10.0.0.2", ["192.0.2.7"]) == "10.0.0.2"
    assert not HOME.trusts(None)


def test_anybody_is_believed_if_that_is_what_the_operator_wants() -> None:
    """Then the first in the header asks."""
    assert Proxies.parse("*").client("198.51.100.4", ["192.0.2.7, 203.0.113.9"]) == "192.0.2.7"


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example", "10.0.0", "127.0.0.1;::1", "10.0.0.0/8/8"])
def test_a_misspelt_proxy_is_told(text: str) -> None:
    """It would silently never match, and all behind it count as one address."""
    with pytest.raises(BadProxy, match="no address and no network"):
        Proxies.parse(text)


def test_host_bits_do_not_matter() -> None:
    """``10.1.2.3/8`` is the network that its writer means."""
    assert Proxies.parse("10.1.2.3/8").trusts("10.9.9.9")


def test_a_header_of_thousands_of_proxies_is_bounded() -> None:
    """No more hops are looked at than any deployment has."""
    assert HOME.client("10.0.0.2", ["192.0.2.7" + ", 10.0.0.3" * (HOPS_MAX + 5)]) == "10.0.0.3"


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2ff:3:4:5:6", "2001:db8:1:200::/56"),
        ("2001:db8:1:200::", "2001:db8:1:200::/56"),
        ("64:ff9b::192.0.2.7", "192.0.2.7"),
        ("2002:c000:207:1::1", "192.0.2.7"),
        ("2001:0:cb00:7101::3fff:fdf8", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_an_ipv6_network_counts_as_one(address: str, group: str) -> None:
    """Its customer has 2^72 addresses to choose from, and an IPv4 address is one however it is written."""
    assert grouped(address) == group


@given(st.one_of(st.none(), st.text(max_size=80)), st.lists(st.text(max_size=200), max_size=3))
def test_no_text_makes_it_fail(peer: str | None, forwarded: list[str]) -> None:
    """Anyone can write the header: reading it never raises, and returns an address or nothing."""
    for proxies in (HOME, Proxies.parse("*"), Proxies.parse("unix")):
        asks = proxies.client(peer, forwarded)
        assert asks == "" or grouped(asks)
