"""One tab of one person, whatever the browser: the few things that the tests do to a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Page

WATCH = (Path(__file__).parent / "watch.js").read_text()
RIG = (Path(__file__).parent / "rig.js").read_text()
"""Devices that a test can hold back and take away; to run after `WATCH`."""


class Tab(Protocol):
    """Implemented for Chromium here, for Firefox in `firefox`."""

    def open(self, url: str) -> None:
        """Returns when the page has loaded."""

    def ask(self, script: str, *values: Any) -> Any:
        """What the body of a function with arguments ``a, b, …`` returns in the page."""

    def press(self, selector: str) -> None:
        """As a person does: fails if it cannot be seen or pressed."""

    def write(self, selector: str, text: str) -> None:
        """Into an input, in place of what stands there."""

    def reload(self) -> None:
        """As the browser's button."""

    def close(self) -> None:
        """The tab is closed as people close it: its page hears ``pagehide``."""


class ChromiumTab:
    """A page of Playwright's."""

    def __init__(self, page: Page) -> None:
        """What its scripts complain of is kept in ``errors``."""
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, url: str) -> None:
        self.page.goto(url)

    def ask(self, script: str, *values: Any) -> Any:
        names = ", ".join("abcdef"[: len(values)])
        return self.page.evaluate(f"([{names}]) => {{ {script} }}", list(values))

    def press(self, selector: str) -> None:
        self.page.click(selector)

    def write(self, selector: str, text: str) -> None:
        self.page.fill(selector, text)

    def reload(self) -> None:
        self.page.reload()

    def close(self) -> None:
        self.page.close()
