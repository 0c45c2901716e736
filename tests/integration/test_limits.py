"""The limits at the API, over a real store: what is refused, with which words, and what never is."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from duologue.api.proxies import Forwarded
from duologue.identity.addresses import Proxies
from duologue.identity.buckets import Rate
from duologue.identity.limits import DEFAULTS, Kind, RateLimits, Rates
from duologue.pairing.keys import Keys
from duologue.pairing.vocabulary import PersonId
from tests.integration.served import limited
from tests.integration.streams import PATIENCE_S, Process, until
from tests.integration.test_protocol import DOCUMENT
from tests.servers import StoreServer, store_server, valkey9_binary
from tests.unit.delivery.fakes import in_own_task

PROXY, HOME, AWAY = "10.0.0.1", "192.0.2.7", "198.51.100.9"
FEW = Rates(Rate(1, 2), Rate(1, 5))
"""Two at once for a person, five for an address, and then a minute's wait."""

CALLS: dict[str, tuple[Kind, dict[str, Any]]] = {
    "/v1/join": (Kind.JOINS, {"intent": 5}),
    "/v1/skip": (Kind.SKIPS, {"match": "m_1"}),
    "/v1/messages": (Kind.MESSAGES, {"match": "m_1", "key": "k", "text": "hello"}),
    "/v1/signal": (Kind.SIGNALS, {"match": "m_1", "key": "k", "data": {"from": "p", "hello": True}}),
    "/v1/blocks": (Kind.REPORTS, {"match": "m_1"}),
    "/v1/reports": (Kind.REPORTS, {"match": "m_1", "key": "k", "reason": "spam"}),
    "/v1/pulse": (Kind.PULSES, {}),
    "/v1/leave": (Kind.PULSES, {"intent": 9}),
    "/v1/ack": (Kind.PULSES, {"match": "m_1", "of": "room-closing"}),
}


@pytest.fixture
async def process(valkey9: StoreServer) -> AsyncIterator[Process]:
    async with Process(valkey9.url).started(sweeps=False) as made:
        yield made


def application(process: Process, rates: Mapping[Kind, Rates]) -> ASGIApp:
    """The whole of HTTP behind one trusted proxy, with limits of the test's own."""
    limits = RateLimits(process.store, rates, known=Keys("0").person)
    return Forwarded(limited(process, limits), Proxies.parse(PROXY))


@contextlib.asynccontextmanager
async def asking(app: ASGIApp, *, peer: str = PROXY, behind: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that asks from this peer, with ``behind`` as its header."""
    transport = httpx.ASGITransport(app, client=(peer, 4711))
    headers = {"X-Forwarded-For": behind} if behind else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def somebody(client: httpx.AsyncClient) -> str:
    """Becomes a guest; who."""
    answer = await client.post("/v1/sessions", json={"cookie": False})
    assert answer.status_code == 201, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return str(answer.json()["person"])


def assert_too_many(answer: httpx.Response) -> None:
    """The whole problem document, and when to come back."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    body = answer.json()
    assert (body["status"], body["code"]) == (429, "too-many")
    assert f"again in {answer.headers['retry-after']} s" in body["detail"]
    paths = DOCUMENT["paths"][answer.request.url.path][answer.request.method.lower()]
    assert "429" in paths["responses"]


@pytest.mark.parametrize("path", CALLS)
async def test_a_persons_burst_is_over(process: Process, path: str) -> None:
    """Of every kind: so many at once, then 429 with the time to wait, and nothing was changed by it."""
    kind, body = CALLS[path]
    async with asking(application(process, {kind: Rates(FEW.person)})) as ada:
        person = PersonId(await somebody(ada))
        for _ in range(2):
            assert (await ada.post(path, json=body)).status_code == 200
        before = await process.machine.read(person)
        for _ in range(3):
            assert_too_many(await ada.post(path, json=body))
        # Before anything of it is read: what is too many costs little, whatever it says.
        assert_too_many(
            await ada.post(path, content=b"x" * 100_000, headers={"Content-Type": "application/json"})
        )
        after = await process.machine.read(person)
        assert json.loads(after)["intent"] == json.loads(before)["intent"]
        assert process.value("limited_total", what=kind, whose="person") == 4
        async with asking(application(process, {kind: Rates(FEW.person)})) as ben:
            await somebody(ben)
            assert (await ben.post(path, json=body)).status_code == 200


async def test_the_default_burst_of_skips_is_enough_for_the_quickest(process: Process) -> None:
    """30 presses of Next in a row are not a flood."""
    rates = {kind: Rates(FEW.person) for kind in Kind}
    burst = DEFAULTS[Kind.SKIPS].person
    async with asking(application(process, {**rates, Kind.SKIPS: Rates(burst)})) as ada:
        await somebody(ada)
        for _ in range(30):
            assert (await ada.post("/v1/skip", json={"match": "m_1"})).status_code == 200


async def test_an_address_is_everybodys_behind_it(process: Process) -> None:
    """They have five joins together; people of other addresses are not affected."""
    app = application(process, {Kind.JOINS: FEW})
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(asking(app, behind=HOME)) for _ in range(6)]
        for one in people:
            await somebody(one)
        said = [(await one.post("/v1/join", json={"intent": 1})).status_code for one in people]
        assert said == [200] * 5 + [429]
        assert "your network address" in (await people[5].post("/v1/join", json={"intent": 1})).text
        elsewhere = await stack.enter_async_context(asking(app, behind=AWAY))
        await somebody(elsewhere)
        assert (await elsewhere.post("/v1/join", json={"intent": 1})).status_code == 200


