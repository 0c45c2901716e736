"""Which of the page's languages a browser gets."""

import re
from collections.abc import Sequence

from starlette.requests import Request

COOKIE = "duologue_language"
"""What the person chose on the page (``pages/chat/src/language.ts``)."""

RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
"""One language of ``Accept-Language`` with its weight (RFC 9110, section 12.5.4)."""

RANGES = 32
"""How many languages of a header are read; browsers send fewer than ten."""


def language_of(request: Request, offered: Sequence[str], default: str) -> str:
    """Return the language of ``offered`` in which to answer.

    The address counts first (``?language=de``), then the person's choice (a cookie), then what the browser
    accepts. A language that is not offered counts as not said.
    """
    said = (request.query_params.get("language"), request.cookies.get(COOKIE))
    chosen = next((each for each in said if each in offered), None)
    return chosen or accepted(request.headers.get("accept-language", ""), offered) or default


def accepted(header: str, offered: Sequence[str]) -> str | None:
    """Return the language of ``offered`` that the header likes best; ``None``: it names none of them.

    ``de-AT`` is answered with ``de``. ``*`` says only that another language is better than nothing.
    """
    best, best_weight = None, 0.0
    for each in header.split(",", RANGES)[:RANGES]:
        found = RANGE.fullmatch(each)
        if found is None:
            continue
        weight = float(found[2] or 1)
        language = _offered(found[1], offered)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _offered(asked: str, offered: Sequence[str]) -> str | None:
    """Return what is offered for ``de-AT``: itself, or else the language without its last parts
    (RFC 4647, section 3.4)."""
    known = {each.lower(): each for each in offered}
    parts = asked.lower().split("-")
    return next((known[key] for n in range(len(parts), 0, -1) if (key := "-".join(parts[:n])) in known), None)
