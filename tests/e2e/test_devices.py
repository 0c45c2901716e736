"""Camera and microphone that come late, are in use elsewhere, or go: what is said is what is sent."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Page, Playwright

from tests.e2e.chromium import Chromium, chromium
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import RIG, WATCH, ChromiumTab
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

UNASKED = """Permissions.prototype.query = () => Promise.resolve({ state: "prompt" });"""
"""The flag of the fake camera grants it beforehand, and then the page does not wait for a press."""

HELD = "rig.hold();"
BUSY = """rig.busy = ["video"];"""
PERMISSIONS = """const statuses = { camera: { state: "granted" }, microphone: { state: "granted" } };
Permissions.prototype.query = ({ name }) => Promise.resolve(statuses[name]);
rig.permit = (name, state) => { statuses[name].state = state; statuses[name].onchange(); };"""
SHORT_S = 0.8
"""Long enough for a picture that must not come: one that comes takes half of it."""

Come = Callable[..., Person]


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A machine with two cameras."""
    three = "--use-fake-device-for-media-stream=device-count=3"  # one of which the rig leaves out
    with chromium(playwright, tmp_path_factory.mktemp("chromium"), flags=(three,)) as it:
        yield it


@pytest.fixture
def come(browser: Chromium, serving: Serving) -> Iterator[Come]:
    """Lets people come whose devices a test can take away; no script of theirs may fail."""
    with arrivals(browser, serving) as come:
        yield come


@pytest.fixture(scope="module")
def couple(browser: Chromium, serving: Serving) -> Iterator[tuple[Person, Person]]:
    """A and B, who see each other; a test leaves A's devices as it found them."""
    with arrivals(browser, serving) as come:
        a, b = come("A", PERMISSIONS), come("B")
        a.start()
        a.waits()
        b.start()
        meet(a, b)
        yield a, b


@contextmanager
def arrivals(browser: Chromium, serving: Serving) -> Iterator[Come]:
    """Let people come; they leave at the end."""
    with ExitStack() as leaving:
        all_of_them: list[ChromiumTab] = []

        def come(name: str, *scripts: str) -> Person:
            context = browser.browser.new_context(viewport={"width": 1280, "height": 800})
            leaving.callback(context.close)
            for script in (WATCH, RIG, *scripts):
                context.add_init_script(script)
            context.set_default_timeout(15_000)
            tab = ChromiumTab(context.new_page())
            all_of_them.append(tab)
            person = Person(name, tab)
            person.arrive(serving.url)
            return person

        yield come
        errors = [error for tab in all_of_them for error in tab.errors]
    assert not errors


@pytest.mark.parametrize(
    "script",
    [pytest.param("", id="as a preview"), pytest.param(UNASKED, id="by a press", marks=pytest.mark.whole)],
)
def test_text_only_while_the_camera_opens(come: Come, script: str) -> None:
    """It opens after the press: the partner gets no picture and no sound, and the buttons say so."""
    a, b = come("A", HELD, script), come("B")
    a.tab.press(by("consent"))
    if script:
        a.tab.press(by("start"))  # waits for the camera
    until(lambda: a.tab.ask("return rig.calls.length") == 1, 5, "the camera is being opened")
    a.tab.press(by("without"))
    a.waits()
    talk(a, b)
    a.tab.ask("rig.open()")
    until(lambda: a.tab.ask("return rig.tracks.length") == 2, 5, "the camera and microphone come")
    until(lambda: live(a) == [], 2, "they are stopped")
    nothing_comes(a, b)
    assert labels(a) == ("Unmute", "Camera on")