async def test_a_header_of_a_peer_that_is_not_trusted_wins_nothing(process: Process) -> None:
    """A flood that claims another address each time is one address; the control: a proxy is trusted."""
    app = application(process, {Kind.SESSIONS: FEW})
    forged = [f"203.0.113.{n}" for n in range(8)]
    for peer, refused in ((AWAY, 3), (PROXY, 0)):
        codes = []
        for behind in forged:
            async with asking(app, peer=peer, behind=behind) as client:
                codes.append((await client.post("/v1/sessions", json={})).status_code)
        assert codes.count(429) == refused
    async with asking(app, behind=f"203.0.113.200, {forged[0]}") as client:
        said = [await client.post("/v1/sessions", json={}) for _ in range(8)]
    assert_too_many(said[-1])


async def test_new_guests_are_their_addresss_and_renewals_their_persons(process: Process) -> None:
    """Five new ones from one address; existing ones still renew, each twice."""
    app = application(process, {Kind.SESSIONS: FEW})
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(asking(app, behind=HOME)) for _ in range(6)]
        for one in people[:5]:
            await somebody(one)
        assert_too_many(await people[5].post("/v1/sessions", json={}))
        for one in people[:5]:
            said = [(await one.post("/v1/sessions", json={})).status_code for _ in range(3)]
            assert said == [201, 201, 429]


IN_MEMORY: dict[Kind, tuple[str, dict[str, Any]]] = {
    Kind.PULSES: ("/v1/pulse", {}),
    Kind.SILENCES: ("/v1/pulse", {"match": "m_1", "media": "silent"}),
    Kind.READS: ("/v1/comparisons", {"same": 1}),
}


@pytest.mark.parametrize("kind", IN_MEMORY)
async def test_signs_of_life_have_an_addresss_ceiling(process: Process, kind: Kind) -> None:
    """Five between the people behind it, then 429, and a person's own bucket has lost nothing by it."""
    path, body = IN_MEMORY[kind]
    app = application(process, {kind: Rates(Rate(1, 2), Rate(1, 5))})
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(asking(app, behind=HOME)) for _ in range(6)]
        for one in people:
            await somebody(one)
        said = [(await one.post(path, json=body)).status_code for one in people]
        assert said == [200] * 5 + [429]
        assert_too_many(await people[5].post(path, json=body))
        assert "your network address" in (await people[5].post(path, json=body)).text
        assert process.value("limited_total", what=kind, whose="address") == 3
        people[5].headers["X-Forwarded-For"] = AWAY
        for _ in range(2):
            assert (await people[5].post(path, json=body)).status_code == 200
        assert "by you" in (await people[5].post(path, json=body)).text


