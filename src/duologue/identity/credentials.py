"""Where a request carries its session token, and when a cookie counts.

A browser sends a cookie along whoever wrote the page that asks; a bearer token
is only ever sent by a page that has it. So a request of a page of another
origin has no cookie as far as we are concerned: it is neither read nor set.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

COOKIE = "duologue_session"

FOREIGN_SITES = ("cross-site", "same-site")
"""``Sec-Fetch-Site`` of a page of another origin (W3C Fetch Metadata). ``same-site`` is a neighbour:
another port or subdomain. The rest are our own page (``same-origin``) and the address bar (``none``)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token and how it came."""

    token: str
    by_cookie: bool


class Origins:
    """Which pages are ours: those of the host that was asked, and those that the settings list."""

    def __init__(self, listed: Collection[str] = ()) -> None:
        """``listed``: origins such as ``https://chat.example``, for a proxy that rewrites ``Host``."""
        self._listed = frozenset(origin.rstrip("/").lower() for origin in listed)

    def is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Whether a page of another origin is asking. A client that names no origin is no page.

        Hosts are compared, not schemes: behind a proxy that ends TLS we are asked
        over plain HTTP. A link that is followed here from another page brings the cookie
        (``SameSite=Lax``) and no origin; ``Sec-Fetch-Site`` still tells whose it was.
        """
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") in FOREIGN_SITES
        if origin.lower() in self._listed:
            return False
        asked = headers.get("host", "").lower()
        return not asked or _netloc(origin) != asked


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:  # a bracket that opens no IPv6 address
        return None


def find(headers: Mapping[str, str], origins: Origins) -> Credential | None:
    """The token of a request: a bearer token wins over the cookie. ``headers`` has lower-case names.

    Another scheme in ``Authorization`` (a proxy's own ``Basic``) is not ours and hides nothing.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credential(token.strip(), by_cookie=False)
    value = cookie(headers.get("cookie", ""))
    if value is None or origins.is_foreign(headers):
        return None
    return Credential(value, by_cookie=True)


def cookie(header: str) -> str | None:
    """Our cookie's value in a ``Cookie`` header.

    ``http.cookies`` gives up on the whole header at the first foreign cookie that
    it cannot read, and other programs on the same host do set such.
    """
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE and value:
            return value
    return None


def set_cookie(token: str, max_age_s: int, *, secure: bool) -> str:
    """The ``Set-Cookie`` value that keeps a token out of the reach of scripts."""
    tail = "; Secure" if secure else ""
    return f"{COOKIE}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{tail}"
