"""docs/settings.md says what the settings are, and the README names settings that there are."""

import re
from pathlib import Path

from duologue.cli import shown
from duologue.settings import Settings, flag, variable
from tools import settings_page

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_page_is_what_the_settings_are() -> None:
    """The generated page does not differ by a byte: ``python tools/settings_page.py`` writes it."""
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_each_setting_is_on_the_page_once() -> None:
    """Options and timings each have one row; the numbers of the limits are cells of their table."""
    page = settings_page.page()
    for each in Settings.options():
        if each.metadata["group"] != "Limits":
            named = f"`{variable(each.name)}`" if each.metadata["secret"] else f"`{flag(each.name)}`"
            assert len(re.findall(rf"^\|.*{re.escape(named)} \|", page, re.MULTILINE)) == 1, named
    for name, number in Settings().of_the_limits().items():
        assert f"| {number:,} |" in page, name


def test_the_readme_names_settings_and_defaults_that_there_are() -> None:
    """Each row of its short table is true."""
    rows = re.findall(r"^\| `(--[a-z-]+|DUOLOGUE_\w+)` \| (.+?) \|", README, re.MULTILINE)
    real = {
        flag(each.name): shown(each.default) for each in Settings.options() if not each.metadata["secret"]
    }
    real |= {
        variable(each.name): shown(each.default) for each in Settings.options() if each.metadata["secret"]
    }
    assert 8 <= len(rows) <= 12
    assert {option: default for option, default in rows if real.get(option) != default} == {}
