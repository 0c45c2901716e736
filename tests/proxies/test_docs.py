"""docs/proxies.md shows the configurations as they are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "proxies.md").read_text()
FENCED = re.compile(r"^\[`(\S+)`\]\(\.\./\S+\):\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = {found[1]: found[2] for found in FENCED.finditer(PAGE)}
FILES = [
    *(path for folder in ("nginx", "caddy") for path in sorted((ROOT / "deploy" / folder).iterdir())),
    ROOT / "examples" / "nextjs" / "next.config.mjs",
]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_the_page_shows_the_file(file: Path) -> None:
    """To the letter: what is copied from the page is what was tested."""
    assert SHOWN[str(file.relative_to(ROOT))] == file.read_text()


def test_the_page_shows_nothing_else() -> None:
    """A file that is no longer there is no longer shown."""
    assert set(SHOWN) == {str(file.relative_to(ROOT)) for file in FILES}