async def test_what_changes_the_store_and_signs_of_life_have_buckets_of_their_own(process: Process) -> None:
    """Though the address has no join left, pulse, ack, leave and reads of all behind it are answered."""
    app = application(process, {kind: Rates(None, Rate(1, 1)) for kind in (Kind.JOINS, Kind.SKIPS)})
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(asking(app, behind=HOME)) for _ in range(20)]
        for one in people:
            await somebody(one)
        assert (await people[0].post("/v1/join", json={"intent": 1})).status_code == 200
        assert_too_many(await people[1].post("/v1/join", json={"intent": 1}))
        for one in people:
            for path in ("/v1/pulse", "/v1/leave", "/v1/ack"):
                assert (await one.post(path, json=CALLS[path][1])).status_code == 200
            assert (await one.get("/v1/state")).status_code == 200


async def test_the_ceiling_of_an_address_stops_a_flood(process: Process) -> None:
    """Of 20,000 pulses from one address 6,000 pass; none of 500 neighbours is refused ten at once."""
    limits = RateLimits(process.store, DEFAULTS, known=Keys("0").person, now_ms=lambda: 0.0)
    for n in range(5_000):
        assert await limits.spend(Kind.PULSES, person=f"neighbour {n % 500}", address=HOME) is None
    flood = [await limits.spend(Kind.PULSES, person=f"guest {n}", address=AWAY) for n in range(20_000)]
    assert flood.count(None) == 6_000


@pytest.mark.parametrize(("bounded", "counted"), [(True, 12), (False, 90)])
async def test_one_guest_poisons_no_histogram(process: Process, bounded: bool, counted: int) -> None:
    """Of 90 pulses that claim ten hours twelve count, as a minute at most; none of them is refused.

    The control: without the limit each of them counts.
    """
    rates = dict(DEFAULTS)
    if not bounded:
        rates[Kind.MEASURES] = Rates()
    async with asking(application(process, rates)) as eve:
        await somebody(eve)
        body = {"told_ms": 36_000_000, "alone_ms": 36_000_000, "next_face_ms": 36_000_000}
        for _ in range(90):
            assert (await eve.post("/v1/pulse", json=body)).status_code == 200
    assert process.value("client_alone_seconds_count") in range(counted, counted + 3)
    assert process.value("client_alone_seconds_sum") == 60 * process.value("client_alone_seconds_count")
    assert process.value("next_face_seconds_sum") == 60 * process.value("next_face_seconds_count")
    told = {"source": "client"}
    assert process.value("skip_told_seconds_sum", **told) == 10 * process.value(
        "skip_told_seconds_count", **told
    )
    assert process.value("client_outliers_total", what="alone") == process.value("client_alone_seconds_count")
    if bounded:
        assert process.value("limited_total", what="measures", whose="person") >= 90 - counted - 2


async def test_reads_are_a_persons(process: Process) -> None:
    """Two at once here."""
    async with asking(application(process, {Kind.READS: FEW})) as ada:
        await somebody(ada)
        for _ in range(2):
            assert (await ada.get("/v1/state")).status_code == 200
        assert_too_many(await ada.get("/v1/state"))


async def test_polls_are_a_persons(process: Process) -> None:
    """Who polls in a loop is told to wait; their neighbours, behind the same address, are not."""
    app = application(process, {Kind.POLLS: Rates(FEW.person)})
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(6):
            one = await stack.enter_async_context(asking(app, behind=HOME))
            await somebody(one)
            for _ in range(2):
                assert (await one.get("/v1/state?page=p1")).status_code == 200
            assert_too_many(await one.get("/v1/state?page=p1"))
            assert (await one.get("/v1/state")).status_code == 200


