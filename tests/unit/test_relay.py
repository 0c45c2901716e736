"""The relay does to connections what it is told to, and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.relay import Cut, Passage, Relay, Weather

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def echo(tmp_path_factory: pytest.TempPathFactory, *, unix: bool = False) -> AsyncIterator[str]:
    """A server that gives back what it gets, in the pieces in which it got it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    if unix:
        path = tmp_path_factory.mktemp("e") / "s"
        server, url = await asyncio.start_unix_server(serve, path), f"unix://{path}"
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield url
    finally:
        server.close()


@contextlib.asynccontextmanager
async def through(relay: Relay) -> AsyncIterator[Ends]:
    """A connection through it."""
    scheme, _, at = relay.url.partition("://")
    if scheme == "unix":
        reader, writer = await asyncio.open_unix_connection(at)
    else:
        reader, writer = await asyncio.open_connection(*at.split(":"))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("unix", [False, True])
async def test_bytes_pass_both_ways(tmp_path_factory: pytest.TempPathFactory, unix: bool) -> None:
    """As they came, over TCP and over a Unix socket, and the end passes too."""
    async with (
        echo(tmp_path_factory, unix=unix) as url,
        Relay(url).running() as relay,
        through(relay) as (reader, writer),
    ):
        sent = bytes(range(256)) * 4000
        writer.write(sent)
        writer.write_eof()
        assert await reader.read(-1) == sent


async def test_each_piece_is_late_and_in_order(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the delay each way, within its jitter; the same seed draws the same delays."""
    drawn = []
    for _ in range(2):
        relay = Relay("", Weather(delay_ms=40, jitter_ms=20), seed=7)
        async with echo(tmp_path_factory) as url:
            relay.target = url
            async with relay.running(), through(relay) as (reader, writer):
                for n in range(5):
                    began = asyncio.get_running_loop().time()
                    writer.write(b"%d" % n)
                    assert await reader.read(10) == b"%d" % n
                    assert asyncio.get_running_loop().time() - began >= 2 * 0.020 - 0.002
        drawn.append([round(ms) for ms in relay.added_ms[:10]])
    assert drawn[0] == drawn[1]
    assert all(20 <= ms <= 60 for ms in drawn[0])


async def test_a_spike_holds_everything_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever comes within it arrives at its end."""
    weather = Weather(spike_ms=300, spike_every_s=0.001)
    async with (
        echo(tmp_path_factory) as url,
        Relay(url, weather).running() as relay,
        through(relay) as (reader, writer),
    ):
        while max(relay.added_ms, default=0) < 100:
            writer.write(b"x")
            assert await reader.read(1) == b"x"


async def test_a_stall_is_silent_and_a_flow_brings_what_waited(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One direction alone, too."""
    async with (
        echo(tmp_path_factory) as url,
        Relay(url).running() as relay,
        through(relay) as (reader, writer),
    ):
        writer.write(b"1")
        assert await reader.read(1) == b"1"
        relay.stall(up=False)
        writer.write(b"2")
        await relay.stalled_bytes.wait()
        read = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait([read], timeout=0.05)
        assert not done
        relay.flow()
        assert await read == b"2"


@pytest.mark.parametrize("how", list(Cut))
async def test_a_trap_cuts_after_so_many_bytes(tmp_path_factory: pytest.TempPathFactory, how: Cut) -> None:
    """Those before it arrive, by reset and by close alike, and nothing more does."""

    def trap(passage: Passage, data: bytes) -> int | None:
        found = data.find(b"|")
        return None if found < 0 else found

    async with (
        echo(tmp_path_factory) as url,
        Relay(url).running() as relay,
        through(relay) as (reader, writer),
    ):
        relay.trap, relay.how = trap, how
        writer.write(b"before|after")
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while more := await reader.read(100):
                got += more
            assert how is Cut.CLOSE
        assert got == b"before"
        assert relay.passages == []


async def test_down_refuses(tmp_path_factory: pytest.TempPathFactory) -> None:
    """New connections end at once; those that there were are left alone."""
    async with (
        echo(tmp_path_factory) as url,
        Relay(url).running() as relay,
        through(relay) as (reader, writer),
    ):
        writer.write(b"1")
        assert await reader.read(1) == b"1"
        relay.is_down = True
        async with through(relay) as (other, _):
            with pytest.raises(ConnectionResetError):
                await other.read(1)
        writer.write(b"2")
        assert await reader.read(1) == b"2"
