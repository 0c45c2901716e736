"""Pages of other origins: which may read what we answer (the Fetch standard's CORS protocol).

A page of another origin comes with a bearer token of its own; only those that the
settings list for it may also come with the cookie. Around the whole application, so
that a refusal, and a defect of ours, can be read by the page as well.
"""

from collections.abc import Awaitable, Collection

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
METHODS = "GET, POST"
HEADERS = "Authorization, Content-Type, Last-Event-ID"
EXPOSED = "Retry-After"
"""When to come back, of a 429 or a 503; of others' headers a page can read the harmless ones anyway."""
PREFLIGHT_S = 7200
"""How long a browser may remember a preflight: as long as Chromium does at most."""
SERVED = "/v1/"

Fields = list[tuple[bytes, bytes]]


class CrossOrigin:
    """The application as pages elsewhere meet it. Of a stream only its beginning passes through here.

    ``by_cookie``: origins for which the cookie counts (``identity.credentials.Origins``);
    ``by_bearer``: those that may come with a bearer token, or ``*``.
    """

    def __init__(self, app: ASGIApp, *, by_cookie: Collection[str], by_bearer: Collection[str]) -> None:
        self._app = app
        self._by_cookie = frozenset(map(_as_sent, by_cookie))
        self._by_bearer = frozenset(map(_as_sent, by_bearer))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Preflights are answered for every path below ``/v1``; every other answer says who may read it.

        No coroutine of its own: there would be one more, 0.25 kB, for as long as each stream is open.
        """
        if scope["type"] != "http" or not scope["path"].startswith(SERVED):
            return self._app(scope, receive, send)
        headers = Headers(scope=scope)
        fields = self._fields(headers.get("origin"))
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return _preflight(fields)(scope, receive, send)

        def shared(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *fields]}
            return send(message)

        return self._app(scope, receive, shared)

    def _fields(self, origin: str | None) -> Fields:
        """What lets a page of this origin read the answer; ``Vary`` also where nothing does (caches)."""
        fields: Fields = [(b"vary", b"Origin")]
        asks = _as_sent(origin or "")
        if not asks or not (asks in self._by_cookie or asks in self._by_bearer or ANY in self._by_bearer):
            return fields
        fields += [
            (b"access-control-allow-origin", asks.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED.encode()),
        ]
        if asks in self._by_cookie:
            fields.append((b"access-control-allow-credentials", b"true"))
        return fields


def _as_sent(origin: str) -> str:
    return origin.rstrip("/").lower()


def _preflight(fields: Fields) -> Response:
    """204; what it does not allow, the browser does not send."""
    response = Response(status_code=204)
    response.raw_headers += fields
    if len(fields) > 1:
        response.raw_headers += [
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", HEADERS.encode()),
            (b"access-control-max-age", str(PREFLIGHT_S).encode()),
        ]
    return response