async def test_to_call_a_partner_silent_is_limited_and_no_other_pulse(process: Process) -> None:
    """Race S7: each report may ask the partner for a sign; the reporter's own signs of life go on."""
    async with asking(application(process, {Kind.SILENCES: FEW})) as ada:
        await somebody(ada)
        silent = {"match": "m_1", "media": "silent"}
        for _ in range(2):
            assert (await ada.post("/v1/pulse", json=silent)).json()["outcome"] == "stale"
        assert_too_many(await ada.post("/v1/pulse", json=silent))
        for _ in range(5):
            assert (await ada.post("/v1/pulse", json={})).json()["outcome"] == "ok"


async def test_a_tab_that_opens_streams_in_a_loop(process: Process) -> None:
    """Never 429: over its limit a stream says once when to come back, and no connection was made of it."""
    app = application(process, {Kind.STREAMS: FEW})
    async with asking(app) as ada:
        person = await somebody(ada)
        headers = {"Authorization": ada.headers["Authorization"]}
    for _ in range(2):
        async with process.page(person, "p1", through=app, headers=headers) as page:
            await page.next("snapshot")
    async with process.page(person, "p1", through=app, headers=headers) as page:
        async with asyncio.timeout(PATIENCE_S):
            await page.ended.wait()
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/event-stream")
    (only,) = page.frames
    assert only["type"] == "reconnect"
    assert "reason" not in only
    assert 30_000 < only["after_ms"] <= 60_000
    assert only["sse"]["retry"] == str(only["after_ms"])
    assert process.value("limited_total", what="streams", whose="person") == 1
    await until(lambda: process.value("streams_open") == 0)


@pytest.mark.parametrize("known", [True, False])
async def test_streams_that_come_back_are_never_an_addresss(process: Process, known: bool) -> None:
    """Whom the store knows comes back though the address has no stream left; new ones wait."""
    app = application(process, {Kind.STREAMS: Rates(None, Rate(1, 1)), Kind.SESSIONS: Rates()})
    said = []
    for n in range(4):
        async with asking(app, behind=HOME) as ada:
            person = PersonId(await somebody(ada))
            if known:
                await process.machine.join(person, intent=1, pool="main", tags=[str(n)])
            page = process.page(person, f"p{n}", through=app, headers=dict(ada.headers))
            async with page:
                await until(lambda page=page: bool(page.frames))  # type: ignore[misc] # bound at once
                said.append(page.frames[0]["type"])
    assert said == (["snapshot"] * 4 if known else ["snapshot"] + ["reconnect"] * 3)


async def test_strangers_in_a_flood_shut_nobody_out(process: Process) -> None:
    """Who was in the midst of a conversation comes back while new ones of the same address are refused."""
    app = application(process, {Kind.STREAMS: Rates(None, Rate(1, 1)), Kind.SESSIONS: Rates()})

    async def opens(client: httpx.AsyncClient, person: str) -> str:
        async with process.page(person, "p1", through=app, headers=dict(client.headers)) as page:
            await until(lambda: bool(page.frames))
            return str(page.frames[0]["type"])

    async with asking(app, behind=HOME) as ada:
        known = await somebody(ada)
        await process.machine.join(PersonId(known), intent=1, pool="main")
        said = []
        for _ in range(3):
            async with asking(app, behind=HOME) as stranger:
                said.append(await opens(stranger, await somebody(stranger)))
        said.append(await opens(ada, known))
    assert said == ["snapshot", "reconnect", "reconnect", "snapshot"]


async def test_with_the_store_away(process: Process) -> None:
    """Commands are 503 as ever, never 500; guests begin, streams open and say so."""
    with store_server("valkey9", valkey9_binary()) as server:
        async with in_own_task(Process(server.url).running(sweeps=False)) as away:
            app = application(away, dict.fromkeys(Kind, Rates(Rate(60, 99), Rate(60, 99))))
            async with asking(app) as ada, asking(app) as guest:
                person = await somebody(ada)
                os.kill(server.pid, signal.SIGKILL)
                for path, (_, body) in CALLS.items():
                    answer = await ada.post(path, json=body)
                    assert answer.status_code == 503, (path, answer.text)
                    assert answer.headers["retry-after"] == "1"
                assert await somebody(guest)
                page = away.page(person, "p1", through=app, headers=dict(ada.headers))
                async with page:
                    await page.next("unavailable")
