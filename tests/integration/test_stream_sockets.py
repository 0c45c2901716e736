"""Event streams over real sockets and the real HTTP server: what a closing or stalling socket leads to."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from duologue.api import stream
from duologue.api.server import Server, ServerLimits, listening, port_of
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import PersonId
from tests.integration.streams import PATIENCE_S, Process, until
from tests.servers import StoreServer

ANN, BOB = PersonId("ann"), PersonId("bob")


@dataclass
class Served:
    """A process behind a real server."""

    process: Process
    server: Server
    port: int


@contextlib.asynccontextmanager
async def served(url: str, timings: Timings | None = None) -> AsyncIterator[Served]:
    """Serving; stopped at the end as by a signal."""
    process = Process(url, timings=timings)
    app = Starlette(routes=[Route("/v1/events", process.events, methods=["GET"])])
    up = asyncio.Event()
    with listening("127.0.0.1", 0) as sockets:
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        server = Server(app, ServerLimits(5, ""), started=up.set, drain=process.hub.drain)
        async with process.running(), asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets))
            await up.wait()
            try:
                yield Served(process, server, port_of(sockets))
            finally:
                server.stop()


@contextlib.asynccontextmanager
async def connected(
    served: Served, person: str, page: str, behind: str = ""
) -> AsyncIterator[asyncio.StreamReader]:
    """A raw stream, opened, and what is sent behind its request; leaving aborts the socket."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", served.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
    request = f"GET /v1/events?page={page} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person}\r\n\r\n"
    writer.write((request + behind).encode())
    try:
        yield reader
    finally:
        writer.transport.abort()


async def rest_of(reader: asyncio.StreamReader) -> None:
    """Read until the server has closed, which it must."""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(4096):
                pass


async def test_the_first_block(redis7: StoreServer) -> None:
    """On the wire: ``retry:`` and the snapshot in one block, nothing before them."""
    async with served(redis7.url) as at, connected(at, "ann", "a1") as reader:
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            block = await reader.readuntil(b"\n\n")
    assert head.startswith(b"HTTP/1.1 200")
    _, retry, data, *_ = block.replace(b"\r\n", b"\n").split(b"\n")
    assert retry.startswith(b"retry: ")
    assert data.startswith(b'data: {"type":"snapshot"')


async def test_a_socket_that_closes_is_seen_at_once(redis7: StoreServer) -> None:
    """Not at the next heartbeat: the partner is told within 0.2 s, and no attach stays behind."""
    async with served(redis7.url) as at:
        process = at.process
        async with process.page("bob", "b1") as bob:
            await bob.next("snapshot")
            async with connected(at, "ann", "a1") as ann:
                await ann.readuntil(b"snapshot")
                await process.join("ann")
                await process.join("bob")
                await bob.next("new-match")
            before = asyncio.get_running_loop().time()
            await bob.next("partner-away")
            assert asyncio.get_running_loop().time() - before < 0.5  # 0.2 s, and 0.3 s for a busy machine
            await until(lambda: process.value("streams_open") == 1)


async def test_a_reader_who_stops_reading_is_cut(
    redis7: StoreServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Race S5: bounded memory, the stream ends, the neighbour reads on undisturbed, and nothing is logged.

    It is not a defect: with a thousand phones in tunnels, the log would be full of it.
    """
    monkeypatch.setattr(stream, "WRITE_S", 0.5)
    unbounded = Timings(side_bytes=2**31)  # What one side may write is less than the sockets hold.
    async with served(redis7.url, unbounded) as at:
        process = at.process
        async with process.page("bob", "b1") as bob, connected(at, "ann", "a1") as ann:
            await bob.next("snapshot")
            await ann.readuntil(b"snapshot")
            await process.join("ann")
            await process.join("bob")
            match = (await bob.next("new-match"))["match"]
            said = 0
            async with asyncio.timeout(PATIENCE_S):
                while not process.value("streams_ended_total", reason="slow"):
                    said += 1
                    await process.machine.message(BOB, match, f"k{said}", "x" * 2000)
                    await process.machine.pulse(ANN, match)
                while (await bob.next("message"))["n"] != said:
                    pass
            assert process.value("streams_open") == 1
            await rest_of(ann)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


async def test_a_request_behind_a_stream_ends_it_at_once(redis7: StoreServer) -> None:
    """Not at the next heartbeat: the server used to tell the end to the second request only."""
    async with served(redis7.url) as at, connected(at, "ann", "a1", "GET / HTTP/1.1\r\n\r\n") as ann:
        await rest_of(ann)
        await until(lambda: at.process.value("streams_open") == 0)


async def test_stop(redis7: StoreServer) -> None:
    """As by SIGTERM: each stream is told to come back, and the server is gone without waiting for them."""
    async with served(redis7.url) as at, connected(at, "ann", "a1") as ann:
        await ann.readuntil(b"snapshot")
        before = asyncio.get_running_loop().time()
        at.server.stop()
        async with asyncio.timeout(PATIENCE_S):
            rest = await ann.read()
            while more := await ann.read():
                rest += more
        assert b'"type":"reconnect"' in rest
        assert asyncio.get_running_loop().time() - before < 2
        assert at.process.value("streams_ended_total", reason="drain") == 1
