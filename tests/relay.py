"""A relay between a client and a server, for what no network does on request: delay, stall, cut, swap.

Over Unix sockets and over TCP, as its target is. What is random comes from a seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

STREAM = b"GET /v1/events"
SUBSCRIBE = b"SUBSCRIBE"
PIECES = 256
"""Read and not written yet, in each direction; then the sender has to wait, as on a real line."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How long bytes take, each way: ``delay_ms`` ± ``jitter_ms``, drawn evenly; they never overtake.

    A spike: for ``spike_ms`` nothing arrives, on no connection; between two of them lies a time drawn
    from half to one and a half times ``spike_every_s``.
    """

    delay_ms: float = 0
    jitter_ms: float = 0
    spike_ms: float = 0
    spike_every_s: float = 0


CALM = Weather()


class Cut(Enum):
    """How a connection ends."""

    RESET = "RST"
    CLOSE = "FIN"


class Passage:
    """One connection through the relay."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter, flowing: bool) -> None:
        self.is_stream = False
        """Carries an event stream."""
        self.is_subscription = False
        """Carries a subscription of the store's."""
        self.is_over = False
        self.up, self.down = asyncio.Event(), asyncio.Event()
        if flowing:
            self.up.set()
            self.down.set()
        self._near, self._far = near, far

    def cut(self, how: Cut = Cut.RESET) -> None:
        """Both ways; what was on its way is lost."""
        self.is_over = True
        for writer in (self._near, self._far):
            if how is Cut.RESET:
                _linger_not(writer)
                writer.transport.abort()
            else:
                writer.close()
        self.flow()

    def stall(self, *, up: bool = True, down: bool = True) -> None:
        """Nothing is forwarded any more; nobody is told."""
        if up:
            self.up.clear()
        if down:
            self.down.clear()

    def flow(self) -> None:
        """Again, what waited first."""
        self.up.set()
        self.down.set()


Trap = Callable[[Passage, bytes], int | None]
"""Looks at what goes to the client: after how many bytes of it the connection ends, or ``None``."""
Which = Callable[[Passage], bool]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


def everyone(_: Passage) -> bool:
    """Every connection."""
    return True


