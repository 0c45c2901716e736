"""One spelling for each path: what is routed is what a proxy in front saw."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Message

from duologue.api.paths import Exact, Unspeakable

PATHS = (
    "/",
    "/metrics",
    "/transports",
    "/readyz",
    "/healthz",
    "/v1/state",
    "/v1/events",
    "/assets/main-3KZC7A2B.js",
)
ENDS = (
    "%0a",
    "%0A",
    "%0d%0a",
    "%00",
    "%20",
    "%7f",
    "%c2%85",
    "%e2%80%a8",
    "%ff",
    "/",
    "//",
    "/.",
    "%2f",
    ";",
    "%3f",
    "%23",
    "%0a%0a",
    "\\",
    "%5c",
)
ODD = (
    "/%0ametrics",
    "/%6detrics",
    "/%2fmetrics",
    "//metrics",
    "/./metrics",
    "/x/../metrics",
    "/v1/..%2fmetrics",
    "/v1%2fstate",
    "/v1%2Fevents",
    "//v1/state",
    "/v1//state",
    "/v1/./state",
    "/v1/x/../state",
    "/v1/%73tate",
    "/%0a/v1/events",
    "/v1%0a/events",
    "/V1/state",
    "/v1/State",
    "/%0a",
    "//",
    "/v1\\state",
    "/v1/%zzstate",
)
SPELLINGS = (*(f"{path}{end}" for path in PATHS for end in ENDS), *ODD)


async def here(_: Request) -> Response:
    return Response("here")


def application(kind: type[Route], *first: Unspeakable) -> Starlette:
    """One that has these paths."""
    return Starlette(routes=[*first, *(kind(path, here, methods=["GET"]) for path in PATHS)])


async def status(app: Starlette, raw: str) -> int:
    """What the application answers to a path, as the server hands it on."""
    path = unquote(raw) if "%" in raw else raw  # as uvicorn does
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": raw.encode(),
        "headers": [],
        "query_string": b"",
    }
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    app.router.redirect_slashes = False
    await app(scope, receive, send)
    return int(sent[0]["status"])


async def test_each_path_is_served_as_it_is_written() -> None:
    """And by that spelling only."""
    app = application(Exact, Unspeakable())
    assert [await status(app, path) for path in PATHS] == [200] * len(PATHS)
    assert [raw for raw in SPELLINGS if await status(app, raw) != 404] == []


async def test_without_these_routes_other_spellings_are_served() -> None:
    """The control: Starlette's pattern takes a line feed at the end, and escapes are resolved before it."""
    taken = {raw for raw in SPELLINGS if await status(application(Route), raw) == 200}
    assert {
        "/metrics%0a",
        "/transports%0a",
        "/readyz%0A",
        "/v1/events%0a",
        "/v1%2fstate",
        "/%6detrics",
    } <= taken


async def test_each_of_the_two_is_needed() -> None:
    """Exact routes alone take an escaped letter; the look at the path alone is a look at the path only."""
    assert await status(application(Exact), "/%6detrics") == 200
    assert await status(application(Exact), "/metrics%0a") == 404


@given(st.text(max_size=8), st.sampled_from(PATHS))
def test_a_path_matches_itself_only(more: str, path: str) -> None:
    """Whatever stands behind it."""
    route = Exact(path, here, methods=["GET"])
    scope = {"type": "http", "method": "GET", "path": path + more}
    assert (route.matches(scope)[0] is Match.FULL) is (more == "")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_method_is_told_apart(method: str) -> None:
    """405 in place of 404; and a WebSocket is neither."""
    route = Exact("/", here, methods=["GET"])
    assert route.matches({"type": "http", "method": method, "path": "/"})[0] is Match.PARTIAL
    assert route.matches({"type": "websocket", "path": "/"})[0] is Match.NONE
