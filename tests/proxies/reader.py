"""People behind a proxy: what they ask, and their streams, each frame with the instant at which it came."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from duologue.client.sse import Parser

OPEN_S = 3.0
"""A proxy that keeps even the head of the answer is found out."""
PATIENCE_S = 15.0
"""How long anything may take before a test gives up; none takes it."""


@dataclass(frozen=True, slots=True)
class Read:
    """A frame, and when it came (monotonic)."""

    frame: dict[str, Any]
    at_s: float


class Reader:
    """A person who came through a proxy, with a separate session."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self.http = http
        self.reads: list[Read] = []
        self.ended = asyncio.Event()
        self.headers = httpx.Headers()
        self.version = ""
        self._who = {"Authorization": f"Bearer {token}"}
        self._told = asyncio.Event()
        self._next = 0

    @classmethod
    async def come(cls, http: httpx.AsyncClient) -> "Reader":
        """Begin as a new person."""
        answer = await http.post("/v1/sessions", json={"cookie": False})
        assert answer.status_code == 201, answer.text
        return cls(http, answer.json()["token"])

    async def ask(self, command: str, **body: object) -> dict[str, Any]:
        """A command, which must be accepted."""
        answer = await self.http.post(f"/v1/{command}", json=body, headers=self._who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> httpx.Response:
        """As this person."""
        return await self.http.get(path, headers=self._who)

    @contextlib.asynccontextmanager
    async def reading(self, page: str) -> AsyncIterator["Reader"]:
        """The stream is open within it; leaving closes it, as a closed tab does. Raises ``TimeoutError``."""
        async with contextlib.AsyncExitStack() as closing:
            async with asyncio.timeout(OPEN_S):
                opening = self.http.stream("GET", f"/v1/events?page={page}", headers=self._who)
                answer = await closing.enter_async_context(opening)
            assert answer.status_code == 200, await answer.aread()
            self.headers, self.version = answer.headers, answer.http_version
            task = asyncio.ensure_future(self._read(answer))
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def next(self, kind: str, within_s: float = PATIENCE_S) -> Read:
        """The next frame of this type, those of other types passed over. Raises ``TimeoutError``."""
        async with asyncio.timeout(within_s):
            while True:
                while self._next < len(self.reads):
                    found = self.reads[self._next]
                    self._next += 1
                    if found.frame["type"] == kind:
                        return found
                self._told.clear()
                await self._told.wait()

    async def _read(self, answer: httpx.Response) -> None:
        parser = Parser()
        try:
            async for data in answer.aiter_bytes():
                at_s = time.monotonic()
                self.reads += [Read(msgspec.json.decode(e.data), at_s) for e in parser.feed(data)]
                self._told.set()
        except httpx.HTTPError:
            pass  # cut, in place of ended
        finally:
            self.ended.set()
