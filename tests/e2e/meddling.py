"""What a browser does to a page besides showing it: it translates it, and an input method takes its keys."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.person import MEET_S, Person
from tests.e2e.waiting import until

TRANSLATOR = (Path(__file__).parent / "translator.js").read_text()
"""Runs in the page, and does nothing before `translator.begin()`."""

DRAWS = 20
"""As often as the page is drawn in ten seconds of a conversation, when nothing happens in it."""

SETTLED = "return new Promise((done) => setTimeout(() => done(document.body.dataset.match)))"
"""Which conversation is on screen once the page has drawn what was pressed."""

LAST_OF_SAFARI = f"""const field = document.querySelector(a);
field.focus();
const happens = (event) => field.dispatchEvent(event);
happens(new CompositionEvent("compositionstart", {{ bubbles: true }}));
happens(new CompositionEvent("compositionend", {{ bubbles: true }}));
const key = {{ key: "Escape", code: "Escape", keyCode: b, bubbles: true, cancelable: true }};
happens(new KeyboardEvent("keydown", key));
{SETTLED}"""
"""Esc closes the list of an input method, in Safari's order of events, with that key code."""


def drawn(a: Person, b: Person, times: int = DRAWS) -> list[str]:
    """Have A's page drawn so often while nothing changes, and return what it wrote over a translation."""
    a.tab.ask("translator.rewritten.length = 0; translator.draws = 0")

    def nudged() -> bool:
        # B's page says how it is, as it does twice a second, and A's page is drawn.
        b.tab.ask("document.dispatchEvent(new Event('visibilitychange'))")
        return bool(a.tab.ask("return translator.draws >= a", times))

    until(nudged, MEET_S, f"{times} drawings of the page")
    found: list[str] = a.tab.ask("return translator.rewritten")
    return found
