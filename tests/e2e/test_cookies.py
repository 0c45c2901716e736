"""The cookies of a session and of a device, as a real browser keeps them."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.chromium import Chromium, profile_of
from tests.e2e.serving import Serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BEGIN = """async (body) => {
  const said = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body)
  }; return (await fetch("/v1/sessions", said)).json();
}"""
RENEW = "() => fetch('/v1/state').then((answer) => answer.status)"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Serving]]:
    """Two servers of two owners on one host, on different ports."""
    made = [Serving(tmp_path_factory.mktemp(f"server{n}")) for n in range(2)]
    try:
        for each in made:
            each.start()
        yield made
    finally:
        for each in made:
            each.stop()


@pytest.fixture
def profile(browser: Chromium) -> Iterator[BrowserContext]:
    """A browser's profile."""
    with profile_of(browser) as context:
        yield context


def opened(profile: BrowserContext, server: Serving) -> Page:
    """Open a document of the server that runs no script."""
    page = profile.new_page()
    page.goto(f"{server.url}/healthz")
    return page


def begin(page: Page, **body: Any) -> dict[str, Any]:
    """What ``POST /v1/sessions`` answers, and what its token claims."""
    granted: dict[str, Any] = page.evaluate(BEGIN, body)
    payload = granted["token"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return {**granted, "device": claims["device"]}


def test_two_servers_on_one_host_log_nobody_out(profile: BrowserContext, servers: list[Serving]) -> None:
    """Staging beside production: each has its own cookies, and renews its own guest."""
    pages = [opened(profile, each) for each in servers]
    first = [begin(page)["person"] for page in pages]
    assert [begin(page)["person"] for page in pages] == first
    assert [page.evaluate(RENEW) for page in pages] == [200, 200]
    names = {cookie["name"] for cookie in profile.cookies()}
    ports = [each.port for each in servers]
    assert names == {f"duologue_{what}_{port}" for what in ("session", "device") for port in ports}


def test_one_name_for_both_control(profile: BrowserContext, servers: list[Serving]) -> None:
    """The negative control: what one server sets is sent to the other, so one name would be overwritten."""
    here, there = [opened(profile, each) for each in servers]
    here.evaluate("() => { document.cookie = 'one_name=here; Path=/'; }")
    assert there.evaluate("() => document.cookie") == "one_name=here"


def test_the_device_of_a_browser(profile: BrowserContext, browser: Chromium, servers: list[Serving]) -> None:
    """It outlives the session's cookie, and a second tab's own person has it; a private window has
    another."""
    page = opened(profile, servers[0])
    first = begin(page)
    second = begin(opened(profile, servers[0]), cookie=False)
    profile.clear_cookies(name=f"duologue_session_{servers[0].port}")
    again = begin(page)
    assert len({each["person"] for each in (first, second, again)}) == 3
    assert {each["device"] for each in (first, second, again)} == {first["device"]}
    private = browser.browser.new_context()
    try:
        assert begin(opened(private, servers[0]))["device"] != first["device"]
    finally:
        private.close()
    profile.clear_cookies()
    assert begin(page)["device"] != first["device"]


def test_a_script_does_not_see_them(profile: BrowserContext, servers: list[Serving]) -> None:
    """HttpOnly, both."""
    page = opened(profile, servers[0])
    begin(page)
    assert page.evaluate("() => document.cookie") == ""


def test_two_cookies_of_one_name(profile: BrowserContext, servers: list[Serving]) -> None:
    """Another program on this host set a cookie for a longer path: the page is told, and no one is taken
    for another person."""
    page = opened(profile, servers[0])
    mine = begin(page)
    theirs = begin(page, cookie=False)
    name = f"duologue_session_{servers[0].port}"
    profile.add_cookies([{"name": name, "value": theirs["token"], "domain": "127.0.0.1", "path": "/v1"}])
    answer = page.evaluate("() => fetch('/v1/state').then((a) => a.json())")
    assert answer["code"] == "two-cookies"
    new = begin(page)
    assert new["ignored"] == "two-cookies"
    assert new["person"] not in (mine["person"], theirs["person"])
