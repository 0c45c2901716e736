"""The application of the public: which path and method reach what, and what all else is answered."""

from typing import Any

import httpx
import pytest
from starlette.types import Message, Scope

from duologue.api import app as application
from duologue.api.app import Public, build
from duologue.api.cors import CrossOrigin
from tests.unit.api.conftest import Connect, MakeServices
from tests.unit.api.recorder import NoEvents, Recorder
from tests.unit.api.test_paths import ENDS

PARTNER = "https://shop.example"


@pytest.fixture
def public(make_services: MakeServices) -> Public:
    """Without LiveKit, shared with the pages of one other origin."""
    shared = CrossOrigin(by_bearer=[PARTNER])
    return build(make_services(), events=NoEvents(), is_ready=lambda: True, web=None, shared=shared)


def request(path: str, method: str = "GET", raw: bytes | None = None, **more: Any) -> Scope:
    """Return the scope of a request as the server makes it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode() if raw is None else raw,
        "query_string": b"",
        "headers": [(b"host", b"chat.example"), *more.pop("headers", ())],
        "scheme": "http",
        "client": ("192.0.2.1", 1),
        **more,
    }


async def ask(app: Public, scope: Scope, *said: Message) -> tuple[int, dict[str, str]]:
    """Return status and header fields of the answer."""
    sent: list[Message] = []
    left = list(said) or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
    assert not sent[1].get("more_body")
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


async def test_another_method_is_told_which_one(public: Public) -> None:
    """405 with ``Allow`` for each path of the table, for HEAD and for OPTIONS that is not a preflight."""
    assert len(public.methods) == 15
    for path, method in public.methods.items():
        for other in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"} - {method}:
            status, fields = await ask(public, request(path, other))
            assert (status, fields["allow"], fields["vary"]) == (405, method, "Origin"), (path, other)


async def test_each_path_has_one_spelling(public: Public) -> None:
    """404 for all others, which only Starlette sees; so is an escape of a letter, or of a slash."""
    for path, method in public.methods.items():
        others = [(path + end.replace("%0a", "\n"), path + end) for end in ENDS]
        escaped = path.replace("/v1/", "/v1%2f")
        for shown, raw in [*others, (path, escaped), (path, path[:-1] + f"%{ord(path[-1]):02x}")]:
            status, _ = await ask(public, request(shown, method, raw.encode()))
            assert status == 404, raw


async def test_without_the_look_at_the_raw_path(public: Public, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: an escaped slash would reach the command."""
    escaped = request("/v1/state", raw=b"/v1%2fstate")
    assert (await ask(public, escaped))[0] == 404
    monkeypatch.setattr(application, "is_plain", lambda *_: True)
    assert (await ask(public, escaped))[0] == 401


async def test_how_many_people_are_online(make_services: MakeServices, recorder: Recorder) -> None:
    """Anyone may ask, before there is a session, and no call of the store is made for it."""
    app = build(make_services(), events=NoEvents(), is_ready=lambda: True, web=None, people_online=lambda: 7)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/v1/online")
    assert (answer.status_code, answer.json()) == (200, {"people_online": 7})
    assert answer.headers["cache-control"] == "no-store"
    assert recorder.calls == []


@pytest.mark.parametrize("path", ["/v1/", "/v1/nothing", "/v1/skip", "/v1/state%0a"])
async def test_preflights_and_refusals_below_v1_are_shared(public: Public, path: str) -> None:
    """A preflight is answered for every path; a refusal says who may read it."""
    origin = (b"origin", PARTNER.encode())
    asks = (b"access-control-request-method", b"POST")
    status, fields = await ask(public, request(path, "OPTIONS", headers=[origin, asks]))
    assert (status, fields["access-control-allow-methods"]) == (204, "GET, POST")
    status, fields = await ask(public, request(path, "PUT", headers=[origin]))
    assert status in (404, 405)
    assert fields["access-control-allow-origin"] == PARTNER


async def test_of_a_header_that_comes_twice_the_first_counts(
    connect: Connect, tokens: Any, recorder: Recorder
) -> None:
    """As a proxy that adds one behind it would have it."""
    client = connect()
    token = tokens.start("Ada").token
    json = ("Content-Type", "application/json")
    good, bad = ("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")
    answers = [
        await client.post("/v1/pulse", content=b"{}", headers=httpx.Headers([json, *both]))
        for both in ([good, bad], [bad, good])
    ]
    assert [each.status_code for each in answers] == [200, 401]
    text = ("Content-Type", "text/plain")
    assert (await client.post("/v1/pulse", content=b"{}", headers=[good, text, json])).status_code == 415
    assert len(recorder.calls) == 1


async def test_a_query_of_a_command_is_passed_over(client: httpx.AsyncClient) -> None:
    """A command is told by its path and its body."""
    assert (await client.post("/v1/pulse?x=%0a&x", json={})).status_code == 200


async def test_a_body_in_pieces(public: Public, tokens: Any, recorder: Recorder) -> None:
    """A chunked body announces no length; one that ends early is malformed, and no script runs."""
    headers = [
        (b"authorization", f"Bearer {tokens.start('Ada').token}".encode()),
        (b"content-type", b"application/json"),
    ]
    pieces: list[Message] = [
        {"type": "http.request", "body": b'{"match"', "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b':"m_1"}', "more_body": False},
    ]
    whole = await ask(public, request("/v1/skip", "POST", headers=headers), *pieces)
    assert (whole[0], len(recorder.calls)) == (200, 1)
    gone: Message = {"type": "http.disconnect"}
    early = await ask(public, request("/v1/skip", "POST", headers=headers), pieces[0], gone)
    assert (early[0], len(recorder.calls)) == (422, 1)


async def test_a_defect_is_answered_and_raised(public: Public, tokens: Any, recorder: Recorder) -> None:
    """500 for the client, and the error for the log of the server."""
    recorder.error = ZeroDivisionError("of a test")
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("a read has no body")

    headers = [(b"authorization", f"Bearer {tokens.start('Ada').token}".encode())]
    with pytest.raises(ZeroDivisionError):
        await public(request("/v1/state", headers=headers), receive, send)
    assert (sent[0]["status"], sent[1]["body"].count(b'"internal"')) == (500, 1)
    assert (b"connection", b"close") in [(name.lower(), value) for name, value in sent[0]["headers"]]


async def test_a_stream_that_fails(make_services: MakeServices) -> None:
    """Before its beginning it is a problem like any other; after it only the server can end it."""
    began = False

    async def events(_scope: Scope, _receive: Any, send: Any) -> None:
        if began:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    app = build(make_services(), events=events, is_ready=lambda: True, web=None)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("a stream has no body")

    for began, expected in ((False, [500, None]), (True, [200])):  # noqa: B007 # read in ``events``
        sent.clear()
        with pytest.raises(ZeroDivisionError):
            await app(request("/v1/events"), receive, send)
        assert [each.get("status") for each in sent] == expected
