"""TLS and plain HTTP on one port, so that a person who types an address without ``https`` finds the page,
too.

A browser asks ``192.168.1.5:8000`` over plain HTTP. A server that expects TLS there can only close the
connection, and a second port would not be the one that was typed. So the first byte of a connection
decides. It is read without being taken (``MSG_PEEK``), and then the connection goes its usual way: through
the loop's TLS or directly, and each byte of HTTP through ``api.guard``.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

import structlog
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from duologue.api.guard import PART_S, Guard
from duologue.api.problems import Code, Problem, answer
from duologue.identity.addresses import read

HANDSHAKE = 0x16
"""The first byte of a TLS record that begins a connection (RFC 8446, section 5.1). No request of HTTP begins
with it."""
FULL_S = 1.0
"""How long to wait where the system gives no more files, as asyncio does."""
WAITING_BYTES = 64 * 1024
"""How much may wait for a slow reader before ``send`` waits: as much as without TLS. The loop's own limit
for TLS is 512 KiB, and only a ``send`` that waits shows that the client does not read."""
GOODBYE_S = 1.0
"""How long to wait for the client's end of TLS after ours."""
HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")

log = structlog.get_logger(__name__)


class Secure:
    """Accept the connections of one listening socket until it is closed.

    ``create_server`` of the loop serves either TLS or plain HTTP, so this replaces it.
    """

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        protocol: Callable[[], Guard],
        group: asyncio.TaskGroup,
    ) -> None:
        """``protocol`` makes what serves a connection; ``group`` holds the tasks."""
        self._listening, self._context, self._protocol, self._group = listening, context, protocol, group
        self._opening: set[asyncio.Task[None]] = set()
        listening.setblocking(False)
        self._task = group.create_task(self._accept())

    def close(self) -> None:
        """Accept no new connections, and drop those that have sent nothing; can be repeated."""
        for each in (self._task, *self._opening):
            each.cancel()

    async def wait_closed(self) -> None:
        """Return once no task of it runs, as uvicorn expects of its servers."""
        await asyncio.wait({self._task, *self._opening})

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                one, _ = await loop.sock_accept(self._listening)
            except ConnectionError:
                continue  # it was gone before it was accepted
            except OSError as error:
                log.warning("no connection can be accepted at the moment", error=error.strerror)
                await asyncio.sleep(FULL_S)
                continue
            task = self._group.create_task(self._open(one))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, one: socket.socket) -> None:
        """Pass the connection on, or close it. A failure affects this client only."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PART_S):
                first = await _first_byte(one)
            if first is None:
                one.close()
            elif first == HANDSHAKE:
                transport, _ = await loop.connect_accepted_socket(
                    self._protocol,
                    one,
                    ssl=self._context,
                    ssl_handshake_timeout=PART_S,
                    ssl_shutdown_timeout=GOODBYE_S,
                )
                cast("asyncio.WriteTransport", transport).set_write_buffer_limits(high=WAITING_BYTES)
            else:
                await loop.connect_accepted_socket(self._protocol, one)
        except (OSError, TimeoutError) as error:
            one.close()
            log.debug("a connection came to nothing", error=type(error).__name__)
        except asyncio.CancelledError:
            one.close()
            raise


async def _first_byte(one: socket.socket) -> int | None:
    """Return the first byte without taking it; ``None``: the client hung up. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(BlockingIOError):
            return next(iter(one.recv(1, socket.MSG_PEEK)), None)
        readable = loop.create_future()
        loop.add_reader(one, _settle, readable)
        try:
            await readable
        finally:
            loop.remove_reader(one)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class OnlySecure:
    """The application for people over TLS, and over plain HTTP for this machine itself.

    Loopback crosses no network, and browsers allow a camera on ``localhost`` without TLS. Other plain
    requests are redirected to ``https`` if they only read. A command has already shown its token to the
    network, so it is refused and not redirected.
    """

    def __init__(self, app: ASGIApp) -> None:
        """``app`` is told the scheme that the browser used."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Look at the connection itself, never at a header that describes it."""
        if scope["type"] != "http" or scope["scheme"] == "https" or _is_loopback(scope):
            return self._app(scope, receive, send)
        return _elsewhere(scope)(scope, receive, send)


def _elsewhere(scope: Scope) -> ASGIApp:
    if scope["method"] not in ("GET", "HEAD"):
        return answer(Problem(Code.NOT_FOUND, "use https on this network, with the same address and port"))
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    # 307 and no-store: browsers keep a permanent redirect, also when the server no longer has TLS here.
    return RedirectResponse(
        f"https://{_host(scope)}{path}" + (f"?{query}" if query else ""),
        status_code=307,
        headers={"Cache-Control": "no-store"},
    )


def _host(scope: Scope) -> str:
    """Return the host that was asked, or, if it is not written as one, our own address of the connection."""
    asked = Headers(scope=scope).get("host", "")
    if HOST.fullmatch(asked):
        return asked
    address, port = scope["server"]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _is_loopback(scope: Scope) -> bool:
    address = read(scope["client"][0]) if scope.get("client") else None
    return address is not None and address.is_loopback
