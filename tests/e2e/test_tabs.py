"""Many tabs of one browser, on HTTP/1.1 with its six connections to a host: one has the conversation."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.e2e.chromium import Chromium, plain
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Moment, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab
from tests.e2e.waiting import now_ms, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

CAMERA = """const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.asked = 0;
navigator.mediaDevices.getUserMedia = (what) => { window.asked += 1; return get(what); };"""


def is_elsewhere(moment: Moment) -> bool:
    """The screen says that another tab has it."""
    return moment.screen.get("link") == "elsewhere" and moment.says("Open in another tab")


def beside(person: Person, name: str, url: str) -> Person:
    """Another tab of the same browser, which comes second."""
    assert isinstance(person.tab, ChromiumTab)
    other = Person(name, ChromiumTab(person.tab.page.context.new_page()))
    other.arrive(url)
    other.until(is_elsewhere, MEET_S, "that another tab has it")
    return other


def couple(arrive: Arrive, browser: Chromium, serving: Serving) -> tuple[Person, Person, str]:
    """A and B, who see each other."""
    a, b = arrive("A", browser, serving.url), arrive("B", browser, serving.url)
    a.start()
    a.waits()
    b.start()
    return a, b, meet(a, b)


def streams(server: Serving) -> int:
    """How many are open."""
    _, text = server.inside("/metrics")
    return int(float(re.search(r"^duologue_streams_open ([\d.]+)$", text, re.MULTILINE)[1]))  # type: ignore[index]


def test_nine_tabs(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """One leads, eight hold no stream and say so; no command of the leader's waits; the ninth takes over."""
    a, b, match = couple(arrive, browser, serving)
    others = [beside(a, f"A's tab {n}", serving.url) for n in range(2, 10)]
    assert streams(serving) == 2
    a.say("still here")
    b.reads(1, within_s=2)

    ninth = others[-1]
    ninth.tab.press(by("take-over"))
    a.until(is_elsewhere, 3, "that another tab has it")
    ninth.until(lambda m: m.match == match, MEET_S, "the same conversation")
    ninth.watches()
    b.watches()
    assert all(is_elsewhere(each.now()) for each in others[:-1])
    until(lambda: streams(serving) == 2, 3, "A and B have one stream each")
    ninth.say("and here")
    b.reads(2, within_s=2)
    ninth.next()
    b.until(lambda m: m.match != match, 2, "that A went on")


def test_a_leader_that_reloads(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """It keeps its place although another tab waits for it, and never says that it is elsewhere."""
    a, _b, match = couple(arrive, browser, serving)
    other = beside(a, "A's other tab", serving.url)
    for _ in range(3):
        t = now_ms()
        a.tab.reload()
        a.until(lambda m: m.match == match and m.state == "talking", MEET_S, "the same conversation")
        assert a.first(is_elsewhere, t) is None
    assert is_elsewhere(other.now())


def test_a_leader_that_is_closed(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """A visible tab continues with the same conversation without a press."""
    a, b, match = couple(arrive, browser, serving)
    other = beside(a, "A's other tab", serving.url)
    a.tab.close()
    other.until(lambda m: m.match == match, 5, "the same conversation")
    other.watches()
    b.watches()


def test_a_leader_that_lost_it_to_another_device(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """When it is closed, the tab beside it takes nothing back from that device: only a press does."""
    a, b, match = couple(arrive, browser, serving)
    other = beside(a, "A's other tab", serving.url)
    device = arrive("A's other device", browser, serving.url)
    assert isinstance(a.tab, ChromiumTab)
    assert isinstance(device.tab, ChromiumTab)
    cookies = a.tab.page.context.cookies()
    device.tab.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    device.start()
    device.until(lambda m: m.match == match, MEET_S, "the same conversation")
    a.until(lambda m: m.screen.get("link") == "taken-over", 3, "that another page has it")
    a.tab.close()
    device.keeps(match, 5)
    assert is_elsewhere(other.now())
    b.watches()

    other.tab.press(by("take-over"))
    other.until(lambda m: m.match == match, MEET_S, "the same conversation")


def test_a_hidden_tab(
    playwright: Playwright, tmp_path: Path, arrive: Arrive, browser: Chromium, serving: Serving
) -> None:
    """It waits until it is visible: in the background it neither connects nor asks for the camera."""
    with plain(playwright, tmp_path) as own:
        for script in (WATCH, CAMERA):
            own.own.add_init_script(script)
        pages = [own.own.new_page() for _ in range(3)]
        hidden, leader = (Person(name, ChromiumTab(page)) for name, page in zip("HL", pages[1:], strict=True))
        pages[2].bring_to_front()
        leader.arrive(serving.url)
        b = arrive("B", browser, serving.url)
        leader.start()
        leader.waits()
        b.start()
        leader.meets()
        pages[1].bring_to_front()
        hidden.arrive(serving.url)
        hidden.until(is_elsewhere, MEET_S, "that another tab has it")
        pages[0].bring_to_front()
        assert hidden.tab.ask("return document.visibilityState") == "hidden"

        leader.tab.close()
        b.until(lambda m: m.match == "" and m.is_waiting, 8, "that A is gone for good")
        assert is_elsewhere(hidden.now())
        assert hidden.tab.ask("return window.asked") == 0

        pages[1].bring_to_front()
        hidden.until(lambda m: not is_elsewhere(m), 5, "that it goes on here")
