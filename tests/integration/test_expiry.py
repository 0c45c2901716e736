"""Race R21: a token ends in mid-conversation; and it does not, if it was renewed in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import jwt
import pytest
from starlette.types import ASGIApp

from duologue.api.app import build
from duologue.api.services import Services
from duologue.api.stream import EventStream
from duologue.delivery import hub
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Session, Tokens, now_ms
from duologue.media.peer import Peer
from duologue.pairing.vocabulary import PersonId
from tests.integration.streams import PATIENCE_S, Page, Process, until
from tests.servers import StoreServer

KEYS = Keyring.parse("s" * 32)
SOON_MS = 2_000
"""How long the expiring token lasts: long enough to meet before, on a busy machine."""
FREE_MS = 5_000 + 1_000
"""What the bucket holds, and a sweep on a busy machine."""


@pytest.fixture(autouse=True)
def heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten a second: the end of a token is looked for at each."""
    monkeypatch.setattr(hub, "HEARTBEAT_S", 0.1)


@pytest.fixture
async def here(valkey9: StoreServer) -> AsyncIterator[Process]:
    async with Process(valkey9.url).started() as made:
        yield made


@pytest.fixture
async def there(valkey9: StoreServer) -> AsyncIterator[Process]:
    async with Process(valkey9.url).started() as made:
        yield made


def application(process: Process, *, lifetime_ms: int = 3_600_000) -> ASGIApp:
    """The whole of HTTP of this process; sessions that it begins or renews last so long."""
    services = Services(
        machine=process.machine,
        media=Peer(),
        metrics=process.metrics,
        tokens=Tokens(KEYS, lifetime_ms=lifetime_ms),
        origins=Origins(),
        pools=("main",),
    )
    events = EventStream(process.hub, services.caller)
    return build(services, events=events, is_ready=lambda: True, web=None)


def who(token: str) -> Session:
    """As the server reads it."""
    session = Tokens(KEYS).read(token)
    assert isinstance(session, Session)
    return session


def hosts_token(lifetime_ms: int) -> str:
    """As an operator's back end signs it: the same person each time."""
    claims = {"iss": "acme", "sub": "ann", "exp": (now_ms() + lifetime_ms) / 1000}
    return jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": "main"})


def guests_token(lifetime_ms: int) -> str:
    """As this server signs it."""
    # Whole seconds, so up to one less: rounded up.
    return Tokens(KEYS, lifetime_ms=lifetime_ms + 1_000).start("Ann").token


@asynccontextmanager
async def talking(ann: str, at: Process, bob_at: Process) -> AsyncIterator[tuple[Page, Page, str]]:
    """Ann, who has this token, and Bob, whose lasts, in a match with open media."""
    a, b = PersonId(who(ann).person), PersonId(who(bob := guests_token(3_600_000)).person)
    headers = {"Authorization": f"Bearer {ann}"}
    async with (
        at.page(a, "a1", through=application(at), headers=headers) as one,
        bob_at.page(
            b, "b1", through=application(bob_at), headers={"Authorization": f"Bearer {bob}"}
        ) as other,
    ):
        await one.next("snapshot")
        await other.next("snapshot")
        await at.join(a)
        await bob_at.join(b)
        match = (await one.next("new-match"))["match"]
        await other.next("new-match")
        for person in (a, b):
            await at.machine.pulse(person, match)
        yield one, other, match


async def asked(app: ASGIApp, method: str, path: str, token: str) -> httpx.Response:
    """Send one request with this token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        headers = {"Authorization": f"Bearer {token}"}
        return await client.request(method, path, headers=headers, json={} if method == "POST" else None)


async def until_over(token: str) -> None:
    """The token's own time is up, and a heartbeat has passed."""
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: now_ms() > who_expires(token) + 300)


def who_expires(token: str) -> int:
    """When its time is up (ms), also afterwards."""
    return int(jwt.decode(token, options={"verify_signature": False})["exp"] * 1000)


