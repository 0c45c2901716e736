"""What a connection may keep the server waiting for, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from duologue.api import guard
from duologue.api.guard import CUT, MAX_HEAD_BYTES, STREAM
from duologue.api.server import Limits, Server, listening, port_of

PATIENCE_S = 10
SHORT_S = 0.3

HEAD = b"POST /command HTTP/1.1\r\nHost: x\r\n"
COMMAND = HEAD + b"Content-Length: 2\r\n\r\nhi"
OPEN = b"GET " + STREAM.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Echo:
    """An application that answers with the body's length, and has one stream."""

    bodies: list[int] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``gone``: the stream was told that its reader is."""
        if scope["path"] == STREAM:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            self.opened.set()
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        self.bodies.append(size)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done", "more_body": False})

    async def drain(self) -> None:
        """There is nobody to tell."""


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def closed(self) -> bytes:
        """What is still said before the server closes."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                return await self.reader.read()
        return b""

    async def answered(self) -> None:
        """One whole answer of a command."""
        async with asyncio.timeout(PATIENCE_S):
            await self.reader.readuntil(b"0\r\n\r\n")


@pytest.fixture
def app() -> Echo:
    return Echo()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(guard, "PART_S", SHORT_S)


@contextlib.asynccontextmanager
async def connected(app: Echo) -> AsyncIterator[Client]:
    """A client of a server of its own."""
    up = asyncio.Event()
    with listening("127.0.0.1", 0) as sockets:
        server = Server(app, Limits(1, ""), started=up.set, drain=app.drain)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets))
            await up.wait()
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sockets))
            try:
                yield Client(reader, writer)
            finally:
                writer.transport.abort()
                server.stop()


# --- how much ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X: " + b"x" * (MAX_HEAD_BYTES + 1),  # one field without an end
        HEAD + b"X: xxxxxxxx\r\n" * (MAX_HEAD_BYTES // 8),  # many
        HEAD + b"X: " + b"x" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n",  # a whole head
        b"POST /" + b"x" * (MAX_HEAD_BYTES + 1),
    ],
    ids=["one endless", "many", "complete", "path"],
)
async def test_a_head_is_bounded(app: Echo, head: bytes) -> None:
    """It is refused as soon as it has too many bytes, and the application never hears of it."""
    async with connected(app) as client:
        client.writer.write(head)
        said = await client.closed()
    assert said.startswith(b"HTTP/1.1 431 ") or not said  # the reset that follows may be first
    assert app.bodies == []


async def test_the_bound_is_the_heads_only(app: Echo) -> None:
    """A large body, in one piece with its head, in many, or chunked, passes; so do many requests in turn."""
    body = b"x" * (2 * MAX_HEAD_BYTES)
    whole = HEAD + b"X: " + b"x" * 20_000 + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    chunk = b"%x\r\n" % 1000 + b"x" * 1000 + b"\r\n"
    async with connected(app) as client:
        for _ in range(3):
            client.writer.write(whole)
            await client.answered()
        client.writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 60 + b"0\r\n\r\n")
        await client.answered()
    assert app.bodies == [len(body)] * 3 + [60_000]


async def test_trailers_are_bounded_too(app: Echo) -> None:
    """They would be kept like headers."""
    async with connected(app) as client:
        client.writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n")
        client.writer.write(b"X: xxxxxxxx\r\n" * (MAX_HEAD_BYTES // 8))
        await client.closed()


# --- how long ----------------------------------------------------------------------------


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "said",
    [b"", HEAD, HEAD + b"Content-Length: 5\r\n\r\nhi", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"],
    ids=["nothing", "half a head", "half a body", "no chunk"],
)
@pytest.mark.parametrize("before", [b"", COMMAND], ids=["first", "second"])
async def test_a_request_has_its_time(app: Echo, said: bytes, before: bytes) -> None:
    """Who connects and does not go on is let go; a connection that rests between requests is not."""
    async with connected(app) as client:
        if before:
            client.writer.write(before)
            await client.answered()
        client.writer.write(said)
        if before and not said:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 3 * SHORT_S)
        else:
            await client.closed()


@pytest.mark.usefixtures("short")
async def test_bytes_do_not_win_time(app: Echo) -> None:
    """A byte now and then (slowloris) is no request; nor are line breaks in front of one."""
    for said in (b"X: y\r\n", b"\r\n"):
        async with connected(app) as client:
            client.writer.write(HEAD if said != b"\r\n" else said)
            began = asyncio.get_running_loop().time()
            with contextlib.suppress(ConnectionError):
                while not client.reader.at_eof():
                    client.writer.write(said)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(client.reader.read(1), SHORT_S / 10)
                    assert asyncio.get_running_loop().time() - began < PATIENCE_S


@pytest.mark.usefixtures("short")
async def test_a_stream_has_all_the_time(app: Echo) -> None:
    """The deadlines are the request's: an answer may take as long as it likes."""
    async with connected(app) as client:
        client.writer.write(OPEN)
        await client.reader.readuntil(b"begun\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 3 * SHORT_S)
        assert not app.gone.is_set()


# --- behind a stream ---------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("behind", [OPEN, COMMAND, b"no HTTP\r\n\r\n"])
async def test_nothing_comes_behind_a_stream(app: Echo, at_once: bool, behind: bytes) -> None:
    """A second request would never be answered, and hide the first one's end from its stream."""
    async with connected(app) as client:
        client.writer.write(OPEN + behind if at_once else OPEN)
        if not at_once:
            await client.reader.readuntil(b"begun\r\n")
            client.writer.write(behind)
        said = await client.closed()
        if app.opened.is_set():
            async with asyncio.timeout(PATIENCE_S):
                await app.gone.wait()
    assert b"HTTP/1.1 400" not in said
    assert app.bodies == []


async def test_commands_in_a_row_are_answered(app: Echo) -> None:
    """RFC 9112 section 9.3.2: only a stream has no end to wait for."""
    async with connected(app) as client:
        client.writer.write(COMMAND * 3)
        for _ in range(3):
            await client.answered()
    assert app.bodies == [2, 2, 2]


async def test_an_answer_can_be_cut(caplog: pytest.LogCaptureFixture) -> None:
    """By the extension, without the server's taking it for a defect."""

    class Cut(Echo):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Half an answer."""
            await send({"type": "http.response.start", "status": 200, "headers": []})
            scope["extensions"][CUT]["now"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()

    app = Cut()
    async with connected(app) as client:
        client.writer.write(OPEN)
        await client.closed()
        await app.gone.wait()
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []
