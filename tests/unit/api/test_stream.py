"""The event stream's endpoint: what is refused, and what ends a write."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message

from duologue.api import stream
from duologue.api.gate import RateLimitGate
from duologue.api.guard import CUT
from duologue.api.problems import Code, Problem
from duologue.api.stream import EventStream, last_event
from duologue.identity.credentials import Origins, find
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import LastRead
from tests.unit.delivery.fakes import Scene, settle


@pytest.fixture
def scene() -> Scene:
    """A hub on a scripted machine."""
    return Scene()


def anybody(headers: Mapping[str, str], *, secure: bool = False) -> Session:
    """A token is a name."""
    if "authorization" not in headers:
        raise Problem(Code.NO_TOKEN, "no token")
    return Session("ann", "test", "ann", "Ann", None, "0", {}, 0)


def scope(*, method: str = "GET", query: bytes = b"page=a1", token: bool = True) -> dict[str, Any]:
    """A request."""
    headers = [(b"authorization", b"Bearer ann")] if token else []
    return {"type": "http", "method": method, "query_string": query, "headers": headers}


async def never() -> Message:
    """A client that stays."""
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("request_scope", "enabled", "status"),
    [
        (scope(token=False), True, 401),
        (scope(query=b""), True, 422),
        (scope(query=b"page=" + b"x" * 65), True, 422),
        (scope(query=b"page=%0d%0aSet-Cookie:x"), True, 422),
        (scope(query=b"\xff\xfe"), True, 422),
        (scope(query=b"page=a1" + b"&page=a1" * 16), True, 422),
        (scope(), False, 404),
        (scope(method="POST"), True, 405),
    ],
)
async def test_refusals(scene: Scene, request_scope: dict[str, Any], enabled: bool, status: int) -> None:
    """Problem documents, before anything is opened: a GET gets 401, 404 or 422 at most (race E24)."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await EventStream(scene.hub, anybody, enabled=enabled)(request_scope, never, send)
    assert sent[0]["status"] == status
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
    assert scene.machine.calls == []


@pytest.mark.parametrize(("accept", "full"), [(b"text/event-stream", True), (b"*/*", True), (b"*/*", False)])
async def test_a_full_network(scene: Scene, accept: bytes, full: bool) -> None:
    """A client that accepts only a stream reads the reason in it (race E24); others get the same word as a
    problem; with room the stream begins."""
    request_scope = scope()
    request_scope["headers"].append((b"accept", accept))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def crowded(person: str, network: str) -> bool:
        assert (person, network) == ("ann", "home")
        return full

    async with scene.hub.running():
        endpoint = EventStream(scene.hub, anybody, network_of=lambda _: "home", crowded=crowded)
        await endpoint(request_scope, gone, send)
    body = b"".join(message["body"] for message in sent[1:])
    in_stream = full and accept == b"text/event-stream"
    assert sent[0]["status"] == (429 if full and not in_stream else 200)
    assert (b'"type":"reconnect"' in body, b'"reason":"network-full"' in body) == (in_stream, in_stream)
    assert (b'"code":"network-full"' in body) == (full and not in_stream)
    assert len(scene.machine.named("attach")) == (not full)


@pytest.mark.parametrize(("waiting", "asked", "opened"), [(0, 2, True), (1, 0, True), (6_000, 0, False)])
async def test_a_process_over_its_bound_names_a_delay(
    scene: Scene, waiting: int, asked: int, opened: bool
) -> None:
    """With streams in the queue nothing else is asked; if it is 30 s long, a new one comes later."""
    attaches = scene.hub.attaches
    calls: list[str] = []
    sent: list[Message] = []
    attaches.pace._each_s, attaches.pace._measured_at = 0.006, scene.clock.now
    attaches.stop()
    for n in range(waiting):
        attaches._waiting[n] = scene.clock.now, asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        sent.append(message)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def crowded(person: str, network: str) -> bool:
        calls.append("crowded")
        return False

    class Gate(RateLimitGate):
        async def without_store(self, *_: object) -> None:
            calls.append("limits")

    async with scene.hub.running():
        gate = Gate(scene.metrics)
        endpoint = EventStream(scene.hub, anybody, gate=gate, network_of=lambda _: "home", crowded=crowded)
        await endpoint(scope(), gone, send)
        attaches._waiting.clear()
    body = b"".join(message["body"] for message in sent[1:])
    assert (sent[0]["status"], len(calls)) == (200, asked)
    assert (b'"type":"reconnect"' not in body) == opened
    if not opened:
        delay_ms = int(re.findall(rb'"after_ms":(\d+)', body)[0])
        assert 100 <= delay_ms <= 60_000
        assert b"retry: %d\n" % delay_ms in body


@pytest.mark.parametrize(
    ("mode", "bearer", "status"),
    [("navigate", False, 401), ("navigate", True, 200), ("cors", False, 200)],
)
async def test_the_address_bar_opens_no_stream(scene: Scene, mode: str, bearer: bool, status: int) -> None:
    """A link to the stream would take the person's place from the page that has it: no cookie counts."""
    request_scope = scope(token=False)
    request_scope["headers"] = [(b"sec-fetch-mode", mode.encode()), (b"cookie", b"duologue_session=ann")]
    if bearer:
        request_scope["headers"].append((b"authorization", b"Bearer ann"))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    def by_any(headers: Mapping[str, str], *, secure: bool) -> Session:
        return anybody({"authorization": ""} if find(headers, Origins(), secure=secure) else {})

    async with scene.hub.running():
        await EventStream(scene.hub, by_any)(request_scope, gone, send)
    assert sent[0]["status"] == status


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("m_1:3", ("m_1", 3)),
        ("m_1:3:50", ("m_1", 3, 50)),
        ("m_1:3:", ()),
        ("m_1:3:-1", ()),
        ("m_1:3:" + "9" * 15, ()),
        ("m_1:", ()),
        (":3", ()),
        ("m_1:-3", ()),
        ("m_1:3 ", ()),
        ("m_1:3\n", ()),
        ("m 1:3", ()),
        ("m_1:" + "9" * 30, ()),
        ("m_1:٣", ()),
    ],
)
def test_last_event_id(value: str, after: tuple[Any, ...]) -> None:
    """A match, a number and an instant, or nothing: a client may send anything here."""
    assert last_event({"last-event-id": value}) == LastRead(*after)
    assert last_event({}) == LastRead()


async def test_a_write_that_stalls_ends_the_stream(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Race S5: the deadline is on each write, whatever else happens on the stream."""
    monkeypatch.setattr(stream, "WRITE_S", 0.01)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await never()

    async with scene.hub.running():
        await EventStream(scene.hub, anybody)(scope(), never, send)
        await settle()
    assert scene.value("streams_ended_total", reason="slow") == 1
    assert len(scene.machine.named("detach")) == 1


@pytest.mark.parametrize(
    ("words", "is_closed"),
    [
        ("unable to perform operation on <TCPTransport closed=True>; the handler is closed", True),
        ("Unexpected ASGI message", False),
    ],
)
async def test_a_write_to_a_socket_that_just_closed(scene: Scene, words: str, is_closed: bool) -> None:
    """It is the client's end, as uvloop tells it; any other such error is a defect, and shown."""
    gone = asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise RuntimeError(words)

    request_scope = scope()
    request_scope["extensions"] = {CUT: {"now": gone.set}}
    async with scene.hub.running():
        with contextlib.nullcontext() if is_closed else pytest.raises(ExceptionGroup, match="unhandled"):
            await EventStream(scene.hub, anybody)(request_scope, receive, send)
    assert gone.is_set() is is_closed


async def test_a_client_that_goes_ends_the_stream(scene: Scene) -> None:
    """It is listened for at the same time; a request's body before it is passed over."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async with scene.hub.running(), asyncio.TaskGroup() as group:
        group.create_task(EventStream(scene.hub, anybody)(scope(), messages.get, send))
        messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await settle()
        assert sent[0]["status"] == 200
        assert b"snapshot" in sent[1]["body"]
        messages.put_nowait({"type": "http.disconnect"})
        await settle()
    assert scene.value("streams_ended_total", reason="closed") == 1
