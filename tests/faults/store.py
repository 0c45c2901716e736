"""A store of our own that is killed, forgets, is set back to an older copy, and starts again where it was."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import redis
import redis.asyncio

from tests.servers import redis7_binary, valkey9_binary

READY_S = 20


class MortalStore:
    """A server process at one address for life, with lives of its own."""

    def __init__(self, folder: Path, *, durable: bool, clock: bool = False, binary: str = "") -> None:
        """``durable``: with an append-only file; else it keeps what it is told to save, and no more.

        ``clock``: its clock can be stepped (``libfaketime``); its monotonic clock goes on as ever.
        """
        self.folder = folder
        self.url = f"unix://{folder / 's'}"
        self.binary = binary or redis7_binary() or valkey9_binary()
        self._clock = folder / "clock" if clock else None
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the present life."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """A life begins; it answers when this returns."""
        durable = "yes" if self._durable else "no"
        at = ("--port", "0", "--unixsocket", str(self.folder / "s"), "--dir", str(self.folder))
        kept = ("--save", "", "--appendonly", durable, "--appendfsync", "everysec")
        self._process = subprocess.Popen(  # noqa: ASYNC220 # it takes a millisecond
            [self.binary, *at, *kept], stdout=subprocess.DEVNULL, env=self._environment()
        )
        async with asyncio.timeout(READY_S), self.client() as client:
            while True:
                with contextlib.suppress(redis.RedisError, OSError):
                    await client.ping()
                    return
                await asyncio.sleep(0.01)

    def _environment(self) -> dict[str, str] | None:
        if self._clock is None:
            return None
        self.set_clock(0)
        library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
        assert library, "faketime is missing: .ci/system tests installs it"
        # Debian's Redis takes its memory from jemalloc, which asks for the time before libfaketime is ready:
        # glibc's own functions, put first, take its place.
        malloc = Path("/usr/lib").glob("*/libc_malloc_debug.so.0")
        return {
            **os.environ,
            "LD_PRELOAD": " ".join(map(str, (*malloc, library))),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_clock(self, ahead_s: int) -> None:
        """From now on its clock is so far ahead of the machine's; negative: behind it."""
        assert self._clock is not None
        new = self._clock.with_suffix(".new")
        new.write_text(f"{ahead_s:+d}\n")
        new.rename(self._clock)

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    def forget(self) -> None:
        """While it is dead: nothing is on its disk."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    async def copy(self) -> bytes:
        """All that it knows now."""
        async with self.client() as client:
            await client.save()
        return (self.folder / "dump.rdb").read_bytes()

    def restore(self, copy: bytes) -> None:
        """While it is dead: this is what it finds."""
        (self.folder / "dump.rdb").write_bytes(copy)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[redis.asyncio.Redis]:
        """To look at it, past every relay."""
        async with redis.asyncio.Redis.from_url(self.url, protocol=2) as client:
            yield client


@contextlib.asynccontextmanager
async def mortal_store(
    *, durable: bool = True, clock: bool = False, binary: str = ""
) -> AsyncIterator[MortalStore]:
    """Running; leaves no process and no file."""
    folder = Path(tempfile.mkdtemp(prefix="duo-"))
    store = MortalStore(folder, durable=durable, clock=clock, binary=binary)
    try:
        await store.start()
        yield store
    finally:
        await store.kill()
        shutil.rmtree(folder)
