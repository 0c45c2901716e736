"""What the page writes, and what keys and buttons mean: with a translation, an input method, or a paste.

Each claim has its control: the same on a page whose guard is switched off goes wrong (`unguarded.mjs`).
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

from tests.e2e.chromium import Chromium
from tests.e2e.meddling import DRAWS, LAST_OF_SAFARI, SETTLED, TRANSLATOR, drawn
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab
from tests.examples.program import ROOT, environment, tool

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HERE = Path(__file__).parent
GUARDS = ("own-values", "key-taken", "composition-ended", "held-enter", "report-follows")
MOST = 2_000
WAVE = "\N{WAVING HAND SIGN}"

SAID = "return document.querySelector(a).textContent.trim()"
OVER = "return document.querySelector(a).validationMessage"
LENGTH = "return [...document.querySelector(a).value].length"

WRAP_AND_MOVE = """const log = document.querySelector(a);
const [first, second] = log.querySelectorAll("p");
const font = document.createElement("font");
first.replaceWith(font);
font.append(first);
second.remove();"""
"""What an extension may do to the lines of the chat: it wraps one, and takes another out."""


class Talk:
    """A and B, who meet again at once whenever one of them presses Next."""

    def __init__(self, a: Person, b: Person, come: Callable[[str], Person]) -> None:
        self.a, self.b, self.come = a, b, come
        self.match = meet(a, b)

    @property
    def page(self) -> Page:
        """The page of A."""
        return page_of(self.a)

    def again_after(self, press: Callable[[], object]) -> None:
        """The press ends the conversation, and the two meet again."""
        press()
        self.match = self.a.meets(other_than=self.match)
        assert meet(self.a, self.b) == self.match


def page_of(person: Person) -> Page:
    assert isinstance(person.tab, ChromiumTab)
    return person.tab.page


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on which two people meet again and again."""
    often = {"DUOLOGUE_REMATCH_MS": "1", "DUOLOGUE_RELAX_AFTER_MS": "1"}
    with Serving(tmp_path_factory.mktemp("server"), environment=often).running() as server:
        yield server


@pytest.fixture(scope="module")
def talk(browser: Chromium, serving: Serving) -> Iterator[Talk]:
    """Two people in a conversation, whose scripts complain of nothing; more can come."""
    people: list[Person] = []
    with ExitStack() as leaving:

        def come(name: str) -> Person:
            context = browser.browser.new_context(viewport={"width": 1280, "height": 800})
            leaving.callback(context.close)
            context.grant_permissions(["clipboard-read", "clipboard-write", "camera", "microphone"])
            context.set_default_timeout(15_000)
            for script in (WATCH, TRANSLATOR):
                context.add_init_script(script)
            person = Person(name, ChromiumTab(context.new_page()))
            people.append(person)
            person.arrive(serving.url)
            person.start()
            return person

        yield Talk(come("A"), come("B"), come)
        errors = [error for each in people if isinstance(each.tab, ChromiumTab) for error in each.tab.errors]
    assert not errors


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page's script with its guards switched off."""
    out = tmp_path_factory.mktemp("unguarded") / "main.js"
    command = [tool("node"), str(HERE / "unguarded.mjs"), str(out), *GUARDS]
    subprocess.run(command, cwd=ROOT, env=environment({}), check=True, timeout=60)
    return out.read_text()


@pytest.fixture(scope="class")
def translated(talk: Talk) -> Iterator[Talk]:
    """The same two; A's browser translates the page, until A loads it again."""
    talk.a.until(lambda m: m.says("1 other person online"), MEET_S, "how many people are here")
    talk.a.tab.ask("translator.begin()")
    yield talk
    talk.a.tab.reload()
    talk.match = meet(talk.a, talk.b)


class TestTranslated:
    """A's browser translates the page."""

    def test_a_translation_stays(self, translated: Talk) -> None:
        """Nothing is written again whose value is the same, in 20 drawings; what changes is written once."""
        a, b = translated.a, translated.b
        assert a.tab.ask(SAID, "#next") == "Nêxt"
        assert drawn(a, b) == []
        b.tab.press(by("mute"))
        a.until(lambda m: m.says("Thêîr mîcrôphônê"), MEET_S, "in another language that B is muted")
        assert drawn(a, b) == []
        b.tab.press(by("mute"))

    def test_what_a_person_wrote_is_left_alone(self, translated: Talk) -> None:
        """A message, a name and the number of people stay as they are; the words around them do not."""
        a = translated.a
        translated.b.say("hello there")
        a.reads(1)
        assert [line.replace(" ", "") for line in a.lines()] == ["Strângêrhellothere"]
        assert a.tab.ask(SAID, by("people")) == "1 ôthêr pêrsôn ônlînê"
        exact = "return [...document.querySelectorAll(a)].map((e) => [e.textContent, e.translate, e.lang])"
        assert a.tab.ask(exact, f"{by('people')} bdi") == [["1", False, ""]]
        assert a.tab.ask(exact, f"{by('chat-log')} .text") == [["hello there", False, ""]]
        assert a.tab.ask("return document.querySelector(a).translate", "#partner-name") is False
        assert a.tab.ask("return document.title") == "Sômêônê îs hêrê · Dûôlôgûê"


