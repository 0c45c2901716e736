"""A person in front of the page: what they press, and what they see and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.e2e.tab import Tab
from tests.e2e.waiting import holds, until

MEET_S = 12
"""From Start to the partner's picture, on a busy machine."""

FRAMES = 5
"""Decoded since the question was asked: the picture moves."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the screen said from ``at_ms`` on."""

    at_ms: float
    screen: Mapping[str, str]

    @property
    def state(self) -> str:
        """``welcome``, ``waiting``, ``connecting``, ``talking``, ``reconnecting``, …: the page's own word."""
        return self.screen.get("state", "")

    @property
    def match(self) -> str:
        """The conversation that the screen shows; empty without one."""
        return self.screen.get("match", "")

    @property
    def is_linked(self) -> bool:
        """Whether the event stream is up."""
        return self.screen.get("link") == "open"

    @property
    def is_told(self) -> bool:
        """Whether the screen says that the partner is not there."""
        return self.state == "reconnecting"

    @property
    def is_waiting(self) -> bool:
        """In the queue."""
        return self.state == "waiting"

    def says(self, words: str) -> bool:
        """Whether they are on screen, anywhere that is watched."""
        return any(words in text for text in self.screen.values())


class Person:
    """Names follow the page's ``data-`` attributes, which its README lists."""

    def __init__(self, name: str, tab: Tab) -> None:
        """``name`` is for failures only."""
        self.name = name
        self.tab = tab

    # --- what they do ------------------------------------------------------------------------

    def arrive(self, url: str) -> None:
        """They open the page."""
        self.tab.open(url)

    def start(self) -> None:
        """They agree to the rules, which the page remembers of them, and press Start."""
        if not self.tab.ask("return document.querySelector(a).checked", by("consent")):
            self.tab.press(by("consent"))
        self.tab.press(by("start"))

    def next(self) -> None:
        """They press Next."""
        self.tab.press(by("next"))

    def stop(self) -> None:
        """They press Stop."""
        self.tab.press(by("stop"))

    def say(self, text: str) -> None:
        """They write a message and send it."""
        self.tab.write(by("chat-input"), text)
        self.tab.press(by("chat-send"))

    # --- what they see -----------------------------------------------------------------------

    def moments(self) -> list[Moment]:
        """Everything that the screen said so far, oldest first."""
        seen = self.tab.ask("e2e.note(); return e2e.seen")
        return [Moment(each["at_ms"], each["screen"]) for each in seen]

    def now(self) -> Moment:
        """What it says now."""
        each = self.tab.ask("e2e.note(); return e2e.seen.at(-1)")
        return Moment(each["at_ms"], each["screen"])

    def first(self, so: Callable[[Moment], bool], since_ms: float) -> Moment | None:
        """The first moment from ``since_ms`` on that is ``so``; what was on screen then already counts."""
        moments = self.moments()
        before = [each for each in moments if each.at_ms <= since_ms][-1:]
        for each in [*before, *(each for each in moments if each.at_ms > since_ms)]:
            if so(each):
                return Moment(max(each.at_ms, since_ms), each.screen)
        return None

    def frames(self) -> int:
        """Pictures of the partner decoded so far; 0 without a picture."""
        # Firefox (153) counts those of a live stream only under its older name.
        script = """const video = document.querySelector(a);
        return video.mozPaintedFrames ?? video.getVideoPlaybackQuality().totalVideoFrames;"""
        return int(self.tab.ask(script, by("partner")))

    def lines(self) -> list[str]:
        """The text chat as it stands."""
        script = (
            "return [...document.querySelectorAll(a)].map((e) => e.textContent.trim().replace(/\\s+/g, ' '))"
        )
        found: list[str] = self.tab.ask(script, f"{by('chat-log')} [data-from]")
        return found

    # --- what they wait for ------------------------------------------------------------------

    def until(self, so: Callable[[Moment], bool], within_s: float, what: str) -> Moment:
        """What the screen says as soon as it is ``so``; fails when it is not in time."""
        found: list[Moment] = []

        def look() -> bool:
            found[:] = [self.now()]
            return so(found[0])

        until(look, within_s, f"{self.name} sees: {what}", last=lambda: found[0].screen)
        return found[0]

    def meets(self, within_s: float = MEET_S, *, other_than: str = "") -> str:
        """Waits for a partner, in another conversation than the one given; says in which."""
        return self.until(lambda m: m.match not in ("", other_than), within_s, "somebody").match

    def waits(self, within_s: float = MEET_S) -> None:
        """Waits to be told that one is looked for."""
        self.until(lambda m: m.is_waiting, within_s, "that they are waiting")

    def watches(self, within_s: float = MEET_S) -> None:
        """Waits until the partner's picture moves."""
        before = self.frames()
        # A new partner's picture counts from 0 again.
        until(
            lambda: (n := self.frames()) >= FRAMES and not before <= n < before + FRAMES,
            within_s,
            f"{self.name} decodes frames of the partner",
            last=lambda: (before, self.frames(), self.now().screen),
        )

    def reads(self, lines: int, within_s: float = MEET_S) -> None:
        """Waits until so many lines are on screen."""
        until(
            lambda: len(self.lines()) == lines, within_s, f"{self.name} reads {lines} lines", last=self.lines
        )

    def keeps(self, match: str, for_s: float) -> None:
        """Looks on while the same conversation stays on screen."""
        holds(lambda: self.now().match == match, for_s, f"{self.name} is in the same conversation")


def by(name: str) -> str:
    """The page's stable handle of an element."""
    return f'[data-testid="{name}"]'


def meet(a: Person, b: Person) -> str:
    """Both are in one conversation and watch each other's picture; says in which."""
    match = a.meets()
    b.until(lambda m: m.match == match, MEET_S, f"the conversation that {a.name} is in")
    a.watches()
    b.watches()
    return match
