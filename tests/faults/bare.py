"""People without a client's wits, on plain sockets: readers who stop reading, or read a byte a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from duologue.client.api import Api
from duologue.client.clock import SystemClock
from duologue.client.errors import ClientError
from duologue.client.http import HttpTransport
from duologue.client.vocabulary import MediaWord, Outcome

RECEIVE_BYTES = 4096
"""How much the kernel keeps for a client that does not read."""
PULSE_S = 1.0
CALL_S = 30.0


class Bare:
    """A person whose stream is a socket, and who says once a second that all is well."""

    def __init__(self, port: int, http: HttpTransport) -> None:
        self.token = ""
        self.match = ""
        self.told = asyncio.Event()
        """Their stream said that the partner is away."""
        self.away_at_s = 0.0
        """When, by the event loop's clock."""
        self._port = port
        self._api = Api(http, SystemClock())

    @contextlib.asynccontextmanager
    async def connected(self, name: str) -> AsyncIterator[asyncio.StreamReader]:
        """Their open stream, of which the first frame is read; then aborted."""
        self.token = (await self._api.grant(token="", alias=name)).token
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self._port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=RECEIVE_BYTES)
        ask = f"GET /v1/events?page=p_1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n"
        writer.write(ask.encode())
        await reader.readuntil(b'"snapshot"')
        try:
            yield reader
        finally:
            writer.transport.abort()

    async def join(self, pool: str) -> None:
        """Join the queue of that pool, and meet a person who waits there."""
        await self._api.command("join", {"intent": 1, "pool": pool}, token=self.token)

    async def finds(self) -> str:
        """The match that they are in, as soon as there is one."""
        while not self.match:
            state = await self._api.state(token=self.token)
            self.match = state.match.match if state.match else ""
        return self.match

    async def lives(self) -> None:
        """Says that media is up, again and again."""
        while True:
            with contextlib.suppress(ClientError):
                body = {"match": self.match, "media": MediaWord.OPEN.value}
                await self._api.command("pulse", body, token=self.token, timeout_s=CALL_S)
            await asyncio.sleep(PULSE_S)

    async def floods(self, text: str, until: Callable[[], bool]) -> int:
        """One message after another; how many the server took."""
        said = 0
        while not until():
            body = {"match": self.match, "key": f"k{said}", "text": text}
            with contextlib.suppress(ClientError):
                reply = await self._api.command("messages", body, token=self.token, timeout_s=CALL_S)
                if reply.outcome is not Outcome.SENT:
                    break
                said += 1
        return said

    async def reads(self, reader: asyncio.StreamReader) -> None:
        """All there is, looking for the frame that says that the partner is away."""
        rest = b""
        while data := await reader.read(RECEIVE_BYTES):
            rest = rest[-64:] + data
            if b'"partner-away"' in rest and not self.told.is_set():
                self.away_at_s = asyncio.get_running_loop().time()
                self.told.set()


async def trickles(reader: asyncio.StreamReader) -> None:
    """A byte a second."""
    while await reader.read(1):  # noqa: ASYNC110 # a second is what it is about
        await asyncio.sleep(1)
