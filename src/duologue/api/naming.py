"""Aliases and tags as requests bring them: one form of each, or the problem that says what is wrong."""

import contextlib
from collections.abc import Iterator, Sequence

from duologue.api.problems import Code, Problem
from duologue.identity.names import ALIAS_CHARS, BadName, Reserved, TooLong, cleaned
from duologue.identity.tags import TAGS, tags


def alias_of(text: str, reserved: Reserved) -> str:
    """Return the alias that a guest asks for; empty is none. Raises ``Problem``."""
    with _named("alias"):
        alias = cleaned(text, ALIAS_CHARS)
    if reserved.holds(alias):
        raise Problem(
            Code.RESERVED_NAME, "this name, or one that looks like it, is not for guests", field="alias"
        )
    return alias


def tags_of(texts: Sequence[str]) -> list[str]:
    """Return the tags, each once; one text may hold several, with commas between. Raises ``Problem``."""
    found: dict[str, None] = {}
    for at, text in enumerate(texts):
        with _named(f"tags[{at}]"):
            forms = tags(text)
            if not forms:
                raise BadName("a tag has at least one character besides spaces, commas and a # in front")
        found |= dict.fromkeys(forms)
    if len(found) > TAGS:
        raise Problem(Code.BAD_FIELD, f"there may be {TAGS} tags, and here are {len(found)}", field="tags")
    return list(found)


@contextlib.contextmanager
def _named(field: str) -> Iterator[None]:
    """A name that is refused within the block is a problem of this field."""
    try:
        yield
    except TooLong as error:
        raise Problem(Code.BAD_FIELD, str(error), field=field) from error
    except BadName as error:
        raise Problem(Code.BAD_NAME, str(error), field=field) from error
