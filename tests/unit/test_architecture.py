"""ARCHITECTURE.md names files that there are, and draws the imports that there are."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "duologue"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
BASES = (ROOT, SOURCE, SOURCE / "pairing", ROOT / "protocol")
"""Where the paths on the page begin."""


def named(page: str) -> set[str]:
    """Return the paths in code spans that name a file: they end with one of our suffixes."""
    return set(re.findall(r"`([\w./-]+\.(?:py|lua|ts|md|yaml))`", page))


def missing(page: str) -> list[str]:
    """Return the named files that are nowhere; a bare name may be in any folder."""
    bare = {
        path.name for base in (SOURCE, ROOT / "bench", ROOT / "clients/js/src") for path in base.rglob("*.*")
    }
    return sorted(
        path
        for path in named(page)
        if not any((base / path).exists() for base in BASES) and ("/" in path or path not in bare)
    )


def drawn(page: str) -> dict[str, set[str]]:
    """Return the arrows of the page's table, package by package."""
    section = page.partition("### Who imports whom")[2].partition("\n## ")[0]
    arrows: dict[str, set[str]] = {}
    for line in re.findall(r"^\| (`.+?) \| (.+?) \|$", section, re.MULTILINE):
        packages, imported = (set(re.findall(r"`([a-z_]+)`", cell)) for cell in line)
        for package in packages:
            arrows[package] = imported | (packages - {package} if "each other" in line[1] else set())
    return arrows


def real() -> dict[str, set[str]]:
    """Return what each package imports of the others."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        package = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "duologue":
                parts = node.module.split(".")[1:] or [alias.name for alias in node.names]
                arrows[package] |= set(parts[: 1 if node.module != "duologue" else None])
    return {package: imported - {package, "__version__"} for package, imported in arrows.items()}


def test_each_named_file_exists() -> None:
    """A reader who follows the page finds the file."""
    assert missing(PAGE) == []


def test_each_import_is_drawn() -> None:
    """No arrow between two packages is missing on the page."""
    page = drawn(PAGE)
    unseen = {package: more for package, to in real().items() if (more := to - page.get(package, set()))}
    unseen.pop("__main__", None)
    assert unseen == {}


def test_each_drawn_arrow_is_an_import() -> None:
    """No arrow on the page is only a wish; the three files of the wiring are drawn together."""
    arrows = real()
    wirings = [name for name in arrows if name.startswith("wiring")]
    together = set().union(*(arrows[name] for name in wirings))
    for package, imported in drawn(PAGE).items():
        there = together if package.startswith("wiring") else arrows.get(package, set())
        assert imported - there - set(wirings) == set(), package


def test_a_wrong_page_is_found() -> None:
    """Control: a file that is not there, and an arrow that is not drawn."""
    assert missing("`api/no_such.py`, `no_such.lua`, `api/commands.py`") == ["api/no_such.py", "no_such.lua"]
    assert drawn("### Who imports whom\n\n| `api`, `cli` | `store` (only), `media` |\n\n## Next\n") == {
        "api": {"store", "media"},
        "cli": {"store", "media"},
    }
