"""What cannot work in a browser, or on its network, is said before a person waits for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import lacking
from tests.e2e.gallery import AXE, Gallery
from tests.e2e.person import MEET_S, Moment, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

MEDIA_S = 3.0
"""How long a match of these servers may be without open media."""
BLOCKED_S = 25
"""Two rounds of three streams that break off, with their back-off, on a machine that others use too."""

NO_WEBRTC = "delete window.RTCPeerConnection;"
FORBIDDEN = (
    "window.RTCPeerConnection = class { constructor() { throw new DOMException('', 'NotAllowedError'); } };"
)
NO_CHANNELS = "delete RTCPeerConnection.prototype.createDataChannel;"
NO_REPLACING = "delete RTCRtpSender.prototype.replaceTrack;"
NO_CODECS = "RTCRtpSender.getCapabilities = () => ({ codecs: [], headerExtensions: [] });"

EVENTS, POLLS, ALL = "**/v1/events*", "**/v1/state?*", "**/v1/**"

Come = Callable[..., Person]


def served(folder: Path, *options: str) -> Iterator[Serving]:
    server = Serving(folder, options=("--media-ms", str(int(MEDIA_S * 1000)), *options))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with the transports of the default settings."""
    yield from served(tmp_path_factory.mktemp("usual"))


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose operator wants streams alone."""
    yield from served(tmp_path_factory.mktemp("sse"), "--transports", "sse")


@pytest.fixture
def come(browser: Chromium) -> Iterator[Come]:
    """Lets people come, whose browser runs ``scripts`` first and lets nothing of ``stopped`` through."""
    with ExitStack() as leaving:

        def arrives(name: str, url: str, *scripts: str, stopped: tuple[str, ...] = ()) -> Person:
            context = browser.browser.new_context(viewport={"width": 1280, "height": 800})
            leaving.callback(context.close)
            for script in (WATCH, *scripts):
                context.add_init_script(script)
            if AXE.exists():
                context.add_init_script(path=AXE)
            context.set_default_timeout(15_000)
            for pattern in stopped:
                context.route(pattern, lambda route: route.abort("blockedbyclient"))
            person = Person(name, ChromiumTab(context.new_page()))
            person.arrive(url)
            return person

        yield arrives


@pytest.fixture
def gallery(artifacts: Path, whole: bool) -> Iterator[Gallery]:
    """Pictures of states that `test_looks` has not."""
    if not AXE.exists():
        lacking("axe-core is not installed (npm ci)")
    folder = artifacts / "screens-support"
    folder.mkdir(exist_ok=True)
    it = Gallery(folder, whole)
    yield it
    assert not it.findings, "\n".join(it.findings)


def page_of(person: Person) -> Page:
    assert isinstance(person.tab, ChromiumTab)
    return person.tab.page


def says(words: str) -> Callable[[Moment], bool]:
    return lambda moment: moment.says(words)


def start(*people: Person) -> None:
    for each in people:
        each.start()


# --- calls that cannot be had ------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (NO_WEBRTC, "cannot make calls here"),
        (FORBIDDEN, "cannot make calls here"),
        (NO_CHANNELS, "cannot make calls here"),
        (NO_REPLACING, "cannot make calls here"),
        (NO_CODECS, "neither sound nor picture"),
    ],
)
def test_it_is_said_before_the_queue(come: Come, usual: Serving, script: str, words: str) -> None:
    """In words, with what works; and no camera is asked for that the partner could not see."""
    page = page_of(come("A", usual.url, script))
    page.locator(by("limits")).wait_for()
    assert words in page.inner_text(by("limits"))
    assert "You can write" in page.inner_text(by("limits"))
    assert page.inner_text(by("start")) == "Start with text only"
    assert not page.locator(by("without")).is_visible()
    assert not page.locator(by("ask")).is_visible()


def test_a_browser_that_can_do_it_says_nothing(come: Come, usual: Serving) -> None:
    """The control of the words."""
    page = page_of(come("A", usual.url))
    page.locator(by("start")).wait_for()
    assert not page.locator(by("limits")).is_visible()
    assert page.inner_text(by("start")) == "Start"


def test_two_who_write(come: Come, usual: Serving, gallery: Gallery) -> None:
    """A has no WebRTC. Both are told, write, and outlive the deadline for media; then B has a call again."""
    a, b = come("A", usual.url, NO_WEBRTC), come("B", usual.url)
    gallery.show("1-text-only-welcome", a)
    start(a)
    a.waits()
    start(b)
    match = a.meets()
    b.until(says("This person can only write"), MEET_S, "that A can only write")
    a.until(says("your browser cannot make calls"), MEET_S, "why nobody is seen")
    assert (a.now().match, b.now().match) == (match, match)
    a.say("hello")
    b.say("hi")
    a.reads(2)
    b.reads(2)
    b.keeps(match, MEDIA_S + 0.5)
    assert a.now().state == b.now().state == "talking"
    gallery.show("2-text-only-writes", a)
    gallery.show("3-their-partner", b)
    c = come("C", usual.url)
    start(c)
    a.next()
    b.meets(other_than=match)
    meet(b, c)


@pytest.mark.whole
def test_a_page_that_does_not_say_so_control(come: Come, usual: Serving) -> None:
    """The negative control: a join without the word. No call comes, and networks are not blamed."""
    a, b = come("A", usual.url, NO_WEBRTC), come("B", usual.url)
    page_of(a).route("**/v1/join", _without_media)
    start(a)
    a.waits()
    start(b)
    b.meets()
    b.until(says("Their browser did not answer"), MEDIA_S + MEET_S, "whose browser it was")
    assert not any(moment.says("no direct way") for moment in b.moments())


def _without_media(route: Route) -> None:
    body = route.request.post_data_json
    assert isinstance(body, dict)
    assert body.pop("media") == "text"
    route.continue_(post_data=body)


# --- live updates that do not get through ------------------------------------------------


def test_a_content_blocker_on_the_way_of_streams(come: Come, usual: Serving) -> None:
    """With the default settings the two meet by polls, within seconds, and nothing is said of it."""
    a, b = come("A", usual.url, stopped=(EVENTS,)), come("B", usual.url)
    start(a)
    a.waits(MEET_S)
    assert a.now().screen["transport"] == "poll"
    start(b)
    meet(a, b)
    a.say("hello")
    b.reads(1)
    assert not any(moment.screen.get("banner") for moment in b.moments())
    assert not any("blocks" in moment.screen.get("banner", "") for moment in a.moments())


def test_streams_alone_and_blocked(come: Come, streams: Serving, gallery: Gallery) -> None:
    """Where nothing else is served the page says what is blocked, and goes on once it is allowed."""
    a = come("A", streams.url, stopped=(EVENTS,))
    start(a)
    a.until(says("blocks live updates"), BLOCKED_S, "what is blocked")
    gallery.show("4-live-updates-blocked", a)
    page_of(a).context.unroute(EVENTS)
    a.waits(MEET_S)
    assert not a.now().says("blocks live updates")


@pytest.mark.whole
def test_streams_and_polls_blocked(come: Come, usual: Serving) -> None:
    """The rest of the interface answers: that is told from a server that is away."""
    a = come("A", usual.url, stopped=(EVENTS, POLLS))
    start(a)
    a.until(says("blocks live updates"), BLOCKED_S, "what is blocked")


@pytest.mark.whole
def test_everything_blocked(come: Come, usual: Serving, gallery: Gallery) -> None:
    """Nothing was ever answered: the page says that, and does not speak of live updates."""
    a = come("A", usual.url, stopped=(ALL,))
    start(a)
    a.until(says("cannot reach its server"), MEET_S, "that nothing is answered")
    a.until(lambda m: not m.is_linked, 1, "no link")
    assert not any(moment.says("blocks live updates") for moment in a.moments())
    gallery.show("5-nothing-answered", a)


@pytest.mark.whole
def test_a_server_that_is_away_control(come: Come, tmp_path: Path) -> None:
    """The negative control: streams break off in the same way, but nothing else is answered either."""
    for server in served(tmp_path, "--transports", "sse"):
        a = come("A", server.url)
        start(a)
        a.waits()
        server.stop()
        a.until(says("cannot be reached"), MEET_S, "that the server is away")
        page_of(a).wait_for_event(
            "requestfailed", predicate=lambda r: "comparisons" in r.url, timeout=BLOCKED_S * 1000
        )
        assert not any(moment.says("blocks live updates") for moment in a.moments())
