"""Links between our pages lead somewhere: to a file that is there, and to a heading of it."""

import re
from pathlib import Path

from tools import prose

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere; addresses of the web are not asked."""
    found = []
    for link in (one or other for one, other in LINK.findall(page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            found.append(link)
    return found


def test_no_link_leads_nowhere() -> None:
    """In every Markdown file of the repository."""
    pages = [path for path in prose.files() if path.suffix == ".md"]
    assert {str(page.relative_to(ROOT)): links for page in pages if (links := broken(page))} == {}


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """Control: a missing file, a missing heading, and links that are right."""
    (tmp_path / "b.md").write_text("# One, *two*\n")
    (tmp_path / "a.md").write_text(
        "# A\n[x](b.md) [x](b.md#one-two) [x](#a) [x](c.md) [x](b.md#three) [x](https://a.example)\n"
        "![x](p.png)\n"
    )
    assert broken(tmp_path / "a.md") == ["c.md", "b.md#three", "p.png"]
