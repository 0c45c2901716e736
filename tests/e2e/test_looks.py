"""The page in each of its states: pictures to look at (`artifacts/screens`), and nothing wrong with them."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page

from duologue.lan.addresses import addresses
from tests.e2e.chromium import Chromium
from tests.e2e.conftest import lacking
from tests.e2e.gallery import AXE, Gallery
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import RIG, WATCH, ChromiumTab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

RETURN_S = 45
"""A page waits up to 30 s between two tries to reach a server that does not answer."""
NO_CAMERA = """const none = () => Promise.reject(new DOMException("", "NotFoundError"));
navigator.mediaDevices.getUserMedia = none;
navigator.mediaDevices.enumerateDevices = () => Promise.resolve([]);"""
UNASKED = """Permissions.prototype.query = () => Promise.resolve({ state: "prompt" });"""
"""The flag of the fake camera grants it beforehand, and then the page does not ask for a press."""

REFUSED = """const refuse = () => Promise.reject(new DOMException("", "NotAllowedError"));
navigator.mediaDevices.getUserMedia = refuse;
Permissions.prototype.query = () => Promise.resolve({ state: "denied" });"""
ASKING = "navigator.mediaDevices.getUserMedia = () => new Promise(() => {});"
STRICT = """let pressed = false;
addEventListener("pointerdown", () => (pressed = true), true);
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  return this.muted || pressed ? play.call(this) : Promise.reject(new DOMException("", "NotAllowedError"));
};"""
CENTRED = """() => {
  const look = () => document.getElementById("chips").scrollIntoView({ block: "center" });
  addEventListener("resize", look);
  look();
}"""
"""The interests stay on screen in each size."""
BOTTOM = "(selector) => document.querySelector(selector).getBoundingClientRect().bottom"
NO_WAY = """const take = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  return take.call(this, { type, sdp: sdp.replace(/^a=candidate.*\\r\\n/gm, "") });
};
RTCPeerConnection.prototype.addIceCandidate = () => Promise.resolve();"""
"""Two networks between which there is no way: neither browser hears of an address of the other."""


SLEEP = """window.slept_ms = 0;
const now = Date.now;
Date.now = () => now.call(Date) + window.slept_ms;"""
"""A laptop that slept: one clock went on and no timer did."""


class People:
    """People for pictures, with a new profile each."""

    def __init__(self, browser: Chromium, serving: Serving, stack: ExitStack) -> None:
        self._browser, self._serving, self._stack = browser, serving, stack
        self.all: list[Person] = []

    def come(self, name: str, *scripts: str, url: str | None = None) -> Person:
        """They open the page, in which ``scripts`` run first."""
        context = self._browser.browser.new_context(viewport={"width": 1280, "height": 800})
        self._stack.callback(context.close)
        for script in (WATCH, *scripts):
            context.add_init_script(script)
        context.add_init_script(path=AXE)
        context.set_default_timeout(15_000)
        person = Person(name, ChromiumTab(context.new_page()))
        self.all.append(person)
        person.arrive(url or self._serving.url)
        return person

    def couple(self) -> tuple[Person, Person]:
        """A and B, who see each other."""
        a, b = self.come("A"), self.come("B")
        a.start()
        a.waits()
        b.start()
        meet(a, b)
        return a, b


@pytest.fixture
def people(browser: Chromium, serving: Serving) -> Iterator[People]:
    """People leave afterwards, and no script of the page failed."""
    with ExitStack() as stack:
        them = People(browser, serving, stack)
        yield them
        errors = [e for each in them.all if isinstance(each.tab, ChromiumTab) for e in each.tab.errors]
    assert not errors


@pytest.fixture(scope="module")
def screens(artifacts: Path) -> Path:
    """An empty folder, so that every picture in it is of this run."""
    if not AXE.exists():
        lacking("axe-core is not installed (npm ci)")
    folder = artifacts / "screens"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.fixture
def gallery(screens: Path, whole: bool) -> Iterator[Gallery]:
    """What it found fails the test, after all pictures are taken."""
    it = Gallery(screens, whole)
    yield it
    assert not it.findings, "\n".join(it.findings)


def page_of(person: Person) -> Page:
    assert isinstance(person.tab, ChromiumTab)
    return person.tab.page


def test_the_welcome(people: People, gallery: Gallery) -> None:
    """Before the queue, never in it: what this is, the rules, camera and microphone."""
    a = people.come("A", UNASKED)
    gallery.show("01-welcome", a)
    a.tab.press(by("start"))
    page_of(a).locator("#entry-note").wait_for()
    gallery.show("02-welcome-agree-first", a)
    a.tab.press(by("ask"))
    page_of(a).locator("#devices").wait_for()
    page_of(a).locator("details.choices > summary").click()
    gallery.show("03-welcome-camera-and-choices", a)


def test_the_interests(people: People, gallery: Gallery) -> None:
    """Several, of many scripts, a long one, and one that cannot be taken."""
    a = people.come("A", UNASKED)
    page = page_of(a)
    page.locator("details.choices > summary").click()
    a.tab.write(by("interests"), "music, 旅行，سفر، deep learning, #hiking, " + "long" * 16 + ",")
    a.tab.write(by("interests"), "x" * 65)
    page.keyboard.press("Enter")
    page.locator("#interests-note").wait_for()
    page.evaluate(CENTRED)
    gallery.show("03b-interests", a)


def test_without_https(people: People, gallery: Gallery, tmp_path: Path) -> None:
    """On a network address over plain http: no camera, how to get https, and Start means text."""
    found = addresses()
    if not found:
        lacking("this machine has no address besides loopback")
    server = Serving(tmp_path, host=str(found[0]))
    try:
        server.start()
        a = people.come("A", url=server.url)
        page_of(a).get_by_text("duologue serve --lan").wait_for()
        page_of(a).set_viewport_size({"width": 390, "height": 844})
        assert page_of(a).evaluate(BOTTOM, by("start")) <= 844, "Start is on a phone's first screen"
        gallery.show("04-camera-insecure", a)
    finally:
        server.stop()


def test_start_is_on_a_phones_first_screen(people: People) -> None:
    """The one important button needs no scrolling, before and after the camera is on."""
    a = people.come("A", UNASKED)
    page = page_of(a)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(BOTTOM, by("start")) <= 844
    a.tab.press(by("ask"))
    page.locator("#devices").wait_for()
    assert page.evaluate(BOTTOM, by("start")) <= 844


@pytest.mark.parametrize(
    ("name", "script"),
    [("asking", ASKING), ("refused", REFUSED), ("missing", NO_CAMERA)],
    ids=["asking", "refused", "missing"],
)
def test_the_camera_will_not_come(people: People, gallery: Gallery, name: str, script: str) -> None:
    """It says why, and what can be done without."""
    a = people.come("A", UNASKED, script)
    a.tab.press(by("ask"))
    words = {"asking": "is asking", "refused": "was not allowed", "missing": "No camera or microphone"}[name]
    page_of(a).get_by_text(words).wait_for()
    gallery.show(f"04-camera-{name}", a)


def test_devices_that_do_not_come(people: People, gallery: Gallery) -> None:
    """Each says for itself why, where it was asked for: on the welcome, and above the buttons."""
    a, b = people.come("A", RIG, "rig.busy = ['video'];"), people.come("B")
    page = page_of(a)
    page.get_by_text("Your camera is in use by another program").wait_for()
    gallery.show("25-camera-busy", a)
    a.tab.ask("rig.unplug('audio')")
    page.locator(by("ask-again")).wait_for()
    gallery.show("26-microphone-unplugged-welcome", a)
    a.tab.ask("rig.plug(); rig.busy = []; rig.hold()")
    a.start()
    a.waits()
    b.start()
    a.until(lambda m: m.state == "talking", MEET_S, "the conversation")
    a.tab.press(by("camera"))
    page.locator("#me-word").get_by_text("Your camera is starting").wait_for()
    gallery.show("27-camera-starting", a)
    a.tab.ask("rig.open(); rig.gate = null")
    page.locator("#me").wait_for()
    a.tab.ask("rig.unplug('audio'); rig.unplug('video')")
    page.locator(by("own-off-microphone")).wait_for()
    page.locator(by("own-off-camera")).wait_for()
    gallery.show("28-both-lost", a)
    b.until(lambda m: m.says("microphone is off") and m.says("camera is off"), 3, "that both are off")


def test_waiting(people: People, gallery: Gallery) -> None:
    """Alone, and offered a second person."""
    a = people.come("A")
    a.start()
    a.waits()
    page_of(a).locator(by("second")).wait_for()
    gallery.show("05-waiting-alone", a)


@pytest.mark.parametrize("size", [(720, 620), (1024, 700), (1260, 620), (1280, 530)], ids=str)
def test_everything_is_on_the_screen_of_a_narrow_window(people: People, size: tuple[int, int]) -> None:
    """Nothing of the stage lies below the window: it does not scroll, so that would be out of reach."""
    a = people.come("A")
    a.start()
    a.waits()
    page = page_of(a)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for each in (".controls .wide", "#next", by("more"), "#chat-form"):
        assert page.evaluate(BOTTOM, each) <= size[1], each


def test_no_way_between_two_networks(people: People, gallery: Gallery) -> None:
    """First it connects; then it says what the operator would have to set."""
    a, b = people.come("A", NO_WAY), people.come("B", NO_WAY)
    a.start()
    a.waits()
    b.start()
    a.until(lambda m: m.state == "connecting", MEET_S, "that the two are being connected")
    gallery.show("06-connecting", a)
    a.until(lambda m: m.says("no direct way"), 20, "that there is no way")
    gallery.show("07-no-way", a)


def test_a_conversation(people: People, gallery: Gallery) -> None:
    """From hello to the end of it, with everything that can be open."""
    a, b = people.couple()
    gallery.show("08-talking", a)
    for n, line in enumerate(("hello!", "Hi there. Where are you from? " * 4, "👋 Reykjavík, and you?")):
        (a if n % 2 else b).say(line)
    a.reads(3)
    gallery.show("09-talking-chat", a)
    a.tab.write(by("chat-input"), "too long " * 250)
    page_of(a).locator(by("chat-input-long")).wait_for()
    gallery.show("09-message-too-long", a)
    a.tab.write(by("chat-input"), "")
    b.tab.press(by("camera"))
    b.tab.press(by("mute"))
    a.until(lambda m: m.says("camera is off"), 5, "that the camera is off")
    gallery.show("10-partner-camera-off", a)
    gallery.show("11-my-camera-off-and-muted", b)
    a.tab.press(by("report"))
    gallery.show("12-report", a)
    a.tab.write(by("report-text"), "too long " * 250)
    page_of(a).locator(by("report-text-long")).wait_for()
    gallery.show("12-report-too-long", a)
    page_of(a).keyboard.press("Escape")
    a.tab.press(by("more"))
    gallery.show("13-more", a)
    page_of(a).keyboard.press("Escape")
    a.tab.press(by("report"))
    b.next()
    a.waits()
    page_of(a).get_by_role("button", name="Report", exact=True).wait_for()
    gallery.show("14-report-partner-left", a)
    page_of(a).keyboard.press("Escape")
    gallery.show("14-partner-left", a)


def test_reconnecting(people: People, gallery: Gallery) -> None:
    """While a partner may come back."""
    a, b = people.couple()
    page_of(b).goto("about:blank")
    a.until(lambda m: m.is_told, 3, "that the partner is gone")
    gallery.show("15-reconnecting", a)


def test_sound_that_the_browser_will_not_play(people: People, gallery: Gallery) -> None:
    """The page has had no press yet: after a reload, in strict browsers."""
    a, b = people.come("A", STRICT), people.come("B")
    a.start()
    a.waits()
    b.start()
    meet(a, b)
    a.tab.reload()
    page_of(a).locator(by("hear")).wait_for()
    gallery.show("16-tap-to-hear", a)
    a.tab.press(by("hear"))
    page_of(a).locator(by("hear")).wait_for(state="hidden")


def test_text_only(people: People, gallery: Gallery) -> None:
    """Without camera and microphone there is still the chat."""
    a, b = people.come("A", NO_CAMERA), people.come("B")
    page_of(a).get_by_text("No camera or microphone").wait_for()
    a.start()
    a.waits()
    b.start()
    match = a.meets()
    for each in (a, b):
        each.until(lambda m: m.match == match and m.state == "talking", MEET_S, "the conversation")
    a.watches()
    gallery.show("17-text-only", a)
    gallery.show("18-partner-text-only", b)


def test_another_tab(people: People, gallery: Gallery) -> None:
    """One person, one tab; both say so."""
    a = people.come("A")
    a.start()
    a.waits()
    other = Person("A's other tab", ChromiumTab(page_of(a).context.new_page()))
    other.arrive(page_of(a).url)
    other.until(lambda m: m.says("Open in another tab"), MEET_S, "that another tab has it")
    gallery.show("19-open-in-another-tab", other)
    other.tab.press(by("take-over"))
    other.waits()
    a.until(lambda m: m.says("Open in another tab"), MEET_S, "that another tab has it")


def test_another_device(people: People, gallery: Gallery) -> None:
    """The same person somewhere else: told apart from a tab that can be closed."""
    a, other = people.come("A"), people.come("A's other device")
    a.start()
    a.waits()
    (cookie,) = (c for c in page_of(a).context.cookies() if c["name"].startswith("duologue_session"))
    page_of(other).context.add_cookies(
        [{"name": cookie["name"], "value": cookie["value"], "url": page_of(a).url}]
    )
    other.start()
    a.until(lambda m: m.says("Open somewhere else"), MEET_S, "that another device has it")
    gallery.show("20-taken-over", a)


def test_one_conversation(people: People, gallery: Gallery) -> None:
    """A person who wants one conversation rests after it."""
    a, b = people.couple()
    a.tab.press(by("more"))
    page_of(a).uncheck(by("auto-next"))
    a.tab.press(by("sheet-close"))
    b.next()
    a.until(lambda m: m.state == "welcome", 5, "the welcome")
    gallery.show("21-one-conversation", a)


def test_somebody_who_was_away(people: People, gallery: Gallery) -> None:
    """A laptop slept for 6 s while its person waited: the page says so and waits for a press."""
    a = people.come("A", SLEEP)
    a.start()
    a.waits()
    page_of(a).evaluate("window.slept_ms = 6000")
    a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
    page_of(a).locator("#resting", has_text="You were away for a while").wait_for()
    gallery.show("40-was-away", a)


def test_nobody_may_be_there(people: People, gallery: Gallery, tmp_path: Path) -> None:
    """After conversations without a sign the page asks, in the place of the next stranger."""
    quick = Serving(tmp_path, options=("--ask-after", "1"))
    try:
        quick.start()
        a, b = people.come("A", url=quick.url), people.come("B", url=quick.url)
        a.start()
        a.tab.press(by("mute"))
        b.start()
        meet(a, b)
        b.next()
        a.until(lambda m: m.state == "still-there", MEET_S, "the question")
        gallery.show("41-still-there", a)
    finally:
        quick.stop()


def test_no_session(people: People, gallery: Gallery, tmp_path: Path) -> None:
    """A server that starts no sessions for guests turns the page away."""
    strict = Serving(tmp_path, options=("--no-guests",))
    try:
        strict.start()
        a = people.come("A", url=strict.url)
        a.start()
        a.until(lambda m: m.state == "ended", MEET_S, "that there is no session")
        gallery.show("22-session-over", a)
    finally:
        strict.stop()


def test_the_server_is_away(people: People, gallery: Gallery, serving: Serving) -> None:
    """The page says so, in a conversation and in the queue, and that it will reconnect; then it does."""
    a, b = people.couple()
    c = people.come("C")
    c.start()
    c.waits()
    match = a.now().match
    serving.kill()
    try:
        for each in (a, c):
            each.until(lambda m: m.says("server cannot be reached"), MEET_S, "that the server is away")
        gallery.show("23-server-away-talking", a)
        gallery.show("24-server-away-waiting", c)
    finally:
        serving.start()
    for each in (a, b, c):
        each.until(lambda m: m.is_linked and not m.screen["banner"], RETURN_S, "that the server is back")
    a.until(lambda m: m.match == match and m.state == "talking", 2, "the same conversation")
