"""Speaks HTTP/1.1 on raw sockets, so that the generator costs a fraction of the server that it measures.

Commands of all people share keep-alive sockets, as behind a proxy, one request at a time on each. An event
stream has a socket of its own. Nothing here knows what is said.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast
from urllib.parse import urlsplit

BODY_AT = b"\r\n\r\n"
CONNECTION_LOST = 0
"""The status that a caller reads in place of an answer that did not come."""
LENGTH = b"content-length:"

Answered = Callable[[int, bytes], None]


class Target(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Return the target of ``http://host:port``. Raises ``ValueError``."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8000")
        return cls(parts.hostname, parts.port or 80)


class _Line(asyncio.Protocol):
    """Carries one request after another."""

    def __init__(self, lines: "Lines") -> None:
        self._lines = lines
        self._answered: Answered | None = None
        self._read = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, answered: Answered) -> None:
        assert self.transport is not None
        self._answered = answered
        self.transport.write(request)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(BODY_AT)
        if end < 0:
            return
        head = bytes(self._read[:end]).lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        whole = end + len(BODY_AT) + length
        if len(self._read) < whole:
            return
        body = bytes(self._read[end + len(BODY_AT) : whole])
        del self._read[:whole]
        answered, self._answered = self._answered, None
        if b"connection: close" in head:
            self.close()
        else:
            self._lines.free(self)
        if answered is not None:
            answered(int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio's signature
        self._lines.lost(self)
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(CONNECTION_LOST, b"")


class Lines:
    """Keeps sockets to one server and gives each request a free one."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._free: list[_Line] = []
        self._all: set[_Line] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    def ask(self, request: bytes, answered: Answered) -> None:
        """Send a whole request; ``answered`` gets status and body, or ``CONNECTION_LOST``."""
        if self._free:
            self._free.pop().ask(request, answered)
            return
        task = asyncio.get_running_loop().create_task(self._open(request, answered))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, request: bytes, answered: Answered) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: _Line(self), *self.target)
        except OSError:
            answered(CONNECTION_LOST, b"")
            return
        self._all.add(line)
        line.ask(request, answered)

    def free(self, line: _Line) -> None:
        """Use this socket again."""
        if self._closed:
            line.close()
        else:
            self._free.append(line)

    def lost(self, line: _Line) -> None:
        """Forget this socket."""
        self._all.discard(line)
        if line in self._free:
            self._free.remove(line)

    async def close(self) -> None:
        """Close all sockets."""
        self._closed = True
        await asyncio.gather(*self._opening, return_exceptions=True)
        for line in [*self._all]:
            line.close()
        await asyncio.sleep(0)


class StreamSocket(asyncio.Protocol):
    """Reads one event stream: ``on_data`` gets each ``data:`` line, ``on_end`` the status, once.

    A block that begins with ``retry:`` sets ``retry_ms``.
    """

    def __init__(
        self, request: bytes, on_data: Callable[[bytes], None], on_end: Callable[[int], None]
    ) -> None:
        self._request = request
        self._on_data = on_data
        self._on_end = on_end
        self._raw = b""
        self._text = b""
        self._chunked = False
        self.status = CONNECTION_LOST
        self.retry_ms = 500
        self.transport: asyncio.Transport | None = None
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._raw = self._raw + data if self._raw else data
        if self.status == CONNECTION_LOST and not self._head():
            return
        if self._chunked:
            self._dechunk()
        else:
            raw, self._raw = self._raw, b""
            self._feed(raw)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio's signature
        self._finish()

    def close(self) -> None:
        """Close the socket; ``on_end`` is not called."""
        self._done = True
        if self.transport is not None:
            self.transport.abort()

    def _head(self) -> bool:
        head, found, rest = self._raw.partition(BODY_AT)
        if not found:
            return False
        self.status = int(head[9:12])
        self._chunked = b"transfer-encoding: chunked" in head.lower()
        self._raw = rest
        return True

    def _dechunk(self) -> None:
        raw, at = self._raw, 0
        while (line := raw.find(b"\r\n", at)) >= 0:
            size = int(raw[at:line], 16)
            end = line + 2 + size
            if len(raw) < end + 2:
                break
            at = end + 2
            if size == 0:
                self._raw = b""
                self._finish()
                if self.transport is not None:
                    self.transport.close()
                return
            self._feed(raw[line + 2 : end])
        self._raw = raw[at:]

    def _feed(self, piece: bytes) -> None:
        lines = (self._text + piece).split(b"\n")
        self._text = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                if not self._done:
                    self._on_data(line[5:])
            elif line.startswith(b"retry:"):
                self.retry_ms = int(line[6:])

    def _finish(self) -> None:
        if not self._done:
            self._done = True
            self._on_end(self.status)
