"""TLS and plain HTTP on one port: who is served, who is sent to https, and what a connection may keep."""

import asyncio
import contextlib
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from duologue.api import secure
from duologue.api.secure import OnlySecure, Secure
from duologue.api.server import Server, ServerLimits, listening, port_of
from duologue.lan.certificate import Certificate, certificate
from tests.framings import CHUNKED, SMUGGLED, chunks, sized
from tests.unguarded import unguard

PATIENCE_S = 10
GET = b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class App:
    """Answers with the scheme that it was told; ``/endless`` writes as long as the client reads."""

    paths: list[str] = field(default_factory=list)
    written: int = 0
    ended: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while scope["path"] == "/endless" and not self.ended:
            await send({"type": "http.response.body", "body": b"x" * 4_096, "more_body": True})
            self.written += 4_096
        body = scope["scheme"].encode()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def drain(self) -> None:
        """Do nothing: no reader waits."""


@dataclass(frozen=True)
class Stage:
    """A server that runs, and who connects to it."""

    app: App
    server: Server
    port: int
    trusting: ssl.SSLContext

    @contextlib.asynccontextmanager
    async def connected(
        self, *, tls: bool
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection, which is reset at the end."""
        context = self.trusting if tls else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def asked(self, raw: bytes, *, tls: bool) -> bytes:
        """Return what comes until the server closes."""
        async with self.connected(tls=tls) as (reader, writer), asyncio.timeout(PATIENCE_S):
            writer.write(raw)
            return await reader.read()


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, [ipaddress.ip_address("127.0.0.1")], ["localhost"])


@pytest.fixture
async def stage(made: Certificate) -> AsyncIterator[Stage]:
    """A server with TLS, and a client that trusts its certificate."""
    app, up = App(), asyncio.Event()
    trusting = ssl.create_default_context(cafile=made.file)
    with listening("127.0.0.1", 0) as sockets:
        server = Server(app, ServerLimits(1, ""), started=up.set, drain=app.drain, tls=made.context)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets))
            await up.wait()
            yield Stage(app, server, port_of(sockets), trusting)
            server.stop()


LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


async def test_one_port_speaks_both(stage: Stage) -> None:
    """The certificate holds for the address, and the application is told which of the two it was."""
    assert (await stage.asked(LAST, tls=True)).endswith(b"https\r\n0\r\n\r\n")
    assert (await stage.asked(LAST, tls=False)).endswith(b"http\r\n0\r\n\r\n")


async def test_the_first_byte_may_come_late_and_alone(stage: Stage) -> None:
    """Nothing of it is lost by having been looked at."""
    async with stage.connected(tls=False) as (reader, writer), asyncio.timeout(PATIENCE_S):
        await asyncio.sleep(0)
        for each in LAST:
            writer.write(bytes([each]))
            await writer.drain()
        assert (await reader.read()).endswith(b"http\r\n0\r\n\r\n")


@pytest.mark.parametrize("raw", [b"", b"\x16\x03\x01\x00\x05hello", b"\x16\x03", b"\x00\xff\xfe"])
async def test_nonsense_hurts_nobody(stage: Stage, caplog: pytest.LogCaptureFixture, raw: bytes) -> None:
    """A scanner, or a phone that hangs up: no line in the log, and the next connection is served."""
    with caplog.at_level(logging.WARNING):
        async with stage.connected(tls=False) as (_, writer):
            writer.write(raw)
            writer.write_eof()
        assert (await stage.asked(LAST, tls=True)).endswith(b"https\r\n0\r\n\r\n")
    assert not caplog.records


async def test_a_phone_that_does_not_trust_it_hurts_nobody(stage: Stage) -> None:
    """It ends the handshake with an alert."""
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", stage.port, ssl=ssl.create_default_context())
    assert (await stage.asked(LAST, tls=True)).endswith(b"https\r\n0\r\n\r\n")


async def test_silence_has_an_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing, and one that begins a handshake and stops."""
    monkeypatch.setattr(secure, "PART_S", 0.2)
    assert await stage.asked(b"", tls=False) == b""
    assert await stage.asked(b"\x16\x03\x01", tls=False) == b""


async def test_a_stop_drops_connections_that_have_said_nothing(stage: Stage) -> None:
    """And the server ends, which the fixture waits for."""
    async with stage.connected(tls=False) as (reader, _), asyncio.timeout(PATIENCE_S):
        await stage.asked(LAST, tls=True)  # so the silent one was accepted
        stage.server.stop()
        assert await reader.read() == b""


async def test_a_slow_reader_holds_the_application_back(stage: Stage) -> None:
    """``send`` waits after a bounded number of bytes, as it does without TLS."""
    async with stage.connected(tls=True) as (_, writer), asyncio.timeout(PATIENCE_S):
        writer.transport.pause_reading()  # type: ignore[attr-defined] # of the sockets, it can
        writer.write(GET.replace(b"/who", b"/endless"))
        last = -1
        while not stage.app.written or stage.app.written != last:
            last = stage.app.written
            await asyncio.sleep(0.3)
        stage.app.ended = True
    assert stage.app.written < 8 * 2**20


TWO_WAYS = [
    chunks(b"2\r\n{}\r\n0\r\n\r\n" + SMUGGLED, b"Content-Length: 6"),
    sized(b"{}", CHUNKED),
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + GET,
]


@pytest.mark.parametrize("raw", TWO_WAYS)
async def test_requests_are_framed_strictly_inside_tls_too(stage: Stage, raw: bytes) -> None:
    """What can be read in two ways is 400 and the end of the connection, and is not handed on."""
    assert (await stage.asked(raw, tls=True)).startswith(b"HTTP/1.1 400")
    assert not stage.app.paths


async def test_framed_strictly_control(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without the guard the request with two lengths is answered."""
    unguard(monkeypatch.setattr)
    async with stage.connected(tls=True) as (reader, writer), asyncio.timeout(PATIENCE_S):
        writer.write(TWO_WAYS[2])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")


async def test_a_port_without_files_goes_on_later(made: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has no file left for another connection: it waits, and accepts again."""
    loop, refusals = asyncio.get_running_loop(), iter([OSError(24, "Too many open files"), ConnectionError()])
    accept = loop.sock_accept

    async def full(sock: Any) -> Any:
        for each in refusals:
            raise each
        return await accept(sock)

    monkeypatch.setattr(loop, "sock_accept", full)
    monkeypatch.setattr(secure, "FULL_S", 0)
    served = asyncio.Event()

    class Said(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            served.set()
            transport.close()

    with listening("127.0.0.1", 0) as (one,):
        async with asyncio.TaskGroup() as group, asyncio.timeout(PATIENCE_S):
            it = Secure(one, made.context, Said, group)  # type: ignore[arg-type] # less than a Guard will do
            _, writer = await asyncio.open_connection(*one.getsockname())
            writer.write(b"G")
            await served.wait()
            writer.close()
            it.close()
            await it.wait_closed()


# --- who is sent to https ----------------------------------------------------------------


def scope(method: str = "GET", *, scheme: str = "http", client: str = "192.168.1.9", host: str = "") -> Scope:
    return {
        "type": "http",
        "method": method,
        "scheme": scheme,
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"pool=de",
        "headers": [(b"host", host.encode())] if host else [],
        "client": (client, 5),
        "server": ("192.168.1.5", 8000),
    }


async def answered(asked: Scope) -> dict[str, Any]:
    """Return the beginning of the answer; ``served``: by the application itself."""
    told: list[Any] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [], "served": True})

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        told.append(message)

    await OnlySecure(app)(asked, receive, send)
    return {**told[0], "headers": dict(told[0]["headers"])}


@pytest.mark.parametrize(
    ("host", "to"),
    [
        ("192.168.1.5:8000", "https://192.168.1.5:8000/a%20b?pool=de"),
        ("laptop.local:8000", "https://laptop.local:8000/a%20b?pool=de"),
        ("[fd00::5]:8000", "https://[fd00::5]:8000/a%20b?pool=de"),
        ("", "https://192.168.1.5:8000/a%20b?pool=de"),
        ("x@evil.example/", "https://192.168.1.5:8000/a%20b?pool=de"),
        ("evil.example\\@x", "https://192.168.1.5:8000/a%20b?pool=de"),
    ],
)
async def test_a_page_over_http_is_sent_to_https(host: str, to: str) -> None:
    """The same address; a ``Host`` that is not one is not repeated. No browser may keep the answer."""
    answer = await answered(scope(host=host))
    assert (answer["status"], answer["headers"][b"location"]) == (307, to.encode())
    assert answer["headers"][b"cache-control"] == b"no-store"


async def test_a_command_over_http_is_not_repeated() -> None:
    """Its token has crossed the network in the clear; it did nothing, and says where to ask."""
    answer = await answered(scope("POST", host="192.168.1.5:8000"))
    assert answer["status"] == 404
    assert b"location" not in answer["headers"]


@pytest.fixture(params=["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def own(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_this_machine_needs_no_tls(own: str) -> None:
    """Browsers give ``localhost`` a camera as it is."""
    assert (await answered(scope(client=own, host="localhost:8000"))).get("served")


async def test_tls_is_served_whoever_asks() -> None:
    """Any person of the network gets TLS."""
    assert (await answered(scope("POST", scheme="https"))).get("served")


async def test_a_header_does_not_make_it_secure() -> None:
    """The connection counts, not ``X-Forwarded-Proto``."""
    asked = scope(host="192.168.1.5:8000")
    asked["headers"] += [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"127.0.0.1")]
    assert (await answered(asked))["status"] == 307
