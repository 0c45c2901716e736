"""A relay in front of the server that cuts event streams, or lets none through; media stays up.

In a thread of its own: the browser tests are no coroutines.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from tests.relay import CALM, Passage, Relay, Weather

PATIENCE_S = 10


class Cutter:
    """``tests.relay.Relay`` for tests that block."""

    def __init__(self, target: tuple[str, int], weather: Weather = CALM) -> None:
        """``target``: a server's address; it may come and go. ``weather``: how long bytes take."""
        self._relay = Relay(f"http://{target[0]}:{target[1]}", weather)
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self.port = 0

    @contextlib.contextmanager
    def running(self) -> Iterator["Cutter"]:
        """Listens within it; leaves no connection and no thread."""
        listens = threading.Event()
        thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._relaying(listens)))
        thread.start()
        try:
            assert listens.wait(PATIENCE_S)
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._over.set)
            thread.join()
            self._loop.close()

    @property
    def streams(self) -> int:
        """How many event streams run through it now."""
        return self._relay.streams

    def cut(self) -> int:
        """Ends every event stream both ways, by reset; says how many."""

        async def cut() -> int:
            return self._relay.cut(lambda passage: passage.is_stream)

        return asyncio.run_coroutine_threadsafe(cut(), self._loop).result(PATIENCE_S)

    def hold(self) -> None:
        """From now on it is a proxy that buffers: what a stream brings stays with it."""
        self._relay.on_stream = lambda passage: passage.stall(up=False)

    def block(self) -> None:
        """From now on it ends each stream that is asked for."""
        self._relay.on_stream = Passage.cut

    def let(self) -> None:
        """From now on streams pass again; one that is held stays held."""
        self._relay.on_stream = None

    async def _relaying(self, listens: threading.Event) -> None:
        async with self._relay.running():
            self.port = int(self._relay.url.rpartition(":")[2])
            listens.set()
            await self._over.wait()
        # The connections' tasks end by themselves once theirs is cut.
        own = asyncio.current_task()
        await asyncio.gather(
            *(task for task in asyncio.all_tasks() if task is not own), return_exceptions=True
        )
