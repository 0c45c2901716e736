"""The mark of a network: a keyed hash of the address that somebody asks from, for blocks and for the cap on
people.

The key is made once per store, and the store keeps it wrapped by the signing keys. So a dump of the store
does not tell addresses to a reader without a signing key, and a new signing key lifts no block while an old
one is listed.
"""

import ipaddress
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from hashlib import blake2s

from duologue.identity.addresses import REMEMBERED, Proxies, grouped, read, unwrapped
from duologue.identity.keyring import Keyring

SHARED = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.168.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10",
        ),
    )
)  # fmt: skip
"""Addresses that say nothing of who asks: this machine, private networks (RFC 1918, RFC 4193), link-local
ones, and a carrier's inside (RFC 6598). Behind a proxy that is not named in ``--trusted-proxies`` everybody
has such a one."""
KEY_BYTES = 32
SALT_BYTES = 16


class Networks:
    """Tells the marks of networks.

    Example: ``Networks(key, Proxies()).mark("192.0.2.7")`` is 16 characters; ``mark("127.0.0.1")`` is ``""``.
    """

    def __init__(self, key: bytes, proxies: Proxies) -> None:
        """Keep the store's key; the addresses of ``proxies`` get no mark."""
        self.key = key
        # 0.0.0.0/0 and ::/0 trust all peers, and name no proxy.
        self._proxies = [each for each in proxies.networks if each.prefixlen]
        self.mark = lru_cache(REMEMBERED)(self._mark)
        """Return the mark of an address's network; ``""`` where the address does not tell people apart."""

    def adopt(self, key: bytes) -> None:
        """Tell marks by this key from now on; connections keep the marks that they have."""
        if key != self.key:
            self.key = key
            self.mark.cache_clear()

    def _mark(self, address: str) -> str:
        found = read(address)
        if found is None:
            return ""
        plain = unwrapped(found)
        if any(found in network or plain in network for network in self._proxies):
            return ""
        if any(plain in network for network in SHARED):
            return ""
        digest = blake2s(grouped(address).encode(), key=self.key, digest_size=12).digest()
        return urlsafe_b64encode(digest).decode()


Wrapped = Mapping[str, str]
"""The store's key, wrapped by a signing key, by the fingerprint of that signing key."""


async def store_key(keyring: Keyring, propose: Callable[..., Awaitable[Wrapped]], held: bytes = b"") -> bytes:
    """Return the store's key. If no listed signing key unwraps one, it becomes ``held``, or a new one.

    ``held`` is the key of a process that runs already. A store that lost its data gets it back, so that
    servers that start later tell the same marks.

    ``propose`` (a name, an entry, the names of all listed keys) keeps an entry unless its name is taken, and
    returns all entries; with ``""`` it only reads.
    After the call there is an entry of the signing key, so an older one can be dropped later. Raises what
    ``propose`` raises.
    """
    first = keyring.keys[keyring.signing_kid]
    found = await propose("", "")
    key = next(filter(None, (_unwrapped(found, secret) for secret in keyring.keys.values())), None)
    if key is None or _name(first) not in found:
        made = _wrap(first, key or held or secrets.token_bytes(KEY_BYTES))
        found = await propose(_name(first), made, *map(_name, keyring.keys.values()))
    return _unwrapped(found, first) or key or b""


def _name(secret: bytes) -> str:
    return blake2s(b"duologue network key", key=secret[:32], digest_size=8).hexdigest()


def _pad(secret: bytes, salt: bytes) -> bytes:
    return blake2s(salt, key=secret[:32], person=b"networks", digest_size=KEY_BYTES).digest()


def _wrap(secret: bytes, key: bytes) -> str:
    salt = secrets.token_bytes(SALT_BYTES)
    return (salt + _xor(key, _pad(secret, salt))).hex()


def _unwrapped(found: Wrapped, secret: bytes) -> bytes | None:
    entry = bytes.fromhex(found.get(_name(secret), ""))
    if len(entry) != SALT_BYTES + KEY_BYTES:
        return None
    return _xor(entry[SALT_BYTES:], _pad(secret, entry[:SALT_BYTES]))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
