"""`deploy/coturn/turnserver.conf` on Debian's coturn: which peers it relays to, how much and how long."""

import contextlib
import ipaddress
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from duologue.media.turn import TTL_S
from tests.coturn import CONFIGURATION, HERE, REALM, SECRET, Coturn, binary, coturn
from tests.e2e.waiting import until
from tests.turn import (
    FORBIDDEN,
    QUOTA_REACHED,
    TCP,
    UNAUTHORIZED,
    UNSUPPORTED_TRANSPORT,
    WRONG_CREDENTIALS,
    Refused,
    Turn,
)

DENIED = re.compile(r"^denied-peer-ip=(\S+)\n", re.MULTILINE)
RANGES = [
    (first.version, int(first), int(last))
    for found in DENIED.findall(CONFIGURATION.read_text())
    for first, last in [map(ipaddress.ip_address, (found.partition("-")[0], found.rpartition("-")[2]))]
]
"""Version, first and last, as numbers."""
QUOTA = 12
ELSEWHERE = "127.9.9.9"

PRIVATE = """
    0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.2 169.254.169.254 172.31.255.255
    192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
    224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16
"""
"""Metadata services of clouds among them."""
PUBLIC = """
    1.1.1.1 9.255.255.255 11.0.0.0 100.128.0.1 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255
"""
PRIVATE_V6 = """
    :: ::1 ::2 ::10.0.0.1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8
    64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 1fff::1 2001::1 2001:2::1 2001:10::1
    2001:20::1 2001:db8::1 2002:a00:1::1 3fff::1 4000::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1
    fec0::1 ff02::1 ff0e::1
"""
PUBLIC_V6 = """
    2001:200::1 2001:4860::8888 2003::1 2606:4700::1111 2a00::1 3ffe::1
"""

NOT_GLOBAL = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 ::/128 ::1/128 ::ffff:0:0/96 64:ff9b::/96
    64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:2::/48 2001:10::/28 2001:20::/28
    2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
