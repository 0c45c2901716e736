"""The transport over aiohttp, which ``pip install duologue[client]`` brings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from duologue.client.errors import Unreached
from duologue.client.transport import Answer

CONNECT_S = 5.0
"""A server that does not accept a connection within this time is unreachable."""


def http_session() -> aiohttp.ClientSession:
    """Return a session for any number of clients: as many sockets as they need, no cookies, no deadline on
    a stream."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
    )


class HttpTransport:
    """One server at ``base`` (``http://host:port``). The caller keeps and closes the session."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.base = base.rstrip("/")
        self._session = session

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        """Send one request and return its whole answer. Raises ``Unreached``."""
        headers = _headers(token, **({} if body is None else {"Content-Type": "application/json"}))
        try:
            async with self._session.request(
                method, self.base + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                read = await response.read()
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, read, found)
        except (aiohttp.ClientError, OSError) as error:
            raise Unreached(f"{method} {path}: {error}") from error

    @asynccontextmanager
    async def stream(self, path: str, *, token: str, last_event_id: str = "") -> AsyncIterator["HttpStream"]:
        """Open a stream; leaving the block closes the socket. Raises ``Unreached``."""
        headers = _headers(token, Accept="text/event-stream")
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        try:
            response = await self._session.get(self.base + path, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, OSError) as error:
            raise Unreached(f"GET {path}: {error}") from error
        try:
            yield HttpStream(response)
        finally:
            response.close()


class HttpStream:
    """An answer whose body continues."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self._response.status

    async def read(self) -> bytes:
        """Return what arrived; empty at the end. Raises ``Unreached``."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise Unreached(f"the stream broke: {error}") from error


def _headers(token: str, **more: str) -> dict[str, str]:
    return {**({"Authorization": f"Bearer {token}"} if token else {}), **more}
