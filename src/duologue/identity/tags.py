"""Interests as people type them, and the tags by which two people are compared.

``#Music，  travel`` and ``TRAVEL, music`` must be the same two tags from every client. So the server takes
them apart and gives each one form, and clients need not.
"""

import re
import unicodedata

from duologue.identity.names import TAG_CHARS, cleaned, spaced

TAGS = 16
"""How many tags one person may have."""

SEPARATORS = (
    ",;|\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
    "՝،؛߸፣፤᠂᠈⁏⸲⸴⸵⹁⹉⹌、꓾꘍꛵꛶\U0001144d\U0001145a\U00016e97\U0001da87\U0001da89"
)
"""Every comma and semicolon of Unicode that NFKC leaves, line breaks, tabs and the bar. Full-width, small and
vertical forms become one of them by NFKC.

A slash is part of a tag (*AC/DC*, *24/7*), and so are middle dots: Japanese writes them within a name
(*ハリー・ポッター*), and Catalan within a word.
"""
_APART = re.compile(f"[{re.escape(SEPARATORS)}]")
_KEYCAP = ("\ufe0f", "\u20e3")
"""Characters that make an emoji of the ``#`` before them."""


def tags(text: str) -> list[str]:
    """Return the tags in a text, each once and in its one form; none if nothing is left to compare.

    Applied to one of its own tags it returns that tag alone. Raises ``BadName``, as ``cleaned`` does.
    """
    forms = (_bare(part) for part in _APART.split(_folded(text)))
    return list(dict.fromkeys(cleaned(form, TAG_CHARS) for form in forms if form))


def _folded(text: str) -> str:
    """Return the text with compatible letters, and letters that differ by case, made equal (Unicode,
    NFKC_Casefold)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _bare(part: str) -> str:
    """Return the tag without outer spaces and without the ``#`` of a hashtag; inner spaces are single."""
    tag = spaced(part)
    while tag.startswith("#") and not tag[1:].startswith(_KEYCAP):
        tag = tag[1:].lstrip()
    return tag
