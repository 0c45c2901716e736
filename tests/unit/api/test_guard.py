"""What a connection may keep the server waiting for, over real sockets."""

import asyncio
import contextlib
import logging
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from duologue.api import guard
from duologue.api.framing import Framing
from duologue.api.guard import CUT, MAX_HEAD_BYTES, PIPELINED_MAX, STREAM
from duologue.api.server import Server, ServerLimits, listening, port_of
from tests.framings import CHUNKED, HARMLESS, ODD, PADDED, Framed, request, sized
from tests.unguarded import unguard

PATIENCE_S = 10
SHORT_S = 0.3
SHARED_KEYS = 30
"""Of how many attributes CPython keeps the names once a class, and not once an instance."""

HEAD = b"POST /command HTTP/1.1\r\nHost: x\r\n"
COMMAND = HEAD + b"Content-Length: 2\r\n\r\nhi"
WAIT = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
OPEN = b"GET " + STREAM.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Echo:
    """An application that answers with the body's length, has one stream, and waits at ``/wait``."""

    bodies: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``gone``: the stream was told that its reader is."""
        self.paths.append(scope["path"])
        self.asked.set()
        if scope["path"] == STREAM:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            self.opened.set()
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return
        if scope["path"] == "/wait":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        self.bodies.append(size)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done", "more_body": False})

    async def drain(self) -> None:
        """Do nothing: no reader waits."""


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

    async def answered(self, has: bytes = b"") -> None:
        """One whole answer of a command, with these bytes in its head."""
        async with asyncio.timeout(PATIENCE_S):
            assert has in await self.reader.readuntil(b"0\r\n\r\n")


@pytest.fixture
def app() -> Echo:
    return Echo()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(guard, "PART_S", SHORT_S)


Connect = Callable[[], AbstractAsyncContextManager[Client]]


@contextlib.asynccontextmanager
async def connected(app: Echo) -> AsyncIterator[Client]:
    """A client of a server of its own."""
    async with running(app) as connect, connect() as client:
        yield client


@contextlib.asynccontextmanager
async def running(app: Echo) -> AsyncIterator[Connect]:
    """A server of its own, and how to connect to it."""
    up = asyncio.Event()
    with listening("127.0.0.1", 0) as sockets:
        server = Server(app, ServerLimits(1, ""), started=up.set, drain=app.drain)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets))
            await up.wait()

            @contextlib.asynccontextmanager
            async def connect() -> AsyncIterator[Client]:
                reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sockets))
                try:
                    yield Client(reader, writer)
                finally:
                    writer.transport.abort()

            try:
                yield connect
            finally:
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


@pytest.mark.parametrize("behind", [PIPELINED_MAX, 10 * PIPELINED_MAX])
async def test_few_requests_may_wait_on_one_connection(app: Echo, behind: int) -> None:
    """Each that waits costs memory, and answers let in more: a connection that sends too many is closed."""
    async with connected(app) as client:
        client.writer.write(COMMAND * (1 + behind))
        if behind == PIPELINED_MAX:
            for _ in range(1 + behind):
                await client.answered()
        else:
            await client.closed()
    assert len(app.bodies) == 1 + behind if behind == PIPELINED_MAX else len(app.bodies) <= 1


async def test_without_that_bound_all_of_them_wait(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control."""
    monkeypatch.setattr(guard, "PIPELINED_MAX", 1_000_000)
    async with connected(app) as client:
        client.writer.write(COMMAND * 500)
        for _ in range(500):
            await client.answered()
    assert len(app.bodies) == 500


# --- how long ----------------------------------------------------------------------------


async def test_a_client_that_leaves_is_noticed_behind_its_own_next_request(app: Echo) -> None:
    """The request that is being answered hears of it, and not only the newest, which waits behind it."""
    async with connected(app) as client:
        client.writer.write(WAIT + COMMAND)
        await app.asked.wait()
        client.writer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            await app.gone.wait()
    assert app.bodies == []


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
    """A byte now and then (slowloris) is not a request, nor are line breaks before one."""
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