class Relay:
    """Forwards bytes both ways between its own address and ``target``'s."""

    def __init__(self, target: str, weather: Weather = CALM, seed: int = 0) -> None:
        """``target``: ``unix://…`` or ``…://host:port``; may be changed, for new connections."""
        self.target = target
        self.weather = weather
        self.url = ""
        self.connections = 0
        self.passages: list[Passage] = []
        self.stalled_bytes = asyncio.Event()
        """Set when something came while nothing flows."""
        self.is_down = False
        """New connections are refused, as by a machine that is there and a server that is not."""
        self.trap: Trap | None = None
        self.on_stream: Callable[[Passage], object] | None = None
        """What becomes of a connection when it is asked for an event stream."""
        self.how = Cut.RESET
        """How the trap cuts."""
        self.added_ms: list[float] = []
        """What each piece was delayed by."""
        self._random = Random(seed)
        self._flows = True
        self._spike_at = 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """Listens within it; leaves no connection."""
        self._spike_at = asyncio.get_running_loop().time() + self._calm_s()
        with tempfile.TemporaryDirectory(prefix="duo-") as folder:
            serving: set[asyncio.Task[None]] = set()

            def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.ensure_future(self._serve(reader, writer))
                serving.add(task)
                task.add_done_callback(serving.discard)

            server = await self._listen(Path(folder) / "r", serve)
            try:
                yield self
            finally:
                server.close()
                self.cut()
                for task in serving:
                    task.cancel()
                # No task group: what a test asserts within would come out wrapped in one.
                await asyncio.gather(*serving, return_exceptions=True)

    def stall(self, which: Which = everyone, *, up: bool = True, down: bool = True) -> None:
        """From now on nothing is forwarded; nobody is told. New connections stall too if all do."""
        self._flows = self._flows and which is not everyone
        self.stalled_bytes.clear()
        for passage in filter(which, self.passages):
            passage.stall(up=up, down=down)

    def flow(self) -> None:
        """Forward again, what waited first."""
        self._flows = True
        for passage in self.passages:
            passage.flow()

    def cut(self, which: Which = everyone, how: Cut = Cut.RESET) -> int:
        """These connections end, both ways; says how many."""
        found = [passage for passage in self.passages if which(passage)]
        for passage in found:
            passage.cut(how)
        self.passages = [passage for passage in self.passages if not passage.is_over]
        return len(found)

    @property
    def streams(self) -> int:
        """How many event streams run through it now."""
        return sum(passage.is_stream for passage in self.passages)

    # --- within ------------------------------------------------------------------------

    async def _listen(self, path: Path, serve: Serve) -> asyncio.Server:
        scheme = urlsplit(self.target).scheme
        if scheme == "unix":
            self.url = f"unix://{path}"
            return await asyncio.start_unix_server(serve, path)
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        at = urlsplit(self.target)
        if at.scheme == "unix":
            return await asyncio.open_unix_connection(at.path)
        return await asyncio.open_connection(at.hostname, at.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.is_down:
                raise ConnectionRefusedError
            there, here = await self._reach()
        except OSError:
            _linger_not(writer)
            writer.transport.abort()
            return
        passage = Passage(writer, here, self._flows)
        self.passages.append(passage)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(passage, reader, here, passage.up))
                group.create_task(self._pump(passage, there, writer, passage.down))
        finally:
            writer.close()
            here.close()
            if passage in self.passages:
                self.passages.remove(passage)

    async def _pump(
        self,
        passage: Passage,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        flowing: asyncio.Event,
    ) -> None:
        """One direction: read, and written when it is due."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(passage, pieces, sink, flowing))
            due = 0.0
            data = b"-"
            while data:
                with contextlib.suppress(OSError):
                    data = b""
                    data = await source.read(65536)
                if flowing is passage.up:
                    if not passage.is_stream and data.startswith(STREAM):
                        passage.is_stream = True
                        if self.on_stream:
                            self.on_stream(passage)
                    passage.is_subscription = passage.is_subscription or SUBSCRIBE in data
                if data and not flowing.is_set():
                    self.stalled_bytes.set()
                due = max(due, self._due(data))
                await pieces.put((due, data))

    async def _write(
        self,
        passage: Passage,
        pieces: asyncio.Queue[tuple[float, bytes]],
        sink: asyncio.StreamWriter,
        flowing: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        sink.transport.set_write_buffer_limits(0)
        while True:
            due, data = await pieces.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await flowing.wait()
            if not data:
                break
            if passage.is_over:
                continue  # read on: the other end must not be held up by what nobody gets
            passes = self.trap(passage, data) if self.trap and flowing is passage.down else None
            with contextlib.suppress(OSError):
                sink.write(data[:passes])
                await sink.drain()
            if passes is not None:
                self.cut(lambda one: one is passage, self.how)
        with contextlib.suppress(OSError, RuntimeError):
            sink.write_eof()

    def _due(self, data: bytes) -> float:
        now, weather = asyncio.get_running_loop().time(), self.weather
        if weather is CALM or not data:
            return now
        spike_s = weather.spike_ms / 1000
        while spike_s and now >= self._spike_at + spike_s:
            self._spike_at += spike_s + self._calm_s()
        begins = self._spike_at + spike_s if spike_s and now >= self._spike_at else now
        drawn = self._random.uniform(-1, 1) * weather.jitter_ms + weather.delay_ms
        due = begins + drawn / 1000
        self.added_ms.append((due - now) * 1000)
        return due

    def _calm_s(self) -> float:
        return self._random.uniform(0.5, 1.5) * self.weather.spike_every_s


def _linger_not(writer: asyncio.StreamWriter) -> None:
    """What is closed now ends by a reset, as a network does that forgot the connection."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
