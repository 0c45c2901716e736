"""Limits of one connection: how long we wait for it, how much of it we keep, and what we accept.

Each byte passes ``api.framing`` before the parser gets it. After a refusal the connection is closed, and
nothing that still arrives on it is read.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from duologue.api.framing import Framing

MAX_HEAD_BYTES = 32 * 1024
"""A request line with its headers; of a body, what is not content: chunk sizes and trailers. The parser has
no bounds of its own. A token has 4 KiB; the rest is for other programs' cookies on the same host."""
PART_S = 10.0
"""Time for a request's head, from the connection or its first byte on, and again for its body (64 KiB at
most)."""
PIPELINED_MAX = 8
"""Requests that may wait behind the one that is being answered. Browsers and proxies let none wait, and
each costs 2 kB."""
STREAM = "/v1/events"
"""The path whose answer has no end that a second request could wait for."""
CUT = "duologue.cut"
"""The ASGI extension that ends an unread answer at once: ``scope["extensions"][CUT]["now"]()``."""
REPLY = "duologue.reply"
"""The ASGI extension of an answer in one message: ``{"type": REPLY, "status": …, "headers": …, "body": …}``.

The body is whole, and ``headers`` has its length. Values have no control characters: none is sought."""

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BadRequest(Exception):
    """Raised in the parser's callbacks, which ends its work; ``data_received`` knows what to do."""


class Behind:
    """The connection, for an answer that may be complete before its request is."""

    def __init__(self, guard: "Guard") -> None:
        self._guard = guard
        self.write = guard.transport.write
        self.is_closing = guard.transport.is_closing

    def close(self) -> None:
        """Close it, but not before the whole request has arrived."""
        self._guard.close_behind_body()


class Cycle(RequestResponseCycle):
    """One request and its answer. A ``REPLY`` is one write, which is one call of the system and not two."""

    async def send(self, message: Any) -> None:
        """Send as ASGI says; also a ``REPLY``."""
        if message["type"] != REPLY:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_started:
            raise RuntimeError("a reply after the answer has begun")
        if self.transport.is_closing():
            self.disconnected = True
            return
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(self._whole(message))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _whole(self, message: Mapping[str, Any]) -> bytes:
        pieces, says_close = [STATUS_LINE[message["status"]]], False
        for name, value in (*self.default_headers, *message["headers"]):
            pieces += (name, b": ", value, b"\r\n")
            says_close = says_close or name == b"connection"
        if says_close:
            self.keep_alive = False
        elif not self.keep_alive:
            pieces.append(b"connection: close\r\n")
        pieces.append(b"\r\n")
        if self.scope["method"] != "HEAD":
            pieces.append(message["body"])
        return b"".join(pieces)


