"""docs/settings.md says what the settings are, and the README names settings that there are."""

import re
from pathlib import Path

from duologue.cli import shown
from duologue.identity.limits import Kind
from duologue.settings import Settings, flag, variable
from tools import settings_page

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_page_is_what_the_settings_are() -> None:
    """The generated page does not differ by a byte: ``python tools/settings_page.py`` writes it."""
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_each_setting_is_on_the_page_once() -> None:
    """One row for each option and each timing, one for each kind of request that is limited."""
    page = settings_page.page()
    for each in Settings.options():
        named = f"`{variable(each.name)}`" if each.metadata.get("secret") else f"`{flag(each.name)}`"
        assert len(re.findall(rf"^\|.*{re.escape(named)} \|", page, re.MULTILINE)) == 1, named
    for kind in Kind:
        assert len(re.findall(rf"^\| `{kind}` \|", page, re.MULTILINE)) == 1, kind
    assert "| `skips` | 60 | 40 | 12,000 | 6,000 | store |" in page


def test_the_readme_names_settings_and_defaults_that_there_are() -> None:
    """Each row of its short table is true."""
    rows = re.findall(r"^\| `(--[a-z-]+|DUOLOGUE_\w+)` \| (.+?) \|", README, re.MULTILINE)
    real = {
        flag(each.name): shown(each.default) for each in Settings.options() if not each.metadata.get("secret")
    }
    real |= {
        variable(each.name): shown(each.default) for each in Settings.options() if each.metadata.get("secret")
    }
    assert 8 <= len(rows) <= 12
    assert {option: default for option, default in rows if real.get(option) != default} == {}
