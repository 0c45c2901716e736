"""Every race that is known to break systems of this kind is named by a test that plays it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAYED_BY = [
    *(ROOT / "tests").rglob("test_*.py"),
    *(ROOT / "clients/js/test").rglob("*.test.ts"),
]
PAIRING = [f"P{n}" for n in range(1, 29)]
"""Pairing and skipping."""
TELLING = [f"E{n}" for n in range(1, 40)]
"""Delivery: streams, processes and stores that go, come back and forget."""

HARM = [f"S{n}" for n in range(1, 12)]
"""People who mean harm."""
ROOMS = [f"R{n}" for n in range(1, 25)]
"""Rooms, media, and who is alone in them."""


def named(text: str) -> set[str]:
    """The ids in it: ``E5`` in a docstring, ``test_e05_…`` in a name."""
    said = {f"{kind}{int(n)}" for kind, n in re.findall(r"\b([PERS])(\d{1,2})\b", text)}
    return said | {
        f"{kind.upper()}{int(n)}" for kind, n in re.findall(r"def test_([pers])0*(\d{1,2})_", text)
    }


def test_each_race_is_played() -> None:
    """By a test of the server, of a client, or of both; this file's own lists do not count."""
    found = set().union(*(named(path.read_text()) for path in PLAYED_BY if path != Path(__file__)))
    assert [race for race in (*PAIRING, *TELLING, *HARM, *ROOMS) if race not in found] == []


def test_a_race_that_nobody_plays_is_missed() -> None:
    """Control: names that only look like one do not count."""
    assert named("def test_p07_nobody(): 'races E5, E16'") == {"P7", "E5", "E16"}
    assert named("STEP1 E100 RE5 example5") == set()