def test_lines_that_were_moved_break_nothing(talk: Talk) -> None:
    """The chat goes on where an extension has wrapped one of its lines and taken out another."""
    talk.again_after(talk.a.next)
    for n, text in enumerate(("first", "second")):
        talk.b.say(text)
        talk.a.reads(n + 1)
    talk.a.tab.ask(WRAP_AND_MOVE, by("chat-log"))
    talk.b.say("third")
    talk.a.reads(2)
    assert talk.a.lines()[-1].endswith("third")


@pytest.mark.parametrize("code", [229, 27], ids=["taken", "not-said-to-be-taken"])
def test_esc_that_closes_a_list_is_not_next_in_safaris_order(talk: Talk, code: int) -> None:
    """The key press comes after the end of the composition there, with the key code 229 or without."""
    assert talk.a.tab.ask(LAST_OF_SAFARI, by("chat-input"), code) == talk.match


def test_keys_of_an_input_method_in_chromium(talk: Talk) -> None:
    """While something is composed, Esc is not Next and Enter does not send; afterwards they do."""
    cdp = talk.page.context.new_cdp_session(talk.page)
    talk.page.focus(by("chat-input"))

    def composes(text: str) -> None:
        cdp.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )

    def taken(key: str, code: int) -> None:
        pressed = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **pressed})
        cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **pressed})

    before = len(talk.a.lines())
    composes("にほん")
    taken("Enter", 229)
    taken("Escape", 27)
    composes("")  # the list is closed, and the field is empty
    assert talk.a.tab.ask(SETTLED) == talk.match
    composes("にほん")
    cdp.send("Input.insertText", {"text": "日本"})
    assert talk.a.tab.ask(LENGTH, by("chat-input")) == 2
    assert len(talk.a.lines()) == before
    talk.page.keyboard.press("Enter")
    talk.a.reads(before + 1)
    talk.again_after(lambda: talk.page.keyboard.press("Escape"))


def test_enter_of_an_android_keyboard_sends(talk: Talk) -> None:
    """It holds the last word as a composition, and its Enter still means Send."""
    cdp = talk.page.context.new_cdp_session(talk.page)
    before = len(talk.a.lines())
    talk.page.focus(by("chat-input"))
    cdp.send("Input.imeSetComposition", {"text": "hello", "selectionStart": 5, "selectionEnd": 5})
    talk.page.keyboard.press("Enter")
    talk.a.reads(before + 1)


def test_enter_that_is_held_presses_next_once(talk: Talk) -> None:
    """A key that is held repeats, and each repeat would skip the next partner."""
    talk.page.focus(by("next"))
    talk.again_after(lambda: talk.page.keyboard.down("Enter"))
    try:
        talk.page.focus(by("next"))
        talk.page.keyboard.down("Enter")  # held: a repeat
        assert talk.a.tab.ask(SETTLED) == talk.match
    finally:
        talk.page.keyboard.up("Enter")


def test_a_paste_that_is_too_long_is_not_cut(talk: Talk) -> None:
    """It stays whole, a note says by how much it is too long, and Send says why it does not send."""
    pastes(talk.page, by("chat-input"), "x" * (MOST + 345))
    assert talk.a.tab.ask(LENGTH, by("chat-input")) == MOST + 345
    assert talk.a.tab.ask(SAID, by("chat-input-long")) == "345 characters too many. Up to 2,000 can be sent."
    before = len(talk.a.lines())
    talk.a.tab.press(by("chat-send"))
    assert "too long to send" in talk.a.tab.ask(OVER, by("chat-input"))
    assert talk.a.tab.ask(LENGTH, by("chat-input")) == MOST + 345
    assert len(talk.a.lines()) == before
    talk.page.keyboard.press("Escape")  # half-written: not Next
    assert talk.a.tab.ask(SETTLED) == talk.match


