"""Pages of other origins in a real browser: what the browser sends for them changes nothing, and what they
may read."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.chromium import Chromium, profile_of
from tests.e2e.serving import Serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


class Blank(BaseHTTPRequestHandler):
    """An empty page at every path."""

    def do_GET(self) -> None:
        """A document in which a script may do as it likes."""
        body = b"<!doctype html><title>elsewhere</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another web server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def house(elsewhere: int, tmp_path: Path) -> Iterator[Serving]:
    """The real server; pages of localhost:<elsewhere> may come with a token, those of 127.0.0.1 may not."""
    listed = {"DUOLOGUE_CORS_ORIGINS": f"http://localhost:{elsewhere}", "DUOLOGUE_LIMIT": "skips=60/2"}
    with Serving(tmp_path, options=("--no-page",), environment=listed).running() as server:
        yield server


def at(context: BrowserContext, url: str) -> Page:
    """A tab there."""
    page = context.new_page()
    page.goto(url)
    return page


OWN = """async ([path, body]) => {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, body && { method: "POST", headers, body: JSON.stringify(body) });
  return await answer.json();
}"""

ATTACK = """async (house) => {
  const leave = '{"intent":9000000000000}';
  const quietly = (promise) => promise.then((answer) => answer.type, () => "failed");
  const loads = (element, go) => new Promise((done) => {
    element.onload = element.onerror = () => done("loaded");
    document.body.append(element);
    go?.();
  });
  const said = [];
  for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
    const headers = { "Content-Type": type };
    const how = { method: "POST", mode: "no-cors", credentials: "include", headers, body: leave };
    said.push(await quietly(fetch(`${house}/v1/leave`, how)));
  }
  const json = { "Content-Type": "application/json" };
  const cors = { method: "POST", credentials: "include", headers: json, body: leave };
  said.push(await quietly(fetch(`${house}/v1/leave`, cors)));
  said.push(await quietly(fetch(`${house}/v1/state`, { credentials: "include" })));
  navigator.sendBeacon(`${house}/v1/leave`, leave);
  const frame = Object.assign(document.createElement("iframe"), { name: "hidden" });
  await loads(frame);
  const form = Object.assign(document.createElement("form"), {
    method: "POST", enctype: "text/plain", action: `${house}/v1/leave`, target: "hidden",
  });
  const text = { name: '{"intent":9000000000000,"x":"', value: '"}' };
  form.append(Object.assign(document.createElement("input"), text));
  document.body.append(form);
  await new Promise((done) => { frame.onload = done; form.submit(); });
  await loads(Object.assign(new Image(), { src: `${house}/v1/events?page=stolen` }));
  await loads(Object.assign(new Image(), { src: `${house}/v1/state?page=stolen` }));
  await new Promise((done) => {
    const source = new EventSource(`${house}/v1/events?page=stolen`, { withCredentials: true });
    source.onopen = () => done("open");
    source.onerror = () => { source.close(); done("refused"); };
  });
  return said;
}"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["a neighbour", "another site"])
def test_a_foreign_page_moves_nobody(browser: Chromium, house: Serving, elsewhere: int, host: str) -> None:
    """With the cookie in the browser: forms, beacons, images, streams. The control: our own page can.

    The neighbour is the harder one: another port is the same site, so its requests bring the cookie.
    """
    with profile_of(browser) as context:
        own = at(context, f"{house.url}/healthz")
        own.evaluate(OWN, ["/v1/sessions", {}])
        assert own.evaluate(OWN, ["/v1/join", {"intent": 1}])["outcome"] == "waiting"
        before = own.evaluate(OWN, ["/v1/state", None])["state"]
        foreign = at(context, f"http://{host}:{elsewhere}/")
        said = foreign.evaluate(ATTACK, house.url)
        assert said[2:] == ["failed", "failed"]
        assert not {"cors", "basic"} & set(said)
        for path in ("/v1/events?page=stolen", "/v1/state?page=stolen"):
            with context.expect_page() as opened:
                foreign.evaluate("(url) => { window.open(url) }", house.url + path)
            opened.value.wait_for_load_state()
            assert "no-token" in opened.value.content()
            opened.value.close()
        assert own.evaluate(OWN, ["/v1/state", None])["state"] == before
        assert own.evaluate(OWN, ["/v1/leave", {"intent": 9_000_000_000_000}])["outcome"] == "left"


CALLS = """async (house) => {
  const post = (path, body, headers = {}) => fetch(house + path, {
    method: "POST", body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" },
  });
  const begun = await (await post("/v1/sessions", { cookie: false })).json();
  const bearer = { Authorization: `Bearer ${begun.token}` };
  const stream = (await fetch(`${house}/v1/events?page=p1`, { headers: bearer })).body.getReader();
  const first = new TextDecoder().decode((await stream.read()).value);
  await stream.cancel();
  const joined = await (await post("/v1/join", { intent: 1 }, bearer)).json();
  for (let n = 0; n < 2; n++) await post("/v1/skip", { match: "m_x" }, bearer);
  const refused = await post("/v1/skip", { match: "m_x" }, bearer);
  const unknown = await post("/v1/join", { intent: 1 }, { Authorization: "Bearer nonsense" });
  return {
    first, joined: joined.outcome, status: refused.status, after: refused.headers.get("Retry-After"),
    code: (await refused.json()).code, unknown: (await unknown.json()).code,
  };
}"""


def test_a_listed_page_reads_everything(browser: Chromium, house: Serving, elsewhere: int) -> None:
    """With a token of its own: the stream as it comes, 429 with its ``Retry-After``, 401 with its code."""
    with profile_of(browser) as context:
        page = at(context, f"http://localhost:{elsewhere}/")
        read = page.evaluate(CALLS, house.url)
        assert context.cookies() == []
    assert '"type":"snapshot"' in read.pop("first")
    assert 1 <= int(read.pop("after")) <= 60
    assert read == {"joined": "waiting", "status": 429, "code": "too-many", "unknown": "bad-token"}


def test_an_unlisted_page_reads_nothing(browser: Chromium, house: Serving, elsewhere: int) -> None:
    """The control: the same calls from the same machine, by another name."""
    with profile_of(browser) as context:
        page = at(context, f"http://127.0.0.1:{elsewhere}/")
        failed = page.evaluate(
            f"(house) => ({CALLS})(house).then(() => '', (error) => error.name)", house.url
        )
    assert failed == "TypeError"
