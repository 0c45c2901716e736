"""The fields that clients send: their types, each with its bounds, and the one form of an alias and of a tag.

A field that may be left out is ``… | UnsetType = UNSET``: it is never ``null``.
Patterns end with ``\\Z``: ``$`` would let a trailing line break through (race S6).
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from duologue.api.problems import Code, Problem
from duologue.identity.names import ALIAS_CHARS, RAW_CHARS, BadName, Reserved, TooLong, cleaned
from duologue.identity.tags import TAGS, tags

BODY_BYTES = 64 * 1024
MESSAGE_CHARS = 2_000
SIGNAL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Sizes:
    """The largest sizes that are accepted. An operator can make them smaller, not larger, because the store
    also has limits on what a match keeps."""

    body_bytes: int = BODY_BYTES
    message_chars: int = MESSAGE_CHARS
    """Code points."""
    signal_bytes: int = SIGNAL_BYTES
    """Its ``data``, as JSON. A description of video has several thousand."""


Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
"""An id of a match or of a page, or a key that a client chose."""

Alias = Annotated[str, Meta(max_length=RAW_CHARS)]
DeviceToken = Annotated[str, Meta(max_length=128)]
"""A device token, as an answer of ``POST /v1/sessions`` gave it."""
Pool = Annotated[str, Meta(min_length=1, max_length=64)]
Terms = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,32}\Z")]
"""The version of the rules to which a person agreed."""

Tag = Annotated[str, Meta(min_length=1, max_length=RAW_CHARS)]
"""An alias or a tag as it came; ``alias_of`` and ``tags_of`` give each its one form and check its length."""

Tags = Annotated[list[Tag], Meta(max_length=TAGS)]
Language = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*\Z", max_length=35)]
"""BCP 47; RFC 5646 section 4.4.1 asks for room for 35 characters."""

Text = Annotated[str, Meta(min_length=1, max_length=MESSAGE_CHARS)]
"""Counted in code points."""

Intent = Annotated[int, Meta(ge=0, lt=10**14)]
"""The number of a press of Start or Stop; the bound keeps it exact in Lua and in JavaScript."""

Milliseconds = Annotated[int, Meta(ge=0, lt=10**14)]
"""What a client measured."""


def alias_of(text: str, reserved: Reserved) -> str:
    """Return the alias that a guest asks for; empty is none. Raises ``Problem``."""
    with _named("alias"):
        alias = cleaned(text, ALIAS_CHARS)
    if reserved.holds(alias):
        raise Problem(
            Code.RESERVED_NAME,
            "guests may not have this name, or one that looks like it: choose another",
            field="alias",
        )
    return alias


def tags_of(texts: Sequence[str]) -> list[str]:
    """Return the tags, each once; one text may hold several, with commas between. Raises ``Problem``."""
    found: dict[str, None] = {}
    for at, text in enumerate(texts):
        with _named(f"tags[{at}]"):
            forms = tags(text)
            if not forms:
                raise BadName("a tag needs at least one character other than spaces, commas and a leading #")
        found |= dict.fromkeys(forms)
    if len(found) > TAGS:
        raise Problem(Code.BAD_FIELD, f"at most {TAGS} tags are allowed, not {len(found)}", field="tags")
    return list(found)


@contextlib.contextmanager
def _named(field: str) -> Iterator[None]:
    """Turn a name that is refused inside the block into a problem of this field."""
    try:
        yield
    except TooLong as error:
        raise Problem(Code.BAD_FIELD, str(error), field=field) from error
    except BadName as error:
        raise Problem(Code.BAD_NAME, str(error), field=field) from error


__all__ = [
    "BODY_BYTES",
    "MESSAGE_CHARS",
    "SIGNAL_BYTES",
    "UNSET",
    "Alias",
    "DeviceToken",
    "Id",
    "Intent",
    "Language",
    "Milliseconds",
    "Pool",
    "Sizes",
    "Tag",
    "Tags",
    "Text",
    "UnsetType",
    "alias_of",
    "tags_of",
]
