"""The polling transport's endpoint: what a query may say, and what each outcome is answered with."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from duologue.api.app import build
from duologue.api.poll import asked_by
from duologue.api.problems import Problem
from duologue.api.services import Services
from duologue.delivery.poll import Asked
from duologue.identity.tokens import Tokens
from duologue.pairing.vocabulary import LastRead, PersonId, TakenOver
from duologue.store.client import StoreUnavailable
from tests.unit.api.recorder import NoEvents
from tests.unit.delivery.fakes import PAGE, Scene, settle

EPOCH_S = 1_764_000_000


@pytest.fixture
def scene() -> Scene:
    """A hub on a scripted machine."""
    return Scene()


@pytest.fixture
async def client(
    scene: Scene, make_services: Callable[..., Services], tokens: Tokens
) -> AsyncIterator[httpx.AsyncClient]:
    """A person with a token, of a server that answers polls."""
    app = build(make_services(), events=NoEvents(), is_ready=lambda: True, web=Path("no"), polls=scene.polls)
    headers = {"Authorization": f"Bearer {tokens.start('Ada').token}"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        scene.hub.running(),
        httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as made,
    ):
        yield made


def test_what_a_query_says() -> None:
    """Seconds inside, milliseconds outside; whatever is left out waits for nothing and knows nothing."""
    whole = {"page": "p", "version": "7", "wait_ms": "15000", "after": "m_1:3:50", "signals_after": "4:60"}
    assert asked_by(whole) == Asked(7, 15.0, LastRead("m_1", 3, 50), 4, 60)
    numbers = {"after": "m_1:3", "signals_after": "4"}
    assert asked_by(numbers) == Asked(None, 0.0, LastRead("m_1", 3), 4)
    assert asked_by({"page": "p"}) == Asked(None, 0.0, LastRead(), 0)
    assert asked_by({"version": "0"}).version == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("wait_ms", value) for value in ("15001", "-1", "1.5", "", "1e3", "٣", "9" * 40, " 1", "1\n")),
        *(("version", value) for value in ("x", "-1", "", "1" + "0" * 14)),
        *(("signals_after", value) for value in ("", "1" + "0" * 9, "1:", ":1", "1:-1", "1:" + "9" * 15)),
        *(
            ("after", value)
            for value in ("", "m_1", "m_1:", ":1", "m 1:1", "m_1:-1", "m_1:1\n", "m_1:" + "9" * 10)
        ),
    ],
)
def test_what_no_query_may_say(name: str, value: str) -> None:
    """Refused with the name of the parameter."""
    with pytest.raises(Problem) as caught:
        asked_by({"page": "p", name: value})
    assert (caught.value.code, caught.value.field) == ("bad-field", name)


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("version=1", "no-page", None),
        ("page=", "no-page", None),
        ("page=&wait_ms=1", "no-page", None),
        ("page=a%0ab", "bad-field", "page"),
        ("page=p1&wait_ms=15001", "bad-field", "wait_ms"),
        ("page=p1&person=x", "unknown-field", "person"),
        ("page=p1" + "&page=p1" * 16, "bad-field", None),
    ],
)
async def test_refusals(
    scene: Scene, client: httpx.AsyncClient, query: str, code: str, field: str | None
) -> None:
    """Before anything is attached."""
    answer = await client.get(f"/v1/state?{query}")
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json().get("field")) == (code, field)
    assert scene.machine.calls == []


async def test_a_reply_has_what_only_a_process_knows(client: httpx.AsyncClient) -> None:
    """No cache keeps it, and the people online are counted as everywhere."""
    answer = await client.get("/v1/state?page=a1")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["people_online"] == 1
    assert "connection" not in answer.headers


async def test_taken_over(scene: Scene, client: httpx.AsyncClient) -> None:
    """No error: the page is told, as by a stream's last frame."""
    scene.machine.answers["attach"] = [TakenOver()]
    answer = await client.get("/v1/state?page=a1")
    assert (answer.status_code, answer.json()) == (200, {"taken_over": True})


async def test_the_store_is_away(scene: Scene, client: httpx.AsyncClient) -> None:
    """503, and when to come again."""
    scene.machine.answers["attach"] = [StoreUnavailable("away")]
    answer = await client.get("/v1/state?page=a1")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_token_ends_in_the_midst_of_a_poll(
    scene: Scene, client: httpx.AsyncClient, make_token: Callable[..., str]
) -> None:
    """401, as the next one would be answered."""
    # The scene's clock stands at 1,000 s after its epoch.
    client.headers["Authorization"] = f"Bearer {make_token(exp=4_000_000_000)}"
    scene.clock.wall_offset_ms = 4_000_000_000_000 - 1_000_000 - 5_000
    scene.contact.store_clock.offset_ms = scene.clock.wall_offset_ms
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.get("/v1/state?page=a1&version=10&wait_ms=15000"))
        await settle()
        await scene.clock.turn(5.1)
    answer = asked.result()
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")


async def test_while_we_drain_the_next_poll_goes_elsewhere(scene: Scene, client: httpx.AsyncClient) -> None:
    """Answered at once by a pure read, and the connection closes: the next one may reach another process."""
    scene.contact.draining = True
    answer = await client.get("/v1/state?page=a1&version=10&wait_ms=15000")
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"
    assert set(answer.json()) == {
        "state",
        "messages",
        "signals",
        "people_online",
        "now_ms",
        "transports",
        "media",
    }
    assert scene.machine.calls == []


async def test_the_address_bar_opens_no_connection(scene: Scene, client: httpx.AsyncClient) -> None:
    """A link to a poll would take its reader's place away: no cookie counts for it. A read is a read."""
    token = client.headers.pop("Authorization").removeprefix("Bearer ")
    client.headers.update({"Cookie": f"duologue_session={token}", "Sec-Fetch-Mode": "navigate"})
    assert (await client.get("/v1/state?page=a1")).status_code == 401
    assert (await client.get("/v1/state")).status_code == 200
    client.headers["Sec-Fetch-Mode"] = "cors"
    assert (await client.get("/v1/state?page=a1")).status_code == 200
    assert len(scene.machine.named("attach")) == 1


async def test_head_is_no_poll(scene: Scene, client: httpx.AsyncClient) -> None:
    """It would attach a connection and read no news."""
    assert (await client.head("/v1/state?page=a1")).status_code == 405
    assert scene.machine.calls == []


async def test_a_client_that_hangs_up_is_heard(scene: Scene, client: httpx.AsyncClient) -> None:
    """In the midst of a poll: the time until the next one begins."""
    person = ""
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    app = client._transport.app  # type: ignore[attr-defined]  # httpx's ASGITransport
    request_scope = {
        "type": "http", "method": "GET", "path": "/v1/state",
        "query_string": b"page=page1&version=10&wait_ms=15000",
        "headers": [(b"authorization", client.headers["Authorization"].encode())],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with asyncio.TaskGroup() as group:
        group.create_task(app(request_scope, messages.get, send))
        messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await settle()
        (person, *_) = scene.machine.named("attach")[0]
        poll = scene.polls._by_page[PersonId(person), PAGE]
        assert scene.polls._away == deque()
        messages.put_nowait({"type": "http.disconnect"})
    assert poll.ended is None
    assert [due for due, *_ in scene.polls._away] == [scene.clock.now + 3]
