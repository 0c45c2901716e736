"""Webhooks of real servers: how soon the host application hears, also when servers are killed."""

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
from standardwebhooks import Webhook

from duologue.pairing.machine import Machine
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import ConnectionId, DetachCause, PersonId, ProcessId
from duologue.store.client import Store
from duologue.webhooks.endpoint import address_of
from tests.integration.streams import until
from tests.servers import StoreServer
from tests.serving import serving

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Host:
    """The host application: it verifies each request with the specification's library."""

    def __init__(self) -> None:
        self.port = 0
        self.late_ms: list[float] = []
        self.seqs: dict[str, list[int]] = {}
        self.seen: set[str] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(fields["content-length"]))
            event = Webhook(SECRET).verify(body, fields)
            self._hear(event)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            return  # a server that was killed
        finally:
            writer.close()

    def _hear(self, event: dict[str, Any]) -> None:
        if event["id"] in self.seen:
            return
        self.seen.add(event["id"])
        self.late_ms.append(time.time() * 1000 - float(event["id"].rpartition("_")[2]))
        self.seqs.setdefault(event["data"]["person"], []).append(event["seq"])

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Host"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self


async def comes_and_goes(machine: Machine, person: str, times: int, pause_s: float) -> None:
    """Two events each time: online and offline."""
    for n in range(times):
        connection = ConnectionId(f"c_{person}_{n}")
        await machine.attach(PersonId(person), connection, ProcessId("s_test"), f"page{n}")
        await asyncio.sleep(pause_s)
        await machine.detach(PersonId(person), connection, DetachCause.CLOSED)
        await asyncio.sleep(pause_s)


@pytest.mark.timeout(120)
async def test_how_soon_and_through_kills(redis7: StoreServer) -> None:
    """95 % of 800 events arrive within 1 s; servers are killed, and none is lost or reversed."""
    timings = Timings(presence_events=True)
    async with Host().open() as host, Store(redis7.url).running() as store:
        url = f"http://127.0.0.1:{host.port}/"
        options = (
            *("--no-page", "--presence-events", "--redis-url", redis7.url),
            *("--webhook", f"person.online,person.offline={url}"),
        )
        environment = {
            "DUOLOGUE_SECRET": secrets.token_urlsafe(32),
            "DUOLOGUE_WEBHOOK_SECRETS": SECRET,
        }
        machine, client = Machine(store, timings), redis.Redis.from_url(redis7.url)
        with contextlib.ExitStack() as stack:
            start = stack.enter_context
            first = await asyncio.to_thread(start, serving(*options, **environment))
            second = await asyncio.to_thread(start, serving(*options, **environment))
            endpoint = address_of(url).id
            while not (await machine.events.delivery(endpoint)).state:  # noqa: ASYNC110 # nothing tells it
                await asyncio.sleep(0.05)
            people = [f"p{n}" for n in range(20)]
            await asyncio.gather(*(comes_and_goes(machine, each, 20, 0.1) for each in people))
            await until(lambda: len(host.seen) == 800)
            late = sorted(host.late_ms)
            p95_ms = late[int(len(late) * 0.95)]
            assert p95_ms <= 1_000

            under_way = asyncio.gather(*(comes_and_goes(machine, each, 20, 0.1) for each in people))
            holder = client.hget("{0}webhooks", "holder")
            await asyncio.sleep(1.0)
            for server in (first, second):
                # The one that delivers is not known by its pid: each is killed, and the other goes on.
                server.signal(signal.SIGKILL)
                await asyncio.to_thread(server.wait)
                again = await asyncio.to_thread(start, serving(*options, **environment))
                assert again.is_running
                await asyncio.sleep(1.0)
            await under_way
            await until(lambda: len(host.seen) == 1600)
            assert client.hget("{0}webhooks", "holder") != holder
    for seqs in host.seqs.values():
        assert seqs == sorted(seqs)
    assert sorted(seq for seqs in host.seqs.values() for seq in seqs) == [*range(1, 1601)]