def test_a_tab_that_was_taken_over_has_no_camera(come: Come) -> None:
    """Its camera was still opening when another tab took over; that one has it, and gives it back."""
    a, b = come("A", HELD), come("B")
    a.start()
    a.waits()
    talk(a, b)
    other = Person("A's other tab", ChromiumTab(page_of(a).context.new_page()))
    other.arrive(page_of(a).url)
    other.until(lambda m: m.state == "taken-over", MEET_S, "that another tab has it")
    other.tab.ask("rig.open(); rig.gate = null")
    other.tab.press(by("take-over"))
    a.until(lambda m: m.state == "taken-over", MEET_S, "that another tab has it")
    a.tab.ask("rig.open(); rig.gate = null")
    until(lambda: a.tab.ask("return rig.tracks.length") == 2, 5, "the camera and microphone come")
    b.watches()
    holds(lambda: live(a) == [], SHORT_S, "the tab that was taken over has no live track")
    a.tab.press(by("take-over"))
    until(lambda: live(a) == ["audio", "video"], MEET_S, "the camera is on where the conversation is")
    until(lambda: live(other) == [], 3, "and not where it was")


def test_a_camera_in_use_elsewhere_does_not_cost_the_microphone(come: Come) -> None:
    """Both people read it, the press that fails says why, and it works once the camera is free."""
    a, b = come("A", BUSY), come("B")
    page = page_of(a)
    page.get_by_text("Your camera is in use by another program. Close that, then press Try again.").wait_for()
    assert page.locator(by("camera-choice")).is_visible()
    a.start()
    a.waits()
    talk(a, b)
    until(lambda: received(b)["audio"] > 0, 5, "B hears A")
    b.until(lambda m: m.says("camera is off"), 3, "that the camera is off")
    a.tab.press(by("camera"))
    note = page.locator(by("own-note-camera"))
    note.get_by_text("Close that, then press Camera on").wait_for()
    assert labels(a) == ("Mute", "Camera on")
    a.tab.ask("rig.busy = []")
    a.tab.press(by("camera"))
    b.watches()
    note.wait_for(state="hidden")
    assert labels(a) == ("Mute", "Camera off")


def test_another_camera_that_fails_changes_nothing(come: Come) -> None:
    """Neither Flip nor the list stops the camera that works, and the choice is not remembered."""
    a, b = come("A"), come("B")
    page = page_of(a)
    a.start()
    a.waits()
    b.start()
    meet(a, b)
    first, other = page.locator(f"{by('sheet-camera')} option").evaluate_all("all => all.map((e) => e.value)")
    a.tab.ask("rig.busy = [a]", other)
    a.tab.press(by("flip"))
    note = page.locator(by("own-note-camera"))
    note.get_by_text("That camera is in use by another program, so this one stays on.").wait_for()
    b.watches()
    a.tab.press(by("more"))
    page.select_option(by("sheet-camera"), other)
    page.locator(by("sheet-camera-note")).get_by_text("so this one stays on").wait_for()
    assert page.input_value(by("sheet-camera")) == first
    a.tab.press(by("sheet-close"))
    assert remembered(a) == ""
    a.tab.ask("rig.busy = []")
    a.tab.press(by("flip"))
    until(lambda: remembered(a) == other, 3, "the camera that works is remembered")
    assert live(a) == ["audio", "video"]
    b.watches()

    # A stored choice that fails gives way, in a new tab too.
    a.tab.ask("sessionStorage.clear()")
    page.context.add_init_script(f'rig.busy = ["{other}"];')
    again = Person("A's new tab", ChromiumTab(page.context.new_page()))
    a.tab.close()
    again.arrive(page.url)
    until(lambda: live(again) == ["audio", "video"], 5, "both devices of the new tab")
    assert page_of(again).input_value(by("camera-choice")) == first
    assert remembered(again) == other


def test_stop_while_the_camera_opens(come: Come) -> None:
    """It does not come as a surprise on the welcome."""
    a = come("A", HELD)
    a.start()
    a.waits()
    a.stop()
    a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
    a.tab.ask("rig.open(); rig.gate = null")
    until(lambda: a.tab.ask("return rig.tracks.length") == 2, 5, "the camera and microphone come")
    holds(lambda: live(a) == [], 0.5, "nothing is on")
    a.tab.press(by("start"))
    a.waits()
    assert live(a) == ["audio", "video"]


