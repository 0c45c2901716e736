"""People that streams do not reach: the page polls, with no visible difference; streams beside reads."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.cutter import Cutter
from tests.e2e.person import MEET_S, Moment, Person, meet
from tests.e2e.serving import Serving
from tests.e2e.waiting import now_ms, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

FIRST_FRAME_S = 6
"""A stream that has brought nothing by then is held back."""

SLACK_S = 2
"""The session before, the first poll after it, and a machine that others use too."""

SKIPPING_S = 12

SAME_PRESS_S = 0.4
"""The page takes a Next that follows another one within 350 ms for the same press."""

BACK_ONLINE = "dispatchEvent(new Event('online'))"
"""What a browser says when the network is back; the page then tries a stream at once."""


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that has no streams."""
    yield from running(tmp_path_factory.mktemp("poll"), "poll")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that has both, and asks to compare them."""
    # Three people who skip for a while must be free to meet again.
    yield from running(
        tmp_path_factory.mktemp("both"), "both", "--compare-percent", "100", "--rematch-ms", "1"
    )


def running(folder: Path, transports: str, *options: str) -> Iterator[Serving]:
    with Serving(folder, options=("--transports", transports, *options)).running() as server:
        yield server


def by_means_of(transport: str) -> Callable[[Moment], bool]:
    return lambda m: m.is_linked and m.screen.get("transport") == transport


def start(a: Person, b: Person) -> str:
    a.start()
    a.waits()
    b.start()
    return meet(a, b)


def test_two_who_poll(arrive: Arrive, browser: Chromium, polled: Serving) -> None:
    """They meet, see each other, write, skip and stop, as with streams, and are told as soon."""
    a, b = arrive("A", browser, polled.url), arrive("B", browser, polled.url)
    match = start(a, b)
    for each in (a, b):
        assert by_means_of("poll")(each.now())
    a.say("hello")
    b.say("hi")
    a.reads(2, within_s=2)
    b.reads(2, within_s=2)
    c = arrive("C", browser, polled.url)
    c.start()
    c.waits()
    t = now_ms()
    a.next()
    b.until(lambda m: m.match not in ("", match), 3, "C")
    told = b.first(lambda m: m.match != match, t)
    assert told is not None
    assert told.at_ms - t < 1_000
    a.waits()
    b.stop()
    b.until(lambda m: m.state == "welcome", 2, "the welcome")
    meet(a, c)


@pytest.mark.parametrize("how", ["hold", "block"])
def test_a_proxy_that_lets_no_stream_through(
    arrive: Arrive, browser: Chromium, both: Serving, how: str
) -> None:
    """The page polls, and comes back to a stream when it gets through; the conversation goes on meanwhile."""
    with Cutter((both.host, both.port)).running() as way:
        a, b = arrive("A", browser, f"http://127.0.0.1:{way.port}"), arrive("B", browser, both.url)
        getattr(way, how)()
        t = now_ms()
        a.start()
        a.until(by_means_of("poll"), FIRST_FRAME_S + SLACK_S + MEET_S, "that they poll")
        polls = a.first(by_means_of("poll"), t)
        assert polls is not None
        if how == "hold":
            assert FIRST_FRAME_S <= (polls.at_ms - t) / 1000 <= FIRST_FRAME_S + SLACK_S
        b.start()
        match = meet(a, b)

        a.tab.ask(BACK_ONLINE)  # not yet
        a.keeps(match, 3)
        assert by_means_of("poll")(a.now())
        way.let()
        until(lambda: came_back(a), FIRST_FRAME_S + SLACK_S, "A has a stream again")
        back = now_ms()
        a.say("all well?")
        b.reads(1, within_s=2)
        a.keeps(match, 3)
        assert b.first(lambda m: m.is_told, t) is None
        assert a.first(lambda m: not m.is_linked, back) is None


def came_back(a: Person) -> bool:
    """A trial may be under way that began while the proxy still held it: the next one finds the way."""
    a.tab.ask(BACK_ONLINE)
    return by_means_of("sse")(a.now())


def test_comparing(arrive: Arrive, browser: Chromium, both: Serving) -> None:
    """While people skip, what they read every 2 s agrees with their streams, and the operator is told."""
    before = compared(both)
    people = [arrive(name, browser, both.url) for name in "ABC"]
    for each in people:
        each.start()
    begun = time.monotonic()
    skips = 0
    pressed = dict.fromkeys("ABC", 0.0)
    while time.monotonic() - begun < SKIPPING_S:
        for each in people:
            if time.monotonic() - pressed[each.name] > SAME_PRESS_S and skip(each):
                pressed[each.name] = time.monotonic()
                skips += 1
    until(lambda: sum(compared(both).values()) - sum(before.values()) >= 15, 15, "reads were compared")
    after = compared(both)
    assert skips > 10
    assert (after["missed"], after["differ"]) == (0, 0), after


def skip(person: Person) -> bool:
    """Press Next; return whether there was a partner to skip."""
    match = person.now().match
    if match:
        person.next()
        person.until(lambda m: m.match != match, 3, "that the skip took effect")
    return match != ""


def compared(server: Serving) -> dict[str, Any]:
    """The sums of today."""
    status, body = server.inside("/transports")
    assert status == 200
    today: dict[str, Any] = json.loads(body)["today"]
    return today
