"""One pass of meet, skip, close in Debian's Firefox, with itself and with Chromium."""

from collections.abc import Iterator

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive, lacking
from tests.e2e.firefox import Firefox, binary, firefox
from tests.e2e.meddling import LAST_OF_SAFARI, TRANSLATOR, drawn
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import RIG
from tests.e2e.table import NOISE_S, SWEEP_S
from tests.e2e.waiting import holds, now_ms, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Debian's Firefox."""
    if binary() is None:
        lacking("firefox-esr is not installed (make test installs it on Debian as root)")
    with firefox(tmp_path_factory.mktemp("firefox")) as it:
        yield it


@pytest.mark.whole
def test_text_only_while_the_camera_opens(
    fox: Firefox, browser: Chromium, arrive: Arrive, serving: Serving
) -> None:
    """The camera opens after the press for text only: B gets no picture, and Firefox keeps no track."""
    a = Person("A", fox.tab())
    a.arrive(f"{serving.url}/?second=1")
    a.tab.ask(RIG)
    a.tab.ask("rig.hold()")
    a.tab.press(by("consent"))
    a.tab.press(by("start"))
    until(lambda: a.tab.ask("return rig.calls.length") == 1, 5, "the camera is being opened")
    a.tab.press(by("without"))
    a.waits()
    b = arrive("B", browser, serving.url)
    b.start()
    for each in (a, b):
        each.until(lambda m: m.state == "talking", MEET_S, "the conversation")
    a.tab.ask("rig.open()")
    until(lambda: a.tab.ask("return rig.tracks.length") == 2, 5, "the camera and microphone come")
    holds(lambda: b.frames() == 0, 1, "B sees nothing of A")
    assert a.tab.ask("return rig.live()") == []
    a.stop()
    a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")


def test_meet_skip_close(fox: Firefox, browser: Chromium, arrive: Arrive, serving: Serving) -> None:
    """A and B in Firefox meet, A skips, B meets C in Chromium, closes, and C is told and free in time."""
    a, b = Person("A", fox.tab()), Person("B", fox.tab())
    a.arrive(serving.url)
    a.start()
    a.waits()
    b.arrive(f"{serving.url}/?second=1")
    b.start()
    first = meet(a, b)
    a.say("hello from Firefox")
    b.reads(1)
    a.until(lambda m: m.says("1 other person online"), MEET_S, "how many people are here")
    a.tab.ask(TRANSLATOR)
    a.tab.ask("translator.begin()")
    assert drawn(a, b) == [], "what is translated was written again"
    for code in (229, 27):
        kept = a.tab.ask(LAST_OF_SAFARI, by("chat-input"), code)
        assert kept == first, f"Esc that closes an input method's list was Next, with the key code {code}"

    c = arrive("C", browser, serving.url)
    c.start()
    c.waits()
    pressed = now_ms()
    a.next()
    second = meet(b, c)
    assert second != first
    a.waits()
    for each in (a, b, c):
        moment = each.first(lambda m: m.match != first, pressed)
        assert moment is not None
        assert moment.at_ms - pressed < 1_000, f"{each.name} was told after {moment.at_ms - pressed:.0f} ms"

    b.tab.reload()
    for each in (b, c):
        each.until(lambda m: m.match == second and m.state == "talking", MEET_S, "the same conversation")
    c.watches()
    b.watches()

    a.stop()
    closed = now_ms()
    b.tab.close()
    c.until(lambda m: m.is_waiting, 10, "that one is looked for")
    told, free = c.first(lambda m: m.is_told, closed), c.first(lambda m: m.match != second, closed)
    assert told is not None
    assert free is not None
    assert told.at_ms - closed <= (0.2 + SWEEP_S + NOISE_S) * 1000
    assert free.at_ms - closed <= (5 + SWEEP_S + NOISE_S) * 1000
