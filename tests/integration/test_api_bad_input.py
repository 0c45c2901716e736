"""Bad requests on the real server: the right problem document, and not one byte of the store changed."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from duologue.delivery.offer import Offer, Transports
from duologue.identity.credentials import COOKIE, cookie_name
from tests.bad_requests import BAD_POLLS, BAD_REQUESTS, assert_problem
from tests.integration.served import served
from tests.servers import StoreServer

Contents = dict[bytes, bytes | None]


@pytest.fixture
def address(valkey9: StoreServer) -> Iterator[str]:
    with served(valkey9.url) as base:
        yield base


@pytest.fixture
def contents(valkey9: StoreServer) -> Callable[[], Contents]:
    """All that the store holds, serialized."""

    def dump() -> Contents:
        with valkey9.client() as client:
            return {key: client.dump(key) for key in client.keys("*")}

    return dump


@pytest.fixture
async def ada(address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A person who waits in the queue, so that there is something to damage."""
    async with httpx.AsyncClient(base_url=address) as client:
        session = (await client.post("/v1/sessions", json={"alias": "Ada", "cookie": False})).json()
        client.headers["Authorization"] = f"Bearer {session['token']}"
        joined = await client.post("/v1/join", json={"intent": 1})
        assert joined.json()["outcome"] == "waiting"
        yield client


async def test_bad_requests_change_nothing(ada: httpx.AsyncClient, contents: Callable[[], Contents]) -> None:
    """The whole table, over real HTTP, with a person's state to damage."""
    before = contents()
    assert before
    for bad in BAD_REQUESTS:
        assert_problem(await bad.send(ada), bad)
    assert contents() == before


async def test_bad_polls_change_nothing(valkey9: StoreServer, contents: Callable[[], Contents]) -> None:
    """Where polling is served: nothing is attached, and no connection is replaced."""
    with served(valkey9.url, Offer(Transports.POLL)) as base:
        async with httpx.AsyncClient(base_url=base) as client:
            session = (await client.post("/v1/sessions", json={"cookie": False})).json()
            client.headers["Authorization"] = f"Bearer {session['token']}"
            await client.post("/v1/join", json={"intent": 1})
            before = contents()
            for bad in BAD_POLLS:
                assert_problem(await bad.send(client), bad)
            assert contents() == before
            events = await client.get("/v1/events?page=p1")
            assert (events.status_code, events.json()["code"]) == (404, "not-found")


async def test_a_foreign_page_changes_nothing(
    ada: httpx.AsyncClient, contents: Callable[[], Contents]
) -> None:
    """A cookie of a page of another origin, and the negative control: from our own page it is a leave."""
    before = contents()
    token = ada.headers.pop("Authorization").removeprefix("Bearer ")
    jar = {"Cookie": f"{cookie_name(COOKIE, ada.base_url.netloc.decode(), secure=False)}={token}"}
    foreign = await ada.post(
        "/v1/leave", json={"intent": 2}, headers={**jar, "Origin": "http://evil.example"}
    )
    assert (foreign.status_code, foreign.json()["code"]) == (401, "no-token")
    assert contents() == before
    own = await ada.post("/v1/leave", json={"intent": 2}, headers={**jar, "Origin": str(ada.base_url)})
    assert own.json()["outcome"] == "left"
    assert contents() != before


async def test_half_a_request_harms_nobody(ada: httpx.AsyncClient, contents: Callable[[], Contents]) -> None:
    """A body that is announced and never comes: no change, and the next request is served."""
    before = contents()
    to = urlsplit(str(ada.base_url))
    with socket.create_connection((to.hostname or "", to.port or 0)) as raw:
        head = f"POST /v1/leave HTTP/1.1\r\nHost: x\r\nAuthorization: {ada.headers['Authorization']}\r\n"
        raw.sendall(f"{head}Content-Length: 12\r\n\r\n".encode() + b'{"intent"')
    assert (await ada.get("/v1/state")).json()["state"]["state"] == "waiting"
    assert contents() == before


async def test_a_full_store_refuses_joins_and_lets_people_leave(
    ada: httpx.AsyncClient, valkey9: StoreServer
) -> None:
    """503 with Retry-After for a join, and an answer for a leave: people can leave a full store."""
    with valkey9.client() as client:
        client.config_set("maxmemory", 1)
        refused = await ada.post("/v1/join", json={"intent": 2})
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        left = await ada.post("/v1/leave", json={"intent": 3})
        assert left.json()["outcome"] == "left"
        client.config_set("maxmemory", 0)
    assert (await ada.post("/v1/join", json={"intent": 4})).json()["outcome"] == "waiting"
