"""The real API over a real store, on a port of its own, in a thread of its own."""

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from duologue.api.app import build
from duologue.api.desk import Desk
from duologue.api.stream import EventStream
from duologue.delivery.clock import SystemClock
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Tokens
from duologue.media.peer import Peer
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import ProcessId
from duologue.store.client import Store

SECRET = "s" * 32
POOLS = ("main", "de")


def application(store_url: str) -> Starlette:
    """The parts that answer HTTP; no worker runs, so nothing happens that no request asked for."""
    clock, metrics, media = SystemClock(), Metrics(), Peer()
    store = Store(store_url)
    machine = Machine(store)
    contact = Contact(clock, metrics)
    hub = Hub(machine, ProcessId("s_test"), media=media, contact=contact, metrics=metrics, clock=clock)
    desk = Desk(
        machine=machine,
        media=media,
        metrics=metrics,
        tokens=Tokens(Keyring.parse(SECRET)),
        origins=Origins(),
        pools=POOLS,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with store.running(), hub.running():
            yield

    stream = EventStream(hub, desk.caller)
    return build(desk, events=stream, is_ready=lambda: True, web=Path("nowhere"), lifespan=lifespan)


@contextlib.contextmanager
def served(store_url: str) -> Iterator[str]:
    """The address of a server that runs for as long as the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application(store_url), log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            # It listens already: a request before the server is up waits in the socket's queue.
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
