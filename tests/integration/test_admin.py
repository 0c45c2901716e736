"""The admin API over real processes and a real store: who may, what it does to people, and what it notes."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
import yaml
from referencing import Resource
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from duologue.admin.acts import Acts
from duologue.admin.api import LiftBody, SanctionBody, build_admin
from duologue.admin.hooks import Hooks
from duologue.admin.tokens import AdminTokens, Role
from duologue.delivery.poll import Asked
from duologue.identity.keyring import Keyring
from duologue.identity.limits import RateLimits
from duologue.identity.tokens import BadToken, Tokens
from duologue.pairing.keys import Keys
from duologue.pairing.vocabulary import Barred, ConnectionId, EventKind, Marks, PageId, PersonId
from duologue.webhooks.endpoint import address_of
from tests.integration.served import SECRET, limited
from tests.integration.streams import Process
from tests.integration.test_protocol import PROTOCOL, event, registry
from tests.servers import StoreServer

DOCUMENT = yaml.safe_load((PROTOCOL / "admin.yaml").read_text())
REGISTRY = registry.with_resources([("https://duologue.invalid/admin.yaml", Resource.opaque(DOCUMENT))])
ADMIN = AdminTokens("a" * 32)
HOOK = address_of("https://host.example/hooks?key=secret")
DAY_MS = 86_400_000
BAN = {"kind": "ban", "rule": "No nudity", "why": "It was reported.", "lasts_ms": 7 * DAY_MS}
WARN = {"kind": "warn", "rule": "Be kind", "why": "It was reported."}


def token(role: Role = Role.MODERATOR, name: str = "mona") -> str:
    return ADMIN.sign(name, role, lasts_s=3600)


@pytest.fixture
async def process(valkey9: StoreServer) -> AsyncIterator[Process]:
    async with Process(valkey9.url).started(sweeps=False) as made:
        yield made


def public(process: Process) -> ASGIApp:
    return limited(process, RateLimits(process.store, {}, known=Keys("0").person))


def documented(answer: httpx.Response) -> None:
    """The answer is what `protocol/admin.yaml` says of this call and this status."""
    path = re.sub(
        r"/(persons|sanctions|webhooks)/[^/]+", lambda m: f"/{m[1]}/{{{m[1][:-1]}}}", answer.request.url.path
    )
    method = answer.request.method.lower()
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, (path, answer.status_code)
    if answer.status_code == 200:
        pointer = f"#/paths/{path.replace('/', '~1')}/{method}/responses/200/content/application~1json/schema"
        reference = {"$ref": f"https://duologue.invalid/admin.yaml{pointer}"}
        jsonschema.Draft202012Validator(reference, registry=REGISTRY).validate(answer.json())


@contextlib.asynccontextmanager
async def desk(process: Process, bearer: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A moderator's client of the admin API of this process."""
    app = build_admin(
        process.machine.moderation,
        Acts(process.machine.moderation),
        ADMIN,
        Hooks(process.machine.events, [HOOK]),
    )
    headers = {"Authorization": f"Bearer {bearer or token()}"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    hooks = {"response": [_documented]}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://admin", headers=headers, event_hooks=hooks
    ) as client:
        yield client


async def _documented(answer: httpx.Response) -> None:
    await answer.aread()
    if "%" not in answer.request.url.raw_path.decode() and "nothing" not in answer.request.url.path:
        documented(answer)


