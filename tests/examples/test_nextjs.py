"""``examples/nextjs``: people log in to an app that signs their tokens, and meet through its rewrites."""

import http.client
import json
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from duologue.webhooks.signing import secret_of, signature
from tests.e2e.chromium import Chromium
from tests.e2e.person import MEET_S
from tests.e2e.serving import Serving, free_port
from tests.e2e.waiting import until
from tests.examples.frames import call, stream
from tests.examples.program import EXAMPLES, environment, npm, program, tool
from tests.examples.visitor import Visitor, meet_and_talk, skip, visiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FOLDER = EXAMPLES / "nextjs"
SECRET = "the-secret-that-both-of-them-have"  # 33 characters
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BUILD_S = 120


@dataclass(frozen=True, slots=True)
class Host:
    """The app, and the Duologue server behind it."""

    port: int
    duologue: Serving

    @property
    def url(self) -> str:
        """Where people find it; the name, because browsers trust it with a camera."""
        return f"http://localhost:{self.port}"


@pytest.fixture(scope="module")
def host(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Built and started as its README says, with the package as it is now."""
    folder = tmp_path_factory.mktemp("nextjs")
    duologue = Serving(folder / "duologue", options=("--no-guests", "--no-page"), secret=SECRET)
    with hosting(tarball, folder, duologue) as it:
        yield it


@contextmanager
def hosting(tarball: Path, folder: Path, duologue: Serving) -> Iterator[Host]:
    """The app before that server, which this starts and stops."""
    assert (FOLDER / "node_modules/next").is_dir(), "examples/nextjs is not installed (make setup)"
    package = FOLDER / "node_modules/duologue"
    shutil.rmtree(package, ignore_errors=True)
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            member.name = member.name.removeprefix("package/")
            archive.extract(member, package, filter="data")
    given = {
        "DUOLOGUE_URL": duologue.url,
        "DUOLOGUE_SECRET": SECRET,
        "DUOLOGUE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    subprocess.run(
        [*npm(), "run", "--silent", "build"], cwd=FOLDER, env=environment(given), check=True, timeout=BUILD_S
    )
    port = free_port()
    command = [tool("node"), "node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p", str(port)]
    with ExitStack() as stack:
        stack.callback(duologue.stop)
        duologue.start()
        app = stack.enter_context(program(command, folder / "log", cwd=FOLDER, **given))
        app.answers(f"http://127.0.0.1:{port}")
        yield Host(port, duologue)


def log_in(visitor: Visitor, name: str) -> None:
    """They say who they are, and the page is connected."""
    visitor.page.fill("input[name=name]", name)
    visitor.page.click("#login")
    visitor.is_in("idle", MEET_S)


def test_two_people_meet(host: Host, browser: Chromium, artifacts: Path) -> None:
    """Under the names that they logged in with: they see each other, write, one presses Next."""
    with visiting(browser, host.url) as a, visiting(browser, host.url) as b:
        log_in(a, "Ada")
        log_in(b, "Bob")
        meet_and_talk(a, b)
        assert "with Bob" in (a.page.text_content("main") or "")
        a.page.screenshot(path=artifacts / "example-nextjs.png")
        skip(a, b)


def test_a_banned_person_gets_no_token(host: Host) -> None:
    """The app verifies what Duologue tells it. A forged event changes nothing."""
    home = f"http://127.0.0.1:{host.port}"

    def told(kind: str, secret: str) -> int:
        body = json.dumps({"type": kind, "data": {"sub": "gus", "until_ms": 9e12}}).encode()
        at_s = int(time.time())
        fields = {
            "webhook-id": "e_1",
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature([secret_of(secret)], "e_1", at_s, body),
        }
        return httpx.post(f"{home}/webhooks/duologue", content=body, headers=fields).status_code

    def token() -> int:
        user = quote(json.dumps({"id": "gus", "name": "Gus"}))
        return httpx.post(f"{home}/token", headers={"Cookie": f"user={user}"}).status_code

    assert token() == 200
    assert told("person.banned", "whsec_" + "A" * 32) == 401
    assert token() == 200
    assert told("person.banned", WEBHOOK_SECRET) == 204
    assert token() == 403
    assert told("person.unbanned", WEBHOOK_SECRET) == 204
    assert token() == 200


def test_a_reload_is_the_same_conversation(host: Host, browser: Chromium) -> None:
    """And who closes the tab is gone for the partner, although a proxy stands between."""
    with visiting(browser, host.url) as a:
        with visiting(browser, host.url) as b:
            log_in(a, "Cleo")
            log_in(b, "Dan")
            meet_and_talk(a, b)
            b.page.reload()
            b.sees()
            b.reads("partner: hello")
        until(lambda: a.status == "waiting", 10, "A is looked for again", last=lambda: a.status)


def test_frames_pass_unbuffered_through_the_compressing_proxy(host: Host) -> None:
    """The page is compressed, the event stream is not, and each frame is there when it was sent."""
    tokens = [log_in_by_hand(host, name) for name in ("Eve", "Fay")]
    assert call(host.port, "GET", "/")[2] == "gzip", "the control: this app compresses what it may"
    with stream(host.port, tokens[0], "p_eve") as eve, stream(host.port, tokens[1], "p_fay") as fay:
        for each in (eve, fay):
            assert each.encoding == "identity"
            each.until("snapshot")
        for token in tokens:
            assert call(host.port, "POST", "/v1/join", token, {"intent": 1})[0] == 200
        match = eve.until("new-match")[0]["match"]
        fay.until("new-match")
        late = []
        for n in range(10):
            sent = time.monotonic()
            body = {"match": match, "key": f"k_{n}", "text": f"line {n}"}
            assert call(host.port, "POST", "/v1/messages", tokens[0], body)[0] == 200
            frame, at = fay.until("message")
            assert frame["text"] == f"line {n}"
            late.append(at - sent)
        # Held back until a buffer is full, or for the 15 s until the heartbeat, is what this is about.
        assert max(late) < 2, late


def test_nobody_comes_in_without_the_host(host: Host) -> None:
    """Guests are off, and who is not logged in gets no token."""
    assert call(host.port, "POST", "/token")[0] == 401
    assert call(host.port, "POST", "/v1/sessions", body={})[0] in {401, 403}
    assert call(host.port, "GET", "/v1/state")[0] == 401


def test_a_server_that_goes_is_told_to_the_browser(host: Host) -> None:
    """Stopped, its last frame comes and then the end; killed, the end: no silence, which looks like quiet."""
    token = log_in_by_hand(host, "Gus")
    with stream(host.port, token, "p_gus") as gus:
        gus.until("snapshot")
        host.duologue.stop()
        gus.until("reconnect")
        with pytest.raises(AssertionError, match="ended"):
            gus.until("heartbeat")
    host.duologue.start()
    with stream(host.port, token, "p_gus_2") as gus:
        gus.until("snapshot")
        host.duologue.kill()
        with pytest.raises((AssertionError, http.client.HTTPException, ConnectionError)):
            gus.until("heartbeat")
    host.duologue.start()


def log_in_by_hand(host: Host, name: str) -> str:
    """A token, as the page gets it."""
    with httpx.Client(base_url=host.url, timeout=10) as client:
        client.cookies.set("user", f'{{"id":"{name}","name":"{name}"}}')
        answer = client.post("/token")
        assert answer.status_code == 200, answer.text
        return answer.text
