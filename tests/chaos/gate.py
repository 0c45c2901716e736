"""A frozen device: its sockets stay open, and nothing that runs on it moves."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random

from duologue.client.clock import SystemClock
from duologue.client.http import HttpTransport
from duologue.client.transport import Answer, ByteStream


class Gate:
    """Open, or frozen. What is on its way to the server when it closes still arrives there."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._limits: dict[asyncio.Timeout, float | None] = {}
        self.under_way = 0

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return not self._open.is_set()

    def freeze(self) -> None:
        """From now on nothing moves."""
        self._open.clear()
        for limit in self._limits:
            self.hold(limit)

    def thaw(self) -> None:
        """Go on; deadlines have what they had left."""
        now = asyncio.get_running_loop().time()
        for limit, left in self._limits.items():
            if left is not None and not limit.expired():
                limit.reschedule(now + left)
        self._open.set()

    async def passed(self) -> None:
        """Return when it is open."""
        await self._open.wait()

    @contextlib.contextmanager
    def known(self, limit: asyncio.Timeout) -> Iterator[None]:
        """This deadline stands still with the rest."""
        self._limits[limit] = None
        if self.frozen:
            self.hold(limit)
        try:
            yield
        finally:
            del self._limits[limit]

    def hold(self, limit: asyncio.Timeout) -> None:
        """It does not come nearer."""
        when = limit.when()
        if when is not None and not limit.expired():
            self._limits[limit] = max(0.0, when - asyncio.get_running_loop().time())
            limit.reschedule(None)


class GateClock(SystemClock):
    """The machine's time, unless the device is frozen."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await self._gate.passed()

    @contextlib.asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        async with asyncio.timeout(seconds) as limit:
            with self._gate.known(limit):
                yield


class GateTransport:
    """HTTP to any of several servers, drawn for each request; stands still with its device."""

    def __init__(
        self, gate: Gate, servers: Sequence[HttpTransport], random: Random, *, streams: bool = True
    ) -> None:
        """``streams``: off, none reaches this device, and it polls."""
        self._gate = gate
        self._streams = streams
        self._servers = servers
        self._random = random

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        await self._gate.passed()
        self._gate.under_way += 1
        try:
            server = self._random.choice(self._servers)
            answer = await server.request(method, path, token=token, body=body)
        finally:
            self._gate.under_way -= 1
        await self._gate.passed()
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, path: str, *, token: str, last_event_id: str = "") -> AsyncIterator[ByteStream]:
        await self._gate.passed()
        if not self._streams:
            yield NoStream()
            return
        server = self._random.choice(self._servers)
        async with server.stream(path, token=token, last_event_id=last_event_id) as stream:
            yield GateStream(self._gate, stream)


class NoStream:
    """What answers where streams are not let through."""

    status = 404

    async def read(self) -> bytes:
        return b""


class GateStream:
    """What came is read when the device moves."""

    def __init__(self, gate: Gate, stream: ByteStream) -> None:
        self._gate = gate
        self._stream = stream

    @property
    def status(self) -> int:
        return self._stream.status

    async def read(self) -> bytes:
        data = await self._stream.read()
        await self._gate.passed()
        return data


def now_ms() -> int:
    """All of it runs on one machine: one clock for people, servers and stores."""
    return time.time_ns() // 1_000_000
