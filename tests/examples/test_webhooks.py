"""``examples/fastapi-host`` hears that one of its people was banned, and gives them no token."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from duologue.admin.tokens import AdminTokens, Role
from duologue.identity.tokens import person_id
from duologue.webhooks.signing import secret_of, signature
from tests.e2e.serving import free_port
from tests.e2e.waiting import until
from tests.examples.program import EXAMPLES, program
from tests.serving import Serving, data_folder, serving

SECRET = "the-secret-that-both-of-them-have"  # 33 characters
ADMIN_SECRET = "the-secret-of-the-moderators-only"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BAN = {"kind": "ban", "rule": "Be kind", "why": "It was reported.", "lasts_ms": 7 * 86_400_000}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Serving, str]]:
    """The app, the server that tells it of events, and the address of its admin API."""
    port, log = free_port(), tmp_path_factory.mktemp("host") / "log"
    home, admin_port = f"http://127.0.0.1:{port}", str(free_port())
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)]
    given = {"DUOLOGUE_SECRET": SECRET, "DUOLOGUE_WEBHOOK_SECRET": WEBHOOK_SECRET}
    with ExitStack() as stack:
        (EXAMPLES.parent / "clients/js/dist").mkdir(
            exist_ok=True
        )  # the app serves it; no page is loaded here
        app = stack.enter_context(program(command, log, cwd=EXAMPLES / "fastapi-host", **given))
        options = (
            *("--data", str(stack.enter_context(data_folder())), "--no-page", "--no-guests"),
            *("--admin-port", admin_port, "--webhook", f"{home}/webhooks/duologue"),
        )
        duologue = stack.enter_context(
            serving(
                *options,
                DUOLOGUE_SECRET=SECRET,
                DUOLOGUE_ADMIN_SECRET=ADMIN_SECRET,
                DUOLOGUE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
            )
        )
        app.answers(home)
        yield home, duologue, f"http://127.0.0.1:{admin_port}/admin/v1"
        assert duologue.stop() == 0


def test_a_banned_person_gets_no_token(host: tuple[str, Serving, str]) -> None:
    """By their `sub`, within a second or two of the decision; and a token again once the ban is lifted."""
    home, duologue, admin = host
    bearer = AdminTokens(ADMIN_SECRET).sign("mona", Role.MODERATOR, lasts_s=600)
    with (
        httpx.Client(base_url=home) as browser,
        httpx.Client(headers={"Authorization": f"Bearer {bearer}"}) as mona,
    ):
        browser.post("/login", json={"name": "Ada"})
        token = browser.post("/token").text
        sub = browser.cookies["app_session"]
        joined = httpx.post(
            f"{duologue.url}/v1/join", json={"intent": 1}, headers={"Authorization": f"Bearer {token}"}
        )
        assert joined.status_code == 200
        person = person_id("example", sub)
        done = mona.post(f"{admin}/persons/{person}/sanctions", json=BAN)
        assert done.status_code == 200, done.text
        until(lambda: browser.post("/token").status_code == 403, 10, "the app hears of the ban")
        lifted = mona.post(f"{admin}/sanctions/{done.json()['sanction']}/lift", json={"person": person})
        assert lifted.status_code == 200, lifted.text
        until(lambda: browser.post("/token").status_code == 200, 10, "the app hears that it is over")


def test_a_forged_event_is_refused(host: tuple[str, Serving, str]) -> None:
    """Of another secret, with another body, or too old."""
    home, *_ = host
    body = json.dumps({"type": "person.banned", "data": {"sub": "x", "until_ms": 9e12}}).encode()

    def post(secret: str, at_s: float, sent: bytes = body) -> int:
        fields = {
            "webhook-id": "e_1",
            "webhook-timestamp": str(int(at_s)),
            "webhook-signature": signature([secret_of(secret)], "e_1", int(at_s), body),
        }
        return httpx.post(f"{home}/webhooks/duologue", content=sent, headers=fields).status_code

    now = time.time()
    assert post(WEBHOOK_SECRET, now) == 204
    assert post("whsec_" + "A" * 32, now) == 401
    assert post(WEBHOOK_SECRET, now, body + b" ") == 401
    assert post(WEBHOOK_SECRET, now - 3600) == 401
