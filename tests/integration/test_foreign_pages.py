"""Pages of other origins, on the real application: what a cookie is worth there, and what they may read.

A row is what a browser sends of its own accord, for each way in which a page can make it ask.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from duologue.api.app import Public, build
from duologue.api.cors import CrossOrigin
from duologue.api.services import Services
from duologue.api.stream import EventStream
from duologue.identity.buckets import Rate
from duologue.identity.credentials import COOKIE, Origins, cookie_name
from duologue.identity.keyring import Keyring
from duologue.identity.limits import Kind, RateLimits, Rates
from duologue.identity.tokens import Tokens
from duologue.media.peer import Peer
from duologue.pairing.keys import Keys
from duologue.pairing.vocabulary import PersonId
from tests.integration.streams import Process
from tests.servers import StoreServer

HOME = "https://chat.example"
EVIL = "https://evil.example"
NEIGHBOUR = "https://blog.chat.example"
PARTNER = "https://shop.example"
CROSS = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
LEAVE = b'{"intent":9000000000000}'
NAME = cookie_name(COOKIE, "chat.example", secure=True)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def process(valkey9: StoreServer) -> AsyncIterator[Process]:
    async with Process(valkey9.url).started(sweeps=False) as made:
        yield made


class House:
    """A server at ``HOME``, a neighbour whose cookie counts, a partner with tokens, and Ada, who waits."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.tokens = Tokens(Keyring.parse("s" * 32))
        issued = self.tokens.start("Ada")
        self.ada, self.token = PersonId(issued.person), issued.token
        services = Services(
            machine=process.machine,
            media=Peer(),
            metrics=process.metrics,
            tokens=self.tokens,
            origins=Origins([NEIGHBOUR]),
            pools=("main",),
            limits=RateLimits(process.store, {Kind.SKIPS: Rates(Rate(1, 1))}, known=Keys("0").person),
        )
        self.events = EventStream(process.hub, services.caller)
        self.services = services
        self.app = self.shared_with(by_cookie=[NEIGHBOUR], by_bearer=[PARTNER + "/"])
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=HOME)

    def shared_with(self, *, by_cookie: Sequence[str], by_bearer: Sequence[str]) -> Public:
        """Build the application as these origins may read it."""
        shared = CrossOrigin(by_cookie=by_cookie, by_bearer=by_bearer)
        return build(self.services, events=self.events, is_ready=lambda: True, web=None, shared=shared)

    async def state(self) -> bytes:
        """Ada's, as it is."""
        return await self.process.machine.read(self.ada)

    async def by_cookie(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Send a request as Ada's browser does, for any page."""
        headers = {"Cookie": f"{NAME}={self.token}", **how.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **how)


@pytest.fixture
async def house(process: Process) -> AsyncIterator[House]:
    house = House(process)
    await process.machine.join(house.ada, intent=1, pool="main")
    yield house
    await house.client.aclose()


# --- what a foreign page can make a browser do -------------------------------------------

NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ATTEMPTS: dict[str, dict[str, Any]] = {
    "a form": {"headers": {**CROSS, **NAVIGATES, **FORM}, "content": b"intent=9"},
    "a form of type text/plain, whose field is JSON": {
        "headers": {**CROSS, **NAVIGATES, "Content-Type": "text/plain"},
        "content": LEAVE,
    },
    "fetch without a preflight": {"headers": {**CROSS, "Content-Type": "text/plain"}, "content": LEAVE},
    "a beacon": {"headers": {**CROSS, "Content-Type": "text/plain"}, "content": LEAVE},
    "a sandboxed frame": {
        "headers": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        "content": LEAVE,
    },
    "an old browser's sandboxed frame": {"headers": {"Origin": "null"}, "content": LEAVE},
    "an old browser's form": {"headers": {"Origin": EVIL, "Content-Type": "text/plain"}, "content": LEAVE},
    "a neighbour that nobody listed": {
        "headers": {"Origin": "https://wiki.chat.example", "Sec-Fetch-Site": "same-site"},
        "content": LEAVE,
    },
    "another port of this host": {
        "headers": {"Origin": HOME + ":8443", "Sec-Fetch-Site": "same-site"},
        "content": LEAVE,
    },
    "a partner's page, which has tokens of its own": {"headers": {"Origin": PARTNER}, "content": LEAVE},
}


@pytest.mark.parametrize("how", ATTEMPTS.values(), ids=ATTEMPTS.keys())
async def test_a_foreign_page_moves_nobody(house: House, how: dict[str, Any]) -> None:
    """By cookie nothing changes: 401, and 415 where no preflight was needed, also with JSON in its place,
    which a listed page may send; the control: the same body of our own page is a leave."""
    before = await house.state()
    simple = await house.by_cookie("POST", "/v1/leave", **how)
    as_json = {**how, "headers": {**how["headers"], **JSON}}
    refused = await house.by_cookie("POST", "/v1/leave", **as_json)
    assert (simple.status_code, simple.json()["code"]) == (415, "not-json")
    assert (refused.status_code, refused.json()["code"]) == (401, "no-token")
    assert await house.state() == before
    own = {"Origin": HOME, "Sec-Fetch-Site": "same-origin", **JSON}
    left = await house.by_cookie("POST", "/v1/leave", headers=own, content=LEAVE)
    assert left.json()["outcome"] == "left"


async def test_a_foreign_page_logs_nobody_in(house: House) -> None:
    """No session of its choosing, and no cookie; nor does it renew, or learn, Ada's."""
    for headers in (CROSS, {"Origin": "null"}, {"Origin": PARTNER}):
        answer = await house.by_cookie("POST", "/v1/sessions", headers=headers, json={})
        assert "set-cookie" not in answer.headers
        assert answer.json()["person"] != house.ada


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", **NAVIGATES},
        {"Sec-Fetch-Site": "same-site", **NAVIGATES},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {**CROSS, "Sec-Fetch-Mode": "cors"},
    ],
    ids=["a link", "a neighbour's link", "an image", "a neighbour's image", "an EventSource"],
)
@pytest.mark.parametrize("path", ["/v1/state", "/v1/events?page=p1", "/v1/state?page=p1&version=1"])
async def test_a_foreign_page_takes_nobodys_place(house: House, path: str, headers: dict[str, str]) -> None:
    """A link, an image, an ``EventSource``: 401, no connection, no sign of life."""
    before = await house.state()
    refused = await house.by_cookie("GET", path, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "no-token")
    assert await house.state() == before
    assert house.process.value("streams_open") == 0


