"""On a real LiveKit server: strangers meet, and nobody is left alone, however late LiveKit notices."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Playwright, Request

from tests.e2e.chromium import Chromium, chromium
from tests.e2e.conftest import Arrive
from tests.e2e.faces import Faces
from tests.e2e.livekit import FOREIGN, Foreigners, LivekitServer
from tests.e2e.person import MEET_S, Person, meet
from tests.e2e.serving import Serving
from tests.e2e.steps import STEPS, Steps, forget
from tests.e2e.tab import ChromiumTab
from tests.e2e.table import Table
from tests.e2e.test_meet import (
    test_a_third_tab_takes_over,
    test_stop_and_start,
    test_text_chat,
    test_three_people_and_a_skip,
    test_two_tabs_of_one_browser_meet,
)
from tests.e2e.test_never_alone import Far, asked, measure, together, went_on
from tests.e2e.waiting import now_ms, until

__all__ = [
    "test_a_third_tab_takes_over",
    "test_stop_and_start",
    "test_text_chat",
    "test_three_people_and_a_skip",
    "test_two_tabs_of_one_browser_meet",
]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LIVEKIT_S = 40
"""LiveKit alone takes 21.7 s to notice a browser that was killed or froze."""

GONE_S = 10
"""Both closed their tabs: the bucket, 5 s, ends their match, and its room has 1 s more."""

LOADED = """const all = performance.getEntriesByType("resource");
return all.filter(({ name }) => name.includes("livekit-client")).length;"""

FACES = 20
"""Presses of Next for each kind of media."""
FEW_FACES = 3
"""Those of a run that is not whole: enough to see that it is measured."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, livekit: LivekitServer) -> Iterator[Serving]:
    """A server whose matches are rooms of LiveKit's; beside them a room that is not ours."""
    server = Serving(tmp_path_factory.mktemp("server"), environment=livekit.environment())
    try:
        livekit.start(server)
        livekit.ask("CreateRoom", name=FOREIGN, empty_timeout=600, departure_timeout=600)
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(livekit: LivekitServer, serving: Serving) -> Iterator[None]:
    """When all people have gone, no room of ours is left, and the foreign one is."""
    yield
    assert serving.url
    until(lambda: not livekit.ours(), GONE_S, "no room of ours is left", last=livekit.rooms)
    assert FOREIGN in livekit.rooms()


