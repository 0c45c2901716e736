"""docs/proxies.md and docs/turn.md show the configurations as they are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^\[`(\S+)`\]\(\.\./\S+\):\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = {"proxies.md": ("nginx", "caddy"), "turn.md": ("coturn",)}
"""Each shows all of these folders of ``deploy``."""
NAMED = ("grafana", "prometheus", "systemd")
"""Folders whose files are long: docs/operate.md names them."""
FILES = {
    page: [path for folder in folders for path in sorted((ROOT / "deploy" / folder).iterdir())]
    for page, folders in PAGES.items()
}
FILES["proxies.md"].append(ROOT / "examples" / "nextjs" / "next.config.mjs")


def shown(page: str) -> dict[str, str]:
    """By path, what the page shows of each file."""
    return {found[1]: found[2] for found in FENCED.finditer((ROOT / "docs" / page).read_text())}


@pytest.mark.parametrize(
    ("page", "file"),
    [(page, file) for page, files in FILES.items() for file in files],
    ids=lambda each: Path(each).name,
)
def test_the_page_shows_the_file(page: str, file: Path) -> None:
    """To the letter: what is copied from the page is what was tested."""
    assert shown(page)[str(file.relative_to(ROOT))] == file.read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_nothing_else(page: str) -> None:
    """A file that is no longer there is no longer shown."""
    assert set(shown(page)) == {str(file.relative_to(ROOT)) for file in FILES[page]}


def test_every_folder_of_ours_is_shown() -> None:
    """A configuration that no page shows would be copied unread."""
    folders = {path.name for path in (ROOT / "deploy").iterdir() if path.is_dir()}
    assert folders == {folder for folders in (*PAGES.values(), NAMED) for folder in folders}
    operate = (ROOT / "docs" / "operate.md").read_text()
    assert [folder for folder in NAMED if f"deploy/{folder}" not in operate] == []
