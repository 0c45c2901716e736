"""Consent to the rules, as people give it: before Start, and again when the rules change."""

from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.person import MEET_S, Person, by
from tests.e2e.serving import Serving
from tests.e2e.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

OLD, NEW = "2026-11", "2026-12"


def asks_for(server: Serving, version: str) -> None:
    """Start the server again with that version of the rules."""
    server.stop()
    server.change(DUOLOGUE_TERMS_VERSION=version)
    server.start()


def has_agreed(person: Person) -> bool:
    return bool(person.tab.ask("return document.querySelector(a).checked", by("consent")))


def said_above_start(person: Person) -> str:
    return str(person.tab.ask("return document.getElementById(a).textContent", "resting"))


def looks_for_somebody(person: Person) -> None:
    person.until(lambda m: m.state == "waiting", MEET_S, "the queue")


def test_a_change_of_the_rules_asks_again(arrive: Arrive, browser: Chromium, tmp_path: Path) -> None:
    """A page that is older than the rules says so; a reload asks again, and the answer is kept."""
    server = Serving(tmp_path / "server", environment={"DUOLOGUE_TERMS_VERSION": OLD})
    with server.running():
        a = arrive("A", browser, server.url)
        assert not has_agreed(a)
        a.start()
        looks_for_somebody(a)
        a.tab.press(by("stop"))
        a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
        asks_for(server, NEW)
        a.start()
        until(lambda: "The rules have changed." in said_above_start(a), MEET_S, "that the page is too old")
        a.tab.reload()
        a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
        assert not has_agreed(a)
        a.start()
        looks_for_somebody(a)
        a.tab.press(by("stop"))
        a.tab.reload()
        a.until(lambda m: m.state == "welcome", MEET_S, "the welcome")
        assert has_agreed(a)
