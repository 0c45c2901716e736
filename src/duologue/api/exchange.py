"""One request, read once and parsed within bounds, and its reply, which is sent in one piece."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from duologue.api.gate import is_secure
from duologue.api.guard import REPLY
from duologue.api.problems import Code, Problem

JSON = "application/json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Fields = Iterable[tuple[bytes, bytes]]
"""Header fields as ASGI has them."""

READ = frozenset(
    {
        b"access-control-request-method",
        b"authorization",
        b"content-length",
        b"content-type",
        b"cookie",
        b"host",
        b"origin",
        b"sec-fetch-mode",
        b"sec-fetch-site",
    }
)
"""The headers that are read below ``/v1``. To decode all that a browser sends takes twice as long."""

_FIRST = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_JSON = (b"content-type", b"application/json")


PARAMETERS_MAX = 16
"""Parameters of a query: no request has more than five. A head of 32 KiB could hold 16,000 of them."""


def query_of(scope: Scope) -> Mapping[str, str]:
    """Return the parameters of the query; the last one counts if a name comes twice.

    Raises ``Problem`` (422) for too many, before they are taken apart.
    """
    text = scope["query_string"].decode("latin-1")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMETERS_MAX))
    except ValueError as error:
        raise Problem(
            Code.BAD_FIELD, f"the query has more than {PARAMETERS_MAX} parameters: send the documented ones"
        ) from error


class HttpReply(NamedTuple):
    """A JSON answer that no cache keeps; ``fields`` are further header fields."""

    body: bytes
    status: int = 200
    fields: Fields = ()


class Exchange:
    """One request of one client. Its headers are decoded once, and its body is read where it is needed."""

    __slots__ = ("headers", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive, headers: Mapping[str, str]) -> None:
        """``headers`` is what ``headers_of`` returns for this scope."""
        self.scope = scope
        self.receive = receive
        self.headers = headers

    @property
    def secure(self) -> bool:
        """Return whether the browser asked over TLS."""
        return is_secure(self.scope)

    @property
    def query(self) -> Mapping[str, str]:
        """Return what ``query_of`` finds. Raises ``Problem`` (422)."""
        return query_of(self.scope)

    def must_be_json(self) -> None:
        """Refuse a body whose content type is not JSON. Raises ``Problem`` (415).

        A page of another origin can post text, a form, or a body without a type (the Fetch standard's
        "simple" requests). For JSON a browser first asks us with a preflight. So such a page cannot cause
        anything.
        """
        given = self.headers.get("content-type", "")
        if given != JSON and given.partition(";")[0].strip().lower() != JSON:
            raise Problem(Code.NOT_JSON, "send the body with the header Content-Type: application/json")

    async def content(self, most: int) -> bytes:
        """Return the body as it came. Raises ``Problem`` (413), ``ClientDisconnect``.

        At most ``most`` bytes are kept. They are counted as they arrive, because a chunked body announces
        no length (RFC 9112 section 7.1).
        """
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > most:
            raise _too_large(most)
        body = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece: bytes = message.get("body", b"")
            if len(body) + len(piece) > most:
                raise _too_large(most)
            if not message.get("more_body", False):
                return bytes(body + piece) if body else piece
            body += piece


Handler = Callable[[Exchange], Awaitable[HttpReply]]
"""Answers one request. It may raise ``Problem``, before it changes anything."""


class Endpoint(NamedTuple):
    """What is served at a path, and by which method."""

    method: str
    handle: Handler


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers of ``READ`` by lower-case names; the first one counts if a name comes twice."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in reversed(scope["headers"])
        if name in READ
    }


async def deliver(reply: HttpReply, more: Fields, scope: Scope, send: Send) -> None:
    """Send the reply, with ``more`` header fields behind its own."""
    length = (b"content-length", b"%d" % len(reply.body))
    await send_whole(reply.status, [*_FIRST, length, _JSON, *reply.fields, *more], reply.body, scope, send)


async def send_whole(status: int, fields: Fields, body: bytes, scope: Scope, send: Send) -> None:
    """Send an answer whose length is in its ``fields``, in one message if the server supports that."""
    if REPLY in (scope.get("extensions") or ()):
        await send({"type": REPLY, "status": status, "headers": fields, "body": body})
        return
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def as_json(body: bytes, status_code: int = 200) -> Response:
    """Return the same as a response of Starlette, for the pages that Starlette serves."""
    return Response(body, status_code=status_code, headers=HEADERS, media_type="application/json")


def _too_large(most: int) -> Problem:
    return Problem(Code.BODY_TOO_LARGE, f"a body may have {most} bytes")


# --- bodies --------------------------------------------------------------------------------

_SHOWN_CHARS = 200
"""How much of the caller's own text a problem repeats."""


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """An object with the fields that it names, and no others."""


T = TypeVar("T", bound=Body)


def parse(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Parse, or raise the ``Problem`` that says which field is wrong and how."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if not _is_object(body):
            raise _malformed() from error
        raise _refused(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed() from error


def _malformed() -> Problem:
    return Problem(Code.MALFORMED, "the body is not one JSON object in UTF-8; with nothing to say, send {}")


def _is_object(body: bytes) -> bool:
    """Return whether it is an object. Only refused bodies are asked: a wrong field is reported before a
    broken part after it."""
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _refused(message: str) -> Problem:
    """Return the problem of a body that msgspec refused. Its kinds of refusal differ only in their text;
    the tests pin the three forms.

    ``Object contains unknown field `x```, ``Object missing required field `x```, and what is wrong with a
    value; each may end in `` - at `$.path```.
    """
    what, _, where = message.partition(" - at `$")
    path = where.removesuffix("`").lstrip(".")
    if what.startswith("Object contains unknown field "):
        return _about(Code.UNKNOWN_FIELD, "there is no such field here", path, what)
    if what.startswith("Object missing required field "):
        return _about(Code.MISSING_FIELD, "this field is needed", path, what)
    return Problem(Code.BAD_FIELD, what[:_SHOWN_CHARS], field=path[:_SHOWN_CHARS] or None)


def _about(code: Code, detail: str, path: str, what: str) -> Problem:
    name = what.split("`", 1)[1].removesuffix("`")
    field = f"{path}.{name}" if path else name
    return Problem(code, detail, field=field[:_SHOWN_CHARS])
