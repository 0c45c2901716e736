"""Bad requests: the right problem document, and nothing reaches the state machine.

The same table runs against a real server in ``tests/integration/test_api_bad_input.py``.
"""

from collections.abc import Callable

import httpx
import pytest

from duologue.store.client import StoreBusy, StoreUnavailable
from tests.bad_requests import BAD_REQUESTS, BadRequest, assert_problem
from tests.unit.api.conftest import Connect
from tests.unit.api.recorder import Recorder


@pytest.mark.parametrize("bad", BAD_REQUESTS, ids=str)
async def test_a_bad_request_changes_nothing(
    bad: BadRequest, client: httpx.AsyncClient, recorder: Recorder
) -> None:
    """Every row of the table is answered as it says, and no script runs."""
    assert_problem(await bad.send(client), bad)
    assert recorder.calls == []


async def test_a_store_that_is_away_is_said_so(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """503 with Retry-After, in words that hold also when only the store's answer was lost."""
    recorder.error = StoreUnavailable("gone")
    for answer in (await client.post("/v1/skip", json={"match": "m_1"}), await client.get("/v1/state")):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "may or may not have taken effect" in answer.json()["detail"]


async def test_a_command_for_which_there_was_no_time_says_so(
    client: httpx.AsyncClient, recorder: Recorder
) -> None:
    """503 as well, but nothing was changed; the delay was drawn by the store client."""
    recorder.error = StoreBusy("too much", 4)
    for answer in (await client.post("/v1/skip", json={"match": "m_1"}), await client.get("/v1/state")):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "4"
        assert "nothing was changed: send this again in 4 s" in answer.json()["detail"]


async def test_a_defect_tells_nothing_of_itself(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """An unexpected error is a 500 problem without its text, and says that the connection ends with it."""
    recorder.error = RuntimeError("a secret path")
    answer = await client.post("/v1/skip", json={"match": "m_1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["connection"] == "close"


async def test_a_foreign_page_with_a_cookie_is_nobody(
    connect: Connect, make_token: Callable[..., str], recorder: Recorder
) -> None:
    """A cookie does not act for a page of another origin; at home it does; a bearer token does anywhere."""
    token = make_token()
    browser = connect()
    browser.cookies.set("duologue_session", token, domain="chat.example")
    body = {"match": "m_1"}
    for origin in ("https://evil.example", "null", "http://chat.example:81"):
        answer = await browser.post("/v1/skip", json=body, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (401, "no-token")
    assert recorder.calls == []
    home = await browser.post("/v1/skip", json=body, headers={"Origin": "http://chat.example"})
    assert home.status_code == 200
    abroad = {"Origin": "https://evil.example", "Authorization": f"Bearer {token}"}
    assert (await browser.post("/v1/skip", json=body, headers=abroad)).status_code == 200


async def test_a_deep_body_is_malformed(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """Sixty thousand brackets end no interpreter."""
    for body in (b"[" * 60_000, b'{"match":' + b"[" * 60_000, b'{"x":' * 10_000):
        answer = await client.post("/v1/skip", content=body, headers={"Content-Type": "application/json"})
        assert answer.json()["code"] == "malformed"
    assert recorder.calls == []
