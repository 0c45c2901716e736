"""The interests as chips: by keyboard, by screen reader, with an input method; whom they bring together."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.chromium import Chromium, profile_of
from tests.e2e.conftest import Arrive
from tests.e2e.person import Person, by
from tests.e2e.serving import Serving
from tests.e2e.tab import ChromiumTab
from tests.e2e.waiting import now_ms

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SOON_S = 6
"""On a busy machine; interests relax after 15 s, so who meets sooner has one in common."""
PRESS = """([keyCode, isComposing]) => {
  const said = { key: "Enter", code: "Enter", keyCode, isComposing, bubbles: true, cancelable: true };
  return document.getElementById("interests").dispatchEvent(new KeyboardEvent("keydown", said));
}"""
"""A press of Enter as browsers report it; whether its default was left to happen."""


@pytest.fixture
def profile(browser: Chromium) -> Iterator[BrowserContext]:
    """A browser's profile."""
    with profile_of(browser) as context:
        yield context


@pytest.fixture
def page(profile: BrowserContext, serving: Serving) -> Page:
    """The welcome, with the choices unfolded."""
    it = profile.new_page()
    it.goto(serving.url)
    it.click("details.choices > summary")
    return it


def chips(page: Page) -> list[str]:
    """The interests as they stand in the list."""
    return page.locator("#interest-list li bdi").all_inner_texts()


def test_by_keyboard(page: Page) -> None:
    """Enter and a comma add, a paste adds all of it, each can be removed; Enter sends no form."""
    field = page.get_by_label("Interests", exact=True)
    field.press_sequentially("Music")
    field.press("Enter")
    field.press_sequentially("travel,")
    field.press_sequentially("#MUSIC；")
    assert chips(page) == ["Music", "travel"], "no interest twice"
    expect(field).to_have_value("")
    page.evaluate("document.getElementById('interests').value = ''")
    field.press("Backspace")
    expect(page.get_by_role("button", name="Remove travel")).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Remove Music")).to_be_focused()
    expect(page.locator("#interests-said")).to_have_text("Removed: travel")
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    assert chips(page) == []
    page.keyboard.insert_text("音乐，旅行、 美食")
    field.press("Tab")
    assert chips(page) == ["音乐", "旅行", "美食"]
    expect(page.locator("#interests-said")).to_have_text("Added: 音乐, 旅行, 美食")
    assert page.locator("body").get_attribute("data-screen") == "welcome"


def test_for_a_screen_reader(page: Page) -> None:
    """A list with a name, items, and buttons that say what they remove; a translation leaves them alone."""
    page.get_by_label("Interests", exact=True).fill("music, art")
    page.get_by_label("Interests", exact=True).press("Enter")
    listed = page.get_by_role("list", name="Your interests")
    expect(listed.get_by_role("listitem")).to_have_count(2)
    expect(listed.get_by_role("button")).to_have_count(2)
    assert page.evaluate("[...document.querySelectorAll('.chip bdi')].every((e) => e.translate === false)")


def test_what_is_too_long_or_too_many_stays_and_is_said(page: Page) -> None:
    """Nothing is cut without a word."""
    field = page.get_by_label("Interests", exact=True)
    field.fill("x" * 65)
    field.press("Enter")
    expect(page.get_by_text("may have 64 characters")).to_be_visible()
    expect(field).to_have_value("x" * 65)
    field.fill(",".join(f"t{n}" for n in range(17)))
    expect(page.get_by_text("You have 16 interests")).to_be_visible()
    expect(field).to_have_value("t16")
    assert len(chips(page)) == 16


def test_an_input_method_keeps_its_enter(page: Page, profile: BrowserContext) -> None:
    """The Enter that chooses from its list adds nothing, in Chrome's order of events and in Safari's."""
    field = page.get_by_label("Interests", exact=True)
    field.focus()
    cdp = profile.new_cdp_session(page)
    cdp.send("Input.imeSetComposition", {"text": "おん、が", "selectionStart": 4, "selectionEnd": 4})
    assert chips(page) == [], "a comma that is still being composed"
    assert page.evaluate(PRESS, [229, True])
    assert chips(page) == []
    cdp.send("Input.insertText", {"text": "音楽"})
    assert page.evaluate(PRESS, [229, False]), "Safari says no more that it composes"
    assert chips(page) == []
    expect(field).to_have_value("音楽")
    # The control: the same press without an input method adds, and does not send the form.
    assert not page.evaluate(PRESS, [13, False])
    assert chips(page) == ["音楽"]


def test_they_are_remembered_as_typed(page: Page) -> None:
    """Of what stands in the field at Start nothing is lost either."""
    page.get_by_label("Interests", exact=True).fill("Café au lait")
    page.check(by("consent"))
    page.click(by("without")) if page.locator(by("without")).is_visible() else page.click(by("start"))
    page.locator(by("stop")).wait_for()
    page.click(by("stop"))
    page.reload()
    assert page.locator("#interest-list li bdi").all_text_contents() == ["Café au lait"]


def test_people_who_mean_the_same_meet_at_once(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """One typed 音乐，旅行, the other 音乐: before, they had nothing in common and waited for 15 s."""
    one, other = (arrive(name, browser, serving.url) for name in ("one", "other"))
    write(one, "音乐，旅行")
    write(other, "音乐")
    one.start()
    one.waits()
    began = now_ms()
    other.start()
    met = other.until(lambda m: m.match != "", SOON_S, "the one who likes music, too")
    assert met.at_ms - began < SOON_S * 1000
    one.until(lambda m: m.match == met.match, SOON_S, "the same conversation")


def write(who: Person, interests: str) -> None:
    assert isinstance(who.tab, ChromiumTab)
    who.tab.page.click("details.choices > summary")
    who.tab.page.fill(by("interests"), interests)
