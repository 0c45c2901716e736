"""A store in virtual time: one call after the other, each takes as long as a test says, and it can hang.

``Store`` runs on it unchanged; only its connections are made here.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hiredis
from redis import exceptions as library

from duologue.store.client import Store
from duologue.store.errors import StoreInterrupted, StoreUnavailable
from duologue.store.link import Address, Link, ServerInfo, pack
from tests.unit.store.virtual import now

OK = b"OK"


@dataclass(frozen=True)
class Lua:
    """A script as the machine hands it over."""

    name: str

    @property
    def source(self) -> bytes:
        return self.name.encode()

    @property
    def sha1(self) -> str:
        """The store's name for it; here simply its own."""
        return self.name


@dataclass
class Server:
    """The store: what it ran, in which order, and when."""

    cost_s: float = 0.001
    """What a script takes, if it is not in ``shares``."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """What others take, as a share of that."""
    way_s: float = 0.0
    """How long the way to the store takes, and the way back."""
    ran: list[str] = field(default_factory=list)
    """The first argument of each script that ran, in order."""
    connections: int = 0
    links: list["Wire"] = field(default_factory=list)
    knows: set[str] | None = None
    """The scripts that it keeps; ``None``: all."""
    answers: dict[str, library.RedisError] = field(default_factory=dict)
    """By first argument: what is answered in its place."""
    run_id: str = "a"
    refuses: bool = False
    """Whether it refuses connections."""
    _waiting: deque[tuple["Wire", list[bytes]]] = field(default_factory=deque)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _hung_until: float = 0.0

    def hang(self, seconds: float) -> None:
        """Do nothing for so long; what is sent meanwhile is kept, and done then."""
        self._hung_until = now() + seconds

    def cut(self) -> None:
        """End every connection; what was sent and not done yet is lost."""
        self._waiting.clear()
        for link in self.links:
            link.break_off()
        self.links.clear()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._serve())
            try:
                yield self
            finally:
                task.cancel()

    async def connect(self, address: Address, connect_s: float) -> Link:
        """In place of ``Link.open``."""
        await asyncio.sleep(0)
        if self.refuses:
            raise StoreUnavailable(f"{address.shown}: refused")
        self.connections += 1
        wire = Wire(self)
        self.links.append(wire)
        return wire

    def accept(self, wire: "Wire", command: list[bytes]) -> None:
        """It is in the server's hands from now on, whatever becomes of the connection."""
        self._waiting.append((wire, command))
        self._wanted.set()

    async def _serve(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._waiting:
                await self._hung()
                wire, command = self._waiting.popleft()
                await asyncio.sleep(self._takes(command))
                reply = self._do(command)
                if self.way_s:
                    asyncio.get_running_loop().call_later(2 * self.way_s, wire.hear, reply)
                else:
                    wire.hear(reply)

    async def _hung(self) -> None:
        while (left_s := self._hung_until - now()) > 0:  # noqa: ASYNC110 # a later hang may have come
            await asyncio.sleep(left_s)

    def _takes(self, command: list[bytes]) -> float:
        if command[0] != b"EVALSHA":
            return 0.0
        return self.cost_s * self.shares.get(command[1].decode(), 1.0)

    def _do(self, command: list[bytes]) -> Any:
        if command[0] == b"SCRIPT":
            assert self.knows is not None
            self.knows.add(command[2].decode())
            return OK
        if command[0] != b"EVALSHA":
            return OK
        if self.knows is not None and command[1].decode() not in self.knows:
            return library.NoScriptError("NOSCRIPT no such script")
        what = command[3].decode()
        if what in self.answers:
            return self.answers[what]
        self.ran.append(what)
        return what.encode()


class Wire(Link):
    """A connection to it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._replies: deque[Any] = deque()
        self._heard = asyncio.Event()
        self._is_broken = False
        self.is_closed = False

    def hear(self, reply: Any) -> None:
        self._replies.append(reply)
        self._heard.set()

    def break_off(self) -> None:
        self._is_broken = True
        self._heard.set()

    async def close(self) -> None:
        self.is_closed = True

    async def send(self, packed: bytes) -> None:
        if self._is_broken:
            raise StoreInterrupted("broken")
        reader = hiredis.Reader()
        reader.feed(packed)
        while (command := reader.gets()) is not False:
            self._server.accept(self, command)

    async def read(self) -> Any:
        while not self._replies:
            if self._is_broken:
                raise StoreInterrupted("broken")
            self._heard.clear()
            await self._heard.wait()
        reply = self._replies.popleft()
        if isinstance(reply, library.ConnectionError):  # the library raises what it takes for the end of one
            raise StoreInterrupted(str(reply))
        return reply

    async def info(self) -> ServerInfo:
        await self.send(pack("PING"))
        await self.read()
        return ServerInfo("Simulated", "1", self._server.run_id, "noeviction")


def store_on(server: Server, on_suspicion: Callable[[str], None] = lambda _: None) -> Store:
    """A client of it, with the time of the loop."""
    return Store("redis://simulated", on_suspicion=on_suspicion, now=now, connect=server.connect)


class Book:
    """What became of calls: ``answered``, or the name of what was raised."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.waited_s: list[float] = []

    def wasted(self, server: Server) -> int:
        """How many calls the store ran for nobody."""
        return len(server.ran) - len(self.answered)
