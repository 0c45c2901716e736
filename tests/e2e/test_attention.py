"""A person who gave no sign in their last conversations is asked before the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import ChromiumTab
from tests.e2e.waiting import holds

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ALONE_S = 2
"""Two who wait are put together within a fraction of this."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose pages ask after one conversation without a sign."""
    with Serving(tmp_path_factory.mktemp("server"), options=("--ask-after", "1")).running() as server:
        yield server


def talk(a: Person, b: Person, *, muted: bool = True) -> None:
    """A waits, and gives no sign from then on; the fake microphone beeps unless it is muted."""
    a.start()
    if muted:
        a.tab.press(by("mute"))
    a.waits()
    b.start()
    meet(a, b)


def is_asked(a: Person) -> None:
    a.until(lambda m: m.state == "still-there" and m.says("Still there?"), MEET_S, "the question")


def test_who_gave_no_sign_is_asked_and_met_by_nobody(
    arrive: Arrive, browser: Chromium, serving: Serving
) -> None:
    """The partner goes on to the next as always; A does once they say that they are there."""
    a, b, c = (arrive(name, browser, serving.url) for name in "ABC")
    talk(a, b)
    b.next()
    is_asked(a)
    b.waits()
    c.start()
    meet(b, c)
    holds(lambda: a.now().state == "still-there", ALONE_S, "A is asked")
    a.tab.press(by("take-over"))
    a.waits()


@pytest.mark.whole
@pytest.mark.parametrize("sign", ["sound", "key"])
def test_a_sign_is_enough(arrive: Arrive, browser: Chromium, serving: Serving, sign: str) -> None:
    """A sound of the own microphone, or a key: the next is looked for as always."""
    a, b = (arrive(name, browser, serving.url) for name in "AB")
    talk(a, b, muted=sign != "sound")
    if sign == "key":
        assert isinstance(a.tab, ChromiumTab)
        a.tab.page.keyboard.press("Shift")
    else:
        a.until(lambda _: a.frames() > 60, MEET_S, "a few seconds of the partner")
    b.next()
    a.waits()
    holds(lambda: a.now().is_waiting, ALONE_S, "A is in the queue")


@pytest.mark.whole
def test_the_third_conversation_is_the_last(arrive: Arrive, browser: Chromium, tmp_path: Path) -> None:
    """With the settings as they are: two strangers pass, and after the third the page asks."""
    server = Serving(tmp_path)
    try:
        server.start()
        a = arrive("A", browser, server.url)
        a.start()
        a.tab.press(by("mute"))
        for n in range(3):
            a.waits()
            b = arrive(f"B{n}", browser, server.url)
            b.start()
            meet(a, b)
            b.stop()
            b.tab.close()
        is_asked(a)
    finally:
        server.stop()
