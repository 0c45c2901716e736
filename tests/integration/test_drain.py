"""SIGTERM to a real server process: all people are sent away, nothing in progress is lost, and it ends in
time."""

import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.integration.streams import PATIENCE_S, until
from tests.relay import Relay
from tests.servers import StoreServer
from tests.serving import Serving, serving

STREAMS = 100
END_S = 2.0
"""A process that has nothing left to wait for is gone within this, on a busy machine."""


class Site:
    """A server whose way to its store can be stalled, and people who talk to it."""

    def __init__(self, server: Serving, relay: Relay, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.relay = relay
        self.http = http

    async def ready(self) -> "Site":
        """Itself, once ``/readyz`` says so."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.http.get(f"{self.server.url}/readyz")).status != 200:  # noqa: ASYNC110 # another process
                await asyncio.sleep(0.05)
        return self

    async def token(self) -> dict[str, str]:
        """Return the headers of a new person."""
        async with self.http.post(f"{self.server.url}/v1/sessions", json={"cookie": False}) as answer:
            return {"Authorization": f"Bearer {(await answer.json())['token']}"}

    async def join(self, who: dict[str, str]) -> tuple[int, dict[str, str], dict[str, object]]:
        """Status, headers and body of the answer."""
        body = {"intent": 1}
        async with self.http.post(f"{self.server.url}/v1/join", json=body, headers=who) as answer:
            return answer.status, dict(answer.headers), await answer.json()

    async def stream(self, who: dict[str, str], page: str) -> aiohttp.ClientResponse:
        """One that was opened; it is the session's to close."""
        return await self.http.get(f"{self.server.url}/v1/events?page={page}", headers=who)

    async def signal(self) -> None:
        """Send SIGTERM; return when new connections are refused."""
        self.server.signal(signal.SIGTERM)
        await until(lambda: refuses(self.server.port))

    async def ended(self) -> float:
        """How long its end took from now on; it must be an orderly one."""
        began = time.monotonic()
        assert await asyncio.to_thread(self.server.wait) == 0
        return time.monotonic() - began

    def complaints(self) -> list[str]:
        """What it logged as an error."""
        return [line for line in self.server.said if '"level": "error"' in line or "Traceback" in line]


@contextlib.asynccontextmanager
async def site(store: StoreServer, folder: Path, *options: str) -> AsyncIterator[Site]:
    """A server on that store, for as long as the context lasts."""
    async with Relay(store.url).running() as relay, aiohttp.ClientSession() as http:
        settings = {"REDIS_URL": relay.url, "DUOLOGUE_SECRET": "s" * 32}
        start = serving("--data", str(folder), "--log-format", "json", *options, **settings)
        server = await asyncio.to_thread(start.__enter__)
        try:
            yield await Site(server, relay, http).ready()
        finally:
            relay.flow()
            await asyncio.to_thread(start.__exit__, None, None, None)


def refuses(port: int) -> bool:
    """Return whether connections there are refused."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


async def test_commands_under_way_are_answered(redis7: StoreServer, tmp_path: Path) -> None:
    """Accepted before the signal, answered after it, and the connection is not used again."""
    async with site(redis7, tmp_path) as at:
        people = [await at.token() for _ in range(10)]
        at.relay.stall()
        commands = [asyncio.ensure_future(at.join(each)) for each in people]
        await at.relay.stalled_bytes.wait()
        await at.signal()
        assert not any(each.done() for each in commands)
        at.relay.flow()
        for status, headers, body in await asyncio.gather(*commands):
            assert (status, body["outcome"]) == (200, "waiting")
            assert headers["Connection"] == "close"
        assert await at.ended() < END_S


async def test_a_kept_connection_is_answered_and_closed(redis7: StoreServer, tmp_path: Path) -> None:
    """A proxy's next request crosses our going away: it is answered, says so, and nothing is cut under it."""
    async with site(redis7, tmp_path) as at:
        who = await at.token()
        stream = await at.stream(who, "p1")
        await stream.content.readuntil(b"\n\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
        head, _ = await kept(reader, writer)
        assert head.startswith("http/1.1 200")
        assert "connection: close" not in head
        at.relay.stall()  # the detach of the stream hangs, and the drain with it
        await at.signal()
        head, body = await kept(reader, writer)
        assert head.startswith("http/1.1 503")
        assert "connection: close" in head
        assert body == b'{"status":"no"}', "the public reads no reason"
        assert await reader.read() == b""
        writer.close()
        at.relay.flow()
        assert await at.ended() < END_S


async def test_streams_are_sent_away_spread(redis7: StoreServer, tmp_path: Path) -> None:
    """Each is told, ends at once, and they do not come back all at the same moment."""
    async with site(redis7, tmp_path) as at:
        streams = [await at.stream(await at.token(), f"p{n}") for n in range(STREAMS)]
        for each in streams:
            await each.content.readuntil(b"\n\n")
        began = time.monotonic()
        await at.signal()
        async with asyncio.timeout(PATIENCE_S):
            said = await asyncio.gather(*(each.read() for each in streams))
        assert await at.ended() < END_S
        assert time.monotonic() - began < 2
        waits = sorted(sent_away(each) for each in said)
        assert len(waits) == STREAMS
        assert waits[-1] <= 2_000
        # In each half second of the two some: a hundred that miss one are a one in 10^12.
        assert {each // 500 for each in waits} >= {0, 1, 2, 3}


async def test_who_holds_us_up_is_cut(redis7: StoreServer, tmp_path: Path) -> None:
    """A reader who does not read, half a head and half a body: the deadline holds, and none is a defect."""
    async with site(redis7, tmp_path, "--drain-s", "2") as at, contextlib.AsyncExitStack() as held:
        a, b = await at.token(), await at.token()
        deaf = await held.enter_async_context(stuck(at.server.port, a, "/v1/events?page=p1"))
        while b"snapshot" not in await asyncio.get_running_loop().sock_recv(deaf, 4_096):
            pass
        await at.stream(b, "p2")
        await at.join(a)
        match = str((await at.join(b))[2]["state"]["match"]["match"])  # type: ignore[index] # JSON
        for n in range(28):  # 450 KB: more than both kernels' buffers take
            data = {"from": "p2", "candidate": {"candidate": "x" * 16_000}}
            url, body = f"{at.server.url}/v1/signal", {"match": match, "key": f"k{n}", "data": data}
            async with at.http.post(url, json=body, headers=b) as answer:
                assert answer.status == 200, await answer.text()
        await held.enter_async_context(stuck(at.server.port, a, "/v1/leave", "Content-Length: 20\r\n\r\n{"))
        await held.enter_async_context(stuck(at.server.port, a, "/v1/leave", "Content-Length: "))
        await at.signal()
        took = await at.ended()
        assert took < 2 + 2 + END_S, "2 s for the reader, 2 s for the body"
        assert at.complaints() == []


async def test_a_store_that_hangs_does_not_hold_it_up(redis7: StoreServer, tmp_path: Path) -> None:
    """Detaches do not come back, a command is told that it may not have taken effect, and it ends in time."""
    async with site(redis7, tmp_path) as at:
        streams = [await at.stream(await at.token(), f"p{n}") for n in range(5)]
        for each in streams:
            await each.content.readuntil(b"\n\n")
        who = await at.token()
        at.relay.stall()
        command = asyncio.ensure_future(at.join(who))
        await at.relay.stalled_bytes.wait()
        await at.signal()
        for each in streams:
            assert sent_away(await each.read())
        assert await at.ended() < 10 - END_S, "docker stop kills after 10 s"
        status, headers, body = await command
        assert (status, body["code"], headers["Connection"]) == (503, "unavailable", "close")


async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, bytes]:
    """One request on a connection that is used again: the answer's head, in lower case, and its body."""
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(line for line in head.splitlines() if line.startswith("content-length: "))
    return head, await reader.readexactly(int(length.partition(": ")[2]))


def sent_away(said: bytes) -> int:
    """The ``after_ms`` that a stream ended with."""
    last = json.loads(said.strip().rpartition(b"data: ")[2])
    assert last["type"] == "reconnect"
    return int(last["after_ms"])


@contextlib.asynccontextmanager
async def stuck(
    port: int, who: dict[str, str], path: str, rest: str = "\r\n"
) -> AsyncIterator[socket.socket]:
    """A socket that sent this much of a request, has little room, and is not read unless the test does."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        one.connect(("127.0.0.1", port))
        method = "GET" if "?" in path else "POST"
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {who['Authorization']}\r\n"
        one.sendall((head + rest).encode())
        one.setblocking(False)
        yield one
