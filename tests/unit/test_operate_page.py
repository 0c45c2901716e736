"""docs/operate.md says how each secret is changed."""

from pathlib import Path

from duologue.settings import Settings, variable

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"


def test_each_secret_can_be_changed() -> None:
    """The table of secrets has each setting that is one."""
    table = PAGE.read_text().partition("## Changing secrets")[2].partition("\n## ")[0]
    secrets = [variable(each.name) for each in Settings.options() if each.metadata.get("secret")]
    assert len(secrets) >= 5
    others = {
        "DUOLOGUE_LIVEKIT_API_KEY": "LIVEKIT_API_KEY",
        "DUOLOGUE_LIVEKIT_API_SECRET": "LIVEKIT_API_SECRET",
    }
    assert [name for name in secrets if f"`{others.get(name, name)}`" not in table] == []
