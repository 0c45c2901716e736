"""Every invariant that the code cites by its number stands in docs/invariants.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "invariants.md").read_text()
LUA = sorted((ROOT / "src").rglob("*.lua"))
PROSE = [
    path
    for folder in ("src", "tests", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".md")
]


def listed(page: str) -> dict[int, str]:
    """Return the sections of the page by their numbers."""
    return {
        int(n): text
        for n, text in re.findall(r"^## (\d+)\. (.+?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    }


def in_header(script: str) -> set[int]:
    """Return the numbers that a Lua header begins its items with: ``3 fenced by the match, 7``."""
    line = re.search(r"^-- Invariants: (.+)$", script, re.MULTILINE)
    items = re.split(r"[,;] ", line[1]) if line else []
    return {int(number[0]) for item in items if (number := re.match(r"\d{1,2}\b", item))}


def in_prose(text: str) -> set[int]:
    """Return the numbers of ``invariant 7`` and ``Invariants 1 to 3``'s first."""
    return {int(n) for n in re.findall(r"\b[Ii]nvariants? (\d{1,2})\b", text)}


def test_each_cited_invariant_is_written() -> None:
    """In a Lua header, a comment, a docstring or a page."""
    known = set(listed(PAGE))
    wrong = {path.name: ids for path in LUA if (ids := in_header(path.read_text()) - known)}
    wrong |= {
        path.name: ids
        for path in PROSE
        if path != Path(__file__) and (ids := in_prose(path.read_text()) - known)
    }
    assert wrong == {}


def test_the_transitions_cite_them() -> None:
    """The numbers in the headers are found: with a changed form the check above would be empty."""
    assert {1, 2, 3, 4, 5, 7, 8, 9} <= set().union(*(in_header(path.read_text()) for path in LUA))


def test_each_invariant_names_where_it_is_checked() -> None:
    """Each section ends with files, and these exist."""
    for number, text in listed(PAGE).items():
        checked = text.partition("\nChecked by ")[2]
        files = re.findall(r"`((?:src|tests)/[\w./-]+)`", checked)
        assert files, number
        assert [file for file in files if not (ROOT / file).exists()] == [], number


def test_there_are_ten() -> None:
    """Ten, numbered without a gap."""
    assert list(listed(PAGE)) == list(range(1, 11))


def test_a_number_that_is_not_written_is_found() -> None:
    """Control: items and sentences are read as they stand in the code."""
    assert in_header("-- Invariants: 2, 3 fenced, 44 no limbo; of 1,000 marks 9 go") == {2, 3, 44}
    assert in_prose("invariant 7's twin, Invariants 11 and 12") == {7, 11}
