"""After Stop: the last person can still be reported or blocked, and a camera that is off can be turned on."""

from collections.abc import Iterator

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import ChromiumTab
from tests.e2e.waiting import holds

AGAIN_S = 6
"""Two people alone who just met meet again after 4."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def stopped(arrive: Arrive, browser: Chromium, serving: Serving) -> tuple[Person, Person]:
    """Two talk, and the first one presses Stop."""
    a, b = (arrive(name, browser, serving.url) for name in "AB")
    for person in (a, b):
        person.start()
    meet(a, b)
    a.tab.press(by("stop"))
    a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
    return a, b


def is_visible(person: Person, name: str) -> bool:
    assert isinstance(person.tab, ChromiumTab)
    return person.tab.page.locator(by(name)).is_visible()


def test_the_last_person_is_reported(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """With a reason, as during the conversation; then there is nothing more to report or block."""
    a, _ = stopped(arrive, browser, serving)
    assert is_visible(a, "report-last")
    a.tab.press(by("report-last"))
    assert is_visible(a, "report-dialog")
    assert isinstance(a.tab, ChromiumTab)
    a.tab.page.check("input[name=reason][value=spam]")
    a.tab.press(by("report-send"))
    a.until(lambda m: m.says("Thank you"), MEET_S, "that it was reported")
    assert not is_visible(a, "report-last")
    assert not is_visible(a, "block-last")


def test_the_last_person_is_blocked(arrive: Arrive, browser: Chromium, serving: Serving) -> None:
    """They do not meet again, for longer than two people alone wait after a skip."""
    a, b = stopped(arrive, browser, serving)
    b.waits()
    a.tab.press(by("block-last"))
    a.until(lambda _: not is_visible(a, "block-last"), MEET_S, "that it was done")
    a.start()
    a.waits()
    holds(lambda: a.now().match == "", AGAIN_S, "they do not meet again")


def test_a_camera_that_is_off_can_be_turned_on_again(
    arrive: Arrive, browser: Chromium, serving: Serving
) -> None:
    """Camera off, then Stop: the welcome has the button for it, and the picture comes back."""
    a, b = (arrive(name, browser, serving.url) for name in "AB")
    for person in (a, b):
        person.start()
    meet(a, b)
    a.tab.press(by("camera"))
    a.tab.press(by("stop"))
    a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
    assert is_visible(a, "ask")
    a.tab.press(by("ask"))
    a.until(lambda _: not is_visible(a, "ask"), MEET_S, "the own picture")


@pytest.fixture(scope="module")
def relaying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that sends all calls through a TURN server."""
    options = ("--ice-servers", "turn:127.0.0.1:9", "--relay-only")
    environment = {"DUOLOGUE_TURN_SECRET": "t" * 32}
    with Serving(
        tmp_path_factory.mktemp("relaying"), options=options, environment=environment
    ).running() as it:
        yield it


def test_the_sentence_about_addresses_is_true(
    arrive: Arrive, browser: Chromium, serving: Serving, relaying: Serving
) -> None:
    """Between browsers the other person can see the address; through a server they cannot."""
    for server, shown, hidden in (
        (serving, "rule-direct", "rule-relayed"),
        (relaying, "rule-relayed", "rule-direct"),
    ):
        person = arrive("A", browser, server.url)
        person.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
        assert is_visible(person, shown)
        assert not is_visible(person, hidden)
