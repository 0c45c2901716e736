"""Each key that the scripts write is named in `keys.py`, and `docs/keys.md` says what bounds it."""

import re
from pathlib import Path

from duologue.identity import limits
from duologue.pairing import invariants, keys, scripts
from tests.documented import PAGE, Documented, permanent, rows

NAMED = re.compile(r"^``([^`]+)``\s+(?:string|zset|hash|set|list|stream)\s", re.MULTILINE)
WRITTEN = re.compile(r"S \.\. '([a-z_-]+:?)'")
BY_PYTHON = {"limit:", "namespace", "network-key", "servers", "webhook:"}
"""Named by the caller, not in a script."""
CHANNEL = "f:"


def named() -> set[str]:
    """Return the patterns that `keys.py` lists."""
    assert keys.__doc__
    return set(NAMED.findall(keys.__doc__))


def kinds(patterns: set[str]) -> set[str]:
    """Return the beginnings of the patterns: `p:`, `sweep`, `limit:`."""
    return {pattern.partition(":")[0] + (":" if ":" in pattern else "") for pattern in patterns}


def written() -> set[str]:
    """Return the beginnings of the keys in the scripts; sets of deadlines are named alone."""
    text = "".join(path.read_text() for path in scripts.FOLDER.rglob("*.lua"))
    return set(WRITTEN.findall(text)) | set(invariants.SETS)


def unbounded(found: dict[str, Documented]) -> list[str]:
    """Return the keys of which the page does not say what bounds them, or when they go."""
    return [key for key, row in found.items() if not row.bound or not row.goes]


def test_each_key_has_a_row() -> None:
    """The page and `keys.py` list the same keys."""
    assert set(rows(PAGE.read_text())) == named()


def test_each_row_says_what_bounds_it() -> None:
    """And when the key goes; some stay, and most do not."""
    found = rows(PAGE.read_text())
    assert unbounded(found) == []
    assert {"sweep", "skipped", "namespace"} <= permanent() <= kinds(set(found))
    assert len(permanent()) < len(found) / 2


def test_the_scripts_write_no_other_key() -> None:
    """Nor does `keys.py` name a key that is never written."""
    assert written() - {CHANNEL} | BY_PYTHON == kinds(named())


def test_the_dump_knows_each_kind() -> None:
    """What reads a whole shard in the tests finds no key of an unknown kind."""
    known = {f"{prefix}:" for prefix in invariants.PREFIXES} | set(invariants.SINGLE)
    assert known == kinds(named())


def test_a_key_without_a_bound_is_found() -> None:
    """Control: a row of which a cell is empty, and a pattern that is in one of the two only."""
    page = "| `new:<person>` |  | 1 h |\n| `p:<person>` | one per person | 1 h |\n"
    assert unbounded(rows(page)) == ["new:<person>"]
    assert set(rows(page)) - named() == {"new:<person>"}
    assert WRITTEN.findall("redis.call('SET', S .. 'new:' .. id, 1)") == ["new:"]


def test_the_limits_are_named() -> None:
    """`identity.limits` names its keys itself."""
    assert "limit:" in Path(limits.__file__).read_text()