# --- where a request ends ----------------------------------------------------------------

LONGER_ONE = next(each for each in ODD if len(each.raw) > 65_536)
UPGRADE = sized(PADDED, b"Connection: Upgrade", b"Upgrade: foo")
FINISHING = b"x\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
"""Makes a request of what a body left behind, if it was left behind."""


def answers(said: bytes) -> int:
    """How many status lines there are."""
    return len(re.findall(rb"HTTP/1\.1 \d{3} ", said))


async def test_an_odd_request_is_refused_and_the_connection_closed(
    app: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    """400, once; what comes behind it on the same connection is not looked at, and no line is logged."""
    async with running(app) as connect:
        for each in (*ODD, Framed("no method of HTTP", request(line=b"NO /such HTTP/1.1"))):
            async with connect() as client:
                client.writer.write(each.raw)
                client.writer.write(FINISHING)
                said = await client.closed()
            if said or each.raw != LONGER_ONE.raw:  # the reset that follows may be first
                assert said.startswith(b"HTTP/1.1 400 "), each
                assert answers(said) == 1, each
    assert app.bodies == []
    warned = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert [each.message for each in warned if each.name.startswith("uvicorn")] == []


async def test_a_plain_request_is_answered(app: Echo) -> None:
    """With its own body, whatever that looks like."""
    async with running(app) as connect:
        for each in HARMLESS:
            async with connect() as client:
                client.writer.write(each.raw)
                await client.answered()
    assert len(app.bodies) == len(HARMLESS)


@pytest.mark.parametrize("name", ["upgrade, a short body", "both lengths, chunks last", "a length"])
async def test_a_head_may_be_cut_anywhere(app: Echo, name: str) -> None:
    """Over a real connection, at every byte of the head: nothing of it is believed before it is whole."""
    each = next(each for each in (*ODD, *HARMLESS) if each.name == name)
    heads = each.raw.index(b"\r\n\r\n") + 4
    async with running(app) as connect:
        for cut in range(1, heads):
            async with connect() as client:
                client.writer.write(each.raw[:cut])
                await client.writer.drain()
                await asyncio.sleep(0)
                client.writer.write(each.raw[cut:] + (b"" if each.taken else FINISHING))
                if each.taken:
                    await client.answered()
                else:
                    said = await client.closed()
                    assert answers(said) == 1, cut
                    assert said.startswith(b"HTTP/1.1 400 "), cut
    assert (len(app.paths) >= heads - 1) if each.taken else (app.paths == [])
    assert set(app.paths) <= {"/v1/join"}


async def upgraded(app: Echo) -> None:
    """Send the issue's own attack, in two reads as a proxy sends it, and then the next person's bytes."""
    head = UPGRADE.index(b"\r\n\r\n") + 4
    async with connected(app) as client:
        client.writer.write(UPGRADE[: head + 4_096 - head % 2])
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), SHORT_S)
        client.writer.write(UPGRADE[head + 4_096 - head % 2 :])
        client.writer.write(FINISHING)
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(client.reader.read(), SHORT_S)


async def test_an_upgrade_is_no_way_into_the_next_request(app: Echo) -> None:
    """Nothing is asked of the application at all."""
    await upgraded(app)
    assert app.paths == []


async def test_without_the_guard_it_is(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the parser passes over the line breaks, and the next bytes complete the smuggled one."""
    unguard(monkeypatch.setattr)
    await upgraded(app)
    assert "/v1/skip" in app.paths


async def test_the_parser_may_not_leave_http_either(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look, should the first one ever miss a way to ask."""
    monkeypatch.setattr(Framing, "feed", lambda _, data: (data, ""))
    await upgraded(app)
    assert app.paths == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_fault_in_a_body_is_told_before_the_answer(app: Echo, at_once: bool) -> None:
    """The application waits for the rest: it gets none, and its own answer does not follow."""
    async with connected(app) as client:
        client.writer.write(HEAD + CHUNKED + b"\r\n\r\n2\r\nhi\r\n" + (b"zz\r\n" if at_once else b""))
        if not at_once:
            await app.asked.wait()
            client.writer.write(b"zz\r\n")
        said = await client.closed()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert answers(said) == 1
    assert app.bodies == []


class Early(Echo):
    """Answers without waiting for the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, as for a person without a token."""
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"done", "more_body": False})


