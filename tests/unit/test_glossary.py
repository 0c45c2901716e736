"""The glossary's list of renames has only names that are still in the code."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text()


@cache
def code() -> str:
    """Return our code in one text."""
    paths = [path for folder in ("src/duologue", "clients/js/src") for path in (ROOT / folder).rglob("*")]
    return "\n".join(path.read_text() for path in paths if path.suffix in (".py", ".lua", ".ts"))


def done(page: str) -> list[str]:
    """Return the names of the last table that are in no file any more."""
    table = page.partition("## Renames still to be done")[2]
    names = re.findall(r"^\| `(.+?)`.* \| `.+? \| .+? \| .+? \|$", table, re.MULTILINE)
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", code())]


def test_each_rename_is_still_to_be_done() -> None:
    """A row whose name is gone from the code is out of date: remove it."""
    assert done(PAGE) == []


def test_a_rename_that_is_done_is_found() -> None:
    """Control: a name that is nowhere, and one that is."""
    rows = "| `NoSuchName` | `a.py` | `x` | y |\n| `MatchId` | `a.py` | `x` | y |\n"
    assert done(f"## Renames still to be done\n\n{rows}") == ["NoSuchName"]
