"""Every race that the code cites stands in docs/races.md, and a test plays every race that stands there."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "races.md").read_text()
TESTS = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "clients/js/test").rglob("*.test.ts")]
CITING = ("src", "clients/js/src", "clients/js/test", "pages", "bench", "tests", "docs")
SUFFIXES = {".py", ".lua", ".ts", ".md"}


def cited(text: str) -> set[str]:
    """Return the ids in a text: ``E5`` in a sentence, ``test_e05_…`` in a name."""
    said = {f"{kind}{int(n)}" for kind, n in re.findall(r"\b([PERS])(\d{1,2})\b", text)}
    return said | {
        f"{kind.upper()}{int(n)}" for kind, n in re.findall(r"def test_([pers])0*(\d{1,2})_", text)
    }


def listed(page: str) -> dict[str, str]:
    """Return the rows of the page by their ids."""
    return dict(re.findall(r"^\| ([PERS]\d{1,2}) \|(.+)\|$", page, re.MULTILINE))


def sources() -> Iterator[Path]:
    """Yield our own text, without this file and what is built or installed."""
    for folder in CITING:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and "node_modules" not in path.parts and path != Path(__file__):
                yield path


def broken_names(row: str) -> list[str]:
    """Return the guards, files and tests of a row that do not exist."""
    lua = ROOT / "src/duologue/pairing"
    files = [
        path
        for path in re.findall(r"`([\w./-]+\.\w+)`", row)
        if not any((r / path).exists() for r in (ROOT, lua))
    ]
    guards = [
        name
        for name, file in re.findall(r"`([a-z-]+)`: `(lua/[\w./-]+)`", row)
        if (lua / file).exists() and f"-- guard: {name}" not in (lua / file).read_text()
    ]
    tests = [
        name
        for name, file in re.findall(r"`(test_\w+)` in `([\w./-]+)`", row)
        if (ROOT / file).exists() and f"def {name}(" not in (ROOT / file).read_text()
    ]
    return files + guards + tests


def test_each_cited_race_is_written() -> None:
    """A comment or a test that cites a race can be looked up."""
    known = listed(PAGE)
    unknown = {
        str(path.relative_to(ROOT)): ids
        for path in sources()
        if (ids := cited(path.read_text()) - set(known))
    }
    assert unknown == {}


def test_each_race_is_played() -> None:
    """By a test of the server, of a client, or of both."""
    found = set().union(*(cited(path.read_text()) for path in TESTS if path != Path(__file__)))
    assert sorted(set(listed(PAGE)) - found) == []


def test_each_row_names_what_exists() -> None:
    """The guards, files and tests of each row are there."""
    assert {race: broken for race, row in listed(PAGE).items() if (broken := broken_names(row))} == {}


def test_a_race_without_a_test_is_found() -> None:
    """Control: only real ids count."""
    assert cited("def test_p07_nobody(): 'races E5, E16'") == {"P7", "E5", "E16"}
    assert cited("STEP1 E100 RE5 example5") == set()
    assert listed("| E5 | what |\n| X1 | what |\n| E555 | what |") == {"E5": " what "}


def test_a_wrong_row_is_found() -> None:
    """Control: a file, a guard and a test that do not exist are each named."""
    row = (
        "`no-such-guard`: `lua/skip.lua`; text: `src/no/such.py` | "
        "`test_no_such_thing` in `tests/races/test_queue.py`; `match-fence`: `lua/skip.lua`"
    )
    assert broken_names(row) == ["src/no/such.py", "no-such-guard", "test_no_such_thing"]
