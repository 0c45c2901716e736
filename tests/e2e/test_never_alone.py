"""Whatever becomes of B, A is told and free within the bounds of the design's invariant 7; and its twin."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, Playwright

from tests.e2e.chromium import Chromium, chromium, plain
from tests.e2e.conftest import Arrive
from tests.e2e.cutter import Cutter
from tests.e2e.netns import Network
from tests.e2e.person import MEET_S, Moment, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab
from tests.e2e.table import Row, Table
from tests.e2e.waiting import now_ms, until
from tests.servers import StoreServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SLACK_S = 6
"""How much longer than the bound we look on, to know by how much it was missed."""

QUIET_S = 8
"""Nothing falls due for 5 s after an outage; a conversation that is still broken ends then."""

PRESS_AT = "setTimeout(() => document.querySelector(a).click(), b - Date.now())"

BACK_S = 10
"""Until a person whose network was gone is in the queue again, or one whose browser slept is asked."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Iterator[Serving]:
    """The server where both sides of the network that will be lost can reach it."""
    with Serving(tmp_path_factory.mktemp("server"), host=network.host).running() as server:
        yield server


@pytest.fixture(scope="module")
def trusted(serving: Serving) -> str:
    """getUserMedia wants https, but for loopback and what one says oneself."""
    return f"--unsafely-treat-insecure-origin-as-secure={serving.url}"


@pytest.fixture(scope="module")
def near(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory, trusted: str
) -> Iterator[Chromium]:
    """A's browser, which nothing happens to."""
    with chromium(playwright, tmp_path_factory.mktemp("near"), flags=[trusted]) as it:
        yield it


class Far:
    """B's browser, in a network of its own; there is another one after it was killed."""

    def __init__(self, make: Callable[[], AbstractContextManager[Chromium]]) -> None:
        """``make``: another browser."""
        self._make = make
        self._stack = ExitStack()
        self._current: Chromium | None = None

    def get(self) -> Chromium:
        """The one that runs."""
        if self._current is None or not self._current.browser.is_connected():
            self.end()
            self._current = self._stack.enter_context(self._make())
        return self._current

    def end(self) -> None:
        """It is gone; can be repeated."""
        self._stack.close()
        self._current = None


@pytest.fixture(scope="module")
def far(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory, network: Network, trusted: str
) -> Iterator[Far]:
    """B's browsers, one at a time."""
    it = Far(lambda: chromium(playwright, tmp_path_factory.mktemp("far"), inside=network, flags=[trusted]))
    try:
        yield it
    finally:
        it.end()


@pytest.fixture
def healthy(network: Network) -> Iterator[Network]:
    """The network, whole again afterwards."""
    try:
        yield network
    finally:
        network.restore()


@pytest.fixture
def people(arrive: Arrive, near: Chromium, far: Far, serving: Serving) -> tuple[Person, Person, str]:
    """A, B in the network of their own, and their conversation."""
    a, b = arrive("A", near, serving.url), arrive("B", far.get(), serving.url)
    return a, b, together(a, b)


def together(a: Person, b: Person) -> str:
    a.start()
    a.waits()
    b.start()
    return meet(a, b)


def measure(row: Row, a: Person, match: str, since_ms: float, *, until_free: bool = True) -> None:
    """Fills in when A was told, and when A was free, of what happened at ``since_ms``."""

    def over(m: Moment) -> bool:
        return m.match != match

    def told(m: Moment) -> bool:
        return m.is_told or over(m)

    goal, bound = (over, row.free_bound_s) if until_free else (told, row.told_bound_s)
    assert bound is not None
    try:
        until(lambda: a.first(goal, since_ms), bound + SLACK_S, "A is free" if until_free else "A is told")
    finally:
        row.told_s = after_s(a.first(told, since_ms), since_ms)
        row.free_s = after_s(a.first(over, since_ms), since_ms)


def after_s(moment: Moment | None, since_ms: float) -> float | None:
    return None if moment is None else (moment.at_ms - since_ms) / 1000


