"""``GET /v1/events``: the event stream, as a plain ASGI endpoint (half the memory of a framework's response).

A browser's ``EventSource`` is closed for good by any status but 200, so only
401, 404 and 422 are ever answered otherwise; all that goes wrong later is said on the stream.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from duologue.api.exchange import query_of
from duologue.api.gate import OPEN_AFTER_S, RateLimitGate, address_of, crowded, is_secure
from duologue.api.guard import CUT
from duologue.api.problems import Code, Problem, answer
from duologue.delivery import frame
from duologue.delivery.connection import End
from duologue.delivery.hub import Hub
from duologue.delivery.stream import CROWDED_MS, Stream
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session, now_ms
from duologue.pairing.vocabulary import LastRead, Marks, PageId, PersonId
from duologue.store.client import StoreError

WRITE_S = 5.0
"""How long the socket may take no more bytes (its buffers being full) before the reader is cut."""

CUT_S = 1.0
"""For the server to say that a stream which was cut is gone: a turn of the event loop."""
CLOSED = "handler is closed"

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
EVENT_ID = re.compile(r"([A-Za-z0-9_-]{1,64}):([0-9]{1,9})(?::([0-9]{1,14}))?")

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # no-transform: compressing proxies hold bytes back until they have enough of them.
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Authenticate(Protocol):
    """Tells who asks (``Services.caller``)."""

    def __call__(self, headers: Mapping[str, str], *, secure: bool) -> Session:
        """Return who asks, by the request's headers. Raises ``Problem`` (401)."""


class EventStream:
    """The endpoint.

    ``gate``: where openings are counted. One too many gets 200, one ``reconnect`` and the end.
    ``network_of``: the mark of an address's network, and ``crowded``: whether it is full for somebody. Then
    the answer is 429; a client that takes nothing but an event stream (``Accept``) gets 200, one
    ``reconnect`` with the reason and the end. While more streams wait for their attach than the store can
    take in 30 s, new ones get one ``reconnect``, whose delay spreads them, and the end; the open ones stay.

    Example: ``Route("/v1/events", EventStream(hub, authenticate))``; with ``enabled=False``
    (streams switched off) it answers 404.
    """

    def __init__(
        self,
        hub: Hub,
        authenticate: Authenticate,
        *,
        enabled: bool = True,
        gate: RateLimitGate | None = None,
        network_of: Callable[[str], str] = lambda _: "",
        crowded: Callable[[PersonId, str], Awaitable[bool]] | None = None,
    ) -> None:
        self._hub = hub
        self._authenticate = authenticate
        self._enabled = enabled
        self._gate = gate
        self._network_of = network_of
        self._crowded = crowded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream, until either side ends it. Cancelled, it leaves a detach behind in the hub."""
        headers = Headers(scope=scope)
        try:
            session, page = self._asked(scope, headers)
        except Problem as problem:
            await answer(problem)(scope, receive, send)
            return
        attaches = self._hub.attaches
        if attaches.is_full:
            self._hub.means.metrics.limited("streams", "server")
            await _send_away(0, send, span_ms=attaches.span_ms)
            return
        if not attaches.is_busy and await self._is_refused(session, headers, scope, receive, send):
            return
        with self._hub.open(
            PersonId(session.person),
            page,
            alias=session.alias,
            after=last_event(headers),
            expires_at_ms=session.expires_at_ms,
            marks=self._marks(session, scope),
        ) as connection:
            await serve(connection, receive, send, _cut(scope))

    def _marks(self, session: Session, scope: Scope) -> Marks:
        return Marks(session.device, self._network_of(address_of(scope)))

    async def _is_refused(
        self, session: Session, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> bool:
        """Return whether the answer was given already: too many openings, or a full network.

        Both cost a call to the store. While streams wait for their attach, neither is asked, as if the store
        were away: the attach looks at the network again.
        """
        if self._gate is not None:
            refused = await self._gate.without_store(Kind.STREAMS, scope, session.person)
            if refused is not None:
                await _send_away(refused.wait_ms, send)
                return True
        if not await self._is_crowded(session, self._marks(session, scope).network):
            return False
        if "text/event-stream" in headers.get("accept", ""):
            await _send_away(CROWDED_MS, send, frame.NETWORK_FULL)
        else:
            await answer(crowded())(scope, receive, send)
        return True

    async def _is_crowded(self, session: Session, network: str) -> bool:
        """Return whether somebody new comes from a full network; while the store is away nobody can say
        so."""
        if self._crowded is None or not network:
            return False
        try:
            async with asyncio.timeout(OPEN_AFTER_S):
                full = await self._crowded(PersonId(session.person), network)
        except (StoreError, TimeoutError):
            return False
        if full:
            self._hub.means.metrics.limited("people", "network")
        return full

    def _asked(self, scope: Scope, headers: Headers) -> tuple[Session, PageId]:
        if not self._enabled:
            raise Problem(Code.NOT_FOUND, "event streams are turned off on this server: poll GET /v1/state")
        if scope["method"] != "GET":
            raise Problem(Code.METHOD_NOT_ALLOWED, f"{scope['method']} is not served at this path")
        session = self._authenticate(without_navigation(headers), secure=is_secure(scope))
        return session, page_of(query_of(scope).get("page", ""))


def page_of(text: str) -> PageId:
    """The page as the query names it. Raises ``Problem`` (422)."""
    if not text:
        raise Problem(
            Code.NO_PAGE, "page is missing in the query: send a new random id with each load of a page"
        )
    if not ID.fullmatch(text):
        raise Problem(Code.BAD_FIELD, "page must be 1 to 64 characters of A-Z a-z 0-9 _ -", field="page")
    return PageId(text)


def without_navigation(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers by which somebody may open a connection: a cookie does not count for what a browser would
    show as a page, or a link to it would take its reader's place away."""
    if headers.get("sec-fetch-mode") != "navigate":
        return headers
    return {name: value for name, value in headers.items() if name != "cookie"}


