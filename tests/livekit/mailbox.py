"""Where a LiveKit server's webhooks arrive in the tests; they are kept as they came."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from aiohttp import ClientSession, web

from tests.livekit.waiting import PATIENCE_S

PATH = "/v1/livekit/webhook"


class Letter(NamedTuple):
    """One request."""

    body: bytes
    authorization: str

    @property
    def event(self) -> dict[str, Any]:
        """The body, believed."""
        read: dict[str, Any] = json.loads(self.body)
        return read


class Mailbox:
    """Answers 200 to each, and keeps it; an answer that Duologue refuses to give fails the request."""

    def __init__(self) -> None:
        self.url = ""
        self.letters: list[Letter] = []
        self.forward_to = ""
        """A Duologue server that gets each of them too, once it is known."""
        self._came = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Mailbox"]:
        """Listens on a free port of this machine within it."""
        app = web.Application()
        app.router.add_post(PATH, self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}{PATH}"
            yield self
        finally:
            await runner.cleanup()

    def about(self, room: str) -> list[Letter]:
        """Those that name this room, as they came."""
        return [each for each in self.letters if each.event.get("room", {}).get("name") == room]

    async def until(self, holds: Callable[[list[Letter]], bool], what: str) -> list[Letter]:
        """All letters, once they are as wanted."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._came:
                await self._came.wait_for(lambda: holds(self.letters))
        except TimeoutError:
            kinds = [each.event.get("event") for each in self.letters]
            raise AssertionError(f"no mail that {what}; there are {kinds}") from None
        return self.letters

    async def first(self, kind: str, room: str) -> Letter:
        """The first of a kind about a room."""

        def found() -> list[Letter]:
            return [each for each in self.about(room) if each.event["event"] == kind]

        await self.until(lambda _: bool(found()), f"says {kind} of {room}")
        return found()[0]

    async def _take(self, request: web.Request) -> web.Response:
        letter = Letter(await request.read(), request.headers.get("Authorization", ""))
        async with self._came:
            self.letters.append(letter)
            self._came.notify_all()
        if self.forward_to:
            await self._forward(letter, request.content_type)
        return web.Response()

    async def _forward(self, letter: Letter, content_type: str) -> None:
        headers = {"Authorization": letter.authorization, "Content-Type": content_type}
        async with (
            ClientSession() as session,
            session.post(self.forward_to + PATH, data=letter.body, headers=headers) as answer,
        ):
            assert answer.status < 300, await answer.text()