class Guard(HttpToolsProtocol):
    """uvicorn's protocol, with limits: uvicorn itself waits for a request without end and accepts any
    number of headers.

    Its own attributes have slots: with uvicorn's they would be more than 30, of which CPython no longer keeps
    the names once a class, and each connection would have a whole dictionary.
    """

    __slots__ = (
        "_active",
        "_deadline",
        "_extensions",
        "_framing",
        "_head_bytes",
        "_keeps",
        "_last",
        "_lingers",
        "_may_be_large",
        "_refused",
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._head_bytes = 0
        """Read since the last request was whole, the content of its body left out."""
        self._framing = Framing()
        self._lingers = False
        """Whether all that is still read is the body of a request that was answered already."""
        self._keeps = False
        """Whether the connection outlasts the present request, as far as its head is concerned."""
        self._refused = False
        """Whether the connection sent something invalid: it is not read any more."""
        self._deadline: asyncio.TimerHandle | None = None
        self._last = False
        """Whether each answer says from now on that the connection closes behind it."""
        self._may_be_large = False
        """Whether a head that is parsed now may have more than ``MAX_HEAD_BYTES``."""
        self._extensions: dict[str, dict[object, object]] = {}
        self._active: RequestResponseCycle | None = None
        """The request that is being answered. uvicorn knows the newest only, which may wait behind it."""

    def make_last(self) -> None:
        """Make the present answer, or the next one, the last of this connection, because the server stops;
        the answer says so.

        Closing a quiet connection now could cross with a request that a proxy is sending on it.
        """
        self._last = True
        if self.is_answering:
            self.cycle.keep_alive = False

    def cut(self) -> None:
        """End the connection now, with or without an answer; also a reader who accepts nothing is not
        waited for."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """The first request has its time from here on."""
        super().connection_made(transport)
        self._extensions = {CUT: {"now": transport.abort}, REPLY: {}}
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers of this connection, and tell the request that is being answered.

        uvicorn keeps its own timer after a reset, and with it all that the connection had.
        """
        self._in_time()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._active is not None and not self._active.response_complete:
            self._active.disconnected = True
            self._active.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, as far as it is well framed; set a deadline for the rest."""
        if self._refused or self.transport.is_closing():
            return
        if self._lingers:
            self._drop(data)
            return
        self._unset_keepalive_if_required()
        if self._is_behind_a_stream():
            self._refuse("")
            return
        self._head_bytes += len(data)
        framed, fault = self._framing.feed(data)
        if framed:
            self._parse(framed)
        if fault:
            self._refuse(fault, in_body=self._framing.in_body)
        elif self._head_bytes > MAX_HEAD_BYTES or (self._framing.is_open and self._is_behind_a_stream()):
            self._refuse("", in_body=self._framing.in_body)
        self._watch()

    def close_behind_body(self) -> None:
        """Close the connection once the unneeded body of the answered request has arrived.

        Closing at once would reset the connection, and the reset may overtake the answer.
        """
        self._lingers = self._framing.in_body
        if self._lingers:
            self._watch()
        else:
            self.transport.close()

    def _drop(self, data: bytes) -> None:
        _, fault = self._framing.feed(data)
        if fault or not self._framing.in_body:
            self.transport.close()

    def _is_behind_a_stream(self) -> bool:
        """Whether the next byte begins another request behind a stream, which has no end to wait for."""
        return self.is_answering and self.cycle.scope["path"] == STREAM and not self._framing.in_body

    def _parse(self, framed: bytes) -> None:
        """Parse as uvicorn does, but without its log line for each bad request, and without going on after
        an Upgrade."""
        self._may_be_large = len(framed) > MAX_HEAD_BYTES  # a head is framed as a whole
        try:
            self.parser.feed_data(framed)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse("")

    def _refuse(self, why: str, *, in_body: bool = False) -> None:
        """Answer with the reason if that is possible, close, and read nothing more.

        ``in_body``: the error is in the body of the last request that was parsed, not in a new one.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.is_answering and not in_body and not self._keeps:
            # The answer under way is the connection's last, by the request's own word. What follows is not a
            # request (RFC 9112 section 9.6): some load balancers and scripts send an empty line too many.
            return
        if in_body and not self.is_answering:
            self.transport.close()  # answered already: anything more would be taken for the next answer
        elif self.is_answering and (not in_body or self.pipeline or self.cycle.response_started):
            self.transport.abort()  # in the midst of an answer nothing else can be said
        else:
            self._say(why)

    def _say(self, why: str) -> None:
        if not why and self._head_bytes > MAX_HEAD_BYTES:
            self.transport.write(TOO_LARGE)
            self.transport.close()
        else:
            super().send_400_response(why)
        if self.is_answering:  # the application waits for a body that does not come, and must not answer, too
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    # --- what the parser finds -----------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins; not behind a stream, whose own end uvicorn would then no longer tell it."""
        if self.is_answering and self.cycle.scope["path"] == STREAM:
            raise BadRequest
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        """Also a head that came in one piece has its bound."""
        if self._may_be_large:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > MAX_HEAD_BYTES:
                self._head_bytes = max(self._head_bytes, size)
                raise BadRequest
        if self.parser.should_upgrade() or len(self.pipeline) >= PIPELINED_MAX:
            raise BadRequest
        self._in_time()
        super().on_headers_complete()
        self._keeps = self.cycle.keep_alive
        if self._framing.in_body:
            # Answered before its body has come, it is the last one here: who sees the answer may send no body
            # (Expect), and the server would take the next request for it.
            self.cycle.keep_alive = False
            self.cycle.transport = cast("asyncio.Transport", Behind(self))
        if self._last:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Content is the application's to bound."""
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A whole request: the next one begins from nothing."""
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps and not self._last
        self._in_time()
        self._head_bytes = 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = Cycle  # uvicorn has no other way to name it
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    # --- the deadline --------------------------------------------------------------------

    def _watch(self) -> None:
        if self._deadline is None and self._owes():
            self._deadline = self.loop.call_later(PART_S, self.transport.close)

    def _owes(self) -> bool:
        """Return whether we wait for the client: inside a request, or before one after bytes that do not
        begin one."""
        return self._framing.is_open or not self.is_answering

    @property
    def is_answering(self) -> bool:
        """Return whether a request is not answered completely yet."""
        # There is none before the first, whatever its type says.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
