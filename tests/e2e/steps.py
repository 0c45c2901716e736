"""Where the time between a press of Next and the next face goes: `steps.js` writes it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.e2e.tab import Tab

STEPS = (Path(__file__).parent / "steps.js").read_text()

WORDS: Mapping[str, str] = {
    "skip answered": "the server has answered the press",
    "match": "the match is on screen",
    "connection made": "the first connection is made",
    "socket": "the grant is read, the socket to LiveKit begins",
    "socket open": "the socket is open",
    "joined": "LiveKit has answered the join",
    "track announced": "our first track is announced",
    "offer": "our first offer is sent",
    "offer read": "the first offer of the other side is read",
    "answer read": "the first answer is read",
    "connection connected": "a way for media is there (the last connection)",
    "track asked for": "the partner's last track is asked for",
    "video track": "the partner's picture is negotiated",
    "video flows": "its packets arrive",
    "first frame": "its first frame is on screen",
}
LAST = ("connection connected", "track asked for", "video track", "video flows")
"""Of these the last before the first frame counts; of the others the first."""


@dataclass(slots=True)
class Steps:
    """When the two pages took each step, in milliseconds after the press, for each kind of media."""

    seen: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)

    def note(self, media: str, presser: Tab, partner: Tab) -> None:
        """What became of the one press since `forget`."""
        theirs = {"presses": read(presser), "partner": read(partner)}
        pressed_ms = first(theirs["presses"], "press")
        assert pressed_ms is not None
        for who, steps in theirs.items():
            for what in WORDS:
                at_ms = at(steps, what)
                if at_ms is not None:
                    rows = self.seen.setdefault(media, {}).setdefault(what, {})
                    rows.setdefault(who, []).append(at_ms - pressed_ms)

    def markdown(self) -> str:
        """One table for each medium, a row for each step, in the order in which they are taken."""
        return "\n".join(_table(media, rows) for media, rows in self.seen.items())


def forget(*tabs: Tab) -> None:
    """What comes now belongs to the next press."""
    for tab in tabs:
        tab.ask("steps.length = 0")


def read(tab: Tab) -> Sequence[Mapping[str, Any]]:
    """What a page took down since `forget`."""
    found: list[dict[str, Any]] = tab.ask("return steps")
    return found


def first(steps: Sequence[Mapping[str, Any]], what: str) -> float | None:
    """When that step was taken first; None: it was not."""
    return next((each["at_ms"] for each in steps if each["what"] == what), None)


def at(steps: Sequence[Mapping[str, Any]], what: str) -> float | None:
    """When that step was taken, as the table has it."""
    if what not in LAST:
        return first(steps, what)
    until_ms = first(steps, "first frame") or float("inf")
    times = [each["at_ms"] for each in steps if each["what"] == what and each["at_ms"] <= until_ms]
    return times[-1] if times else None


def _table(media: str, rows: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    head = (f"| {media}: ms after the press (medians) | who presses | the partner |", "|---|---|---|")
    ordered = sorted(rows.items(), key=lambda row: min(median(seen) for seen in row[1].values()))
    return "\n".join([*head, *(_row(what, seen) for what, seen in ordered), ""])


def _row(what: str, seen: Mapping[str, Sequence[float]]) -> str:
    times = [f"{median(seen[who]):.0f}" if who in seen else "–" for who in ("presses", "partner")]
    return f"| {WORDS[what]} | {times[0]} | {times[1]} |"
