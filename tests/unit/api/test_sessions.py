"""``POST /v1/sessions``: a guest, a renewal, and a cookie that only our own pages get."""

import re
from collections.abc import Callable

import httpx
import pytest

from duologue.identity.credentials import DEVICE_COOKIE
from duologue.identity.devices import LIFETIME_S
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import LIFETIME_MS, Session, Tokens, now_ms
from tests.unit.api.conftest import HOME, Connect
from tests.unit.api.recorder import Recorder

ATTRIBUTES = re.compile(
    r"(?:__Host-)?duologue_\w+=([^;]+); Path=/; Max-Age=(\d+); HttpOnly; SameSite=Lax(; Secure)?"
)


async def start(client: httpx.AsyncClient, body: object = None, **headers: str) -> httpx.Response:
    answer = await client.post("/v1/sessions", json=body or {}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_guest_begins(connect: Connect, tokens: Tokens, recorder: Recorder) -> None:
    """A new person begins for 30 days, with the token in the body and as a cookie; the store is not asked."""
    answer = await start(connect(), {"alias": "Ada"})
    body = answer.json()
    assert set(body) == {"person", "token", "expires_at_ms"}
    assert abs(body["expires_at_ms"] - now_ms() - LIFETIME_MS) < 60_000
    session = tokens.read(body["token"])
    assert isinstance(session, Session)
    assert (session.person, session.alias) == (body["person"], "Ada")
    cookie, device = map(ATTRIBUTES.fullmatch, answer.headers.get_list("set-cookie"))
    assert cookie
    assert device
    assert cookie[1] == body["token"]
    assert abs(int(cookie[2]) - LIFETIME_MS // 1000) < 60
    assert (tokens.devices.read(device[1]), int(device[2])) == (session.device, LIFETIME_S)
    assert cookie[3] is device[3] is None
    assert recorder.calls == []


async def test_behind_tls_the_cookie_is_secure(connect: Connect) -> None:
    """The scheme decides, which a proxy tells uvicorn."""
    answer = await start(connect(base="https://chat.example"))
    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-duologue_")
        assert cookie.endswith("; Secure")
        assert "; Path=/;" in cookie
        assert "Domain" not in cookie


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
    """Without its cookie (``credentials: "omit"``) a tab is another person; its bearer token is used."""
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


def device_of(client: httpx.AsyncClient, tokens: Tokens) -> str:
    """The device that this browser keeps as a cookie."""
    return tokens.devices.read(client.cookies[DEVICE_COOKIE])


async def test_a_device_outlives_the_session(connect: Connect, tokens: Tokens) -> None:
    """Renewed, or begun again in the same browser: the same device, and the session's token says so."""
    browser = connect()
    first = (await start(browser)).json()
    device = device_of(browser, tokens)
    assert device
    browser.cookies.delete("duologue_session")
    second = (await start(browser)).json()
    renewed = (await start(browser)).json()
    assert second["person"] == renewed["person"] != first["person"]
    for body in (first, second, renewed):
        session = tokens.read(body["token"])
        assert isinstance(session, Session)
        assert session.device == device
    assert device_of(browser, tokens) == device


async def test_a_session_keeps_its_device_without_the_cookie(connect: Connect, tokens: Tokens) -> None:
    """A browser that deletes the device's cookie and keeps the session gets the same device."""
    browser = connect()
    await start(browser)
    device = device_of(browser, tokens)
    browser.cookies.delete(DEVICE_COOKIE)
    await start(browser)
    assert device_of(browser, tokens) == device


async def test_who_gets_no_cookie_keeps_a_device_token(connect: Connect, tokens: Tokens) -> None:
    """A client that keeps its own token is told its device, and is that device again when it says so."""
    first = (await start(connect(), {"cookie": False})).json()
    again = (await start(connect(), {"cookie": False, "device": first["device"]})).json()
    assert again["person"] != first["person"]
    assert tokens.devices.read(again["device"]) == tokens.devices.read(first["device"]) != ""
    forged = (await start(connect(), {"cookie": False, "device": "A" * 16 + ".x.main"})).json()
    assert tokens.devices.read(forged["device"]) not in ("", "A" * 16)


async def test_a_second_person_of_one_browser_is_on_its_device(connect: Connect, tokens: Tokens) -> None:
    """``cookie: false`` beside the browser's cookie is a new person, on the browser's device."""
    browser = connect()
    first = (await start(browser)).json()
    answer = await start(browser, {"cookie": False})
    second = tokens.read(answer.json()["token"])
    assert isinstance(second, Session)
    assert second.person != first["person"]
    assert second.device == device_of(browser, tokens)
    assert "set-cookie" not in answer.headers
    assert tokens.devices.read(answer.json()["device"]) == second.device


async def test_an_operators_person_has_no_device(
    connect: Connect, make_token: Callable[..., str], tokens: Tokens
) -> None:
    """They are known by their ``sub``, and a device that their token names says nothing."""
    token = make_token(device="A" * 16)
    answer = await start(connect(token=token))
    assert "device" not in answer.json()
    assert all(DEVICE_COOKIE not in each for each in answer.headers.get_list("set-cookie"))
    session = tokens.read(token)
    assert isinstance(session, Session)
    assert session.device == ""


async def test_of_two_cookies_none_is_believed(connect: Connect) -> None:
    """Commands are refused with what to do; a new session begins, and the answer says why."""
    mine, theirs = [(await start(connect())).json() for _ in range(2)]
    both = f"duologue_session={mine['token']}; duologue_session={theirs['token']}"
    client = connect()
    refused = await client.get("/v1/state", headers={"Cookie": both})
    assert (refused.status_code, refused.json()["code"]) == (401, "two-cookies")
    assert "delete the cookies" in refused.json()["detail"]
    new = (await start(client, Cookie=both)).json()
    assert new["ignored"] == "two-cookies"
    assert new["person"] not in (mine["person"], theirs["person"])


SIMPLE = (
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "",
)


@pytest.mark.parametrize("kind", SIMPLE)
@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/leave", "/v1/pulse"])
async def test_a_foreign_pages_simple_post_does_nothing(
    kind: str, path: str, connect: Connect, recorder: Recorder
) -> None:
    """A request that a page may send anywhere without a preflight creates no guest and is not a command
    (415)."""
    client = connect()
    await start(client)
    headers = {"Content-Type": kind} if kind else {}
    answer = await client.post(path, content=b'{"intent":1}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "not-json")
    assert "set-cookie" not in answer.headers
    assert recorder.calls == []
    typed = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await client.post("/v1/sessions", content=b"{}", headers=typed)).status_code == 201


async def test_a_simple_post_control(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: without the check a form creates a guest."""
    monkeypatch.setattr("duologue.api.exchange.Exchange.must_be_json", lambda _: None)
    answer = await connect().post("/v1/sessions", content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201