def went_on(row: Row, match: str, *people: Person, within_s: float = MEET_S) -> None:
    """They are in the same conversation as before and see each other, or it counts as ended."""
    row.ended = 1
    for each in people:
        each.until(lambda m: m.match == match and not m.is_told, within_s, "the same conversation, whole")
    for each in people:
        each.watches()
    for each in people:
        assert {m.match for m in each.moments()} <= {"", match}
    row.ended = 0


# --- somebody goes -------------------------------------------------------------------------


def test_b_closes_the_tab(people: tuple[Person, Person, str], table: Table) -> None:
    """The page hangs up on its way out, and the socket drops."""
    a, b, match = people
    with table.row("closes the tab", told=0.2, free=5) as row:
        t = now_ms()
        b.tab.close()
        measure(row, a, match, t)


def test_bs_browser_is_killed(people: tuple[Person, Person, str], far: Far, table: Table) -> None:
    """No goodbye is sent: only the socket drops."""
    a, _, match = people
    with table.row("browser killed (SIGKILL)", told=0.2, free=5) as row:
        t = now_ms()
        far.get().kill()
        measure(row, a, match, t)


def test_bs_browser_freezes(people: tuple[Person, Person, str], far: Far, table: Table) -> None:
    """Every socket stays open and nothing is answered; B is asked when it goes on (`test_away`)."""
    a, b, match = people
    with table.row("browser frozen (SIGSTOP)", told=3, free=6) as row:
        t = now_ms()
        far.get().freeze()
        try:
            measure(row, a, match, t)
        finally:
            far.get().thaw()
            t = now_ms()
        row.note = f"{asked(b, match, t)} SIGCONT"


def test_b_loses_the_network(people: tuple[Person, Person, str], healthy: Network, table: Table) -> None:
    """As a phone that leaves the wifi: no reset, no close, and its own browser knows."""
    a, b, match = people
    with table.row("network lost (link down)", told=3, free=6) as row:
        t = now_ms()
        healthy.unplug()
        measure(row, a, match, t)
        healthy.restore()
        t = now_ms()
        row.note = f"{back(b, match, t)} the link"


def test_the_network_swallows_everything(
    people: tuple[Person, Person, str], healthy: Network, table: Table
) -> None:
    """As behind a router that died: both ends believe in their link."""
    a, _, match = people
    with table.row("network lost (silently)", told=3, free=6) as row:
        t = now_ms()
        healthy.mute()
        measure(row, a, match, t)


def test_the_next_one_is_frozen_too(
    people: tuple[Person, Person, str], arrive: Arrive, far: Far, serving: Serving, table: Table
) -> None:
    """C waits, and freezes with B: A is dealt C, who never shows up, and is free once more."""
    a, _, match = people
    c = arrive("C", far.get(), serving.url)
    c.start()
    c.waits()
    with table.row("frozen, and the next one too", told=3, free=9) as row:
        t = now_ms()
        far.get().freeze()
        try:
            measure(row, a, match, t)
            first_s = row.free_s
            until(lambda: a.first(lambda m: m.is_waiting, t), 9 + SLACK_S, "A waits again")
        finally:
            far.get().thaw()
        again = a.first(lambda m: m.is_waiting, t)
        assert again is not None
        row.free_s = (again.at_ms - t) / 1000
        row.note = f"from the first {first_s:.2f} s, from the next {row.free_s:.2f} s"


def back(b: Person, match: str, since_ms: float) -> str:
    """B has read that ``match`` is over, and is in the queue again without a press."""
    m = b.until(
        lambda m: m.is_linked and m.match != match and (m.is_waiting or m.match != ""), BACK_S, "the queue"
    )
    return f"back by itself {(m.at_ms - since_ms) / 1000:.1f} s after"


def asked(b: Person, match: str, since_ms: float) -> str:
    """B has understood that ``match`` is over, and is asked before the next."""
    m = b.until(lambda m: m.is_linked and m.match != match and m.state == "welcome", BACK_S, "the question")
    return f"asked {(m.at_ms - since_ms) / 1000:.1f} s after"