def last_event(headers: Mapping[str, str]) -> LastRead:
    """``Last-Event-ID``, as the last message read; anything else means none."""
    return last_read(headers.get("last-event-id", "")) or LastRead()


def last_read(text: str) -> LastRead | None:
    """``<match>:<n>:<at_ms>``, without the instant if that is not known; ``None`` for other text."""
    found = EVENT_ID.fullmatch(text)
    return LastRead(found[1], int(found[2]), int(found[3] or 0)) if found else None


def _cut(scope: Scope) -> Callable[[], object]:
    """What breaks the answer off, where the server has it (``api.guard``)."""
    now: Callable[[], object] = scope.get("extensions", {}).get(CUT, {}).get("now", lambda: None)
    return now


async def _send_away(
    wait_ms: int, send: Send, reason: str = "", *, span_ms: int = frame.RECONNECT_MS[1]
) -> None:
    """On a stream that ends at once: an ``EventSource`` is closed for good by a 429 (race E24)."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    later = frame.reconnect(now_ms(), at_least_ms=wait_ms, reason=reason, span_ms=span_ms)
    await send({"type": "http.response.body", "body": later, "more_body": False})


async def serve(stream: Stream, receive: Receive, send: Send, cut: Callable[[], object]) -> None:
    """Write what the stream has to say, until it or the client ends."""
    async with asyncio.TaskGroup() as group:
        # Listened for at the same time, or a quiet stream's end would be seen at the next heartbeat only.
        gone = group.create_task(_until_gone(stream, receive))
        try:
            if not await _write(stream, send):
                # Closing would wait for a reader who takes nothing; and the server must know before we
                # return, or takes half an answer for a defect.
                cut()
                await asyncio.wait([gone], timeout=CUT_S)
        finally:
            gone.cancel()


async def _until_gone(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end(End.CLOSED)


async def _write(stream: Stream, send: Send) -> bool:
    """Whether all was taken, to the end."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    try:
        async for data in stream:
            async with asyncio.timeout(WRITE_S):
                await send({"type": "http.response.body", "body": data, "more_body": True})
        async with asyncio.timeout(WRITE_S):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        stream.end(End.SLOW)
    except OSError:
        stream.end(End.CLOSED)
    except RuntimeError as error:
        # uvloop's word for a write to a socket that was closed a moment ago.
        if CLOSED not in str(error):
            raise
        stream.end(End.CLOSED)
    else:
        return True
    return False
