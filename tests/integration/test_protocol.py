"""A whole conversation on the real server: every frame follows the schema, every answer the document."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from duologue.api.app import build
from duologue.api.ops import build_ops
from duologue.api.services import Services
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Tokens
from duologue.media.peer import Peer
from tests.integration.streams import Page, Process

PROTOCOL = Path(__file__).resolve().parents[2] / "protocol"
EVENTS = json.loads((PROTOCOL / "events.schema.json").read_text())
DOCUMENT = yaml.safe_load((PROTOCOL / "openapi.yaml").read_text())
registry: Registry[Any] = Registry().with_resources(
    [
        ("https://duologue.invalid/openapi.yaml", Resource.opaque(DOCUMENT)),
        ("https://duologue.invalid/events.schema.json", Resource.from_contents(EVENTS)),
    ]
)
event = jsonschema.Draft202012Validator(EVENTS)


def assert_documented(answer: httpx.Response) -> dict[str, Any]:
    """The answer is what the document says of this call and this status."""
    method, path = answer.request.method.lower(), answer.request.url.path
    pointer = f"#/paths/{path.replace('/', '~1')}/{method}/responses/{answer.status_code}/content"
    reference = {"$ref": f"https://duologue.invalid/openapi.yaml{pointer}/application~1json/schema"}
    body: dict[str, Any] = answer.json()
    jsonschema.Draft202012Validator(reference, registry=registry).validate(body)
    return body


def assert_frames_documented(*pages: Page) -> None:
    """Every frame that these pages read is one of the schema's."""
    for page in pages:
        assert page.frames
        for frame in page.frames:
            event.validate({name: value for name, value in frame.items() if name != "sse"})