# --- somebody is back: the conversation goes on ----------------------------------------------


def test_b_reloads(people: tuple[Person, Person, str], table: Table) -> None:
    """A is told at once, and the same conversation goes on."""
    a, b, match = people
    with table.row("reloads", told=0.2) as row:
        t = now_ms()
        b.tab.reload()
        measure(row, a, match, t, until_free=False)
        went_on(row, match, a, b)
        row.note = f"whole again after {(now_ms() - t) / 1000:.1f} s"


def test_b_looks_at_another_page_and_comes_back(
    playwright: Playwright,
    tmp_path: Path,
    arrive: Arrive,
    near: Chromium,
    serving: Serving,
    table: Table,
    trusted: str,
) -> None:
    """By the browser's back button, and out of its cache: a page that was left without being unloaded."""
    with plain(playwright, tmp_path, flags=[trusted]) as browser:
        browser.own.add_init_script(WATCH)
        browser.own.add_init_script(
            "addEventListener('pageshow', (e) => { window.persisted = e.persisted; });"
        )
        page = browser.own.new_page()
        a, b = arrive("A", near, serving.url), Person("B", ChromiumTab(page))
        b.arrive(serving.url)
        match = together(a, b)
        with table.row("leaves the page, and comes back", told=0.2) as row:
            t = now_ms()
            page.goto(f"{serving.url}/healthz")
            measure(row, a, match, t, until_free=False)
            # Playwright's own go_back waits for a load, and a page out of the cache has none.
            t = now_ms()
            page.evaluate("setTimeout(() => history.back())")
            until(lambda: is_out_of_the_cache(page), MEET_S, "B's page is back, out of the cache")
            went_on(row, match, a, b)
            row.note = f"whole again after {(now_ms() - t) / 1000:.1f} s"


def is_out_of_the_cache(page: Page) -> bool:
    try:
        return page.evaluate("window.persisted") is True
    except Error:  # asked while the pages change places
        return False


@pytest.mark.parametrize("seconds", [2, 4])
def test_the_link_is_down_for_a_moment(
    people: tuple[Person, Person, str], healthy: Network, table: Table, seconds: int
) -> None:
    """Back within the away time: no one loses a partner."""
    a, b, match = people
    with table.row(f"link down {seconds} s") as row:
        t = now_ms()
        healthy.unplug()
        until(lambda: now_ms() - t >= seconds * 1000, seconds + 1, "the span is over")
        healthy.restore()
        up = now_ms()
        went_on(row, match, a, b)
        row.note = f"whole again {(now_ms() - up) / 1000:.1f} s after the link"


def test_the_stream_is_cut_ten_times(arrive: Arrive, near: Chromium, serving: Serving, table: Table) -> None:
    """With media up: it vouches for a person whose stream comes and goes."""
    with Cutter((serving.host, serving.port)).running() as cutter:
        a, b = arrive("A", near, serving.url), arrive("B", near, f"http://127.0.0.1:{cutter.port}")
        match = together(a, b)
        with table.row("stream cut ten times, media up") as row:
            row.ended = 1
            for n in range(10):
                until(lambda: cutter.streams == 1, MEET_S, f"B's stream is open, the {n + 1}th time")
                b.until(lambda m: m.is_linked, MEET_S, "that the line is up")
                assert cutter.cut() == 1
            until(lambda: cutter.streams == 1, MEET_S, "B's stream is open at the end")
            went_on(row, match, a, b)
            told = sum(now.is_told and not before.is_told for before, now in pairwise(a.moments()))
            row.note = f"A was told {told} times"


