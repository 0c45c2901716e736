"""A server process without its sockets, and pages that read its event streams over ASGI.

Everything is real but the network: the store, the scripts, the feed, the hub, the workers, the
endpoint. A page's token is its person's name.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message

from duologue.api.problems import Code, Problem
from duologue.api.stream import EventStream
from duologue.delivery.clock import SystemClock
from duologue.delivery.contact import Contact
from duologue.delivery.feed import Feed
from duologue.delivery.hub import Addresses, Hub
from duologue.delivery.offer import Offer, Transports
from duologue.delivery.polls import Polls
from duologue.identity.tokens import Session
from duologue.media.peer import Peer
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import PersonId, ProcessId, Reply
from duologue.store.client import Store, StoreInterrupted
from duologue.workers.beat import Beat
from duologue.workers.census import Census
from duologue.workers.reattach import Reattach
from duologue.workers.supervisor import Loop, repeat
from duologue.workers.sweep import Sweep
from tests.unit.delivery.fakes import in_own_task, parsed

PATIENCE_S = 15
"""How long a condition may take before a test gives up; none takes it."""

Frame = dict[str, Any]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing announces."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - that is what it is for
            await asyncio.sleep(0.005)


class Process:
    """One server process on a store."""

    def __init__(
        self,
        url: str,
        *,
        feed_url: str = "",
        timings: Timings | None = None,
        wrap: Callable[[Machine], Addresses] = lambda machine: machine,
        ear: Callable[[bytes], Iterable[bytes]] = lambda raw: (raw,),
    ) -> None:
        """``feed_url``: by which way it subscribes; ``wrap``: what the hub calls in the machine's place;
        ``ear``: what becomes of each publication on its way to the hub."""
        self.id = ProcessId("s_" + secrets.token_urlsafe(12))
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.contact = Contact(self.clock, self.metrics)
        self.store = Store(url, on_suspicion=self.contact.suspect)
        self.machine = Machine(
            self.store, timings, observe=self.metrics.observe, interrupted=StoreInterrupted
        )
        self.hub = Hub(
            wrap(self.machine),
            self.id,
            media=Peer(),
            contact=self.contact,
            metrics=self.metrics,
            clock=self.clock,
            offer=Offer(Transports.BOTH, 100),
        )
        self.polls = Polls(self.hub, self.clock)
        self.feed = Feed(
            Store(feed_url or url).subscribe,
            self.machine.channel(self.id),
            self.clock,
            deliver=self._deliver,
            opened=self.contact.sequence.opened,
        )
        self.beat = Beat(self.machine, self.hub, self.contact, self.clock, reopen=self.feed.reopen)
        self.sweep = Sweep(self.machine, self.id, ["main"], self.clock)
        self.reattach = Reattach(self.hub, self.contact, self.clock)
        self.census = Census(self.hub, self.contact, self.clock)
        self.events = EventStream(self.hub, by_name)
        self._ear = ear
        self._group: asyncio.TaskGroup | None = None
        self._beating: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self, *, sweeps: bool = True) -> AsyncIterator["Process"]:
        """At work, from the first beat on; ends with a drain."""
        async with self.store.running(), asyncio.TaskGroup() as group, self.hub.running():
            self._group = group
            loops: list[Loop] = [self.feed, self.polls, self.reattach, self.census]
            if sweeps:
                loops.append(self.sweep)
            tasks = [group.create_task(repeat(each, self.metrics)) for each in loops]
            self.start_beating()
            try:
                await until(self.contact.ready)
                yield self
            finally:
                await self.hub.drain()
                self.stop_beating()
                for task in tasks:
                    task.cancel()

    def _deliver(self, raw: bytes) -> None:
        for each in self._ear(raw):
            self.hub.deliver(each)

    def started(self, *, sweeps: bool = True) -> contextlib.AbstractAsyncContextManager["Process"]:
        """The same, for fixtures: in a task of its own, as fixtures have several."""
        return in_own_task(self.running(sweeps=sweeps))

    def start_beating(self) -> None:
        """Beat as a process does; also after it was stopped."""
        assert self._group is not None
        self._beating = self._group.create_task(repeat(self.beat, self.metrics))

    def stop_beating(self) -> None:
        """As a paused process does."""
        if self._beating is not None:
            self._beating.cancel()

    def page(
        self,
        person: str,
        page: str,
        *,
        last_event_id: str = "",
        through: ASGIApp | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Page":
        """A page that is about to open its stream here; ``through``: what is in front of the endpoint."""
        asked = headers or {"Authorization": f"Bearer {person}"}
        return Page(self, through or self.events, page, last_event_id, asked)

    async def join(self, person: str, **more: Any) -> bytes:
        """As ``POST /v1/join``."""
        reply = await self.machine.join(PersonId(person), intent=1, pool="main", **more)
        assert isinstance(reply, Reply)
        return reply.state

    def value(self, name: str, **labels: str) -> float:
        """A metric's value now."""
        return self.metrics.registry.get_sample_value(f"duologue_{name}", labels) or 0.0


def by_name(headers: Mapping[str, str], *, secure: bool = False) -> Session:
    """The token is the person's name."""
    _, _, name = headers.get("authorization", "").partition(" ")
    if not name:
        raise Problem(Code.NO_TOKEN, "a token is needed")
    return Session(name, "test", name, name.title(), None, "0", {}, 0)


class Page:
    """A page reading its stream. Within ``async with`` it is open; leaving closes the socket."""

    def __init__(
        self, process: Process, app: ASGIApp, page: str, last_event_id: str, headers: Mapping[str, str]
    ) -> None:
        self.frames: list[Frame] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = asyncio.Event()
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/events",
            "client": ("10.0.0.1", 4711),
            "query_string": f"page={page}".encode(),
            "headers": [
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
                *([(b"last-event-id", last_event_id.encode())] if last_event_id else []),
            ],
        }
        self._app = app
        self._gone = asyncio.Event()
        self._told = asyncio.Event()
        self._read = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Page":
        self._task = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self.close()
        await self._task

    def close(self) -> None:
        """The socket closes."""
        self._gone.set()

    async def next(self, kind: str) -> Frame:
        """The next frame of this type, those of other types passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._read < len(self.frames):
                    found = self.frames[self._read]
                    self._read += 1
                    if found["type"] == kind:
                        return found
                self._told.clear()
                await self._told.wait()

    def types(self) -> list[str]:
        """Of all frames so far, heartbeats left out."""
        return [each["type"] for each in self.frames if each["type"] != "heartbeat"]

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        finally:
            self.ended.set()

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif self.status == 200:
            self.frames += parsed(message["body"])
            self._told.set()
