"""A browser that blocks cookies: its person is one guest, talks like anybody, and is told what it costs."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright, Request

from tests.e2e.chromium import Chromium, plain
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BLOCKED = {"profile": {"default_content_setting_values": {"cookies": 2}}}
"""Chromium's own setting "block all cookies": a site has no storage and no locks then, either."""

STRIP = """
(() => {
  const real = window.fetch;
  window.fetch = (url, options = {}) => {
    const headers = new Headers(options.headers);
    headers.delete("Authorization");
    return real(url, { ...options, headers });
  };
})();
"""
"""Something on the way that takes the token out of each request, as some proxies do."""


@pytest.fixture(scope="module")
def blocking(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser that blocks all cookies."""
    folder = tmp_path_factory.mktemp("blocking")
    preferences = folder / "profile" / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps(BLOCKED))
    with plain(playwright, folder) as it:
        yield it


class Blocked:
    """Somebody in it, and what their page asked of the server."""

    def __init__(self, browser: Chromium, url: str, *scripts: str) -> None:
        self.page: Page = browser.own.new_page()
        self.asked: list[str] = []
        self.page.on("request", self._note)
        for script in (WATCH, *scripts):
            self.page.add_init_script(script)
        self.person = Person("the one without cookies", ChromiumTab(self.page))
        self.person.arrive(url)
        stores = "try { return typeof sessionStorage } catch (error) { return error.name }"
        assert self.person.tab.ask(stores) == "SecurityError", "this browser keeps cookies"

    @property
    def grants(self) -> int:
        """How often a session was asked for."""
        return self.asked.count("/v1/sessions")

    def _note(self, request: Request) -> None:
        path = request.url.split("?")[0]
        if "/v1/" in path:
            self.asked.append(path[path.index("/v1/") :])


def test_one_guest_who_talks(arrive: Arrive, browser: Chromium, blocking: Chromium, serving: Serving) -> None:
    """They meet, are seen and write; one session was asked for; one quiet line says what a reload costs."""
    blocked = Blocked(blocking, serving.url)
    a, b = blocked.person, arrive("B", browser, serving.url)
    a.start()
    a.waits()
    b.start()
    meet(a, b)
    a.say("hello")
    b.reads(1)
    assert a.now().says("blocks cookies")
    assert a.now().says("a reload begins as somebody new")
    assert not b.now().says("cookies")
    assert blocked.grants == 1
    # Nothing is asked for again and again: a pulse, the messages, the signals of one call.
    before = len(blocked.asked)
    holds(lambda: a.now().is_linked, 3, "the page is connected")
    assert len(blocked.asked) - before < 10
    assert isinstance(a.tab, ChromiumTab)
    assert a.tab.errors == []
    blocked.page.close()


def test_who_is_refused_by_both_ways_is_told(blocking: Chromium, serving: Serving) -> None:
    """Where the token does not come through either: one guest more, then words and a button, and no loop."""
    blocked = Blocked(blocking, serving.url, STRIP)
    blocked.person.start()
    blocked.person.until(lambda m: m.state == "ended", MEET_S, "that the session is over")
    assert blocked.person.now().says("Allow cookies for this address")
    assert blocked.grants == 2
    until(lambda: blocked.page.is_visible(by("take-over")), MEET_S, "a button to begin again")
    asked = len(blocked.asked)
    assert asked < 12, blocked.asked
    holds(lambda: len(blocked.asked) == asked, 5, "nothing more is asked for")
    blocked.page.close()
