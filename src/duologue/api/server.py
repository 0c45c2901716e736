"""The HTTP server: where it listens, and how it stops without leaving anybody waiting."""

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
"""Connections that wait to be accepted: everybody comes back at once after a restart."""
DEAD_NETWORK_MS = 10_000
"""``TCP_USER_TIMEOUT``: bytes unacknowledged this long end a connection. Without it the write to a dead
network is never found out; with it, measured: after 11.4 s."""
SEND_BUFFER_BYTES = 128 * 1024
"""Left alone, Linux lets a reader who stops reading pile up 4 to 6 MB in the kernel before a write stalls
(measured), and only a stalled write shows that nobody reads."""
KEEP_ALIVE_S = 75
"""Longer than the 60 s of proxies: they, not we, must be the ones to close a quiet connection."""
LINGER_S = 0.5
"""For requests that cross our going away, on connections that a proxy keeps: each is answered, and told that
it was the last of its connection. What is quiet for so long is closed."""
MACOS_RETRANSMIT_DROP_TIME = 0x80
"""``TCP_RXT_CONNDROPTIME`` in <netinet/tcp.h>, in seconds; the socket module has no name for it."""


NO_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""What systems say where IPv6 is switched off."""

ENOUGH_OPEN_FILES = 10_240
"""``OPEN_MAX`` of macOS, which calls its hard limit endless and refuses more than this as a soft one."""


class ListenError(OSError):
    """There is no listening where we were told to; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server allows itself."""

    drain_s: float
    trusted_proxies: str


def allow_open_files() -> None:
    """As many connections as the system lets us have: the usual soft limit, 1,024 files, is none of ours.

    Can be repeated. Where the system refuses, everything stays as it was.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_OPEN_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def listening(host: str, port: int, kind: str = "") -> Iterator[list[socket.socket]]:
    """Sockets that listen, one for each address of the host; closed at the end. Raises ``ListenError``.

    A connection that comes before the server runs waits in their queue. ``kind`` (``ops-``)
    begins the options that an error names.
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
    """Accepted connections inherit it: bytes that nobody acknowledges end them."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_NETWORK_MS)
    else:
        with contextlib.suppress(OSError):
            listening.setsockopt(socket.IPPROTO_TCP, MACOS_RETRANSMIT_DROP_TIME, DEAD_NETWORK_MS // 1000)


def _why(error: OSError, host: str, port: int, kind: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine; try --{kind}host 127.0.0.1"
    match error.errno:
        case errno.EADDRINUSE if kind:
            return (
                f"port {port}, for the operator's pages, is taken; choose another: --{kind}port {port + 10} "
                f"(make run DUOLOGUE_OPS_PORT={port + 10})"
            )
        case errno.EADDRINUSE:
            # Not the next one: a server that has this port has that one for its operator's pages.
            return f"port {port} is taken; choose another: --port {port + 10} (make run PORT={port + 10})"
        case errno.EACCES:
            return f"port {port} is for root only; choose one above 1023, such as --{kind}port 8000"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; try --{kind}host 127.0.0.1"
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
    """Serve the application on these sockets within the block, and cut what is under way at its end.

    For the operator's pages, which stay readable while the server for the public drains.
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
    """uvicorn, which by itself waits for ever on open streams when told to stop."""

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
        """Signals are the caller's: uvicorn would die of them before the store has been closed."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop; tasks that accept connections end with it."""
        async with asyncio.TaskGroup() as self._accepting:
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serving, and said so."""
        await super().startup(sockets if self._tls is None else [])
        if self._tls is not None:
            for one in sockets or ():
                # uvicorn asks of its servers only that they can be closed and waited for.
                self.servers.append(cast("Any", Secure(one, self._tls, self._protocol, self._accepting)))
        self._started()

    def _protocol(self) -> Guard:
        return Guard(config=self.config, server_state=self.server_state, app_state={})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nobody new, every stream told where to go, commands under way finished or out of time.

        At worst it takes as long as the drain of the streams or ``drain_s``, whichever is longer, and 1 s.
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
        """Until no connection is left: each closes behind its last answer, or when its time is over."""
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
    """The port that they all listen on."""
    return int(sockets[0].getsockname()[1])
