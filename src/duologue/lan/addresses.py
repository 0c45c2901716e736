"""The addresses and names under which other devices of the same network find this machine.

The standard library cannot list addresses. ``psutil`` (BSD licence) can, and it also says which interfaces
are up and which are tunnels, on Linux and on macOS.
"""

import ipaddress
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A part of a host name (RFC 1123, section 2.1)."""
VIRTUAL = re.compile(
    r"(docker|br-|veth|virbr|vmnet|vboxnet|vnic|cni|flannel|podman|lxc|lxd|utun|tun|tap|wg|ppp)"
)
"""Interfaces that lead to machines inside this one, or through a tunnel: a phone does not come by them."""
ELSEWHERE = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737). To connect a UDP socket sends nothing; it asks for the route."""
IF_INET6 = Path("/proc/net/if_inet6")
PASSING = 0x01 | 0x08 | 0x20 | 0x40
"""IFA_F_TEMPORARY, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE of <linux/if_addr.h>."""
AVAHI = Path("/run/avahi-daemon/socket")


def addresses() -> list[Address]:
    """Return the addresses of this machine for others, the one that a phone reaches most likely first.

    IPv4 comes before IPv6. In each of the two, tunnels and bridges to virtual machines come last, private
    addresses before public ones, and the address of the default route before others. Loopback and link-local
    addresses are left out, and on Linux also temporary IPv6 addresses (RFC 8981), which change each day.
    """
    first, up, passing = _of_the_route(), psutil.net_if_stats(), _passing()
    ranked: dict[Address, tuple[bool, ...]] = {}
    for name, entries in psutil.net_if_addrs().items():
        stats = up.get(name)
        if stats is not None and not stats.isup:
            continue
        tunnel = bool(VIRTUAL.match(name)) or (stats is not None and "pointopoint" in stats.flags)
        for found in (each for entry in entries for each in _read(entry.address)):
            if found not in passing:
                rank = (found.version == 6, tunnel, not found.is_private, found != first)
                ranked[found] = min(rank, ranked.get(found, rank))
    return sorted(ranked, key=lambda each: (ranked[each], int(each)))


def names() -> list[str]:
    """Return the names that a certificate of this machine is for: ``localhost`` and those of the host."""
    host = socket.gethostname().lower().rstrip(".")
    label = host.partition(".")[0]
    found = [each for each in (host, label, f"{label}.local") if _is_name(each)]
    return list(dict.fromkeys(["localhost", *found]))


def announced_name() -> str | None:
    """Return ``name.local`` if something on this machine answers for it (mDNS, RFC 6762), else ``None``."""
    name = next((each for each in names() if each.endswith(".local")), None)
    return name if sys.platform == "darwin" or AVAHI.exists() else None


def _is_name(text: str) -> bool:
    labels = text.split(".")
    return len(text) <= 253 and labels[0] != "localhost" and all(LABEL.fullmatch(each) for each in labels)


def _read(text: str) -> Iterator[Address]:
    """Nothing for a hardware address, and for one that means nothing to another machine."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return
    if not (found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast):
        yield found


def _of_the_route() -> Address | None:
    """Return the IPv4 address from which this machine reaches others; ``None``: there is no route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            return None
        return ipaddress.ip_address(probe.getsockname()[0])


def _passing() -> set[Address]:
    """Return the IPv6 addresses that do not stay, where the system tells."""
    try:
        lines = IF_INET6.read_text().splitlines()
    except OSError:
        return set()
    rows = [line.split() for line in lines]
    return {ipaddress.IPv6Address(int(row[0], 16)) for row in rows if int(row[4], 16) & PASSING}
