"""The real command, on a store that can die, with a relay in front of each server and one behind it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Sequence

from tests.faults.register import Register
from tests.faults.store import MortalStore, mortal_store
from tests.freezing import frozen
from tests.relay import CALM, Relay, Weather
from tests.serving import COMMAND, Serving

ROOM = ("--no-page", "--no-limits", "--relax-after-ms", "300")
"""All come from one address, and the few who skip often have soon met all others, and shall meet again."""
SECRET = secrets.token_urlsafe(32)


class Server:
    """A server process; a new one takes its place at the same port."""

    def __init__(self, options: Sequence[str], relay: Relay, without: str) -> None:
        """``relay``: its way to the store; ``without``: a guard that is off (``tests.faults.without``)."""
        self.relay = relay
        self.port = 0
        self._options = options
        self._command = (
            (sys.executable, "-m", "tests.faults.without", without, "serve") if without else COMMAND
        )
        self._process: Serving | None = None

    @property
    def url(self) -> str:
        """Of the server itself."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the present process."""
        assert self._process is not None
        return self._process.pid

    @property
    def ops_url(self) -> str:
        """The operator's pages of the present process."""
        assert self._process is not None
        return self._process.ops_url

    async def start(self) -> None:
        """It serves when this returns."""
        port = ("--port", str(self.port))
        self._process = Serving(*port, *self._options, command=self._command, DUOLOGUE_SECRET=SECRET)
        await asyncio.to_thread(self._process.ready)
        self.port = self._process.port

    async def kill(self) -> None:
        """kill -9, if it still runs."""
        if self._process is not None:
            await asyncio.to_thread(self._process.kill)

    async def stop(self) -> None:
        """SIGTERM, and it went in good order."""
        assert self._process is not None
        assert await asyncio.to_thread(self._process.stop) == 0

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """SIGSTOP until it is left."""
        return frozen(self.pid)


class House:
    """A store, servers on it, and what is read of the store all the while."""

    def __init__(self, store: MortalStore, servers: Sequence[Server], register: Register) -> None:
        self.store, self.servers, self.register = store, servers, register


@contextlib.asynccontextmanager
async def house(
    servers: int = 1,
    *,
    durable: bool = True,
    pools: Sequence[str] = ("main",),
    to_store: Weather = CALM,
    without: str = "",
    options: Sequence[str] = (),
    clock: bool = False,
    binary: str = "",
) -> AsyncIterator[House]:
    """Serving; leaves no process."""
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(mortal_store(durable=durable, clock=clock, binary=binary))
        made = []
        for n in range(servers):
            relay = await stack.enter_async_context(Relay(store.url, to_store, seed=n).running())
            given = ("--redis-url", relay.url, "--pools", ",".join(pools), *ROOM, *options)
            server = Server(given, relay, without)
            stack.push_async_callback(server.kill)
            await server.start()
            made.append(server)
        register = await stack.enter_async_context(Register(store).kept())
        yield House(store, made, register)