def test_characters_are_counted_as_the_server_counts(talk: Talk) -> None:
    """2,000 emoji are 4,000 units of a browser's `maxlength`, and may be sent."""
    before = len(talk.b.lines())
    talk.a.tab.write(by("chat-input"), WAVE * MOST)
    assert talk.page.locator(by("chat-input-long")).is_hidden()
    talk.a.tab.press(by("chat-send"))
    talk.b.reads(before + 1)
    assert talk.b.lines()[-1].count(WAVE) == MOST


def test_control_a_field_with_a_maxlength_cuts_the_paste(talk: Talk) -> None:
    """Control: with the attribute that the page had, the text is cut and nothing is said."""
    talk.a.tab.ask("document.querySelector(a).maxLength = 2000", by("chat-input"))
    pastes(talk.page, by("chat-input"), "x" * (MOST + 345))
    assert talk.a.tab.ask(LENGTH, by("chat-input")) == MOST
    assert talk.page.locator(by("chat-input-long")).is_hidden()
    talk.a.tab.ask("document.querySelector(a).removeAttribute('maxlength')", by("chat-input"))
    talk.a.tab.write(by("chat-input"), "")


def test_control_unguarded(talk: Talk, unguarded: str) -> None:
    """Control: without its guards the page does all that the tests above say it does not."""
    talk.page.route("**/assets/main-*.js", lambda route: script(route, unguarded))
    talk.a.tab.reload()
    talk.match = meet(talk.a, talk.b)
    talk.a.tab.press(by("report"))
    talk.again_after(talk.b.next)
    assert talk.a.tab.ask(SAID, by("report-send")) == "Report & next"  # of a conversation that is over
    talk.a.tab.press(by("report-cancel"))

    for code in (229, 27):
        talk.again_after(partial(talk.a.tab.ask, LAST_OF_SAFARI, by("chat-input"), code))

    talk.page.focus(by("next"))
    talk.again_after(lambda: talk.page.keyboard.down("Enter"))
    talk.page.focus(by("next"))
    talk.again_after(lambda: talk.page.keyboard.down("Enter"))  # held: a repeat
    talk.page.keyboard.up("Enter")

    talk.a.tab.ask("translator.begin()")
    rewritten = drawn(talk.a, talk.b)
    assert len(set(rewritten)) >= 5, rewritten
    assert len(rewritten) >= 5 * DRAWS
    talk.page.unroute("**/assets/main-*.js")
    talk.a.tab.reload()
    talk.match = meet(talk.a, talk.b)


def test_the_report_button_says_what_it_does(talk: Talk) -> None:
    """The partner goes while the dialog is open, and another comes: the report is about the first only."""
    reports: list[dict[str, Any]] = []
    talk.page.on("request", lambda request: note(reports, request))
    about = talk.match
    talk.a.tab.press(by("report"))
    assert talk.a.tab.ask(SAID, by("report-send")) == "Report & next"
    talk.page.check("input[name=reason][value=spam]")
    talk.a.tab.write(by("report-text"), "y" * (MOST + 1))
    assert talk.a.tab.ask(SAID, by("report-text-long")) == "1 character too many. Up to 2,000 can be sent."
    talk.a.tab.press(by("report-send"))
    assert talk.page.locator(by("report-dialog")).is_visible()
    assert reports == []
    talk.a.tab.write(by("report-text"), WAVE * MOST)

    talk.b.stop()
    talk.a.waits()
    assert talk.a.tab.ask(SAID, by("report-send")) == "Report"
    assert talk.a.tab.ask(SAID, "#report-title") == "Report the previous person"
    c = talk.come("C")
    other = talk.a.meets(other_than=about)
    assert talk.a.tab.ask(SAID, by("report-send")) == "Report"
    talk.a.tab.press(by("report-send"))
    talk.a.until(lambda m: m.says("Your report is with the operator"), MEET_S, "that it was reported")
    (sent,) = reports
    assert (sent["match"], sent["skip"], sent["text"]) == (about, False, WAVE * MOST)
    for each in (talk.a, c):
        assert each.now().match == other


def pastes(page: Page, selector: str, text: str) -> None:
    """They paste the text into the field, in place of what stands there."""
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    page.fill(selector, "")
    page.focus(selector)
    page.keyboard.press("Control+V")


def script(route: Route, text: str) -> None:
    """Answer with that script in place of the server's."""
    route.fulfill(body=text, content_type="text/javascript; charset=utf-8")


def note(reports: list[dict[str, Any]], request: Request) -> None:
    if request.url.endswith("/v1/reports"):
        reports.append(json.loads(request.post_data or "{}"))
