"""What `docs/keys.md` says of each key: what bounds it, and when it goes."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[1] / "docs" / "keys.md"
ROW = re.compile(r"^\| `([^`|]+)` \|([^|]*)\|([^|]*)\|$", re.MULTILINE)


class Documented(NamedTuple):
    """A row."""

    bound: str
    goes: str


def rows(text: str) -> dict[str, Documented]:
    """Return the rows of the page by their keys."""
    return {key: Documented(bound.strip(), goes.strip()) for key, bound, goes in ROW.findall(text)}


@cache
def permanent() -> frozenset[str]:
    """Return the kinds of key that stay when everybody left: `sweep`, `report:`."""
    stay = (key for key, row in rows(PAGE.read_text()).items() if row.goes.startswith("stays"))
    return frozenset(key.partition(":")[0] + (":" if ":" in key else "") for key in stay)
