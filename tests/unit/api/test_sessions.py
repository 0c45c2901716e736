"""``POST /v1/sessions``: a guest, a renewal, and a cookie that only our own pages get."""

import re
from collections.abc import Callable

import httpx
import pytest

from duologue.identity.keyring import Keyring
from duologue.identity.tokens import LIFETIME_MS, Session, Tokens, now_ms
from tests.unit.api.conftest import HOME, Connect
from tests.unit.api.recorder import Recorder

ATTRIBUTES = re.compile(r"duologue_session=([^;]+); Path=/; Max-Age=(\d+); HttpOnly; SameSite=Lax(; Secure)?")


async def start(client: httpx.AsyncClient, body: object = None, **headers: str) -> httpx.Response:
    answer = await client.post("/v1/sessions", json=body or {}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_guest_begins(connect: Connect, tokens: Tokens, recorder: Recorder) -> None:
    """Somebody new, for 30 days, with the token in body and cookie; the store is not asked."""
    answer = await start(connect(), {"alias": "Ada"})
    body = answer.json()
    assert set(body) == {"person", "token", "expires_at_ms"}
    assert abs(body["expires_at_ms"] - now_ms() - LIFETIME_MS) < 60_000
    session = tokens.read(body["token"])
    assert isinstance(session, Session)
    assert (session.person, session.alias) == (body["person"], "Ada")
    cookie = ATTRIBUTES.fullmatch(answer.headers["set-cookie"])
    assert cookie
    assert cookie[1] == body["token"]
    assert abs(int(cookie[2]) - LIFETIME_MS // 1000) < 60
    assert cookie[3] is None
    assert recorder.calls == []


async def test_behind_tls_the_cookie_is_secure(connect: Connect) -> None:
    """The scheme decides, which a proxy tells uvicorn."""
    answer = await start(connect(base="https://chat.example"))
    assert answer.headers["set-cookie"].endswith("; Secure")


async def test_a_cookie_is_not_forced_on_anybody(connect: Connect) -> None:
    """Not on who asks for none, and not on a page of another origin (it would be a login by force)."""
    assert "set-cookie" not in (await start(connect(), {"cookie": False})).headers
    assert "set-cookie" not in (await start(connect(), Origin="https://evil.example")).headers
    assert "set-cookie" in (await start(connect(), Origin=HOME)).headers


async def test_a_valid_token_renews(connect: Connect) -> None:
    """By cookie or by bearer: the same person."""
    browser = connect()
    first = (await start(browser)).json()
    assert browser.cookies["duologue_session"] == first["token"]
    assert (await start(browser)).json()["person"] == first["person"]
    by_bearer = await start(connect(), Authorization=f"Bearer {first['token']}")
    assert by_bearer.json()["person"] == first["person"]


async def test_a_second_person_in_one_browser(connect: Connect) -> None:
    """Without its cookie (``credentials: "omit"``) a tab is somebody else; its bearer token wins."""
    browser = connect()
    first = (await start(browser)).json()
    second = (await start(connect(), {"cookie": False})).json()
    again = await start(browser, {"cookie": False}, Authorization=f"Bearer {second['token']}")
    assert again.json()["person"] == second["person"] != first["person"]


async def test_a_dead_cookie_begins_anew(connect: Connect) -> None:
    """A page cannot throw away an HttpOnly cookie of last year, or of other keys: it gets a new session."""
    browser = connect()
    browser.cookies.set(
        "duologue_session", Tokens(Keyring.parse("x" * 32)).start().token, domain="chat.example"
    )
    assert (await start(browser)).json()["person"]


async def test_an_operators_token_is_handed_back(connect: Connect, make_token: Callable[..., str]) -> None:
    """Its holder gets it as a cookie, and not a minute more than the operator gave."""
    token = make_token()
    answer = await start(connect(token=token), {"alias": "Eve"})
    assert answer.json()["token"] == token
    assert answer.json()["expires_at_ms"] == 4_000_000_000_000


@pytest.mark.parametrize("bearer", [False, True])
async def test_without_guests_nobody_begins(
    bearer: bool, connect: Connect, make_token: Callable[..., str]
) -> None:
    """Where guests are switched off, only the operator's tokens count."""
    strict = Tokens(Keyring.parse("s" * 32), guests=False)
    client = connect(tokens=strict)
    guest = Tokens(Keyring.parse("s" * 32)).start().token
    headers = {"Authorization": f"Bearer {guest}"} if bearer else {"Cookie": f"duologue_session={guest}"}
    refused = await client.post("/v1/sessions", json={}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "bad-token")
    refused = await client.post("/v1/sessions", json={})
    assert (refused.status_code, refused.json()["code"]) == (401, "no-token")
    assert (await start(connect(tokens=strict, token=make_token()))).json()["person"]
