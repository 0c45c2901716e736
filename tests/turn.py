"""A TURN client of the tests' own: one allocation over UDP (RFC 8656), with credentials that Duologue makes.

Small, and it says what was refused: the browsers' and aioice's do neither.
"""

import contextlib
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
from collections.abc import Mapping
from types import TracebackType

from duologue.media.turn import credentials

COOKIE = 0x2112A442
ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION = 0x003, 0x004, 0x006, 0x007, 0x008
ERROR, SUCCESS, INDICATION = 0x0110, 0x0100, 0x0010
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE = 0x0006, 0x0008, 0x0009
LIFETIME, XOR_PEER_ADDRESS, PAYLOAD, REALM, NONCE = 0x000D, 0x0012, 0x0013, 0x0014, 0x0015
XOR_RELAYED_ADDRESS, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT = 0x0016, 0x0017, 0x0019
UDP, TCP = 17, 6
FAMILY = {4: 1, 6: 2}
ANSWER_S = 1
TRIES = 5

UNAUTHORIZED, FORBIDDEN, STALE_NONCE = 401, 403, 438
WRONG_CREDENTIALS, UNSUPPORTED_TRANSPORT, QUOTA_REACHED = 441, 442, 486

Address = tuple[str, int]
Attributes = Mapping[int, bytes | Address]


class Refused(Exception):
    """An error response; ``code`` is STUN's."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{code} {why}")
        self.code = code


class Turn:
    """One client port, and what is allocated for it."""

    def __init__(self, server: Address, secret: str, name: str, ends_at_s: int) -> None:
        """``name`` and ``ends_at_s``: of the credentials."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(ANSWER_S)
        self._socket.connect(server)
        self._realm = self._nonce = b""
        self.be(secret, name, ends_at_s)
        self.relayed = ("", 0)
        """Where a peer reaches it."""

    def be(self, secret: str, name: str, ends_at_s: int) -> None:
        """From now on these credentials."""
        made = credentials(secret, name, ends_at_s)
        self._username, self._password = made["username"].encode(), made["credential"].encode()

    def __enter__(self) -> "Turn":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._socket.close()

    def allocate(self, transport: int = UDP, version: int = 4) -> None:
        """Raises ``Refused``. ``version``: of IP."""
        asked = {REQUESTED_TRANSPORT: struct.pack("!Bxxx", transport)}
        if version == 6:
            asked[REQUESTED_ADDRESS_FAMILY] = struct.pack("!Bxxx", FAMILY[6])
        self.relayed = _read_address(self.request(ALLOCATE, asked)[XOR_RELAYED_ADDRESS])

    def refresh(self, lifetime_s: int = 600) -> None:
        """Raises ``Refused``."""
        self.request(REFRESH, {LIFETIME: struct.pack("!I", lifetime_s)})

    def permit(self, peer: str) -> None:
        """Raises ``Refused``."""
        self.request(CREATE_PERMISSION, {XOR_PEER_ADDRESS: (peer, 0)})

    def send(self, peer: Address, payload: bytes) -> None:
        """By way of the relay; nothing says whether it went."""
        self._socket.send(_message(SEND | INDICATION, {XOR_PEER_ADDRESS: peer, PAYLOAD: payload}))

    def receive(self) -> tuple[Address, bytes]:
        """What a peer sent next, and from where. Raises ``TimeoutError``."""
        while True:
            kind, found = _parsed(self._socket.recv(65536))
            if kind == DATA | INDICATION:
                return _read_address(found[XOR_PEER_ADDRESS]), found[PAYLOAD]

    def request(self, method: int, attributes: Attributes) -> dict[int, bytes]:
        """Ask, with the nonce that is asked for in between. Raises ``Refused``."""
        asks = (STALE_NONCE,) if self._nonce else (STALE_NONCE, UNAUTHORIZED)
        kind, found = self._once(method, attributes)
        if kind != method | SUCCESS and _code(found) in asks:
            self._realm, self._nonce = found[REALM], found[NONCE]
            kind, found = self._once(method, attributes)
        if kind != method | SUCCESS:
            raise Refused(_code(found), found[ERROR_CODE][4:].decode(errors="replace"))
        return found

    def _once(self, method: int, attributes: Attributes) -> tuple[int, dict[int, bytes]]:
        signed = dict(attributes)
        key = b""
        if self._nonce:
            signed |= {USERNAME: self._username, REALM: self._realm, NONCE: self._nonce}
            key = hashlib.md5(b":".join((self._username, self._realm, self._password))).digest()  # STUN's
        sent = _message(method, signed, key)
        for _ in range(TRIES):
            # Refused: what came back by ICMP of an earlier datagram. As one that was lost (RFC 8489, 6.2.1).
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                self._socket.send(sent)
                while True:
                    answer = self._socket.recv(65536)
                    if answer[8:20] == sent[8:20]:
                        return _parsed(answer)
        raise TimeoutError(f"no answer to {method}")


def _message(kind: int, attributes: Attributes, key: bytes = b"") -> bytes:
    transaction = os.urandom(12)
    body = b""
    for name, given in attributes.items():
        value = given if isinstance(given, bytes) else _written_address(*given, transaction)
        body += struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)

    def head(length: int) -> bytes:
        return struct.pack("!HHI", kind, length, COOKIE) + transaction

    if not key:
        return head(len(body)) + body
    digest = hmac.digest(key, head(len(body) + 24) + body, hashlib.sha1)
    return head(len(body) + 24) + body + struct.pack("!HH", MESSAGE_INTEGRITY, 20) + digest


def _parsed(message: bytes) -> tuple[int, dict[int, bytes]]:
    kind, length, _ = struct.unpack("!HHI", message[:8])
    rest, found = message[20 : 20 + length], dict[int, bytes]()
    while len(rest) >= 4:
        name, size = struct.unpack("!HH", rest[:4])
        value = rest[4 : 4 + size]
        if name in (XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS) and value[1] == FAMILY[6]:
            value += message[8:20]  # what it is masked with
        found.setdefault(name, value)
        rest = rest[4 + size + -size % 4 :]
    return kind, found


def _code(found: Mapping[int, bytes]) -> int:
    return found[ERROR_CODE][2] * 100 + found[ERROR_CODE][3]


def _read_address(value: bytes) -> Address:
    port = struct.unpack("!H", value[2:4])[0] ^ (COOKIE >> 16)
    end = 8 if value[1] == FAMILY[4] else 20
    return str(ipaddress.ip_address(_masked(value[4:end], value[20:32]))), port


def _written_address(host: str, port: int, transaction: bytes) -> bytes:
    address = ipaddress.ip_address(host)
    head = struct.pack("!xBH", FAMILY[address.version], port ^ (COOKIE >> 16))
    return head + _masked(address.packed, transaction)


def _masked(packed: bytes, transaction: bytes) -> bytes:
    """Of IPv4 only the first four bytes of the mask count."""
    mask = struct.pack("!I", COOKIE) + transaction
    return bytes(a ^ b for a, b in zip(packed, mask, strict=False))
