"""A person whose browser slept is asked before the next stranger, however the sleep came about."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, Route

from tests.e2e.chromium import Chromium, chromium, plain
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Person, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab
from tests.e2e.test_never_alone import is_out_of_the_cache
from tests.e2e.waiting import holds, now_ms, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FREE_S = 9
"""Until the partner of a browser that stands still is free: 6 s, and some for a busy machine."""

ALONE_S = 2
"""A picture was with the next stranger 0.8 s after the browser went on."""

ASKED = "e => e.checkVisibility() ? e.textContent : ''"


WHY_NOT = "JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)"


@pytest.fixture(scope="module")
def far(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """B's browser, which is stopped."""
    with chromium(playwright, tmp_path_factory.mktemp("far")) as it:
        yield it


@pytest.fixture
def comes(far: Chromium, serving: Serving) -> Iterator[Callable[..., Person]]:
    """Lets B come, to the page as it is, or to one that does not notice that it slept."""
    with ExitStack() as leaving:

        def come(*, notices: bool = True) -> Person:
            context = far.browser.new_context()
            leaving.callback(context.close)
            context.add_init_script(WATCH)
            if not notices:
                context.route("**/assets/main-*.js", sleepless)
            person = Person("B", ChromiumTab(context.new_page()))
            person.arrive(serving.url)
            return person

        yield come


def sleepless(route: Route) -> None:
    """The page without the one guard: it never hears that it slept."""
    response = route.fetch()
    script, found = re.subn(r"\.slept\(\)", ".slept() && null", response.text())
    assert found == 1
    route.fulfill(response=response, body=script)


def talk(a: Person, b: Person) -> str:
    a.start()
    a.waits()
    b.start()
    return meet(a, b)


def stops(far: Chromium, a: Person, match: str, for_s: float, and_then: Callable[[], None]) -> None:
    """Stop B's browser; let A leave; let another person wait; then let B's browser go on."""
    since = now_ms()
    far.freeze()
    try:
        a.until(lambda m: m.match != match, FREE_S, "that the conversation is over")
        a.stop()
        and_then()
        until(lambda: now_ms() - since >= for_s * 1000, for_s, "the span is over")
    finally:
        far.thaw()


def is_asked(b: Person) -> None:
    """By words on the welcome, which stay until Start is pressed."""
    b.until(lambda m: m.state == "welcome" and m.is_linked, MEET_S, "the welcome")
    assert "You were away for a while" in words(b)


def words(person: Person) -> str:
    assert isinstance(person.tab, ChromiumTab)
    said: str = person.tab.page.locator("#resting").evaluate(ASKED)
    return said


@pytest.mark.parametrize("for_s", [7, pytest.param(65, marks=pytest.mark.whole)])
def test_a_browser_that_was_stopped_asks_first(
    arrive: Arrive,
    comes: Callable[..., Person],
    browser: Chromium,
    far: Chromium,
    serving: Serving,
    for_s: float,
) -> None:
    """The stranger who waits is not met before B presses Start, and then is."""
    a, b, c = arrive("A", browser, serving.url), comes(), arrive("C", browser, serving.url)
    match = talk(a, b)

    def next_one() -> None:
        c.start()
        c.waits()

    stops(far, a, match, for_s, next_one)
    is_asked(b)
    holds(lambda: c.now().is_waiting and "You were away" in words(b), ALONE_S, "C waits, B is asked")
    assert {m.match for m in c.moments()} == {""}
    b.start()
    meet(b, c)


@pytest.mark.whole
def test_control_a_page_that_does_not_notice_shows_its_person_to_a_stranger(
    arrive: Arrive, comes: Callable[..., Person], browser: Chromium, far: Chromium, serving: Serving
) -> None:
    """The same without the guard: C has B's picture, although no one pressed anything."""
    a, b, c = arrive("A", browser, serving.url), comes(notices=False), arrive("C", browser, serving.url)
    match = talk(a, b)

    def next_one() -> None:
        c.start()
        c.waits()

    stops(far, a, match, 7, next_one)
    meet(c, b)


@pytest.mark.whole
def test_a_page_out_of_the_cache_asks_first(
    playwright: Playwright, tmp_path: Path, arrive: Arrive, browser: Chromium, serving: Serving
) -> None:
    """A person left the page, and returns with the browser's button after the conversation ended."""
    with plain(playwright, tmp_path) as own:
        own.own.add_init_script(WATCH)
        own.own.add_init_script("addEventListener('pageshow', (e) => { window.persisted = e.persisted; });")
        page: Page = own.own.new_page()
        a, c = (arrive(name, browser, serving.url) for name in "AC")
        b = Person("B", ChromiumTab(page))
        b.arrive(serving.url)
        match = talk(a, b)
        page.goto(f"{serving.url}/healthz")
        a.until(lambda m: m.match != match, FREE_S, "that the conversation is over")
        a.stop()
        c.start()
        c.waits()
        page.evaluate("setTimeout(() => history.back())")
        until(
            lambda: is_out_of_the_cache(page),
            MEET_S,
            "B's page is back, out of the cache",
            last=lambda: page.evaluate(WHY_NOT),
        )
        is_asked(b)
        holds(lambda: c.now().is_waiting, ALONE_S, "C waits")