"""IANA's registries of special-purpose addresses for IPv4 and IPv6, without those that are public;
multicast, and what fec0::/10 once was."""


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """A machine without coturn skips; CI must have it."""
    if binary() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("coturn is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For logs and pid files."""
    return tmp_path_factory.mktemp("coturn")


@pytest.fixture(scope="module")
def turn(folder: Path) -> Iterator[Coturn]:
    """As shipped, and 127.0.0.1 is let through."""
    with coturn(folder / "shipped", *v6_too()) as server:
        yield server


@pytest.fixture(scope="module")
def open_wide(folder: Path) -> Iterator[Coturn]:
    """The same without its deny list."""
    without = folder / "without.conf"
    without.write_text(DENIED.sub("", CONFIGURATION.read_text()))
    with coturn(folder / "wide", *v6_too(), configuration=without) as server:
        yield server


def v6_too() -> tuple[str, ...]:
    """Where this machine has IPv6 on loopback."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return (f"--relay-ip={HERE}", "--relay-ip=::1")
    return ()


needs_v6 = pytest.mark.skipif(not v6_too(), reason="no IPv6 on loopback")


def person(server: Coturn, name: str = "m_1.polite", *, for_s: int = TTL_S, secret: str = SECRET) -> Turn:
    """Return a person with credentials."""
    return Turn((HERE, server.port), secret, name, int(time.time()) + for_s)


def refusal(act: Callable[[], object]) -> int:
    """The code with which it is refused; 0: it is not."""
    try:
        act()
    except Refused as refused:
        return refused.code
    return 0


def refusals(server: Coturn, peers: list[str], version: int = 4) -> dict[str, int]:
    """What a permission for each of these is answered with."""
    with person(server, f"m_{version}.peers") as one:
        one.allocate(version=version)
        answers = {peer: refusal(lambda peer=peer: one.permit(peer)) for peer in peers}  # type: ignore[misc]
        one.refresh(0)
    return answers


# --- the peers that it relays to -------------------------------------------------------------------


def test_no_private_peer(turn: Coturn) -> None:
    """403 for each, and a public one is none of them."""
    assert set(refusals(turn, PRIVATE.split()).values()) == {FORBIDDEN}
    assert set(refusals(turn, PUBLIC.split()).values()) == {0}


@needs_v6
def test_no_private_peer_of_ipv6(turn: Coturn) -> None:
    """Nor IPv4 in other clothes."""
    assert set(refusals(turn, PRIVATE_V6.split(), version=6).values()) == {FORBIDDEN}
    assert set(refusals(turn, PUBLIC_V6.split(), version=6).values()) == {0}


def test_without_the_list_it_relays_into_the_network(open_wide: Coturn) -> None:
    """The control: coturn's own rules are about 0.0.0.0/8, multicast and loopback."""
    answers = refusals(open_wide, PRIVATE.split())
    assert answers["169.254.169.254"] == answers["10.1.2.3"] == answers["100.64.0.1"] == 0
    assert sum(code == 0 for code in answers.values()) >= 14


@needs_v6
def test_without_the_list_it_relays_into_the_network_by_ipv6(open_wide: Coturn) -> None:
    """The control."""
    answers = refusals(open_wide, PRIVATE_V6.split(), version=6)
    assert answers["::ffff:169.254.169.254"] == answers["fd00:ec2::254"] == answers["fe80::1"] == 0


@pytest.mark.parametrize("version", [4, pytest.param(6, marks=needs_v6)])
def test_each_range_begins_and_ends_where_it_says(turn: Coturn, version: int) -> None:
    """Its first and last address are refused; their neighbours only if another range has them.

    So no line is read as something else: coturn takes a range that begins at ``::`` for all of IPv4 too.
    """
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    ours = [(first, last) for of, first, last in RANGES if of == version]
    most = 2 ** kind(0).max_prefixlen - 1
    edges = {edge for first, last in ours for edge in (first - 1, first, last, last + 1)}
    asked = {str(kind(each)): each for each in edges if 0 <= each <= most}
    for peer, code in refusals(turn, list(asked), version).items():
        # coturn itself refuses 0.0.0.0 and ::.
        within = not asked[peer] or any(first <= asked[peer] <= last for first, last in ours)
        assert code == (FORBIDDEN if within else 0), peer


@pytest.mark.parametrize("network", NOT_GLOBAL.split())
def test_the_list_has_the_registries(network: str) -> None:
    """Whole, each of them."""
    asked = ipaddress.ip_network(network)
    whole = asked.version, int(asked.network_address), int(asked.broadcast_address)
    assert network == "::/128" or any(
        of == whole[0] and first <= whole[1] and whole[2] <= last for of, first, last in RANGES
    ), "coturn itself refuses ::"


def test_two_people_of_one_relay_reach_each_other(turn: Coturn) -> None:
    """As those have to who are shown no other address (``--relay-only``)."""
    with person(turn, "m_2.polite") as ann, person(turn, "m_2.impolite") as bob:
        greet(ann, bob)


def greet(ann: Turn, bob: Turn) -> None:
    """A word from relayed address to relayed address. Raises ``Refused``."""
    for one in (ann, bob):
        one.allocate()
    ann.permit(bob.relayed[0])
    bob.permit(ann.relayed[0])
    ann.send(bob.relayed, b"hello")
    assert bob.receive() == (ann.relayed, b"hello")


def test_two_people_of_one_relay_behind_nat(folder: Path) -> None:
    """coturn maps its public address to the private one, and allows that one."""
    nat = f"--external-ip=198.51.100.7/{HERE}"
    with (
        coturn(folder / "nat", nat, peers=[ELSEWHERE]) as server,
        person(server, "m_3.polite") as ann,
        person(server, "m_3.impolite") as bob,
    ):
        greet(ann, bob)
        assert ann.relayed[0] == bob.relayed[0] == "198.51.100.7"


@pytest.mark.parametrize("peer", [HERE, ELSEWHERE])
def test_a_relay_with_a_private_address_has_to_be_let_through(folder: Path, peer: str) -> None:
    """By ``allowed-peer-ip``; otherwise two people who have no other way do not meet."""
    with (
        coturn(folder / peer, peers=[peer]) as server,
        person(server, "m_3.polite") as ann,
        person(server, "m_3.impolite") as bob,
    ):
        assert refusal(lambda: greet(ann, bob)) == (0 if peer == HERE else FORBIDDEN)


def test_no_relay_for_tcp(turn: Coturn) -> None:
    """RFC 6062 would connect strangers to web servers."""
    with person(turn) as one:
        assert refusal(lambda: one.allocate(TCP)) == UNSUPPORTED_TRANSPORT


# --- how much, and for how long ----------------------------------------------------------


@pytest.mark.parametrize("quota", [QUOTA, 0])
def test_a_person_has_so_many_allocations(folder: Path, turn: Coturn, quota: int) -> None:
    """Whatever credentials they come with, for coturn counts the name behind the time. Control: no quota."""
    with contextlib.ExitStack() as stack:
        server = turn if quota else stack.enter_context(coturn(folder / "quota", "--user-quota=0"))

        def another(name: str, for_s: int) -> int:
            one = stack.enter_context(person(server, name, for_s=for_s))
            return refusal(one.allocate)

        answers = [another("m_4.polite", TTL_S - at) for at in range(QUOTA + 3)]
        assert answers == [0] * QUOTA + ([QUOTA_REACHED] if quota else [0]) * 3
        assert another("m_4.impolite", TTL_S) == 0


def test_credentials_end_and_what_they_opened_does_not(folder: Path) -> None:
    """So a conversation of 3 hours keeps its way, and new credentials are for a new one.

    With them on the old port coturn answers 441: a page that changes its configuration changes nothing there.
    """
    with coturn(folder / "ends", "--stale-nonce=1") as server, person(server, for_s=2) as old:
        old.allocate()
        ends_at_s = int(time.time()) + 2
        until(lambda: time.time() > ends_at_s + 1, 10, "they have run out")
        # coturn's own clock is late on a busy machine.
        until(lambda: tried(server, "m_1.late", ends_at_s) == UNAUTHORIZED, 10, "coturn knows it")
        old.refresh()
        old.permit(HERE)
        old.be(SECRET, "m_1.polite", ends_at_s + TTL_S)
        assert refusal(old.refresh) == WRONG_CREDENTIALS
        assert tried(server, "m_1.impolite", ends_at_s + TTL_S) == 0


def tried(server: Coturn, name: str, ends_at_s: int) -> int:
    """What an allocation with credentials until then is answered with."""
    with Turn((HERE, server.port), SECRET, name, ends_at_s) as one:
        code = refusal(one.allocate)
        if not code:
            one.refresh(0)
        return code


def test_other_secrets_open_nothing(folder: Path, turn: Coturn) -> None:
    """Nor does the file as it is printed: it has no secret before its operator sets one."""
    with person(turn, secret="another") as one:
        assert refusal(one.allocate) == UNAUTHORIZED
    assert not re.search(r"^static-auth-secret", CONFIGURATION.read_text(), re.MULTILINE)
    with coturn(folder / "unset", secret="") as server:
        for secret in ("", SECRET):
            with person(server, secret=secret) as one:
                assert refusal(one.allocate) == UNAUTHORIZED


def test_every_line_of_the_file_is_understood(turn: Coturn) -> None:
    """coturn goes on after a line that it cannot read, and says so in its log."""
    log = turn.log.read_text()
    assert not re.search(r"bad configuration|unknown|wrong|unrecognized|deprecated", log, re.IGNORECASE), log
    assert f"Default realm: {REALM}" in log or REALM in log
    for found in DENIED.findall(CONFIGURATION.read_text()):
        assert f"listing: {found}" in log
