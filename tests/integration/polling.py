"""A page that polls a process, as a client of the protocol does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from duologue.delivery.poll import Asked, Reply, Untold
from duologue.pairing.vocabulary import Barred, LastRead, PageId, PersonId
from tests.integration.streams import PATIENCE_S, Process

Read = dict[str, Any]


class Poller:
    """What it has read, and what its next poll says of that."""

    def __init__(self, process: Process, person: str, page: str) -> None:
        """``process``: where its polls go, until that is changed."""
        self.process = process
        self.person = PersonId(person)
        self.page = PageId(page)
        self.reads: list[Read] = []
        self.refused: list[Untold] = []
        self.texts: list[str] = []
        self.signals: list[int] = []
        self.version: int | None = None
        self.match = ""
        self.n = self.signal_n = 0
        self._read = asyncio.Event()

    @property
    def state(self) -> dict[str, Any]:
        """As read last."""
        state: dict[str, Any] = self.reads[-1]["state"]
        return state

    async def poll(self, wait_s: float = 0.0) -> Reply:
        """One poll, its reply taken in."""
        asked = Asked(self.version, wait_s, LastRead(self.match, self.n), self.signal_n)
        with self.process.polls.ask(self.person, self.page, asked, alias=self.person.title()) as asking:
            found = await asking.reply()
        self._take(found)
        return found

    def _take(self, found: Reply) -> None:
        assert not isinstance(found, Barred)
        if isinstance(found, Untold):
            self.refused.append(found)
            self.version = None  # what it has may be of no use
        else:
            read: Read = msgspec.json.decode(found)
            self.reads.append(read)
            self.version = read["state"]["version"]
            match = read["state"].get("match", {}).get("match", "")
            if match != self.match:
                self.match, self.n, self.signal_n = match, 0, 0
            for each in read["messages"]:
                self.texts.append(each["text"])
                self.n = each["n"]
            for each in read["signals"]:
                self.signals.append(each["n"])
                self.signal_n = each["n"]
        self._read.set()

    async def until(self, holds: Callable[["Poller"], bool]) -> None:
        """Wait, while it keeps polling, until that holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not (self.reads and holds(self)):
                self._read.clear()
                await self._read.wait()

    async def is_in(self, state: str) -> None:
        """Wait until that is its state."""
        await self.until(lambda page: page.state["state"] == state)

    @contextlib.asynccontextmanager
    async def keeping_on(self) -> AsyncIterator["Poller"]:
        """Poll after poll until the block is left; then its client has hung up."""
        task = asyncio.ensure_future(self._keep_on())
        try:
            await self.until(lambda _: True)
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_on(self) -> None:
        while True:
            if isinstance(await self.poll(wait_s=15), Untold):
                await asyncio.sleep(0.05)  # as a client: not at once