@pytest.mark.parametrize("make", [guests_token, hosts_token])
async def test_r21_a_token_ends_in_mid_conversation(here: Process, there: Process, make: object) -> None:
    """Ann is told, and her token counts no more; Bob is told at once, and is free when her away time is
    over."""
    token = make(SOON_MS)  # type: ignore[operator]
    async with talking(token, here, there) as (ann, bob, match):
        assert (await ann.next("session-ended"))["reason"] == "token-expired"
        assert (await bob.next("partner-away"))["match"] == match
        async with asyncio.timeout(PATIENCE_S):
            await ann.ended.wait()
        away_at = now_ms()
        ended = await bob.next("force-disconnect")
        assert now_ms() - away_at < FREE_MS
        assert ended["reason"] == "partner-lost"
        assert ended["state"]["state"] == "waiting"
        for path in ("/v1/events?page=a1", "/v1/state"):
            assert (await asked(application(here), "GET", path, token)).status_code == 401
        assert (await asked(application(here), "POST", "/v1/pulse", token)).json()["code"] == "bad-token"


@pytest.mark.parametrize("renewed", [True, False])
async def test_r21_a_guest_who_renewed_in_time_talks_on(here: Process, there: Process, renewed: bool) -> None:
    """By whatever process: the stream that came with the old token learns of it. The control: it ends."""
    token = guests_token(SOON_MS)
    async with talking(token, here, there) as (ann, bob, _):
        if renewed:
            answer = await asked(application(there), "POST", "/v1/sessions", token)
            assert answer.json()["person"] == who(token).person
        await until_over(token)
        if not renewed:
            await ann.next("session-ended")
            return
        seen = len(ann.frames)
        await until(lambda: len(ann.frames) > seen + 3)
        assert "session-ended" not in ann.types()
        assert "partner-away" not in bob.types()


async def test_r21_a_new_token_of_the_operators_is_handed_in(here: Process, there: Process) -> None:
    """``POST /v1/sessions`` with it: the same person, another end; and that one is an end too."""
    token, next_token = hosts_token(SOON_MS), hosts_token(2 * SOON_MS)
    async with talking(token, here, there) as (ann, bob, _):
        answer = await asked(application(there), "POST", "/v1/sessions", next_token)
        assert answer.json()["token"] == next_token
        await until_over(token)
        assert "session-ended" not in ann.types()
        assert "partner-away" not in bob.types()
        await ann.next("session-ended")
        assert now_ms() >= who_expires(next_token) - 100


async def test_an_older_token_shortens_nothing(here: Process, there: Process) -> None:
    """A second tab that still has the old one says nothing of the new one."""
    token = hosts_token(SOON_MS)
    async with talking(token, here, there) as (ann, _, _):
        await asked(application(there), "POST", "/v1/sessions", hosts_token(60_000))
        await asked(application(there), "POST", "/v1/sessions", token)
        await until_over(token)
        assert "session-ended" not in ann.types()


async def test_a_renewal_of_somebody_who_is_not_here_keeps_nothing(
    here: Process, valkey9: StoreServer
) -> None:
    """Otherwise a store would keep a key for thirty days for every visitor."""
    token = guests_token(60_000)
    await asked(application(here), "POST", "/v1/sessions", token)
    person = PersonId(who(token).person)
    with valkey9.client() as client:
        assert client.keys("*until*") == []
        headers = {"Authorization": f"Bearer {token}"}
        async with here.page(person, "p", through=application(here), headers=headers) as page:
            await page.next("snapshot")
            await asked(application(here, lifetime_ms=5_000), "POST", "/v1/sessions", token)
            (key,) = client.keys("*until*")
            assert 0 < int(client.pttl(key)) <= 5_000
            await asked(application(here), "POST", "/v1/sessions", token)
            assert int(client.pttl(key)) > 60_000
        await until(lambda: client.keys("*until*") == [])