def test_a_microphone_that_is_unplugged(couple: tuple[Person, Person]) -> None:
    """Its owner and the partner read it; it goes on when it is plugged in again, unless it was left off."""
    a, b = couple
    page = page_of(a)
    note = page.locator(by("own-note-microphone"))
    a.tab.ask("rig.unplug('audio')")
    note.get_by_text("Your microphone was unplugged. Plug it in to be heard again.").wait_for()
    b.until(lambda m: m.says("Their microphone is off"), 3, "that A's microphone is off")
    assert labels(a) == ("Unmute", "Camera off")
    heard = received(b)["audio"]
    a.tab.ask("rig.plug()")
    a.until(lambda m: m.says("Your microphone is back."), 3, "that it is back")
    b.until(lambda m: not m.says("Their microphone is off"), 3, "that A's microphone is on")
    until(lambda: received(b)["audio"] > heard, 5, "B hears A again")
    assert labels(a) == ("Mute", "Camera off")

    a.tab.ask("rig.unplug('audio')")
    a.tab.press(by("own-off-microphone"))
    note.wait_for(state="hidden")
    a.tab.ask("rig.plug()")
    holds(lambda: live(a) == ["video"], SHORT_S, "a microphone that was left off stays off")
    a.tab.press(by("mute"))
    b.until(lambda m: not m.says("Their microphone is off"), 3, "that A's microphone is on")


def test_what_the_system_mutes(couple: tuple[Person, Person]) -> None:
    """A switch or a call takes the microphone: both read it, and that it is over."""
    a, b = couple
    hold = """for (const track of rig.tracks) if (track.kind === "audio") {
      Object.defineProperty(track, "muted", { value: a, configurable: true });
      track.dispatchEvent(new Event(a ? "mute" : "unmute"));
    }"""
    a.tab.ask(hold, True)
    page_of(a).locator(by("own-note-microphone")).get_by_text("Your device has muted").wait_for()
    b.until(lambda m: m.says("Their microphone is off"), 3, "that A's microphone is off")
    a.tab.ask(hold, False)
    b.until(lambda m: not m.says("Their microphone is off"), 3, "that A's microphone is on")
    page_of(a).locator(by("own-note-microphone")).wait_for(state="hidden")


def test_a_permission_that_is_taken_back(couple: tuple[Person, Person]) -> None:
    """The person denies the camera in the browser, and allows it again: it goes, says so, and goes on."""
    a, b = couple
    a.tab.ask("rig.permit('camera', 'denied')")
    assert live(a) == ["audio"]
    note = page_of(a).locator(by("own-note-camera"))
    note.get_by_text("The browser may not use your camera any more").wait_for()
    b.until(lambda m: m.says("camera is off"), 3, "that the camera is off")
    a.tab.ask("rig.permit('camera', 'granted')")
    b.until(lambda m: not m.says("camera is off"), 3, "that the camera is on")
    b.watches()
    note.wait_for(state="hidden")


def talk(a: Person, b: Person) -> None:
    """B comes too, and both are in a conversation, with or without a picture."""
    b.start()
    for each in (a, b):
        each.until(lambda m: m.state == "talking", MEET_S, "the conversation")


def nothing_comes(a: Person, b: Person) -> None:
    """No picture and no sound of A's reaches B."""
    holds(lambda: b.frames() == 0, SHORT_S, "B sees nothing of A")
    assert received(b) == {"audio": 0, "video": 0}
    assert live(a) == []


def received(person: Person) -> dict[str, int]:
    """The packets that came from the partner, by kind."""
    packets: dict[str, int] = page_of(person).evaluate("rig.received()")
    return packets


def live(person: Person) -> list[str]:
    """The kinds of the tracks that run in the page."""
    kinds: list[str] = person.tab.ask("return rig.live()")
    return kinds


def labels(person: Person) -> tuple[str, str]:
    """What the buttons of microphone and camera say."""
    microphone, camera = (page_of(person).locator(by(each)).inner_text() for each in ("mute", "camera"))
    return microphone, camera


def remembered(person: Person) -> str:
    """The stored choice of camera."""
    script = "return JSON.parse(localStorage.getItem('duologue.page') ?? '{}').devices?.camera ?? ''"
    return str(person.tab.ask(script))


def page_of(person: Person) -> Page:
    """Playwright's page."""
    assert isinstance(person.tab, ChromiumTab)
    return person.tab.page
