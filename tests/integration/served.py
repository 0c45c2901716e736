"""The real API over a real store, on a port of its own, in a thread of its own."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from duologue.api.app import Public, build
from duologue.api.services import Services
from duologue.api.stream import EventStream
from duologue.api.webhook import webhook
from duologue.delivery.clock import SystemClock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.offer import Offer, Transports
from duologue.delivery.polls import Polls
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.limits import RateLimits
from duologue.identity.tokens import Tokens
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.livekit.webhooks import Webhooks
from duologue.media.peer import Peer
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import ProcessId
from duologue.store.client import Store
from duologue.workers.supervisor import repeat
from tests.integration.streams import Process

SECRET = "s" * 32
PROJECT = Project("ws://127.0.0.1:1", "key", SECRET)
POOLS = ("main", "de")


def limited(process: Process, limits: RateLimits) -> ASGIApp:
    """Build the whole of HTTP over a process's parts, with limits of the test's own."""
    services = Services(
        machine=process.machine,
        media=Peer(),
        metrics=process.metrics,
        tokens=Tokens(Keyring.parse(SECRET)),
        origins=Origins(),
        pools=("main",),
        limits=limits,
    )
    events = EventStream(process.hub, services.caller, gate=services.gate)
    polls = Polls(process.hub, process.clock)
    return build(services, events=events, is_ready=process.contact.ready, web=None, polls=polls)


def application(store_url: str, offer: Offer) -> Public:
    """The parts that answer HTTP; no other worker runs, so nothing happens that no request asked for."""
    clock, metrics, media = SystemClock(), Metrics(), Peer()
    store = Store(store_url)
    machine = Machine(store)
    contact = Contact(clock, metrics)
    hub = Hub(
        machine, ProcessId("s_test"), media=media, contact=contact, metrics=metrics, clock=clock, offer=offer
    )
    polls = Polls(hub, clock)
    services = Services(
        machine=machine,
        media=media,
        metrics=metrics,
        tokens=Tokens(Keyring.parse(SECRET)),
        origins=Origins(),
        pools=POOLS,
        offer=offer,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with store.running(), hub.running(), asyncio.TaskGroup() as group:
            loop = group.create_task(repeat(polls, metrics))
            try:
                yield
            finally:
                loop.cancel()

    return build(
        services,
        events=EventStream(hub, services.caller, enabled=offer.streams),
        is_ready=lambda: True,
        web=Path("nowhere"),
        polls=polls if offer.polls else None,
        webhook=webhook(Webhooks(PROJECT, Namespace("tests")), lambda _match, _fact: None, metrics),
        lifespan=lifespan,
    )


STREAMS = Offer(Transports.SSE)
"""Streams alone: a poll is refused."""


@contextlib.contextmanager
def served(store_url: str, offer: Offer = STREAMS) -> Iterator[str]:
    """The address of a server that runs for as long as the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = application(store_url, offer)
        # Public is no coroutine function, so uvicorn would take it for an application of version 2.
        config = uvicorn.Config(app, interface="asgi3", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            # It listens already: a request before the server is up waits in the socket's queue.
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
