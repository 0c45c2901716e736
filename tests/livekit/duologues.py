"""Duologue servers on one store and one LiveKit server, each killed and started again where it was."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator

import redis.asyncio

from duologue.pairing.invariants import Snapshot
from tests.chaos.dump import at_once
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import KEY, SECRET, Ground
from tests.livekit.waiting import until
from tests.servers import StoreServer
from tests.serving import Serving, serving

STEPS = ("opening", "open", "closing")


class Duologues:
    """Two servers on one store and one LiveKit; each can be killed and started again where it was."""

    def __init__(self, ground: Ground, store: StoreServer) -> None:
        self.ground = ground
        self.store = store
        self.servers: list[Serving] = []
        self.kills: dict[str, int] = dict.fromkeys(STEPS, 0)
        self._running = contextlib.ExitStack()
        self._secret = secrets.token_urlsafe(32)

    async def open(self, servers: int) -> None:
        for _ in range(servers):
            self.servers.append(await self._started())

    async def close(self) -> None:
        await asyncio.to_thread(self._running.close)

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    async def seen(self) -> Snapshot:
        async with redis.asyncio.Redis.from_url(self.store.url, protocol=2) as client:
            return await at_once(client)

    async def kill_at(self, step: str, n: int) -> None:
        """LiveKit is held still until a room is at that step; then the server dies, and comes back."""
        if step != "open":
            self.ground.freeze()
        try:
            with contextlib.suppress(AssertionError):  # whatever it is at after a while
                await until(lambda: self._is_at(step), step, within_s=3)
                self.kills[step] += 1
            await asyncio.to_thread(self.servers[n].kill)
        finally:
            self.ground.thaw()
        self.servers[n] = await self._started(port=self.servers[n].port)

    async def _is_at(self, step: str) -> bool:
        return step in [room["step"] for room in (await self.seen()).rooms.values()]

    async def _started(self, port: int = 0) -> Serving:
        options = ("--no-page", "--redis-url", self.store.url, "--rematch-ms", "1", "--port", str(port))
        environment = {
            "DUOLOGUE_SECRET": self._secret,
            "DUOLOGUE_MEDIA": "livekit",
            "DUOLOGUE_LIVEKIT_URL": self.ground.project.ws_url,
            "DUOLOGUE_LIVEKIT_API_KEY": KEY,
            "DUOLOGUE_LIVEKIT_API_SECRET": SECRET,
            "DUOLOGUE_LIVEKIT_NAMESPACE": NAMESPACE.name,
        }
        return await asyncio.to_thread(self._running.enter_context, serving(*options, **environment))


@contextlib.asynccontextmanager
async def duologues(ground: Ground, store: StoreServer, count: int) -> AsyncIterator[Duologues]:
    """Ready within it; none of them is left."""
    made = Duologues(ground, store)
    try:
        await made.open(count)
        yield made
    finally:
        await made.close()