async def decided(
    client: httpx.AsyncClient, person: str, body: dict[str, Any], **fields: str
) -> dict[str, Any]:
    """The answer to a decision that is accepted."""
    answer = await client.post(f"/admin/v1/persons/{person}/sanctions", json=body, headers=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def assert_refused(answer: httpx.Response, status: int, code: str) -> str:
    """A problem document; what it says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    return str(answer.json()["detail"])


async def test_a_ban_on_another_process(valkey9: StoreServer, process: Process) -> None:
    """The moderator asks one process, the person is on another: their stream ends, the partner goes on."""
    async with (
        Process(valkey9.url).started(sweeps=False) as other,
        process.page("ann", "a1") as ann,
        other.page("ben", "b1") as ben,
        desk(process) as mona,
    ):
        await process.join("ann")
        await other.join("ben")
        await ann.next("new-match")
        await ben.next("new-match")
        answer = await decided(mona, "ben", BAN)
        assert answer["match"]
        idle = await ben.next("idle")
        assert idle["reason"] == "banned"
        ended = await ben.next("session-ended")
        assert ended["sanction"] == idle["state"]["sanction"]
        assert ended["sanction"]["why"] == "It was reported."
        for frame in (idle, ended):
            event.validate({name: value for name, value in frame.items() if name != "sse"})
        told = await ann.next("force-disconnect")
        assert told["reason"] == "partner-left"
        assert "sanction" not in json.dumps(ann.frames)
        async with other.page("ben", "b2") as again:
            assert (await again.next("session-ended"))["reason"] == "banned"
        assert [frame["type"] for frame in again.frames] == ["session-ended"]


async def test_a_poll_is_told(process: Process) -> None:
    """The poll that waits is answered at once, and so is the next one."""
    person, page = PersonId("ben"), PageId("b1")
    async with desk(process) as mona:
        with process.polls.ask(person, page, Asked(), alias="Ben") as first:
            await first.reply()
        with process.polls.ask(person, page, Asked(version=10**13, wait_s=10), alias="Ben") as waiting:
            await waiting.reply()  # another version is news
        await decided(mona, "ben", BAN)
        for _ in range(2):
            with process.polls.ask(person, page, Asked(), alias="Ben") as asking:
                reply = await asking.reply()
            assert isinstance(reply, Barred)
            assert json.loads(reply.sanction)["kind"] == "ban"


async def guest(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/sessions", json={"cookie": False, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_way_in_is_closed(process: Process) -> None:
    """A banned guest: no renewal, no join, no poll, no new guest on the device. The state can be read."""
    transport = httpx.ASGITransport(public(process))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        desk(process) as mona,
    ):
        ben = await guest(client)
        device = Tokens(Keyring.parse(SECRET)).devices.read(ben["device"])
        fields = {"Authorization": f"Bearer {ben['token']}"}
        await process.machine.attach(
            PersonId(ben["person"]),
            ConnectionId("c_1"),
            process.id,
            "p1",
            marks=Marks(device),
        )
        assert (await client.post("/v1/join", json={"intent": 1}, headers=fields)).status_code == 200
        done = await decided(mona, ben["person"], {**BAN, "device": True})
        assert done["device"] is True
        for answer in (
            await client.post("/v1/join", json={"intent": 2}, headers=fields),
            await client.post("/v1/sessions", json={"cookie": False}, headers=fields),
            await client.post("/v1/sessions", json={"cookie": False, "device": ben["device"]}),
            await client.get("/v1/state?page=p2", headers=fields),
        ):
            assert_refused(answer, 403, "banned")
            assert answer.json()["sanction"]["sanction"] == done["sanction"]
        state = (await client.get("/v1/state", headers=fields)).json()["state"]
        assert (state["state"], state["sanction"]["rule"]) == ("idle", "No nudity")
        assert await guest(
            client
        )  # a browser that has forgotten its device passes, which docs/safety.md says
        body = {"person": ben["person"]}
        lifted = await mona.post(f"/admin/v1/sanctions/{done['sanction']}/lift", json=body)
        assert lifted.status_code == 200
        assert (await client.post("/v1/join", json={"intent": 3}, headers=fields)).status_code == 200
        assert await guest(client, device=ben["device"])


async def test_a_warning_is_confirmed(process: Process) -> None:
    """The join is refused until then, and says what was decided."""
    transport = httpx.ASGITransport(public(process))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        desk(process) as mona,
    ):
        ben = await guest(client)
        client.headers["Authorization"] = f"Bearer {ben['token']}"
        await decided(mona, ben["person"], WARN)
        refused = await client.post("/v1/join", json={"intent": 1})
        assert_refused(refused, 403, "warned")
        warning = refused.json()["sanction"]["sanction"]
        stale = await client.post("/v1/confirm", json={"sanction": "x_other"})
        assert stale.json()["outcome"] == "stale"
        assert (await client.post("/v1/confirm", json={"sanction": warning})).json()["outcome"] == "ok"
        assert (await client.post("/v1/join", json={"intent": 1})).json()["outcome"] == "waiting"


def test_the_document_and_the_server_have_the_same_paths_and_bodies(process: Process) -> None:
    """All that is served is written down, and all that is written down is served."""
    app = build_admin(
        process.machine.moderation, Acts(process.machine.moderation), ADMIN, Hooks(process.machine.events)
    )
    assert isinstance(app, Starlette)
    served = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith("/admin")
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert served == {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}
    for path, body in (
        ("/admin/v1/persons/{person}/sanctions", SanctionBody),
        ("/admin/v1/sanctions/{sanction}/lift", LiftBody),
    ):
        schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        fields = msgspec.structs.fields(body)
        assert set(schema["properties"]) == {field.encode_name for field in fields}
        assert set(schema["required"]) == {field.encode_name for field in fields if field.required}


async def test_who_may(process: Process) -> None:
    """Neither kind of token counts as the other; a viewer decides nothing; what has expired is over."""
    session = Tokens(Keyring.parse(SECRET)).start("Ada").token
    paths = ("/admin/v1/me", "/admin/v1/sanctions", "/admin/v1/audit", "/admin/v1/persons/ben")
    for bearer in (session, "x", AdminTokens("b" * 32).sign("eve", Role.ADMIN, lasts_s=60)):
        async with desk(process, bearer) as client:
            for path in paths:
                assert_refused(await client.get(path), 401, "bad-token")
            answer = await client.post("/admin/v1/persons/ben/sanctions", json=BAN)
            assert_refused(answer, 401, "bad-token")
    async with desk(process, ADMIN.sign("old", Role.ADMIN, lasts_s=-60)) as client:
        assert "has expired" in assert_refused(await client.get("/admin/v1/me"), 401, "bad-token")
    async with desk(process, token(Role.VIEWER)) as client:
        for path in paths:
            assert (await client.get(path)).status_code == 200
        for path, body in (
            ("/admin/v1/persons/ben/sanctions", BAN),
            ("/admin/v1/sanctions/x_1/lift", {"person": "ben"}),
        ):
            said = assert_refused(await client.post(path, json=body), 403, "not-allowed")
            assert "needs the role moderator" in said
        client.headers.pop("authorization")
        assert_refused(await client.get("/admin/v1/me"), 401, "no-token")
    assert isinstance(Tokens(Keyring.parse("a" * 32)).read(token()), BadToken)  # though the key were the same


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"kind": "shout"}, "bad-field", "kind"),
        ({"rule": ""}, "bad-field", "rule"),
        ({"why": "x" * 501}, "bad-field", "why"),
        ({"lasts_ms": None}, "missing-field", "lasts_ms"),
        ({"lasts_ms": 0}, "bad-field", "lasts_ms"),
        ({"lasts_ms": 367 * DAY_MS}, "bad-field", "lasts_ms"),
        ({"kind": "pause", "lasts_ms": DAY_MS + 1}, "bad-field", "lasts_ms"),
        ({"kind": "warn"}, "bad-field", "lasts_ms"),
        ({"kind": "warn", "lasts_ms": None, "device": True}, "bad-field", "device"),
        ({"forever": True}, "unknown-field", "forever"),
    ],
)
async def test_a_decision_that_cannot_be_meant(
    process: Process, change: dict[str, Any], code: str, field: str
) -> None:
    """One problem that names the field; nothing happens, and nothing is noted."""
    async with desk(process) as mona:
        answer = await mona.post("/admin/v1/persons/ben/sanctions", json={**BAN, **change})
        assert_refused(answer, 422, code)
        assert answer.json()["field"] == field
        assert (await mona.get("/admin/v1/audit")).json()["entries"] == []


async def test_a_request_that_is_sent_again(process: Process) -> None:
    """The same key and body: the first answer, once in the audit. Another body: refused."""
    async with desk(process) as mona, desk(process, token(name="max")) as max_:
        key = {"Idempotency-Key": "k1"}
        first = await decided(mona, "ben", BAN, **key)
        assert await decided(mona, "ben", BAN, **key) == first
        changed = await mona.post("/admin/v1/persons/ben/sanctions", json=WARN, headers=key)
        assert "draw a new key" in assert_refused(changed, 422, "bad-field")
        assert (await decided(max_, "ben", BAN, **key))["sanction"] != first["sanction"]
        entries = (await mona.get("/admin/v1/audit")).json()["entries"]
        assert [json.loads(each["entry"])["by"] for each in entries] == ["mona", "max"]
        bad = await mona.post("/admin/v1/persons/ben/sanctions", json=BAN, headers={"Idempotency-Key": "a b"})
        assert_refused(bad, 422, "bad-field")


async def test_a_dry_run(process: Process) -> None:
    """It names the people on the device, and changes nothing; then the ban hits all of them at once."""
    laptop = Marks("device_laptop___")
    async with desk(process) as mona, process.page("cat", "c1") as cat:
        await cat.next("snapshot")
        for n, person in enumerate(("ben", "bob")):
            connection = ConnectionId(f"c_{n}")
            await process.machine.attach(
                PersonId(person),
                connection,
                process.id,
                f"p{n}",
                marks=laptop,
            )
        plan = await decided(mona, "ben", {**BAN, "device": True, "dry_run": True})
        assert (plan["outcome"], plan["device"], plan["also"]) == ("dry-run", True, ["bob"])
        assert (await mona.get("/admin/v1/audit")).json()["entries"] == []
        assert (await decided(mona, "ben", {**BAN, "device": True}))["also"] == ["bob"]
        for person, reason in (("ben", "banned"), ("bob", "banned"), ("cat", "never")):
            state = (await mona.get(f"/admin/v1/persons/{person}")).json()["state"]
            assert state["idle_reason"] == reason


async def test_what_is_known_of_a_person(process: Process) -> None:
    """By id, or by the subject of the host's tokens; with what was decided, the newest first."""
    async with desk(process) as mona:
        ada = (await mona.get("/admin/v1/persons", params={"sub": "42", "iss": "shop"})).json()
        assert (ada["known"], ada["online"], ada["sanctions"], ada["ban"]) == (False, False, [], None)
        await decided(mona, ada["person"], {**WARN, "note": "first"})
        await decided(mona, ada["person"], BAN)
        found = (await mona.get(f"/admin/v1/persons/{ada['person']}")).json()
        assert [each["kind"] for each in found["sanctions"]] == ["ban", "warn"]
        assert (found["ban"]["kind"], found["warning"]["kind"]) == ("ban", "warn")
        assert (found["sanctions"][1]["note"], found["sanctions"][1]["by"]) == ("first", "mona")
        assert "note" not in found["warning"]
        assert_refused(await mona.get("/admin/v1/persons"), 422, "missing-field")
        for path in ("persons/a%20b", "persons/a%2fb", "nothing"):
            assert_refused(await mona.get(f"/admin/v1/{path}"), 404, "not-found")
        lift = await mona.post("/admin/v1/sanctions/x_none/lift", json={"person": ada["person"]})
        assert_refused(lift, 404, "not-found")


async def test_pages_of_sanctions_and_of_the_audit(process: Process) -> None:
    """More than fit into one answer: the next page goes on where the first ended, and each is there once."""
    async with desk(process) as mona:
        made = [(await decided(mona, f"person{n}", WARN))["sanction"] for n in range(120)]
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            page = (await mona.get("/admin/v1/sanctions", params={"after": after})).json()
            seen += [each["sanction"] for each in page["sanctions"]]
            after = page["next"]
        assert sorted(seen) == sorted(made)
        first = (await mona.get("/admin/v1/audit")).json()
        last = (await mona.get("/admin/v1/audit", params={"after": first["entries"][-1]["id"]})).json()
        assert (len(first["entries"]), len(last["entries"]), first["more"], last["more"]) == (
            100,
            20,
            True,
            False,
        )
        assert_refused(await mona.get("/admin/v1/audit", params={"after": "x"}), 422, "bad-field")


async def test_a_store_that_was_set_back(valkey9: StoreServer, process: Process) -> None:
    """A failover lost the ban: the process that decided it tells it again. A lifted one stays lifted."""
    acts = Acts(process.machine.moderation)
    app = build_admin(process.machine.moderation, acts, ADMIN, Hooks(process.machine.events))
    headers = {"Authorization": f"Bearer {token()}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin", headers=headers) as mona:
        await decided(mona, "ben", BAN)
        lifted = await decided(mona, "bob", BAN)
        await mona.post(f"/admin/v1/sanctions/{lifted['sanction']}/lift", json={"person": "bob"})
        await acts.remember()
        assert len((await mona.get("/admin/v1/audit")).json()["entries"]) == 3
        with valkey9.client() as client:
            for key in client.keys("*ben*"):
                client.delete(key)
            (ban,) = [s["sanction"] for s in (await listed(mona)) if s["person"] == "ben"]
            client.delete(f"{{0}}sanction:{ban}")
        await acts.remember()
        for person, is_banned in (("ben", True), ("bob", False)):
            found = (await mona.get(f"/admin/v1/persons/{person}")).json()
            assert (found["ban"] is not None) == is_banned


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/admin/v1/sanctions")).json()["sanctions"]
    return found


async def test_events_are_read_by_number(process: Process) -> None:
    """A viewer reads what happened behind a number; a number that was never given, or is too old, says so."""
    async with desk(process, token(Role.VIEWER)) as mona:
        none = (await mona.get("/admin/v1/events")).json()
        assert none == {"events": [], "last": 0, "gap": False, "more": False}
        for _ in range(101):
            await process.machine.events.note(EventKind.WEBHOOK_TEST, {"endpoint": "w_1"})
        first = (await mona.get("/admin/v1/events", params={"after": "0"})).json()
        assert [each["seq"] for each in first["events"]] == [*range(1, 101)]
        assert (first["last"], first["gap"], first["more"]) == (101, False, True)
        rest = (await mona.get("/admin/v1/events", params={"after": "100"})).json()
        assert [(each["seq"], each["type"]) for each in rest["events"]] == [(101, "webhook.test")]
        assert not rest["more"]
        assert (await mona.get("/admin/v1/events", params={"after": "102"})).json()["gap"]
        assert_refused(await mona.get("/admin/v1/events", params={"after": "-1"}), 422, "bad-field")


async def test_webhooks_are_listed_tested_and_retried(process: Process) -> None:
    """By an admin; the query of an address, which may hold a secret, is not shown."""
    async with desk(process) as mona:
        answer = await mona.post(f"/admin/v1/webhooks/{HOOK.id}/test", json={})
        assert_refused(answer, 403, "not-allowed")
    async with desk(process, token(Role.ADMIN)) as ada:
        [hook] = (await ada.get("/admin/v1/webhooks")).json()["webhooks"]
        assert (hook["endpoint"], hook["url"]) == (HOOK.id, "https://host.example/hooks")
        assert "secret" not in json.dumps(hook)
        assert (await ada.post(f"/admin/v1/webhooks/{HOOK.id}/test", json={})).status_code == 200
        page = (await ada.get("/admin/v1/events")).json()
        assert page["events"][0]["data"] == {"endpoint": HOOK.id}
        for path in (f"{HOOK.id}/retry", "w_none/retry", "w_none/test"):
            assert_refused(await ada.post(f"/admin/v1/webhooks/{path}", json={}), 404, "not-found")
