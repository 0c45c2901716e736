"""The network address of a request: that of the peer, or what a trusted proxy says of it.

Anyone can write ``X-Forwarded-For``. Only a trusted peer's header counts, and only the part that trusted
proxies wrote: from the right, the first address that is not theirs. uvicorn's middleware does nearly the
same, but it takes a network with host bits, or a misspelt one, for a name that never matches, and accepts
any text as an address.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ANYBODY = "*"
UNIX = "unix"
HOPS_MAX = 32
"""How many proxies in a row are read; a header has room for thousands."""
GROUP_BITS = 56
"""Size of one customer's IPv6 network: the customer chooses addresses in it freely (RFC 6177, RIPE-690).
With /64 each customer would count as 256 networks."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 address (RFC 6052)."""
REMEMBERED = 4096


class BadProxy(ValueError):
    """Report an entry of the trusted list that is neither an address nor a network."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose headers about addresses count.

    Example: ``Proxies.parse("127.0.0.1,10.0.0.0/8").client("10.0.0.2", ["192.0.2.7"])`` is ``192.0.2.7``.
    """

    networks: tuple[Network, ...] = ()
    anybody: bool = False
    unix: bool = False
    """Whether peers on a Unix socket count; they have no address."""

    @classmethod
    def parse(cls, text: str) -> "Proxies":
        """Read addresses, networks (``10.0.0.0/8``), ``unix`` and ``*``, separated by commas. Raises
        ``BadProxy``."""
        names = [part.strip() for part in text.split(",") if part.strip()]
        networks = [_network(name) for name in names if name not in (ANYBODY, UNIX)]
        return cls(tuple(networks), anybody=ANYBODY in names, unix=UNIX in names)

    def trusts(self, peer: str | None) -> bool:
        """Return whether this peer's headers about others count; ``None``: a peer without an address."""
        if self.anybody:
            return True
        address = read(peer or "")
        return self.unix if address is None else self.lists(address)

    def client(self, peer: str | None, forwarded: Sequence[str]) -> str:
        """Return the address that asks; ``""`` if it is unknown. ``forwarded``: the ``X-Forwarded-For``
        headers, in order."""
        asks = read(peer or "")
        if self.trusts(peer):
            for hop in reversed(",".join(forwarded).rsplit(",", HOPS_MAX)[-HOPS_MAX:]):
                said = read(hop)
                if said is None:
                    break  # no proxy wrote this; whoever stands to its right brought it along
                asks = said
                if not self.anybody and not self.lists(said):
                    break
        return "" if asks is None else str(asks)

    def lists(self, address: Address) -> bool:
        """Return whether the address is in a network of the list; ``*`` is not a network."""
        return any(address in network for network in self.networks)


def _network(name: str) -> Network:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError as error:
        raise BadProxy(f"{name!r} is no address and no network such as 10.0.0.0/8") from error


@lru_cache(REMEMBERED)
def _read(text: str) -> Address | None:
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


LONGEST = 64
"""Room for ``[IPv6%zone]:port``; longer text is not even remembered."""


def read(text: str) -> Address | None:
    """Return the address in a text, as proxies write it, with or without a port; ``None`` if there is none.
    Never raises."""
    return _read(text) if 0 < len(text) <= LONGEST else None


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, NAT64, 6to4, Teredo), or the address
    itself.

    Use it only for counting and for marks, not for trust: ``2002:7f00:1::`` stands for 127.0.0.1, and
    anyone can have such an address.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address


def grouped(address: str) -> str:
    """Return what counts as one network: an IPv4 address, or the /56 of an IPv6 address.

    Text that is not an address is returned as it is.
    """
    found = read(address)
    if found is None:
        return address
    found = unwrapped(found)
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, GROUP_BITS), strict=False))
