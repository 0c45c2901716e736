"""An answer in one message is, byte for byte, the answer that ASGI's two messages give, and one write."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from duologue.api.exchange import Exchange, HttpReply, deliver, headers_of
from duologue.api.guard import REPLY, Cycle
from duologue.api.server import Server, ServerLimits, listening, port_of

PATIENCE_S = 10
BEHIND = b"a body that comes behind its answer"
LATE = b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n"


def post(more: bytes = b"", body: bytes = b"hi", version: bytes = b"1.1", path: bytes = b"/") -> bytes:
    """Return a request with a body."""
    head = b"POST %b HTTP/%b\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n" % (path, version, more, len(body))
    return head + body


@dataclass
class Answers:
    """An application that answers each request with its body, as the interface does, or with two messages."""

    at_once: bool
    paths: list[str] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``/early`` is answered before its body has come, ``/late`` when it is told to."""
        self.paths.append(scope["path"])
        exchange = Exchange(scope, receive, headers_of(scope))
        said = b"early" if scope["path"] == "/early" else await exchange.content(100)
        if scope["path"] == "/late":
            await self.held.wait()
        fields = ((b"connection", b"close"),) if scope["path"] == "/close" else ()
        asked = scope if self.at_once else {**scope, "extensions": {}}
        await deliver(HttpReply(said, fields=fields), ((b"vary", b"Origin"),), asked, send)

    async def drain(self) -> None:
        """Do nothing: no reader waits."""


@contextlib.asynccontextmanager
async def served(app: Answers) -> AsyncIterator[tuple[Server, int]]:
    """A server of its own, and its port."""
    up = asyncio.Event()
    server = Server(app, ServerLimits(1.0, ""), started=up.set, drain=app.drain)
    with listening("127.0.0.1", 0) as sockets:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets))
            await up.wait()
            try:
                yield server, port_of(sockets)
            finally:
                server.stop()


async def said(app: Answers, requests: bytes) -> bytes:
    """Return all that is answered to these bytes until the client has closed its side and read on."""
    async with served(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(requests.removesuffix(BEHIND))
        async with asyncio.timeout(PATIENCE_S):
            answer = b""
            if requests.endswith(BEHIND):
                answer = await reader.readuntil(b"early")
                writer.write(BEHIND)
            answer += await reader.read()
        writer.close()
    return re.sub(rb"date: [^\r]+", b"date: then", answer)


LAST = post(b"Connection: close\r\n", b"last")
WAYS = {
    "the last of its connection": LAST,
    "one after another on one connection": post(body=b"one") + post(body=b"two") + LAST,
    "an older protocol": post(version=b"1.0"),
    "an answer that closes": post(path=b"/close") + post(),
    "before the body has come": post(b"Expect: 100-continue\r\n", BEHIND, path=b"/early"),
    "a method without a body": b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "nothing": post(b"Connection: close\r\n", b""),
}


@pytest.mark.parametrize("requests", WAYS.values(), ids=WAYS.keys())
async def test_both_ways_say_the_same(requests: bytes) -> None:
    """And leave the connection as it was, or close it."""
    one, two = [await said(Answers(at_once), requests) for at_once in (True, False)]
    assert one == two
    assert one.startswith(b"HTTP/1.1 200 OK\r\ndate: ")


@pytest.mark.parametrize(("at_once", "writes"), [(True, 1), (False, 2)])
async def test_it_is_one_write(at_once: bool, writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with two messages there are two."""
    counted: list[int] = []
    original = Cycle.send

    class Counting:
        """The transport of one answer."""

        def __init__(self, transport: asyncio.Transport) -> None:
            self.transport = transport

        def write(self, data: bytes) -> None:
            """Count it."""
            counted.append(len(data))
            self.transport.write(data)

        def __getattr__(self, name: str) -> object:
            return getattr(self.transport, name)

    async def send(cycle: Cycle, message: dict[str, object]) -> None:
        if not isinstance(cycle.transport, Counting):
            cycle.transport = Counting(cycle.transport)  # type: ignore[assignment] # as much as is used of it
        await original(cycle, message)

    monkeypatch.setattr(Cycle, "send", send)
    await said(Answers(at_once), LAST)
    assert len(counted) == writes


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_client_that_is_gone_is_not_answered(at_once: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Neither is it a defect."""
    app = Answers(at_once)
    async with served(app) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LATE)
        async with asyncio.timeout(PATIENCE_S):
            while not app.paths:  # noqa: ASYNC110 # nothing tells
                await asyncio.sleep(0)
            writer.transport.abort()
            while server.server_state.connections:  # noqa: ASYNC110 # nothing tells
                await asyncio.sleep(0)
            app.held.set()
            while server.server_state.tasks:  # noqa: ASYNC110 # nothing tells
                await asyncio.sleep(0)
    assert not caplog.records


@pytest.mark.parametrize("at_once", [True, False])
async def test_the_last_answer_of_a_server_says_so(at_once: bool) -> None:
    """A server that goes away closes each connection behind its answer."""
    app = Answers(at_once)
    async with served(app) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LATE)
        async with asyncio.timeout(PATIENCE_S):
            while not app.paths:  # noqa: ASYNC110 # nothing tells
                await asyncio.sleep(0)
            server.stop()
            while server.servers and server.servers[0].is_serving():  # noqa: ASYNC110 # nothing tells
                await asyncio.sleep(0)
            app.held.set()
            answer = await reader.read()
        writer.close()
    assert b"\r\nconnection: close\r\n" in answer


async def test_there_is_one_answer() -> None:
    """A second answer is a defect of the application."""
    errors: list[RuntimeError] = []

    class Twice(Answers):
        """Answers each request two times."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Note what is said of it."""
            await super().__call__(scope, receive, send)
            try:
                await send({"type": REPLY, "status": 200, "headers": [], "body": b"again"})
            except RuntimeError as error:
                errors.append(error)

    assert (await said(Twice(at_once=True), LAST)).endswith(b"\r\n\r\nlast")
    assert len(errors) == 1
