"""The limit: what the store alone costs, so that figures of different machines can be compared."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from time import perf_counter
from typing import cast

import redis

from duologue.bench.machine import cpu_s
from tests.servers import StoreServer

CHANNEL = b"bench:limit"
PIPELINED = 64
SEVEN_COMMANDS = """
local a, b = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], b or ARGV[1])
redis.call('SET', KEYS[2], a or ARGV[1])
redis.call('ZADD', KEYS[3], 1, KEYS[1])
redis.call('ZREM', KEYS[3], KEYS[1])
redis.call('PUBLISH', KEYS[4], ARGV[1])
return 1
"""
"""What no skip can do without: read and write two people, one into a queue and out of it, tell somebody."""


class _Socket(asyncio.Protocol):
    def __init__(self, on_data: Callable[[bytes], None]) -> None:
        self._on_data = on_data
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._on_data(data)

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Bare:
    """A publisher and a subscriber on raw sockets."""

    def __init__(self, publisher: _Socket) -> None:
        self._publisher = publisher
        self.took_ms: list[float] = []

    def heard(self, data: bytes) -> None:
        """Take what the subscriber reads: a message ends with the instant at which it was sent."""
        now = perf_counter()
        for piece in data.split(b"sent:")[1:]:
            self.took_ms.append(1000 * (now - float(piece.split(b"\r\n", 1)[0])))

    async def publish(self, *, per_s: float, seconds: float) -> list[float]:
        """Return how long each of so many publications took to the subscriber, in milliseconds."""
        self.took_ms.clear()
        start, number = perf_counter(), 0
        while (now := perf_counter() - start) < seconds:
            while number / per_s <= now:
                text = b"sent:%.9f" % perf_counter()
                sent = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n"
                self._publisher.write(sent % (len(CHANNEL), CHANNEL, len(text), text))
                number += 1
            await asyncio.sleep(max(0.0, start + number / per_s - perf_counter()))
        return self.took_ms[:]


@contextlib.asynccontextmanager
async def bare(store: StoreServer) -> AsyncIterator[Bare]:
    """Connect both to the store."""
    loop, path = asyncio.get_running_loop(), store.url.removeprefix("unix://")
    _, publisher = await loop.create_unix_connection(lambda: _Socket(lambda _: None), path)
    made = Bare(publisher)
    _, subscriber = await loop.create_unix_connection(lambda: _Socket(made.heard), path)
    subscriber.write(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%b\r\n" % (len(CHANNEL), CHANNEL))
    try:
        yield made
    finally:
        publisher.close()
        subscriber.close()


def seven_commands_us(store: StoreServer, *, batches: int) -> float:
    """Return the store's processor time for one run of the script, 64 of them in a pipeline."""
    with store.client() as client:
        sha = client.script_load(SEVEN_COMMANDS)
        keys, value = ["{b}1", "{b}2", "{b}q", "{b}c"], "x" * 300
        before = cpu_s([store.pid])
        for _ in range(batches):
            pipeline = client.pipeline(transaction=False)
            for _ in range(PIPELINED):
                pipeline.evalsha(sha, len(keys), *keys, value)
            pipeline.execute()
        used = cpu_s([store.pid]) - before
        with contextlib.suppress(redis.ResponseError):
            client.delete(*keys)
    return 1e6 * used / (batches * PIPELINED)
