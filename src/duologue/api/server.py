"""The HTTP server: where it listens, and how it stops without leaving people waiting."""

import asyncio
import contextlib
import errno
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from duologue.api.guard import Guard
from duologue.api.proxies import Forwarded
from duologue.api.secure import OnlySecure, Secure
from duologue.identity.addresses import Proxies

BACKLOG = 2048
"""How many connections may wait to be accepted: after a restart all people come back at once."""
DEAD_NETWORK_MS = 10_000
"""``TCP_USER_TIMEOUT``: bytes that stay unacknowledged for this long end a connection. Without it a write
to a dead network is never noticed; with it, after 11.4 s (measured)."""
SEND_BUFFER_BYTES = 128 * 1024
"""By default Linux keeps 4 to 6 MB for a client that stops reading before a write waits (measured), and
only a waiting write shows that the client does not read."""
KEEP_ALIVE_S = 75
"""Longer than the 60 s of proxies, because they, not we, must close a quiet connection."""
LINGER_S = 0.5
"""How long requests may cross with our stop on connections that a proxy keeps: each is answered, and told
that it was the last. A connection that is quiet for this long is closed."""
MACOS_RETRANSMIT_DROP_TIME = 0x80
"""``TCP_RXT_CONNDROPTIME`` in <netinet/tcp.h>, in seconds; the socket module has no name for it."""


NO_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""What systems report where IPv6 is turned off."""

ENOUGH_OPEN_FILES = 10_240
"""``OPEN_MAX`` of macOS, which calls its hard limit endless and refuses more than this as a soft one."""


class ListenError(OSError):
    """Report that the server cannot listen there; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server allows itself."""

    drain_s: float
    trusted_proxies: str


def allow_open_files() -> None:
    """Allow as many connections as the system permits: the usual soft limit of 1,024 files is too low for
    us.

    This can be repeated. If the system refuses, nothing changes.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_OPEN_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def listening(host: str, port: int, kind: str = "") -> Iterator[list[socket.socket]]:
    """Listen on one socket for each address of the host, and close them at the end. Raises ``ListenError``.

    A connection that comes before the server runs waits in their queue. ``kind`` (``ops-``) begins the
    options that an error names.
    """
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        try:
            for family, address in _addresses(host, port):
                # Port 0: the first address picks the port, the others take the same one.
                chosen = port or (port_of(sockets) if sockets else 0)
                try:
                    one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                    _listen(one, (address[0], chosen, *address[2:]))
                except OSError as error:
                    # All addresses are asked for, and this machine has none of this family.
                    if host or not sockets or error.errno not in NO_FAMILY:
                        raise
                    continue
                sockets.append(one)
        except OSError as error:
            raise ListenError(_why(error, host, port, kind)) from error
        yield sockets


