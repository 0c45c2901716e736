"""Where the server listens, and what a stop waits for."""

import asyncio
import errno
import resource
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from duologue.api import server
from duologue.api.server import (
    ENOUGH_OPEN_FILES,
    ListenError,
    Server,
    ServerLimits,
    allow_open_files,
    listening,
    port_of,
)

LIMITS = ServerLimits(drain_s=5, trusted_proxies="127.0.0.1")


def test_every_address_of_a_host_gets_the_same_port() -> None:
    """``localhost`` is two addresses to many browsers: both answer, and port 0 picks one port for them."""
    with listening("localhost", 0) as sockets:
        assert len({one.getsockname()[1] for one in sockets}) == 1
        assert {one.getsockname()[0] for one in sockets} <= {"127.0.0.1", "::1"}
    assert all(one.fileno() == -1 for one in sockets)


def test_it_listens_before_it_serves() -> None:
    """Who comes while the store is still starting waits in the queue, and is not turned away."""
    with listening("127.0.0.1", 0) as sockets, socket.create_connection(("127.0.0.1", port_of(sockets)), 5):
        pass


def test_a_second_listener_is_refused_at_once() -> None:
    """The second one is refused although the first has accepted no connection yet."""
    with listening("127.0.0.1", 0) as sockets:
        port = port_of(sockets)
        with (
            pytest.raises(ListenError, match=f"port {port} is taken.*--port {port + 10}"),
            listening("127.0.0.1", port),
        ):
            pass


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_accepted_connections_give_up_on_dead_networks() -> None:
    """They inherit the limit from the listening socket: a phone that left the wifi is noticed."""
    with listening("127.0.0.1", 0) as (one,), socket.create_connection(one.getsockname()[:2]):
        accepted, _ = one.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


def test_open_files_are_as_many_as_allowed() -> None:
    """Each stream is one: a shell's soft limit must not be where the server's people end."""
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(hard, ENOUGH_OPEN_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_more_open_files_than_asked_for_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS calls its limits endless. A higher present limit is kept, and a refusal by the system is not an
    error."""
    asked: list[tuple[int, int]] = []

    def refuse(_: int, limits: tuple[int, int]) -> None:
        asked.append(limits)
        raise ValueError

    endless = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "setrlimit", refuse)
    for limits in ((endless, endless), (20_000, endless), (256, endless)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        allow_open_files()
    assert asked == [(ENOUGH_OPEN_FILES, endless)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "denied"), "for root only"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "not an address of this machine"),
        (OSError(errno.EMFILE, "too many open files"), r"cannot listen on h:80 \(too many open files\)"),
    ],
)
def test_why_there_is_no_listening(monkeypatch: pytest.MonkeyPatch, error: OSError, words: str) -> None:
    """One line for each reason."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(server, "_addresses", lambda *_: [(socket.AF_INET, ("127.0.0.1", 0))])
    monkeypatch.setattr(server, "_listen", refuse)
    with pytest.raises(ListenError, match=words), listening("h", 80):
        pass


class Slow:
    """An application with one endless stream and one command that takes as long as the test wants."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.finish = asyncio.Event()
        self.drained = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``/stream`` ends with the drain, ``/command`` when told to."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.asked.set()
        await (self.drained if scope["path"] == "/stream" else self.finish).wait()
        await send({"type": "http.response.body", "body": b"done", "more_body": False})

    async def drain(self) -> None:
        """What ends the streams."""
        self.drained.set()


async def run(app: Slow, limits: ServerLimits, test: Callable[[Server, str], Awaitable[None]]) -> None:
    """Run the test against the server, which must end afterwards."""
    started = asyncio.Event()
    with listening("127.0.0.1", 0) as sockets:
        one = Server(app, limits, started=started.set, drain=app.drain)
        async with asyncio.TaskGroup() as group:
            group.create_task(one.serve(sockets))
            await started.wait()
            await test(one, f"http://127.0.0.1:{port_of(sockets)}")


async def test_a_stop_ends_streams_by_the_drain() -> None:
    """An open stream would keep uvicorn running; the drain ends it, and then the server ends."""

    async def test(one: Server, url: str) -> None:
        async with asyncio.TaskGroup() as group, httpx.AsyncClient() as client:
            stream = group.create_task(client.get(f"{url}/stream", timeout=10))
            await app.asked.wait()
            one.stop()
            assert (await stream).text == "done"

    app = Slow()
    await run(app, LIMITS, test)


async def test_a_stop_finishes_commands_under_way() -> None:
    """Commands in progress are answered, and new people are refused."""

    async def test(one: Server, url: str) -> None:
        async with asyncio.TaskGroup() as group, httpx.AsyncClient() as client:
            command = group.create_task(client.get(f"{url}/command", timeout=10))
            await app.asked.wait()
            one.stop()
            await app.drained.wait()
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{url}/command")
            app.finish.set()
            assert (await command).text == "done"

    app = Slow()
    await run(app, LIMITS, test)


async def test_a_stop_is_bounded() -> None:
    """A command that never ends is cut off at the deadline."""

    async def test(one: Server, url: str) -> None:
        async with asyncio.TaskGroup() as group, httpx.AsyncClient() as client:
            command = group.create_task(cut(client, url))
            await app.asked.wait()
            one.stop()
            assert await command

    app = Slow()
    await run(app, ServerLimits(drain_s=1, trusted_proxies=""), test)


async def cut(client: httpx.AsyncClient, url: str) -> bool:
    """Whether the answer breaks off."""
    try:
        await client.get(f"{url}/command", timeout=10)
    except httpx.RemoteProtocolError:
        return True
    return False
