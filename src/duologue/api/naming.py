"""Aliases and tags as requests bring them: one form of each, or the problem that says what is wrong."""

from collections.abc import Sequence

from duologue.api.problems import Code, Problem
from duologue.identity.names import ALIAS_CHARS, TAG_CHARS, BadName, Reserved, TooLong, cleaned


def alias_of(text: str, reserved: Reserved) -> str:
    """Return the alias that a guest asks for; empty is none. Raises ``Problem``."""
    alias = _cleaned(text, ALIAS_CHARS, "alias")
    if reserved.holds(alias):
        raise Problem(
            Code.RESERVED_NAME, "this name, or one that looks like it, is not for guests", field="alias"
        )
    return alias


def tags_of(texts: Sequence[str]) -> list[str]:
    """Return the tags, each once. Raises ``Problem``."""
    return list(dict.fromkeys(_tag(text, f"tags[{at}]") for at, text in enumerate(texts)))


def _tag(text: str, field: str) -> str:
    tag = _cleaned(text, TAG_CHARS, field)
    if not tag:
        raise Problem(Code.BAD_NAME, "a tag has at least one character besides spaces", field=field)
    return tag


def _cleaned(text: str, most: int, field: str) -> str:
    try:
        return cleaned(text, most)
    except TooLong as error:
        raise Problem(Code.BAD_FIELD, str(error), field=field) from error
    except BadName as error:
        raise Problem(Code.BAD_NAME, str(error), field=field) from error