def _addresses(host: str, port: int) -> Iterator[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, _, _, _, address in dict.fromkeys(found):
        yield family, address


def _listen(one: socket.socket, address: tuple[Any, ...]) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    give_up_on_dead_networks(one)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # inherited like the above
    one.bind(address)
    one.listen(BACKLOG)


def give_up_on_dead_networks(listening: socket.socket) -> None:
    """Set ``TCP_USER_TIMEOUT`` on a listening socket; accepted connections inherit it."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_NETWORK_MS)
    else:
        with contextlib.suppress(OSError):
            listening.setsockopt(socket.IPPROTO_TCP, MACOS_RETRANSMIT_DROP_TIME, DEAD_NETWORK_MS // 1000)


def _why(error: OSError, host: str, port: int, kind: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host} is not an address of this machine; try --{kind}host 127.0.0.1"
    match error.errno:
        case errno.EADDRINUSE if kind:
            what = "the admin API" if kind == "admin-" else "the operator's pages"
            return (
                f"port {port}, for {what}, is taken; choose another: --{kind}port {port + 10} "
                f"(make run DUOLOGUE_{kind[:-1].upper()}_PORT={port + 10})"
            )
        case errno.EADDRINUSE:
            # Not the next one: a server that has this port has that one for its operator's pages.
            return f"port {port} is taken; choose another: --port {port + 10} (make run PORT={port + 10})"
        case errno.EACCES:
            return f"port {port} is for root only; choose one above 1023, such as --{kind}port 8000"
        case errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine; try --{kind}host 127.0.0.1"
        case _:
            return f"cannot listen on {host}:{port} ({error.strerror})"


def _guarded(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",  # a plain function that returns an awaitable would be taken for version 2
        loop="none",  # it runs in ours
        http=Guard,
        ws="none",
        lifespan="off",  # what the application lives on outlives the server
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,  # for what our own deadline has cut
        proxy_headers=False,  # ours: see identity/addresses.py
    )


@contextlib.asynccontextmanager
async def answering(app: ASGIApp, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Serve the application on these sockets inside the block, and end open requests with it.

    This is for the operator's pages, which stay readable while the public server drains.
    """
    config, state, loop = _guarded(app), ServerState(), asyncio.get_running_loop()
    config.load()

    def protocol() -> Guard:
        return Guard(config=config, server_state=state, app_state={})

    async with contextlib.AsyncExitStack() as stack:
        for one in sockets:
            server = await loop.create_server(protocol, sock=one, backlog=BACKLOG)
            stack.callback(server.close)
        try:
            yield
        finally:
            for connection in list(state.connections):
                if isinstance(connection, Guard):
                    connection.cut()
            for task in list(state.tasks):
                task.cancel()


class Server(uvicorn.Server):
    """uvicorn with a bounded stop: uvicorn itself waits for open streams without end."""

    def __init__(
        self,
        app: ASGIApp,
        limits: ServerLimits,
        *,
        started: Callable[[], None],
        drain: Callable[[], Awaitable[None]],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``started`` is called once it serves; ``drain`` ends the streams when it is told to stop.

        ``tls``: serve others with it on the same port, and this machine over plain HTTP, too.
        """
        forwarded = Forwarded(app, Proxies.parse(limits.trusted_proxies))
        super().__init__(_guarded(OnlySecure(forwarded) if tls else forwarded))
        self._tls = tls
        self._drain_s = limits.drain_s
        self._started = started
        self._drain = drain

    def stop(self) -> None:
        """Begin the drain; may be called in a signal handler, and again."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller: uvicorn would exit before the store was closed."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop; tasks that accept connections end with it."""
        async with asyncio.TaskGroup() as self._accepting:
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and report it."""
        await super().startup(sockets if self._tls is None else [])
        if self._tls is not None:
            for one in sockets or ():
                # uvicorn asks of its servers only that they can be closed and waited for.
                self.servers.append(cast("Any", Secure(one, self._tls, self._protocol, self._accepting)))
        self._started()

    def _protocol(self) -> Guard:
        return Guard(config=self.config, server_state=self.server_state, app_state={})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no new people, send every stream away, and let commands finish or run out of time.

        At most this takes as long as the drain of the streams or ``drain_s``, whichever is longer, and 1 s.
        """
        began = asyncio.get_running_loop().time()
        for server in self.servers:
            server.close()
        for connection in self._connections():
            connection.make_last()
        await self._drain()
        await self._finish(began)
        await super().shutdown(sockets)

    async def _finish(self, began: float) -> None:
        """Wait until no connection is left: each closes after its last answer, or when its time is over."""
        passed = 0.0
        while (connections := self._connections()) and passed < self._drain_s:
            passed = asyncio.get_running_loop().time() - began
            for each in connections:
                if passed > (self._drain_s if each.is_answering else LINGER_S):
                    each.cut()
            await asyncio.sleep(0.05)  # nothing tells

    def _connections(self) -> list[Guard]:
        return [one for one in self.server_state.connections if isinstance(one, Guard)]


def port_of(sockets: Sequence[socket.socket]) -> int:
    """Return the port of all these sockets."""
    return int(sockets[0].getsockname()[1])
