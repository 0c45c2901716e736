"""A person who uses an example: the pages all have the same few elements, by their ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import ConsoleMessage, Page

from tests.e2e.chromium import Chromium
from tests.e2e.person import FRAMES, MEET_S
from tests.e2e.waiting import until

READ_S = 5
NEXT_S = 5


class Visitor:
    """One browser context; whatever its page complains of is kept."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)

    @property
    def status(self) -> str:
        """Return the status that the page shows: the state, or that there is no stream."""
        return (self.page.text_content("#status") or "").strip()

    def start(self) -> None:
        """Presses Start."""
        self.page.click("#start")

    def next(self) -> None:
        """Presses Next."""
        self.page.click("#next")

    def says(self, text: str) -> None:
        """Writes a line."""
        self.page.fill("input[name=text]", text)
        self.page.press("input[name=text]", "Enter")

    def reads(self, text: str) -> None:
        """Waits for a line."""
        until(lambda: text in (self.page.text_content("#chat") or ""), READ_S, f"{text!r} in the chat")

    def is_in(self, status: str, within_s: float = NEXT_S) -> None:
        """Waits for a word of the status."""
        until(lambda: self.status == status, within_s, f"the status {status!r}", last=lambda: self.status)

    def sees(self) -> None:
        """Waits until pictures of the partner arrive."""
        frames = "document.querySelector('#partner')?.getVideoPlaybackQuality().totalVideoFrames ?? 0"
        until(lambda: int(self.page.evaluate(frames)) > FRAMES, MEET_S, "a picture", last=lambda: self.status)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@contextmanager
def visiting(browser: Chromium, url: str, *, html: str = "") -> Iterator[Visitor]:
    """A person at ``url``, which is ``html`` if that is given; their page reported no errors."""
    context = browser.browser.new_context()
    try:
        context.set_default_timeout(15_000)
        visitor = Visitor(context.new_page())
        if html:
            visitor.page.route(url, lambda route: route.fulfill(body=html, content_type="text/html"))
        visitor.page.goto(url)
        yield visitor
    finally:
        context.close()
    assert visitor.errors == []


def meet_and_talk(a: Visitor, b: Visitor) -> None:
    """They meet, see each other, and each reads what the other wrote."""
    for each in (a, b):
        each.start()
    for each in (a, b):
        each.sees()
    a.says("hello")
    b.reads("partner: hello")
    b.says("hi there")
    a.reads("partner: hi there")


def skip(a: Visitor, b: Visitor) -> None:
    """A presses Next: both are in the queue again (no one else is there, and not the same two at once)."""
    a.next()
    for each in (a, b):
        each.is_in("waiting")
