"""A real browser behind the proxies: people meet and talk, and with HTTP/2 the seventh tab does not hang."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.person import meet
from tests.proxies.front import Front

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

STREAMS = (Path(__file__).parent / "streams.js").read_text()
TABS = 12
OF_HTTP1 = 6
"""Connections that a browser has for one host, on HTTP/1.1."""


def test_two_people_meet_and_talk(arrive: Arrive, browser: Chromium, fronts: dict[str, Front]) -> None:
    """Through nginx on HTTP/2 with TLS: cookie, stream, commands, and the signals between the pages."""
    url = fronts["nginx-https"].url
    a, b = (arrive(name, browser, url) for name in "AB")
    a.start()
    a.waits()
    b.start()
    first = meet(a, b)
    a.say("hello")
    b.reads(1)
    a.next()
    again = arrive("C", browser, url)
    again.start()
    assert meet(b, again) != first


@pytest.mark.parametrize("name", ["nginx-https", "caddy"])
def test_twelve_tabs_on_http2(browser: Chromium, fronts: dict[str, Front], name: str) -> None:
    """Each has its stream, commands pass between them, and six couples meet."""
    found = tabs(browser, fronts[name].url, 10_000)
    assert found["protocols"] == ["h2"]
    assert found["read"] == TABS
    assert len(found["met"]) == TABS
    assert len(set(found["met"])) == TABS // 2


def test_twelve_tabs_on_http1(browser: Chromium, fronts: dict[str, Front]) -> None:
    """The control: six streams take all connections, and not even a command gets through."""
    found = tabs(browser, fronts["nginx-http"].url, 3_000)
    assert found["protocols"] == ["http/1.1"]
    assert found["read"] == OF_HTTP1
    assert found["met"] == []


def tabs(browser: Chromium, url: str, within_ms: int) -> dict[str, Any]:
    """What became of so many streams of one browser."""
    context = browser.browser.new_context()
    try:
        page = context.new_page()
        page.goto(url)
        found: dict[str, Any] = page.evaluate(STREAMS, [TABS, within_ms])
        return found
    finally:
        context.close()
