"""People who mean harm, at the API: others' events and state, old and forged tokens, names with teeth."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import jwt
import pytest
import redis

from duologue.api.app import build
from duologue.api.services import Services
from duologue.api.stream import EventStream
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.names import tidied
from duologue.identity.tags import tags
from duologue.identity.tokens import Tokens, now_ms
from duologue.media.peer import Peer
from duologue.pairing.invariants import snapshot
from duologue.pairing.vocabulary import PersonId
from tests.integration.streams import Page, Process
from tests.races.direct import Direct, play
from tests.servers import StoreServer

NEW, OLD, GONE = "n" * 32, "o" * 32, "g" * 32
KEYS = Keyring.parse(f"new:{NEW},old:{OLD}")
LATER = now_ms() // 1000 + 3600


def signed(secret: str = NEW, kid: str | None = "new", **claims: Any) -> str:
    """As an operator's back end does."""
    whole = {"iss": "acme", "sub": "ann", "exp": LATER, **claims}
    return jwt.encode(whole, secret, algorithm="HS256", headers={"kid": kid} if kid else None)


class House:
    """The whole API on one process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.services = Services(
            machine=process.machine,
            media=Peer(),
            metrics=process.metrics,
            tokens=Tokens(KEYS),
            origins=Origins(),
            pools=("main", "de"),
        )
        events = EventStream(process.hub, self.services.caller)
        self.app = build(self.services, events=events, is_ready=lambda: True, web=None)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")

    def person(self, token: str) -> PersonId:
        """Whose it is."""
        return PersonId(self.services.caller({"authorization": f"Bearer {token}"}, secure=False).person)

    def page(self, token: str, page: str, last_event_id: str = "") -> Page:
        """A stream that is about to be opened with this token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.process.page("", page, through=self.app, headers=headers, last_event_id=last_event_id)

    async def ask(
        self, method: str, path: str, token: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """One request with this token."""
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.request(method, path, headers=headers, json=body)


@pytest.fixture
async def house(valkey9: StoreServer) -> AsyncIterator[House]:
    async with Process(valkey9.url).started(sweeps=False) as process:
        house = House(process)
        yield house
        await house.client.aclose()


@pytest.fixture
def kept(valkey9: StoreServer) -> Callable[[], dict[bytes, Any]]:
    """Return the records of all people, as they are."""

    def read() -> dict[bytes, Any]:
        with valkey9.client() as client:
            keys: Any = client.keys("*p:*")
            return {key: client.dump(key) for key in keys}

    return read


ANN, BEN, EVE = signed(sub="ann"), signed(sub="ben"), signed(sub="eve")


async def test_s01_nobody_reads_anothers_events(house: House) -> None:
    """Eve names Ann in every way: she reads her own state, Ann's page keeps its connection, nothing leaks."""
    ann_id = house.person(ANN)
    async with house.page(ANN, "a1") as ann, house.page(BEN, "b1") as ben:
        await ann.next("snapshot")
        await ben.next("snapshot")
        for token in (ANN, BEN):
            await house.ask("POST", "/v1/join", token, {"intent": 1})
        match = (await ann.next("new-match"))["match"]
        eves = house.page(EVE, f"a1&person={ann_id}&token={ANN}&sub=ann", last_event_id=f"{match}:0")
        async with eves:
            first = await eves.next("snapshot")
            assert first["state"]["state"] == "idle"
            assert first["state"]["idle_reason"] == "never"
            said = await house.ask(
                "POST", "/v1/messages", BEN, {"match": match, "key": "k", "text": "secret"}
            )
            assert said.json()["outcome"] == "sent"
            await ann.next("message")
            read = await house.ask("GET", "/v1/state", EVE)
            assert match not in read.text
            assert "taken-over" not in ann.types()
            assert not [frame for frame in eves.frames if match in str(frame) or "secret" in str(frame)]
    refused = await house.ask("GET", f"/v1/state?person={ann_id}", EVE)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown-field")


async def test_s02_nobody_moves_another(house: House, kept: Callable[[], dict[bytes, Any]]) -> None:
    """A person in the body is refused, and a match of others is stale: Ann and Ben notice nothing."""
    for token in (ANN, BEN):
        await house.process.machine.join(house.person(token), intent=1, pool="main")
    before = kept()
    for path, body in (
        ("/v1/skip", {"match": "m_x"}),
        ("/v1/leave", {"intent": 99}),
        ("/v1/ack", {"match": "m_x", "of": "room-closing"}),
        ("/v1/join", {"intent": 99}),
        ("/v1/pulse", {}),
    ):
        for name in ("person", "sub", "user", "token"):
            answer = await house.ask("POST", path, EVE, {**body, name: house.person(ANN)})
            assert (answer.status_code, answer.json()["code"]) == (422, "unknown-field")
    assert (await house.ask("POST", "/v1/skip", EVE, {"match": "m_x"})).json()["outcome"] == "stale"
    assert kept() == before


def _unsigned() -> str:
    none = jwt.encode({}, "", algorithm="none", headers={"kid": "new"}).partition(".")[0]
    return f"{none}.{ANN.split('.')[1]}."


def _altered() -> str:
    head, _, signature = EVE.split(".")
    return f"{head}.{ANN.split('.')[1]}.{signature}"


FORGED: dict[str, Callable[[], str]] = {
    "an old one": lambda: signed(exp=now_ms() // 1000 - 1),
    "of a key that was rotated out": lambda: signed(GONE, "gone"),
    "of that key, under a name that is known": lambda: signed(GONE, "old"),
    "without a key's name": lambda: signed(kid=None),
    "without a signature": _unsigned,
    "altered after signing": _altered,
    "from tomorrow": lambda: signed(nbf=LATER, exp=LATER + 60),
    "nobody's": lambda: signed(sub=""),
}


@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED.keys())
async def test_s04_a_token_that_does_not_count(
    house: House, kept: Callable[[], dict[bytes, Any]], make: Callable[[], str]
) -> None:
    """On every path: 401, no connection, nothing changed; the control: with a good one Ann leaves."""
    await house.process.machine.join(house.person(ANN), intent=1, pool="main")
    before = kept()
    token = make()
    for method, path in (
        ("POST", "/v1/leave"),
        ("POST", "/v1/join"),
        ("POST", "/v1/sessions"),
        ("GET", "/v1/state"),
        ("GET", "/v1/events?page=e1"),
    ):
        answer = await house.ask(method, path, token, {"intent": 99} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad-token"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert kept() == before
    assert house.process.value("streams_open") == 0
    assert (await house.ask("POST", "/v1/leave", ANN, {"intent": 99})).json()["outcome"] == "left"


async def test_a_rotation_throws_nobody_out(house: House) -> None:
    """A token of the old key counts, and a guest's renewal is signed by the new one."""
    guest = Tokens(Keyring.parse(f"old:{OLD}")).start("Ann")
    renewed = (await house.ask("POST", "/v1/sessions", guest.token, {})).json()
    assert renewed["person"] == guest.person
    assert jwt.get_unverified_header(renewed["token"])["kid"] == "new"
    after = Tokens(Keyring.parse(f"new:{NEW}"))
    assert after.read(renewed["token"]) != after.read(guest.token)


async def test_a_clock_that_is_a_little_ahead(house: House) -> None:
    """A host's back end may be 10 s ahead with ``nbf``; more is refused."""
    soon, late = (signed(nbf=now_ms() // 1000 + ahead) for ahead in (5, 30))
    assert (await house.ask("GET", "/v1/state", soon)).status_code == 200
    assert (await house.ask("GET", "/v1/state", late)).status_code == 401


@pytest.mark.parametrize("pool", ["nowhere", "MAIN", "main ", "{0}q:main", "*", "de\n", "m" * 64])
async def test_s09_a_pool_that_nobody_named(house: House, valkey9: StoreServer, pool: str) -> None:
    """422, and no key is made; a token's own pool is as little a way in."""
    with valkey9.client() as client:
        before = client.dbsize()
        answer = await house.ask("POST", "/v1/join", EVE, {"intent": 1, "pool": pool})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-pool")
        answer = await house.ask("POST", "/v1/join", signed(sub="eve", pool=pool), {"intent": 1})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-pool")
        answer = await house.ask(
            "POST", "/v1/join", signed(sub="eve", pool="de"), {"intent": 1, "pool": "main"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-pool")
        assert client.dbsize() == before


TEETH = [
    'quote " and \\ back',
    '"}\r\n\r\ndata: {"type":"idle"}',
    "a\nb\rc\0d\x1be",
    "{0}p:ann",
    "} , : | { }",
    "\u2028\u2029\ufeff",
    "🙂" * 16,
    "\x93\xa3abc\xc0",
    "',1,'",
    " ",
]


@pytest.mark.parametrize("teeth", TEETH)
async def test_s10_names_with_teeth(house: House, valkey9: StoreServer, teeth: str) -> None:
    """As alias and ``sub``: the partner reads the one form of it, no field has moved, keys are plain."""
    name = tidied(teeth, 64)
    eve, ann = signed(sub=teeth, alias=teeth), signed(sub="ann", alias="Ann")
    async with house.page(eve, "e1") as eves, house.page(ann, "a1") as anns:
        await eves.next("snapshot")
        await anns.next("snapshot")
        for token in (eve, ann):
            await house.ask("POST", "/v1/join", token, {"intent": 1, "tags": [name] if name else []})
        met = await anns.next("new-match")
        assert met["state"]["match"]["partner"]["alias"] == name
        await eves.next("new-match")
    client: redis.Redis
    with valkey9.client() as client:
        found: Any = client.keys("*")
        assert all(re.fullmatch(rb"\{0\}[a-z]+(:[A-Za-z0-9_:-]+)?", key) for key in found), found
        direct = Direct(client)
        seen = play(snapshot(direct))
        assert direct.broken() == []
    record = seen.people[house.person(eve)]
    assert (record["state"], record["pool"], record["tags"]) == ("matched", "main", tags(name))
    assert record["match"] == met["match"]