@pytest.fixture(scope="module")
def far(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """B's browsers, one at a time."""

    def make() -> AbstractContextManager[Chromium]:
        return chromium(playwright, tmp_path_factory.mktemp("far"))

    it = Far(make)
    try:
        yield it
    finally:
        it.end()


@pytest.fixture
def people(arrive: Arrive, browser: Chromium, far: Far, serving: Serving) -> tuple[Person, Person, str]:
    """A, B in a browser of their own, and their conversation."""
    a, b = arrive("A", browser, serving.url), arrive("B", far.get(), serving.url)
    return a, b, together(a, b)


def test_it_is_livekit(people: tuple[Person, Person, str], livekit: LivekitServer) -> None:
    """The room is the match's, the two in it are its two sides, and nothing goes from browser to browser."""
    _, _, match = people
    assert livekit.people(match) == {f"{match}.polite", f"{match}.impolite"}


def test_livekits_code_is_loaded_when_it_is_used(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """The page loads none of it before Start; who waits has it before the match, and loads it once."""
    a = arrive("A", browser, serving.url)
    assert a.tab.ask(LOADED) == 0
    a.start()
    a.waits()
    until(lambda: a.tab.ask(LOADED) == 1, 10, "the code is loaded")
    b = arrive("B", browser, serving.url)
    b.start()
    meet(a, b)
    assert a.tab.ask(LOADED) == 1


def test_b_closes_the_tab(people: tuple[Person, Person, str], table: Table) -> None:
    """The page leaves the room on its way out, and the socket drops."""
    a, b, match = people
    with table.row("LiveKit: closes the tab", told=0.2, free=5) as row:
        t = now_ms()
        b.tab.close()
        measure(row, a, match, t)


@pytest.mark.whole
def test_bs_browser_is_killed(
    people: tuple[Person, Person, str],
    browser: Chromium,
    far: Far,
    livekit: LivekitServer,
    serving: Serving,
    table: Table,
) -> None:
    """The browser sends no goodbye; two people of another app, in the same browsers, show what LiveKit
    alone gives."""
    a, _, match = people
    foreigners = Foreigners(livekit, browser, far.get(), f"{serving.url}/healthz")
    with table.row("LiveKit: browser killed (SIGKILL)", told=0.2, free=5) as row:
        t = now_ms()
        far.get().kill()
        measure(row, a, match, t)
        row.note = f"LiveKit alone: {foreigners.missed_s(t, LIVEKIT_S):.1f} s"


def test_bs_browser_freezes(
    people: tuple[Person, Person, str],
    browser: Chromium,
    far: Far,
    livekit: LivekitServer,
    serving: Serving,
    table: Table,
) -> None:
    """The pings stop, LiveKit says nothing for long; B is asked before the next stranger when it goes on."""
    a, b, match = people
    foreigners = Foreigners(livekit, browser, far.get(), f"{serving.url}/healthz")
    with table.row("LiveKit: browser frozen (SIGSTOP)", told=3, free=6) as row:
        t = now_ms()
        far.get().freeze()
        try:
            measure(row, a, match, t)
            row.note = f"LiveKit alone: {foreigners.missed_s(t, LIVEKIT_S):.1f} s"
        finally:
            far.get().thaw()
            t = now_ms()
        row.note += f"; {asked(b, match, t)} SIGCONT"


def test_b_reloads(people: tuple[Person, Person, str], livekit: LivekitServer, table: Table) -> None:
    """The page that comes takes the place of its own ghost in the room, and the conversation goes on."""
    a, b, match = people
    with table.row("LiveKit: reloads", told=0.2) as row:
        t = now_ms()
        b.tab.reload()
        measure(row, a, match, t, until_free=False)
        went_on(row, match, a, b)
        row.note = f"whole again after {(now_ms() - t) / 1000:.1f} s"
    assert livekit.people(match) == {f"{match}.polite", f"{match}.impolite"}


@pytest.mark.whole
def test_the_next_face(
    arrive: Arrive,
    browser: Chromium,
    serving: Serving,
    livekit: LivekitServer,
    tmp_path_factory: pytest.TempPathFactory,
    faces: Faces,
    steps: Steps,
    whole: bool,
) -> None:
    """From a press of Next to the next picture, peer and LiveKit side by side: a benchmark."""
    # Two people are enough for it if they may meet again at once.
    freely = ("--rematch-ms", "1")
    servers = {
        "peer": Serving(tmp_path_factory.mktemp("peer"), options=freely),
        "LiveKit": Serving(
            tmp_path_factory.mktemp("livekit"), options=freely, environment=livekit.environment("e2e-next")
        ),
    }
    for media, server in servers.items():
        try:
            server.start()
            a, b = (arrive(f"{name} ({media})", browser, server.url, script=STEPS) for name in "AB")
            seen = listening(a)
            match = together(a, b)
            for n in range(FACES if whole else FEW_FACES):
                forget(a.tab, b.tab)
                a.next()
                match = a.meets(other_than=match)
                told_of(a, seen, n + 1)
                # Nobody presses before they have seen anything, and a call that only begins costs most.
                a.watches()
                b.watches()
                steps.note(media, a.tab, b.tab)
            faces.note(media, seen)
            a.stop()
            for each in (a, b):
                assert isinstance(each.tab, ChromiumTab)
                each.tab.page.context.close()
        finally:
            server.stop()
    assert serving.url


def told_of(a: Person, seen: list[float], faces: int) -> None:
    """What a page sends is heard only while it is asked something."""
    until(lambda: a.now().match and len(seen) >= faces, MEET_S, f"{faces} faces", last=lambda: seen)


def listening(a: Person) -> list[float]:
    """What A's page says of how long each face took; the list grows."""
    assert isinstance(a.tab, ChromiumTab)
    seen: list[float] = []

    def hear(request: Request) -> None:
        said = request.post_data_json if request.url.endswith("/v1/pulse") else None
        if isinstance(said, dict) and "next_face_ms" in said:
            seen.append(float(said["next_face_ms"]))

    a.tab.page.on("request", hear)
    return seen