class Person:
    """A person with a token, a page, and an open stream."""

    def __init__(self, client: httpx.AsyncClient, person: str, page: Page) -> None:
        self.client = client
        self.person = person
        self.page = page

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """A command; its answer was held against the document."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return assert_documented(answer)


@pytest.fixture
async def process(valkey9: Any) -> AsyncIterator[Process]:
    async with Process(valkey9.url).started() as made:
        yield made


def process_services(process: Process) -> Services:
    """What its routes call."""
    return Services(
        machine=process.machine,
        media=Peer([{"urls": ["stun:stun.example"]}]),
        metrics=process.metrics,
        tokens=Tokens(Keyring.parse("s" * 32)),
        origins=Origins(),
        pools=("main",),
    )


@pytest.fixture
async def people(process: Process) -> AsyncIterator[list[Person]]:
    """Ada, Bob and Cleo, attached; none has joined."""
    services = process_services(process)
    app = build(
        services, events=process.events, is_ready=process.contact.ready, web=None, polls=process.polls
    )
    made: list[Person] = []
    for name in ("Ada", "Bob", "Cleo"):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        alias = f'{name}"}} data: {{}}'  # race S6: must stay one string, in one frame
        session = assert_documented(await client.post("/v1/sessions", json={"alias": alias, "cookie": False}))
        client.headers["Authorization"] = f"Bearer {session['token']}"
        person = session["person"]
        made.append(Person(client, person, process.page(person, f"p_{name}")))
    ada, bob, cleo = made
    async with ada.page, bob.page, cleo.page:
        for one in made:
            await one.page.next("snapshot")
        yield made
    for one in made:
        await one.client.aclose()


async def test_a_conversation_is_as_documented(people: list[Person]) -> None:
    """Meet, talk, lose sight of each other, skip, block, report, leave: no frame, no answer is a surprise."""
    ada, bob, cleo = people
    assert (await ada.post("/v1/join", intent=1))["outcome"] == "waiting"
    assert (await bob.post("/v1/join", intent=1, tags=["chess"], language="de"))["outcome"] == "matched"
    met = await ada.page.next("new-match")
    match = met["match"]
    assert met["state"]["match"]["partner"]["alias"] == 'Bob"} data: {}'
    for one in (ada, bob):
        assert (await one.post("/v1/pulse", match=match, media="open"))["outcome"] == "ok"
    sent = await ada.post("/v1/messages", match=match, key="k1", text='hello "Bob"\r\n\u0000 🙂')
    assert (sent["outcome"], sent["n"]) == ("sent", 1)
    assert (await bob.page.next("message"))["text"] == 'hello "Bob"\r\n\u0000 🙂'
    hello = {"from": "p_Bob", "hello": True}
    assert (await bob.post("/v1/signal", match=match, key="k2", data=hello))["outcome"] == "sent"
    assert (await ada.page.next("peer-signal"))["data"] == hello
    await ada.post("/v1/pulse", match=match, media="silent")
    assert (await bob.page.next("probe"))["match"] == match
    await bob.post("/v1/pulse", match=match)
    await ada.post("/v1/join", intent=2)
    await ada.page.next("state")

    assert (await cleo.post("/v1/join", intent=1))["outcome"] == "waiting"
    assert (await ada.post("/v1/skip", match=match))["outcome"] == "skipped"
    assert (await bob.page.next("force-disconnect"))["reason"] == "partner-skipped"
    await ada.page.next("skip-confirmed")
    assert (await ada.post("/v1/skip", match=match))["outcome"] == "skipped"
    assert (await bob.post("/v1/skip", match=match))["outcome"] == "stale"
    second = (await bob.page.next("new-match"))["match"]
    assert second == (await cleo.page.next("new-match"))["match"]

    blocked = await ada.post("/v1/blocks", match=match)
    assert blocked["outcome"] == "blocked"
    assert (await ada.post("/v1/blocks", match="m_nobody"))["outcome"] == "unknown-match"
    reported = await bob.post("/v1/reports", match=second, key="k3", reason="spam", text="x", skip=True)
    assert reported["outcome"] == "reported"
    assert (await cleo.page.next("force-disconnect"))["reason"] == "partner-skipped"
    assert (await ada.post("/v1/ack", match=match, of="room-closing"))["outcome"] == "ok"
    for one in people:
        assert (await one.post("/v1/leave", intent=3))["outcome"] == "left"
        await one.page.next("idle")
        assert_documented(await one.client.get("/v1/state"))

    assert_frames_documented(*(one.page for one in people))


async def test_polling_and_comparing_are_as_documented(people: list[Person], process: Process) -> None:
    """Replies with all that they can bring, a page that is taken over, counts, what the operator reads."""
    ada, bob, _ = people
    bob.page.close()
    await bob.page.ended.wait()

    async def poll(**more: Any) -> dict[str, Any]:
        return assert_documented(await bob.client.get("/v1/state", params={"page": "p_Bob", **more}))

    first = await poll()
    assert (first["transports"], first["messages"], first["signals"]) == ("both", [], [])
    await ada.post("/v1/join", intent=1)
    await bob.post("/v1/join", intent=1)
    match = (await ada.page.next("new-match"))["match"]
    text = 'hello "Bob"\r\n\u0000 🙂'
    await ada.post("/v1/messages", match=match, key="k1", text=text)
    await ada.post("/v1/signal", match=match, key="k2", data={"from": "p_Ada", "candidate": {"a": "b"}})
    read = await poll(version=first["state"]["version"], wait_ms=5000)
    assert read["state"]["match"]["match"] == match
    assert [each["text"] for each in read["messages"]] == [text]
    assert [each["n"] for each in read["signals"]] == [1]
    (message,), (signal,) = read["messages"], read["signals"]
    last = {"after": f"{match}:1:{message['at_ms']}", "signals_after": f"1:{signal['at_ms']}"}
    again = await poll(version=read["state"]["version"], **last, wait_ms=50)
    assert (again["messages"], again["signals"]) == ([], [])
    assert assert_documented(await bob.client.get("/v1/state", params={"page": "p_2"}))["state"]
    assert await poll() == {"taken_over": True}

    assert ada.page.frames[0]["compare_ms"] == 2000
    assert (await ada.post("/v1/comparisons", same=7, missed=1))["outcome"] == "noted"
    assert (await ada.post("/v1/comparisons"))["outcome"] == "noted"
    transport = httpx.ASGITransport(build_ops(process_services(process), process.contact.ready))
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as inside:
        found = assert_documented(await inside.get("/transports"))
    assert found["today"]["same"] + found["yesterday"]["same"] == 7
    assert found["verdict"]["safe"] is False


async def test_a_partner_who_blinks_is_as_documented(people: list[Person], process: Process) -> None:
    """A page that closes and comes back, and a second page that takes over."""
    ada, bob, _ = people
    await ada.post("/v1/join", intent=1)
    await bob.post("/v1/join", intent=1)
    match = (await ada.page.next("new-match"))["match"]
    for one in (ada, bob):
        await one.post("/v1/pulse", match=match, media="open")
    bob.page.close()
    assert (await ada.page.next("partner-away"))["match"] == match
    assert assert_documented(await bob.client.get("/v1/state"))["state"]["probe"]
    async with process.page(bob.person, "p_again") as again:
        assert (await ada.page.next("partner-back"))["until_ms"] is None
        async with process.page(bob.person, "p_other") as other:
            await other.next("snapshot")
            await again.next("taken-over")
    assert_frames_documented(ada.page, bob.page, again, other)