@pytest.mark.parametrize("store", ["the embedded store", "Redis"])
def test_the_server_is_killed_and_up_again(
    arrive: Arrive,
    near: Chromium,
    serving: Serving,
    redis7: StoreServer,
    tmp_path: Path,
    table: Table,
    store: str,
) -> None:
    """kill -9, and 3 s without any server; the store and both pages remember."""
    server = Serving(tmp_path, redis_url=redis7.url) if store == "Redis" else serving
    try:
        if server is not serving:
            server.start()
        a, b = arrive("A", near, server.url), arrive("B", near, server.url)
        match = together(a, b)
        with table.row(f"server killed, up again after 3 s ({store})") as row:
            t = time.monotonic()
            server.kill()
            until(lambda: time.monotonic() - t >= 3, 4, "3 s are over")
            server.start()
            outlasts(row, a, b, match)
    finally:
        if server is not serving:
            server.stop()


def test_the_store_is_killed(arrive: Arrive, near: Chromium, serving: Serving, table: Table) -> None:
    """kill -9 of the embedded store alone: the server starts it again, and no conversation ends."""
    a, b = arrive("A", near, serving.url), arrive("B", near, serving.url)
    match = together(a, b)
    with table.row("embedded store killed") as row:
        serving.kill_store()
        until(lambda: serving.get("/readyz")[0] == 200, MEET_S, "the server has its store again")
        outlasts(row, a, b, match)


def outlasts(row: Row, a: Person, b: Person, match: str) -> None:
    """Both streams come back to the same conversation, which also outlasts what a quiet period held back."""
    back = now_ms()
    for each in (a, b):
        each.until(lambda m: m.is_linked, MEET_S, "that the server is back")
    went_on(row, match, a, b)
    row.note = f"whole {(now_ms() - back) / 1000:.1f} s after it was back"
    row.ended = 1
    a.keeps(match, QUIET_S)
    row.ended = 0


def test_both_press_next_at_once(arrive: Arrive, near: Chromium, serving: Serving, table: Table) -> None:
    """One end, not two: C, who is dealt one of them, is not skipped by a press meant for another."""
    a, b, c = (arrive(name, near, serving.url) for name in "ABC")
    match = together(a, b)
    c.start()
    c.waits()
    with table.row("Next by both at once") as row:
        at = now_ms() + 500
        for each in (a, b):
            each.tab.ask(PRESS_AT, by("next"), at)
        row.ended = 1
        now = c.meets()
        with_c = until(
            lambda: [each for each in (a, b) if each.now().match == now], 3, "C's partner is there"
        )
        c.keeps(now, 3)
        assert {m.match for m in with_c[0].moments()} <= {"", match, now}
        row.ended = 0


def sees(a: Person, words: str, since_ms: float) -> float:
    """When they were on screen first."""
    a.until(lambda m: m.says(words), 5, words)
    found = a.first(lambda m: m.says(words), since_ms)
    assert found is not None
    return found.at_ms


def test_camera_off_and_hidden(
    playwright: Playwright,
    tmp_path_factory: pytest.TempPathFactory,
    arrive: Arrive,
    near: Chromium,
    serving: Serving,
    table: Table,
    trusted: str,
    whole: bool,
) -> None:
    """No picture, and timers held back to one a second: the conversation goes on, and A is told why."""
    seconds = 60 if whole else 10
    with plain(playwright, tmp_path_factory.mktemp("plain"), flags=[trusted]) as browser:
        context = browser.own
        context.add_init_script(WATCH)
        b = Person("B", ChromiumTab(context.new_page()))
        b.arrive(serving.url)
        a = arrive("A", near, serving.url)
        match = together(a, b)
        with table.row(f"camera off, tab hidden {seconds} s", told=1) as row:
            row.ended = 1
            t = now_ms()
            b.tab.press(by("camera"))
            row.told_s = (sees(a, "camera is off", t) - t) / 1000
            t = now_ms()
            context.new_page().bring_to_front()
            row.note = f"“stepped away” after {(sees(a, 'Stepped away', t) - t) / 1000:.2f} s"
            assert b.tab.ask("return document.visibilityState") == "hidden"
            a.keeps(match, seconds)
            assert a.first(lambda m: m.is_told, t) is None
            row.ended = 0
