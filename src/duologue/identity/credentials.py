"""Where a request carries its session token, and when a cookie counts.

A browser sends a cookie with requests of any page, but only a page that has a bearer token can send one. So
for a page of another origin the cookie does not exist: it is neither read nor set.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

COOKIE = "duologue_session"
DEVICE_COOKIE = "duologue_device"
HOST_PREFIX = "__Host-"
"""Browsers take a cookie of such a name only from this very host, over TLS and for all paths (RFC 6265bis,
section 4.1.3.2): no neighbour can set one, and there are never two."""
_PORT = re.compile(r":([0-9]{1,5})\Z")

WEB = ("https://", "http://")
FOREIGN_SITES = ("cross-site", "same-site")
"""``Sec-Fetch-Site`` of a page of another origin (W3C Fetch Metadata). ``same-site`` is another port or
subdomain. The other values are our own page (``same-origin``) and the address bar (``none``)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, and how it came."""

    token: str
    by_cookie: bool


@dataclass(frozen=True, slots=True)
class TwoCookies:
    """Two cookies of one name with different values. The order in which they come means nothing."""

    name: str


class Origins:
    """Which pages are ours: those of the host that was asked, and those of the settings."""

    def __init__(self, listed: Collection[str] = ()) -> None:
        """Take ``listed``: origins such as ``https://chat.example``, for a proxy that rewrites ``Host``."""
        self._listed = frozenset(origin.rstrip("/").lower() for origin in listed)

    def is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Return whether a page of another origin is asking. A client without an origin is not a page.

        Hosts are compared, not schemes, because a proxy that ends TLS asks us over plain HTTP. A link from
        another page brings the cookie (``SameSite=Lax``) and no origin, but ``Sec-Fetch-Site`` still shows
        where it came from.
        """
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") in FOREIGN_SITES
        if origin.lower() in self._listed:
            return False
        asked = headers.get("host", "").lower()
        if origin.startswith(WEB) and asked and origin.partition("://")[2] == asked:
            return False  # as a browser writes it; the rest is for clients that write it otherwise
        return not asked or _netloc(origin) != asked


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:  # a bracket that opens no IPv6 address
        return None


def find(
    headers: Mapping[str, str], origins: Origins, *, secure: bool = False
) -> Credential | TwoCookies | None:
    """Return the token of a request: a bearer token is used before the cookie. ``headers`` has lower-case
    names.

    ``secure``: whether the browser asked over TLS, which is part of the cookie's name. Another scheme in
    ``Authorization`` (such as a proxy's ``Basic``) is ignored.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credential(token.strip(), by_cookie=False)
    value = own_cookie(COOKIE, headers, origins, secure=secure)
    return Credential(value, by_cookie=True) if isinstance(value, str) else value


def own_cookie(
    what: str, headers: Mapping[str, str], origins: Origins, *, secure: bool
) -> str | TwoCookies | None:
    """Return the value of our cookie ``what`` in a request; ``None`` if there is none that counts."""
    if origins.is_foreign(headers):
        return None
    return cookie(headers.get("cookie", ""), cookie_name(what, headers.get("host", ""), secure=secure))


def cookie_name(what: str, host: str, *, secure: bool) -> str:
    """Return the name under which a browser keeps the cookie ``what`` for the server at ``host``.

    Browsers keep cookies by host, not by port. So the name carries the port where it is not the default of
    its scheme, or two servers on one host would overwrite each other's. Example: ``duologue_session_9000``
    for ``localhost:9000``, ``__Host-duologue_session`` for ``chat.example`` behind TLS.
    """
    found = _PORT.search(host)
    port = int(found[1]) if found else 0
    tail = "" if port in (0, 443 if secure else 80) else f"_{port}"
    return f"{HOST_PREFIX if secure else ''}{what}{tail}"


def cookie(header: str, name: str) -> str | TwoCookies | None:
    """Return the value of the cookie ``name`` in a ``Cookie`` header; ``None``: there is none.

    ``http.cookies`` gives up on the whole header at the first foreign cookie that
    it cannot read, and other programs on the same host do set such.
    """
    if name not in header:
        return None
    values = set[str]()
    for pair in header.split(";"):
        each, _, value = pair.strip().partition("=")
        if each == name and value:
            values.add(value)
    if len(values) > 1:
        return TwoCookies(name)
    return next(iter(values), None)


def set_cookie(name: str, value: str, max_age_s: int, *, secure: bool) -> str:
    """Return the ``Set-Cookie`` value that keeps a cookie out of the reach of scripts."""
    tail = "; Secure" if secure else ""
    return f"{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{tail}"
