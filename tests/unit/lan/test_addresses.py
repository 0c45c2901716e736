"""Which addresses and names of this machine are told to others, and in which order."""

import ipaddress
import socket
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from duologue.lan import addresses as lan


def interface(*found: str) -> list[SimpleNamespace]:
    return [SimpleNamespace(address=each) for each in found]


UP = SimpleNamespace(isup=True, flags="up,broadcast,running,multicast")
DOWN = SimpleNamespace(isup=False, flags="broadcast,multicast")
TUNNEL = SimpleNamespace(isup=True, flags="up,pointopoint,running")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A laptop with wifi, a cable that is not plugged in, a VPN that has the default route, and Docker."""
    found = {
        "lo": (interface("127.0.0.1", "::1"), UP),
        "docker0": (interface("172.17.0.1", "02:42:00:00:00:01"), UP),
        "wg0": (interface("10.8.0.2"), TUNNEL),
        "eth0": (interface("192.168.9.9"), DOWN),
        "ppp-home": (interface("203.0.113.9"), UP),
        "wlan0": (
            interface("192.168.1.5", "fe80::1%wlan0", "2001:db8::5", "2001:db8::bad", "fd00::5"),
            UP,
        ),
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {name: each[0] for name, each in found.items()})
    monkeypatch.setattr(psutil, "net_if_stats", lambda: {name: each[1] for name, each in found.items()})
    monkeypatch.setattr(lan, "_of_the_route", lambda: ipaddress.ip_address("10.8.0.2"))
    table = tmp_path / "if_inet6"
    table.write_text(
        "20010db8000000000000000000000bad 03 40 00 01    wlan0\n"  # a temporary one
        "20010db8000000000000000000000005 03 40 00 80    wlan0\n"
    )
    monkeypatch.setattr(lan, "IF_INET6", table)


@pytest.mark.usefixtures("machine")
def test_the_first_is_the_one_that_a_phone_reaches() -> None:
    """The wifi, although the default route leads through a tunnel; then the rest, IPv6 behind IPv4."""
    assert str(lan.addresses()[0]) == "192.168.1.5"
    assert {str(each) for each in lan.addresses()[1:4]} == {"203.0.113.9", "10.8.0.2", "172.17.0.1"}
    assert [each.version for each in lan.addresses()] == [4, 4, 4, 4, 6, 6]


@pytest.mark.usefixtures("machine")
def test_what_nobody_else_can_use_is_left_out() -> None:
    """Loopback, link-local, hardware addresses, interfaces that are down, and addresses of a day."""
    found = {str(each) for each in lan.addresses()}
    assert not found & {"127.0.0.1", "::1", "fe80::1", "192.168.9.9", "2001:db8::bad"}
    assert {"2001:db8::5", "fd00::5"} <= found


def test_this_machine() -> None:
    """The real calls: what it finds can be bound, so it is this machine's."""
    for each in lan.addresses():
        family = socket.AF_INET6 if each.version == 6 else socket.AF_INET
        with socket.socket(family) as one:
            try:
                one.bind((str(each), 0))
            except OSError:
                assert each not in lan.addresses(), "it went away meanwhile"
    route = lan._of_the_route()
    assert route is None or route in lan.addresses()


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("Laptop", ["localhost", "laptop", "laptop.local"]),
        ("laptop.local", ["localhost", "laptop.local", "laptop"]),
        ("laptop.home.example.", ["localhost", "laptop.home.example", "laptop", "laptop.local"]),
        ("localhost", ["localhost"]),
        ("my_laptop", ["localhost"]),
        ("", ["localhost"]),
    ],
)
def test_names(monkeypatch: pytest.MonkeyPatch, host: str, names: list[str]) -> None:
    """Those of the host, each once; a name that no certificate may hold is left out."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert lan.names() == names


def test_a_local_name_is_told_only_where_something_answers_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a person would be given an address that leads nowhere."""
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    monkeypatch.setattr(lan, "AVAHI", tmp_path / "socket")
    monkeypatch.setattr("sys.platform", "linux")
    assert lan.announced_name() is None
    (tmp_path / "socket").touch()
    assert lan.announced_name() == "laptop.local"
