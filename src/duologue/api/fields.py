"""The types of the fields that clients send, each with its bounds, once.

A field that may be left out is ``… | UnsetType = UNSET``: it is never ``null``.
Patterns end with ``\\Z``: ``$`` would let a trailing line break through (race S6).
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from duologue.api.sizes import MESSAGE_CHARS
from duologue.identity.names import RAW_CHARS
from duologue.identity.tags import TAGS

Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
"""A match, page, or a client's own key."""

Alias = Annotated[str, Meta(max_length=RAW_CHARS)]
DeviceToken = Annotated[str, Meta(max_length=128)]
"""As an answer of ``POST /v1/sessions`` said it."""
Pool = Annotated[str, Meta(min_length=1, max_length=64)]
Tag = Annotated[str, Meta(min_length=1, max_length=RAW_CHARS)]
"""An alias and a tag as they came; ``api.naming`` makes one form of them, and that has its own bound."""

Tags = Annotated[list[Tag], Meta(max_length=TAGS)]
Language = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*\Z", max_length=35)]
"""BCP 47; RFC 5646 section 4.4.1 asks for room for 35 characters."""

Text = Annotated[str, Meta(min_length=1, max_length=MESSAGE_CHARS)]
"""Counted in code points."""

Intent = Annotated[int, Meta(ge=0, lt=10**14)]
"""The number of a press of Start or Stop; the bound keeps it exact in Lua and in JavaScript."""

Milliseconds = Annotated[int, Meta(ge=0, lt=10**14)]
"""What a client measured."""

__all__ = [
    "UNSET",
    "Alias",
    "DeviceToken",
    "Id",
    "Intent",
    "Language",
    "Milliseconds",
    "Pool",
    "Tag",
    "Tags",
    "Text",
    "UnsetType",
]
