"""A relay between a client and a store server, for what no server does on request: stall, cut, swap."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path


class Relay:
    """Forwards bytes both ways between its own Unix socket and ``target``'s."""

    def __init__(self, target: str) -> None:
        """``target``: a ``unix://`` address; may be changed, new connections go to the new one."""
        self.target = target
        self.url = ""
        self.connections = 0
        self._open: list[asyncio.StreamWriter] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.stalled_bytes = asyncio.Event()
        """Set when something came while nothing flows."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """Listens within it; leaves no connection."""
        with tempfile.TemporaryDirectory(prefix="duo-") as folder:
            path = Path(folder) / "r"
            self.url = f"unix://{path}"
            server = await asyncio.start_unix_server(self._serve, path)
            try:
                yield self
            finally:
                server.close()
                self.cut()
                self._flowing.set()

    def stall(self) -> None:
        """From now on nothing is forwarded; nobody is told."""
        self._flowing.clear()
        self.stalled_bytes.clear()

    def flow(self) -> None:
        """Forward again, what waited first."""
        self._flowing.set()

    def cut(self) -> None:
        """Every connection ends, both ways."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, here = await asyncio.open_unix_connection(self.target.removeprefix("unix://"))
        self._open += [writer, here]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, here))
            group.create_task(self._pump(there, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if not self._flowing.is_set():
                    self.stalled_bytes.set()
                    await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
