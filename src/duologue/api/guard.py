"""What a connection may keep us waiting for, and what it may make us keep."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 32 * 1024
"""A request line with its headers; of a body, what is not content: chunk sizes and trailers. The parser has
no bounds of its own. A token has 4 KiB; the rest is for other programs' cookies on the same host."""
PART_S = 10.0
"""For a request's head, from the connection or its first byte on, and again for its body (64 KiB at most)."""
STREAM = "/v1/events"
"""Whose answer has no end that a second request could wait for."""
CUT = "duologue.cut"
"""The ASGI extension that breaks an answer off which nobody reads: ``scope["extensions"][CUT]["now"]()``."""

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Refused(Exception):
    """Raised in the parser's callbacks, which ends its work; ``data_received`` knows what to do."""


class Guard(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for a request for ever and takes headers without end."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._head_bytes = 0
        """Read since the last request was whole, the content of its body left out."""
        self._begun = False
        """Whether a request has begun and is not whole yet."""
        self._deadline: asyncio.TimerHandle | None = None
        self._last = False
        """Whether each answer says from now on that the connection closes behind it."""

    def make_last(self) -> None:
        """The server is going away: the answer under way is the last here, or the next one; both say so.

        To close a connection that is quiet now would cross the request that a proxy is just sending on it.
        """
        self._last = True
        if self.is_answering:
            self.cycle.keep_alive = False

    def cut(self) -> None:
        """End it now, answered or not; not even a reader who takes nothing is waited for."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """The first request has its time from here on."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of ours stays behind."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """What came is parsed, and what it leaves open has a deadline."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("")
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse and close. An answer under way is cut: in the midst of it nothing else can be said."""
        if self.transport.is_closing():
            return
        if self.is_answering:
            self.transport.abort()
        elif self._head_bytes > MAX_HEAD_BYTES:
            self.transport.write(TOO_LARGE)
            self.transport.close()
        else:
            super().send_400_response(msg)

    # --- what the parser finds -----------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins; not behind a stream, whose own end uvicorn would then no longer tell it."""
        if self.is_answering and self.cycle.scope["path"] == STREAM:
            raise Refused
        self._begun = True
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"now": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """Also a head that came in one piece has its bound."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            self._head_bytes = max(self._head_bytes, size)
            raise Refused
        self._in_time()
        super().on_headers_complete()
        if self._last:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Content is the application's to bound."""
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A whole request: the next one begins from nothing."""
        self._in_time()
        self._begun = False
        self._head_bytes = 0
        super().on_message_complete()

    # --- the deadline --------------------------------------------------------------------

    def _watch(self) -> None:
        if self._deadline is None and self._owes():
            self._deadline = self.loop.call_later(PART_S, self.transport.close)

    def _owes(self) -> bool:
        """Whether the client is the one to speak: in a request, or, by bytes that are none, before one."""
        return self._begun or not self.is_answering

    @property
    def is_answering(self) -> bool:
        """Whether there is a request that was not answered to its end."""
        # There is none before the first, whatever its type says.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