# --- what a page elsewhere may read ------------------------------------------------------

GRANTS = ("access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers")


def granted(answer: httpx.Response) -> dict[str, str]:
    """The CORS headers of an answer, which every cache must keep apart by origin."""
    assert "Origin" in answer.headers.get_list("vary", split_commas=True)
    return {name: answer.headers[name] for name in GRANTS if name in answer.headers}


BEARER = {"access-control-allow-origin": PARTNER, "access-control-expose-headers": "Retry-After"}
BY_COOKIE = {**BEARER, "access-control-allow-origin": NEIGHBOUR, "access-control-allow-credentials": "true"}


@pytest.mark.parametrize(("origin", "grants"), [(PARTNER, BEARER), (NEIGHBOUR, BY_COOKIE), (EVIL, {})])
@pytest.mark.parametrize("path", ["/v1/skip", "/v1/sessions", "/v1/events", "/v1/state", "/v1/nothing"])
async def test_preflights(house: House, path: str, origin: str, grants: dict[str, str]) -> None:
    """For every path: what is granted is what the settings say, credentials only where the cookie counts."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await house.client.options(path, headers=asked)
    assert answer.status_code == 204
    assert granted(answer) == grants
    allowed = answer.headers.get("access-control-allow-headers", "")
    assert [name in allowed for name in ("Authorization", "Content-Type", "Last-Event-ID")] == [
        bool(grants)
    ] * 3
    assert answer.headers.get("access-control-allow-methods", "") == ("GET, POST" if grants else "")


@pytest.mark.parametrize(("origin", "grants"), [(PARTNER, BEARER), (NEIGHBOUR, BY_COOKIE), (EVIL, {})])
async def test_every_answer_can_be_read(
    house: House, origin: str, grants: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """200, and each refusal: a page that cannot read a 401 or a 429 can only guess."""
    bearer = {"Origin": origin, "Authorization": f"Bearer {house.token}"}
    said = {
        200: await house.client.get("/v1/state", headers=bearer),
        401: await house.client.get("/v1/state", headers={"Origin": origin}),
        404: await house.client.get("/v1/nothing", headers=bearer),
        405: await house.client.put("/v1/skip", headers=bearer),
        413: await house.client.post("/v1/join", headers={**bearer, **JSON}, content=b"x" * 70_000),
        422: await house.client.post("/v1/skip", headers=bearer, json={}),
        429: await house.client.post("/v1/skip", headers=bearer, json={}),
    }

    async def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(house.process.machine, "read", broken)
    said[500] = await house.client.get("/v1/state", headers=bearer)
    for status, answer in said.items():
        assert answer.status_code == status, answer.text
        assert granted(answer) == grants
    assert said[429].headers["retry-after"]


@pytest.mark.parametrize(("origin", "grants"), [(PARTNER, BEARER), (EVIL, {})])
async def test_a_stream_is_read_as_it_comes(house: House, origin: str, grants: dict[str, str]) -> None:
    """The beginning says who may read; frames pass at once, and a closed socket is seen as ever."""
    headers = {"Authorization": f"Bearer {house.token}", "Origin": origin}
    page = house.process.page(house.ada, "p1", through=house.app, headers=headers)
    async with page:
        await page.next("snapshot")
        await house.process.machine.leave(house.ada, 9)
        await page.next("idle")
    assert page.ended.is_set()
    assert {name: page.headers[name] for name in GRANTS if name in page.headers} == grants
    assert house.process.value("streams_open") == 0


async def test_the_cookie_of_a_listed_neighbour_counts(house: House) -> None:
    """It is ours in both senses: the cookie is read, and the page may read the answer."""
    neighbour = {"Origin": NEIGHBOUR, "Sec-Fetch-Site": "same-site", **JSON}
    left = await house.by_cookie("POST", "/v1/leave", headers=neighbour, content=LEAVE)
    assert left.json()["outcome"] == "left"
    assert granted(left) == BY_COOKIE


async def test_any_origin_may_come_with_a_token(house: House) -> None:
    """``*``: each origin is named alone, and still has no cookie."""
    transport = httpx.ASGITransport(house.shared_with(by_cookie=(), by_bearer=["*"]))
    async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
        answer = await client.get("/v1/state", headers={"Origin": EVIL, "Cookie": f"{NAME}={house.token}"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == EVIL
    assert "access-control-allow-credentials" not in answer.headers


async def test_what_is_no_interface_is_nobodys(house: House) -> None:
    """Readiness is not for pages."""
    for path in ("/readyz", "/healthz"):
        answer = await house.client.get(path, headers={"Origin": PARTNER})
        assert answer.status_code == 200
        assert not [name for name in GRANTS if name in answer.headers]