@dataclass
class Late(Early):
    """Answers when it is told to."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing is read."""
        self.paths.append(scope["path"])
        self.asked.set()
        await self.answers.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"late", "more_body": False})


async def test_a_fault_behind_an_answer_says_nothing() -> None:
    """Answered before its body came: a 400 now would be read as the answer to the next request."""

    async with connected(Early()) as client:
        client.writer.write(HEAD + CHUNKED + b"\r\n\r\n")
        await client.answered()
        client.writer.write(b"zz\r\n")
        assert await client.closed() == b""


EXPECTING = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
NEXT = request(line=b"GET /next HTTP/1.1")


async def test_an_early_answer_is_the_last_one() -> None:
    """A client that reads it may send no body; the next request is not taken for one, nor read at all."""
    app = Early()
    async with connected(app) as client:
        client.writer.write(EXPECTING % (len(NEXT) // 2))
        await client.answered(b"connection: close")
        client.writer.write(NEXT)
        assert await client.closed() == b""
    assert app.paths == ["/command"]


async def test_without_that_the_next_request_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: half of it is thrown away as a body, and the rest is read as a request."""
    unguard(monkeypatch.setattr)
    app = Early()
    async with connected(app) as client:
        client.writer.write(EXPECTING % len(NEXT))
        await client.answered()
        client.writer.write(NEXT + COMMAND)
        await client.answered()
    assert app.paths == ["/command", "/command"], "of the next request nothing is left"


@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_body_may_come_behind_the_answer(pieces: int) -> None:
    """It is read, so that no reset overtakes the answer, and then the connection closes."""
    body = b"x" * 200_000
    async with connected(Early()) as client:
        client.writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        await client.answered(b"connection: close")
        for _ in range(pieces):
            client.writer.write(body[: len(body) // pieces])
            await client.writer.drain()
        client.writer.write(body[len(body) // pieces * pieces :])
        assert await client.closed() == b""


@pytest.mark.usefixtures("short")
async def test_a_body_that_never_comes_is_not_waited_for_long() -> None:
    """It has its time, as any other."""
    async with connected(Early()) as client:
        client.writer.write(EXPECTING % 400)
        await client.answered()
        assert await client.closed() == b""


@pytest.mark.parametrize("cut", [1, 3, 40, 70])
async def test_a_body_that_comes_in_time_keeps_the_connection(app: Echo, cut: int) -> None:
    """Behind its head in another read, as proxies send it: the answer waited for it."""
    async with connected(app) as client:
        for _ in range(3):
            client.writer.write(COMMAND[:-cut])
            await client.writer.drain()
            if cut < 3:
                async with asyncio.timeout(PATIENCE_S):
                    await app.asked.wait()
            client.writer.write(COMMAND[-cut:])
            await client.answered(b"transfer-encoding: chunked\r\n\r\n")
            app.asked.clear()
    assert app.bodies == [2, 2, 2]


async def test_what_follows_a_close_is_not_parsed(app: Echo) -> None:
    """The client said that this request is its last one."""
    async with connected(app) as client:
        client.writer.write(request(b"Connection: close", line=b"GET / HTTP/1.1") + COMMAND)
        said = await client.closed()
    assert answers(said) == len(app.bodies) == 1


LAST = [request(line=b"GET / HTTP/1.0"), request(b"Connection: close", line=b"GET / HTTP/1.1")]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("behind", [b"\r\n", b"\r\n\r\n", b"\x00", UPGRADE])
@pytest.mark.parametrize("last", LAST)
async def test_what_follows_a_close_costs_no_answer(
    last: bytes, behind: bytes, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """Some load balancers send an empty line too many, and take a server that does not answer for dead."""
    reads: asyncio.Queue[bytes] = asyncio.Queue()
    read = guard.Guard.data_received

    def told(self: guard.Guard, data: bytes) -> None:
        read(self, data)
        reads.put_nowait(data)

    monkeypatch.setattr(guard.Guard, "data_received", told)
    app = Late()
    async with connected(app) as client, asyncio.timeout(PATIENCE_S):
        client.writer.write(last + behind if at_once else last)
        await app.asked.wait()
        await reads.get()
        if not at_once:
            client.writer.write(behind)
            await reads.get()
        app.answers.set()
        said = await client.closed()
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b"late")
    assert app.paths == ["/"]


async def test_without_that_it_costs_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: all connections count as kept ones."""
    monkeypatch.setattr(guard.Guard, "_keeps", property(lambda _: True, lambda *_: None), raising=False)
    async with connected(Late()) as client:
        client.writer.write(LAST[0] + b"\r\n")
        assert await client.closed() == b""


async def test_the_same_on_a_kept_connection_is_cut() -> None:
    """There it may be the beginning of a request, and nothing else can be said in the midst of an answer."""
    app = Late()
    async with connected(app) as client:
        client.writer.write(request(line=b"GET / HTTP/1.1") + b"\r\n")
        assert await client.closed() == b""


async def test_a_refusal_is_the_last_word(app: Echo) -> None:
    """Good requests behind a bad one are not answered, in the same read and in later ones."""
    async with connected(app) as client:
        client.writer.write(sized(b"{}", b"Upgrade: foo") + COMMAND)
        client.writer.write(COMMAND)
        said = await client.closed()
    assert answers(said) == 1
    assert app.bodies == []


# --- behind a stream ---------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("behind", [OPEN, COMMAND, b"no HTTP\r\n\r\n", b"P"])
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


# --- what is left of a connection ---------------------------------------------------------


def reset(client: Client) -> None:
    """Close as a machine does that lost the connection: with a reset, not with an end."""
    linger = struct.pack("ii", 1, 0)
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.writer.transport.abort()


async def after_a_reset(app: Echo, monkeypatch: pytest.MonkeyPatch, lost: Callable[..., None]) -> guard.Guard:
    """A connection that answered one command, waited for the next and was reset; ``lost`` was told."""
    ended: asyncio.Queue[tuple[guard.Guard, Exception | None]] = asyncio.Queue()

    def told(one: guard.Guard, exc: Exception | None) -> None:
        lost(one, exc)
        ended.put_nowait((one, exc))

    monkeypatch.setattr(guard.Guard, "connection_lost", told)
    async with connected(app) as client:
        client.writer.write(COMMAND)
        await client.answered()
        reset(client)
        async with asyncio.timeout(PATIENCE_S):
            one, exc = await ended.get()
    assert isinstance(exc, ConnectionError)
    return one


async def test_a_reset_connection_leaves_no_timer(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its timer would keep the protocol and the last request for 75 s."""
    one = await after_a_reset(app, monkeypatch, guard.Guard.connection_lost)
    assert one.timeout_keep_alive_task is None


async def test_by_uvicorn_alone_its_timer_stays(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control."""
    one = await after_a_reset(app, monkeypatch, HttpToolsProtocol.connection_lost)
    assert one.timeout_keep_alive_task is not None
    one.timeout_keep_alive_task.cancel()


async def test_connections_share_their_keys(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guard adds to uvicorn's attributes is in slots: none of it is in the dictionary."""
    one = await after_a_reset(app, monkeypatch, guard.Guard.connection_lost)
    assert not set(guard.Guard.__slots__) & set(vars(one))
    assert len(vars(one)) <= SHARED_KEYS
