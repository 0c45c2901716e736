"""``examples/bot``: a person on Duologue's page meets the bot, and it chats."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive, arrive
from tests.e2e.person import MEET_S, Person
from tests.e2e.serving import Serving
from tests.e2e.tab import ChromiumTab
from tests.e2e.waiting import until
from tests.examples.program import EXAMPLES, Program, program, tool

__all__ = ["arrive"]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HERE = Path(__file__).parent
FOLDER = EXAMPLES / "bot"
PAST_EVERY_MEDIA_DEADLINE_S = 12


@pytest.fixture
def bot(serving: Serving, tmp_path: Path) -> Iterator[Program]:
    """The bot in Python, which waits for a partner."""
    with program([sys.executable, "bot.py", serving.url], tmp_path / "bot.log", cwd=FOLDER) as it:
        yield it


def test_it_meets_somebody_and_chats(
    bot: Program, arrive: Arrive, browser: Chromium, serving: Serving, artifacts: Path
) -> None:
    """It stays past every deadline for media, answers, also after a reload, and goes on after a bye."""
    a = arrive("A", browser, serving.url)
    a.start()
    match = a.meets()
    a.until(lambda m: m.state == "talking", MEET_S, "the conversation")
    reads(a, "I am a bot")
    a.say("hello?")
    reads(a, "You asked 'hello?'")
    a.keeps(match, PAST_EVERY_MEDIA_DEADLINE_S)
    page(a).screenshot(path=artifacts / "example-bot.png")
    a.tab.reload()
    a.until(lambda m: m.match == match and m.state == "talking", MEET_S, "the same conversation")
    a.say("are you still there?")
    reads(a, "You asked 'are you still there?'")
    a.say("bye")
    a.waits()
    bot.says("next", 5)


def test_the_one_that_only_writes(serving: Serving, tarball: Path, tmp_path: Path) -> None:
    """In Node: it meets another program, greets it, answers, and goes on when that one does."""
    del tarball  # it has built what the bot imports
    node = tool("node")
    with (
        program([node, "bot.mjs", serving.url, "main"], tmp_path / "bot.log", cwd=FOLDER) as bot,
        program([node, str(HERE / "meet.mjs"), serving.url, "A", "skips"], tmp_path / "a", cwd=HERE) as a,
    ):
        assert a.ends(30) == 0, a.said()
        assert a.said().splitlines()[1:] == ["read: Hello! I am a bot. I answer questions.", "over: skipped"]
        bot.says("met somebody\nlooking", 5)


def reads(person: Person, words: str) -> None:
    """Waits for a line that has them."""
    until(lambda: any(words in line for line in person.lines()), MEET_S, words, last=person.lines)


def page(person: Person) -> Page:
    """Their tab, for a picture of it."""
    assert isinstance(person.tab, ChromiumTab)
    return person.tab.page
