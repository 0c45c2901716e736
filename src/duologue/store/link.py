"""One connection to the store: opened, told apart from the server before, and closed.

It uses the client library's connections, not its client: the client retries and
resubscribes without a word, and both hide what suspicion needs to know
(mechanism 7).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import hiredis
from redis import exceptions as library
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from duologue.store.errors import (
    StoreError,
    StoreInterrupted,
    StoreRefused,
    StoreUnavailable,
    from_connection,
)

DEFAULT_PORT = 6379
LOST = (library.ConnectionError, library.TimeoutError, library.InvalidResponse, OSError)
"""What the library raises when a connection is no good any more; ``TimeoutError`` is an ``OSError``."""
CLOSED = "the handler is closed"
"""What uvloop says in a ``RuntimeError`` about a write to a connection that was reset while it was idle."""


class BadUrl(StoreError):
    """An address that cannot be meant; the text says what one looks like, and never shows a password."""


def pack(*command: str | int | bytes) -> bytes:
    """One command as the store reads it: 1 µs, an eighth of what the library's own connection takes.

    Raises ``TypeError`` for anything else than text, bytes and integers.
    """
    return bytes(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub means tuple[X, ...]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Which server answers."""

    kind: str
    """``Valkey`` or ``Redis``."""
    version: str
    run_id: str
    """New at each start of the server; empty if it does not say."""
    maxmemory_policy: str
    """Anything but ``noeviction`` (or empty: it does not say) makes the store forget people at random."""

    @property
    def major(self) -> int:
        """The first number of the version; 0 if it is none."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdecimal() else 0


class Address:
    """Where the store is: ``redis://``, ``rediss://`` (TLS) or ``unix://``; raises ``BadUrl``."""

    def __init__(self, url: str) -> None:
        try:
            parts, fields = urlsplit(url), dict[str, Any](parse_url(url))
            port = parts.port  # raises on nonsense, which the library would pass by in silence
        except ValueError as error:
            raise BadUrl(
                "it should look like redis://[user:password@]host:6379/0, rediss://… (TLS) or unix:///path/to/socket"
            ) from error
        self._class: type[AbstractConnection] = fields.pop("connection_class", Connection)
        if parts.scheme == "unix":
            if not fields.get("path"):
                raise BadUrl("a unix:// address names a socket: unix:///path/to/socket")
            self.shown = f"unix://{fields['path']}"
        else:
            if not parts.hostname:
                raise BadUrl(f"it names no host: {parts.scheme}://host:6379/0")
            self.shown = f"{parts.scheme}://{parts.hostname}:{port or DEFAULT_PORT}/{fields.get('db', 0)}"
        # RESP2 is the quicker one here, and what the scripts' replies are read as.
        ours = {"protocol": 2, "decode_responses": False, "driver_info": None}
        # Time limits are ours, by our own time.
        ours |= {"socket_timeout": None, "socket_connect_timeout": None}
        self._fields: dict[str, Any] = {**fields, **ours}
        # The query of the address must not bring the library's retries back.
        self._fields.pop("retry_on_timeout", None)
        self._fields.pop("max_connections", None)

    def connection(self) -> AbstractConnection:
        """A connection that is not open yet."""
        return self._class(**self._fields)


class Link:
    """An open connection. What it raises ends it: close it and open another."""

    def __init__(self, connection: AbstractConnection, address: Address) -> None:
        self._connection = connection
        self._address = address

    @classmethod
    async def open(
        cls,
        address: Address,
        connect_s: float,
        limit: Callable[[float], contextlib.AbstractAsyncContextManager[object]] = asyncio.timeout,
    ) -> "Link":
        """Connected, signed in, database chosen. Raises ``StoreUnavailable``; ``limit`` counts the time."""
        try:
            connection = address.connection()
        except TypeError as error:  # an argument in the query that no connection knows
            raise BadUrl(f"{address.shown}: {str(error).rpartition('()')[2].strip()}") from error
        try:
            async with limit(connect_s):
                await connection.connect()  # type: ignore[no-untyped-call]  # the library has no types here
        except (*LOST, library.ResponseError) as error:
            await _drop(connection)
            raise from_connection(error, address.shown) from error
        except RuntimeError as error:
            await _drop(connection)
            if CLOSED not in str(error):
                raise
            raise StoreUnavailable(f"{address.shown}: the connection was reset") from error
        except BaseException:
            await _drop(connection)
            raise
        return cls(connection, address)

    async def close(self) -> None:
        """Gone, without waiting for the other side; can be repeated."""
        await _drop(self._connection)

    async def send(self, packed: bytes) -> None:
        """Writes packed commands. Raises ``StoreInterrupted``: some of them may have arrived."""
        with self._ours():
            await self._connection.send_packed_command(packed, check_health=False)

    async def read(self) -> Any:
        """The next reply, undecoded; an error reply is returned. Raises ``StoreInterrupted``."""
        with self._ours():
            try:
                return await self._connection.read_response(disable_decoding=True)
            except library.ResponseError as reply:
                return reply

    async def info(self) -> ServerInfo:
        """Which server this is, and to it, who we are (its ``CLIENT LIST``).

        One that tells neither (a proxy, an access list) is an unnamed Redis.
        """
        await self.send(pack("CLIENT", "SETNAME", "duologue") + pack("INFO"))
        await self.read()
        reply = await self.read()
        text = reply.decode(errors="replace") if isinstance(reply, bytes) else ""
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        valkey = fields.get("valkey_version")
        return ServerInfo(
            kind="Valkey" if valkey else "Redis",
            version=valkey or fields.get("redis_version", ""),
            run_id=fields.get("run_id", ""),
            maxmemory_policy=fields.get("maxmemory_policy", ""),
        )

    @contextlib.contextmanager
    def _ours(self) -> Iterator[None]:
        try:
            yield
        except LOST as error:
            ours = from_connection(error, self._address.shown)
            raise (ours if isinstance(ours, StoreRefused) else StoreInterrupted(str(ours))) from error
        except RuntimeError as error:
            if CLOSED not in str(error):
                raise
            raise StoreInterrupted(f"{self._address.shown}: the connection was reset") from error


async def _drop(connection: AbstractConnection) -> None:
    with contextlib.suppress(*LOST):
        await connection.disconnect(nowait=True)
