"""Which pages of other origins may read our answers (the Fetch standard's CORS protocol).

A page of another origin has its own bearer token. Only pages that the settings list for it may also use the
cookie. Every answer below ``/v1`` says who may read it, so a page can read refusals and errors, too.
"""

from collections.abc import Awaitable, Collection

from starlette.responses import Response
from starlette.types import Message, Send

ANY = "*"
METHODS = "GET, POST"
HEADERS = "Authorization, Content-Type, Last-Event-ID"
EXPOSED = "Retry-After"
"""Header fields that a page of another origin may read: when to send a 429 or 503 again."""
PREFLIGHT_S = 7200
"""How long a browser may remember a preflight: Chromium's maximum."""
SERVED = "/v1/"

Fields = tuple[tuple[bytes, bytes], ...]

NOBODY: Fields = ((b"vary", b"Origin"),)
"""Header fields for an answer that no page of another origin may read. It has ``Vary``, too, for caches."""


class CrossOrigin:
    """Which origins may read the answers.

    ``by_cookie``: origins for which the cookie counts (``identity.credentials.Origins``);
    ``by_bearer``: those that may come with a bearer token, or ``*``.
    """

    def __init__(self, *, by_cookie: Collection[str] = (), by_bearer: Collection[str] = ()) -> None:
        self._by_cookie = frozenset(map(_as_sent, by_cookie))
        self._by_bearer = frozenset(map(_as_sent, by_bearer))

    def fields(self, origin: str | None) -> Fields:
        """Return the header fields that let a page of this origin read an answer."""
        asks = _as_sent(origin or "")
        if not asks or not (asks in self._by_cookie or asks in self._by_bearer or ANY in self._by_bearer):
            return NOBODY
        granted = (
            *NOBODY,
            (b"access-control-allow-origin", asks.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED.encode()),
        )
        if asks in self._by_cookie:
            return (*granted, (b"access-control-allow-credentials", b"true"))
        return granted


class Shared:
    """A ``send`` that adds header fields to the beginning of an answer, and knows whether it has begun."""

    __slots__ = ("fields", "send", "started")

    def __init__(self, send: Send, fields: Fields) -> None:
        self.send = send
        self.fields = fields
        self.started = False

    def __call__(self, message: Message) -> Awaitable[None]:
        """Pass the message on."""
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": [*message.get("headers", ()), *self.fields]}
        return self.send(message)


def _as_sent(origin: str) -> str:
    return origin.rstrip("/").lower()


def preflight(fields: Fields) -> Response:
    """Return 204 with what is allowed; a browser does not send the rest."""
    response = Response(status_code=204)
    response.raw_headers += fields
    if len(fields) > 1:
        response.raw_headers += [
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", HEADERS.encode()),
            (b"access-control-max-age", str(PREFLIGHT_S).encode()),
        ]
    return response
