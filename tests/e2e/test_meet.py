"""The main job, in real browsers: strangers meet, see each other, talk, and press next."""

import re

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import ChromiumTab
from tests.e2e.waiting import now_ms, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_three_people_and_a_skip(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """A and B meet, C waits; A skips: within 1 s two of them are together, not A with B, and one waits."""
    a, b, c = (arrive(name, browser, serving.url) for name in "ABC")
    a.start()
    a.waits()
    b.start()
    first = meet(a, b)
    c.start()
    c.waits()
    c.until(lambda m: m.says("Looking for someone"), 2, "that somebody is looked for")

    pressed = now_ms()
    a.next()
    second = c.meets(other_than=first)

    def settled() -> bool:
        with_c = [each for each in (a, b) if each.now().match == second]
        return len(with_c) == 1 and all(each.now().is_waiting for each in (a, b) if each not in with_c)

    until(settled, 3, "two of the three are together, and the third waits")
    after = {each.name: [m for m in each.moments() if m.at_ms > pressed] for each in (a, b, c)}
    for name, moments in after.items():
        late = [m for m in moments if m.at_ms > pressed + 1_000 and (m.match == first or m.is_told)]
        assert not late, f"{name} shows a dead partner 1 s later: {late}"
        changed = next(m for m in moments if m.match != first)
        assert changed.at_ms - pressed < 1_000, f"{name} was told after {changed.at_ms - pressed:.0f} ms"
    # C is older in the queue than A, whose press costs them their place: B is the one who gets C.
    assert b.now().match == second
    assert a.now().is_waiting
    b.watches()
    c.watches()


def test_two_people_meet_again_soon(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """Two people, and no other: after Next both read that they meet again, and 4 s later they do."""
    a, b = couple(arrive, browser, serving)
    first = a.now().match
    pressed = now_ms()
    a.next()
    for each in (a, b):
        each.until(lambda m: m.says("You two just met. If nobody else comes"), 2, "that they meet again")
    left = a.tab.ask("return document.getElementById('status-timer').textContent")
    assert re.fullmatch("In [1-4] s", left), left
    second = meet(a, b)
    assert second != first
    took_s = (now_ms() - pressed) / 1000
    assert 3.9 < took_s < 4 + MEET_S, took_s


def test_text_chat(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """What one says the other reads, once, and also after a reload."""
    a, b = couple(arrive, browser, serving)
    a.say("hello <b>there</b> 👋")
    b.say("hi")
    a.reads(2)
    b.reads(2)
    assert any("hello <b>there</b> 👋" in line for line in b.lines())
    assert any("hi" in line for line in a.lines())
    b.tab.reload()
    b.reads(2)


def test_stop_and_start(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """A person who stops is out of the queue, and the partner in it; a person who starts again meets
    another."""
    a, b = couple(arrive, browser, serving)
    match = b.now().match
    b.stop()
    b.until(lambda m: m.state == "welcome", 2, "the welcome")
    a.until(lambda m: m.is_waiting, 2, "that one is looked for")
    assert a.now().says("left")
    c = arrive("C", browser, serving.url)
    c.start()
    second = meet(a, c)
    assert second != match
    a.stop()
    c.waits()
    b.start()
    meet(b, c)


def test_escape_is_next(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """But never by accident: not over a half-written message, and not where something is open."""
    a, b = couple(arrive, browser, serving)
    assert isinstance(a.tab, ChromiumTab)
    keyboard = a.tab.page.keyboard
    match = a.now().match
    a.tab.write(by("chat-input"), "half")
    keyboard.press("Escape")
    a.keeps(match, 1)
    a.tab.write(by("chat-input"), "")
    a.tab.press(by("report"))
    keyboard.press("Escape")
    a.keeps(match, 1)
    keyboard.press("Escape")
    a.until(lambda m: m.is_waiting, 2, "that one is looked for")
    b.until(lambda m: m.is_waiting, 2, "that one is looked for")


def test_report_and_next(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """In one step: the reporter is thanked and goes on, and the other only reads that the partner left."""
    a, b = couple(arrive, browser, serving)
    assert isinstance(a.tab, ChromiumTab)
    a.tab.press(by("report"))
    a.tab.page.get_by_label("Something else").check()
    a.tab.press(by("report-send"))
    a.until(lambda m: m.is_waiting and m.says("report is with the operator"), 2, "thanks")
    b.until(lambda m: m.is_waiting and m.says("Your partner left."), 2, "that the partner left")
    c = arrive("C", browser, serving.url)
    c.start()
    meet(b, c)


def test_two_tabs_of_one_browser_meet(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """The first thing that people try: a person who waits alone is offered a second one, in another tab."""
    a = arrive("A", browser, serving.url)
    a.start()
    a.waits()
    assert isinstance(a.tab, ChromiumTab)
    with a.tab.page.context.expect_page() as opened:
        a.tab.press(by("second"))
    b = Person("B", ChromiumTab(opened.value))
    opened.value.wait_for_load_state()
    b.start()
    match = meet(a, b)

    b.tab.reload()
    for each in (a, b):
        each.until(lambda m: m.match == match and m.state == "talking", MEET_S, "the same conversation")
    a.watches()
    b.watches()

    a.tab.reload()
    for each in (a, b):
        each.until(lambda m: m.match == match and m.state == "talking", MEET_S, "the same conversation")
    a.watches()
    b.watches()


def test_a_third_tab_takes_over(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """One person, one tab: another says that it is not it, takes over when asked to, and loses it alike."""
    a, b = couple(arrive, browser, serving)
    match = a.now().match
    assert isinstance(a.tab, ChromiumTab)
    other = Person("A's other tab", ChromiumTab(a.tab.page.context.new_page()))
    other.arrive(serving.url)
    other.until(lambda m: m.state == "taken-over", MEET_S, "that another tab has it")
    other.tab.press(by("take-over"))
    a.until(lambda m: m.state == "taken-over", MEET_S, "that another tab has it")
    other.until(lambda m: m.match == match, MEET_S, "the same conversation")
    other.watches()
    b.watches()
    a.tab.press(by("take-over"))
    other.until(lambda m: m.state == "taken-over", MEET_S, "that another tab has it")
    a.until(lambda m: m.match == match, MEET_S, "the same conversation")
    a.watches()


def couple(arrive: Arrive, browser: Chromium, serving: Serving) -> tuple[Person, Person]:
    """A and B, who see each other."""
    a, b = arrive("A", browser, serving.url), arrive("B", browser, serving.url)
    a.start()
    a.waits()
    b.start()
    meet(a, b)
    return a, b
