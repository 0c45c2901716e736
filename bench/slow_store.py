"""A way to the store that makes it hang, or makes each script call cost as much as in a busy store."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

SCRIPTS = frozenset({b"EVAL", b"EVALSHA", b"FCALL", b"FCALL_RO", b"EVALSHA_RO"})


class SlowStore:
    """One queue for all connections, as the store's one thread has: first come, first served."""

    def __init__(self, target: str) -> None:
        """``target``: the path of the store's socket."""
        self.url = ""
        self.call_s = 0.0
        """What each script call costs."""
        self.calls = 0
        """Script calls that were let through."""
        self._target = target
        self._queue: asyncio.Queue[tuple[asyncio.StreamWriter, bytes, bool]] = asyncio.Queue()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def hang(self) -> None:
        """Answer nothing; what comes is kept, as the store's sockets would."""
        self._flowing.clear()

    def resume(self) -> None:
        """Go on with what was kept."""
        self._flowing.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["SlowStore"]:
        """Listen on a socket of its own."""
        with tempfile.TemporaryDirectory(prefix="duo-") as folder:
            path = Path(folder) / "s"
            server = await asyncio.start_unix_server(self._accept, str(path))
            core = asyncio.get_running_loop().create_task(self._core())
            self.url = f"unix://{path}"
            try:
                yield self
            finally:
                server.close()
                for task in [core, *self._tasks]:
                    task.cancel()
                await asyncio.gather(core, *self._tasks, return_exceptions=True)

    async def _core(self) -> None:
        """Do one call after another. ``free_at`` makes up for sleeps that are longer than asked for."""
        free_at = 0.0
        while True:
            far, command, is_script = await self._queue.get()
            await self._flowing.wait()
            if is_script:
                self.calls += 1
                free_at = max(perf_counter(), free_at) + self.call_s
                if (left := free_at - perf_counter()) > 0:
                    await asyncio.sleep(left)
            if not far.is_closing():
                far.write(command)

    async def _accept(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            reader, far = await asyncio.open_unix_connection(self._target)
        except OSError:  # the store was killed
            back.close()
            return
        down = asyncio.get_running_loop().create_task(self._down(reader, back))
        self._tasks.add(down)
        down.add_done_callback(self._tasks.discard)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                command, word = await _command(near)
                self._queue.put_nowait((far, command, word.upper() in SCRIPTS))
        down.cancel()
        far.close()
        back.close()

    async def _down(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                back.write(data)
                await back.drain()
        back.close()


async def _command(near: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return one command as it was sent, and its first word."""
    head = await near.readuntil(b"\r\n")
    parts, word = [head], b""
    for _ in range(int(head[1:])):
        size = await near.readuntil(b"\r\n")
        body = await near.readexactly(int(size[1:]) + 2)
        parts += (size, body)
        word = word or body[:-2]
    return b"".join(parts), word
