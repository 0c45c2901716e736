"""Everything that a request can be refused for, and the one table that maps it to HTTP.

Refusals that are part of a conversation (a stale match, an unknown one) are not
problems: they are outcomes, answered with status 200.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from duologue.store.client import StoreBusy, StoreFull, StoreUnavailable

MEDIA_TYPE = "application/problem+json"
"""RFC 9457."""


class Code(StrEnum):
    """The stable ``code`` of a problem document; clients decide by it, people read ``detail``."""

    NO_TOKEN = "no-token"  # noqa: S105  # a word of the protocol, no secret
    BAD_TOKEN = "bad-token"  # noqa: S105  # likewise
    TWO_COOKIES = "two-cookies"
    NOT_JSON = "not-json"
    POLLING_OFF = "polling-off"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    BODY_TOO_LARGE = "body-too-large"
    MALFORMED = "malformed"
    UNKNOWN_FIELD = "unknown-field"
    MISSING_FIELD = "missing-field"
    BAD_FIELD = "bad-field"
    BAD_NAME = "bad-name"
    RESERVED_NAME = "reserved-name"
    UNKNOWN_POOL = "unknown-pool"
    NO_PAGE = "no-page"
    CONVERSATION_FULL = "conversation-full"
    TOO_MANY = "too-many"
    NETWORK_FULL = "network-full"
    BANNED = "banned"
    WARNED = "warned"
    TERMS_NOT_AGREED = "terms-not-agreed"
    NOT_ALLOWED = "not-allowed"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    REPORT_NOT_KEPT = "report-not-kept"


STATUS: Mapping[Code, HTTPStatus] = {
    Code.NO_TOKEN: HTTPStatus.UNAUTHORIZED,
    Code.BAD_TOKEN: HTTPStatus.UNAUTHORIZED,
    Code.TWO_COOKIES: HTTPStatus.UNAUTHORIZED,
    Code.NOT_JSON: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Code.POLLING_OFF: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Code.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.MALFORMED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNKNOWN_FIELD: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.MISSING_FIELD: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.BAD_FIELD: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.BAD_NAME: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.RESERVED_NAME: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNKNOWN_POOL: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NO_PAGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.CONVERSATION_FULL: HTTPStatus.CONFLICT,
    Code.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Code.NETWORK_FULL: HTTPStatus.TOO_MANY_REQUESTS,
    Code.BANNED: HTTPStatus.FORBIDDEN,
    Code.WARNED: HTTPStatus.FORBIDDEN,
    Code.TERMS_NOT_AGREED: HTTPStatus.FORBIDDEN,
    Code.NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.REPORT_NOT_KEPT: HTTPStatus.SERVICE_UNAVAILABLE,
}

RETRY_AFTER_S = "1"
"""A store that fails over is back within seconds, and commands can be repeated."""

_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": RETRY_AFTER_S},
    # A defect is raised again after its answer, and the server then closes the connection.
    HTTPStatus.INTERNAL_SERVER_ERROR: {"Connection": "close"},
}


class Problem(Exception):  # the word of RFC 9457
    """A request that is refused. Nothing was changed, unless its code is ``unavailable`` or
    ``report-not-kept``: see there."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
        sanction: bytes = b"",
        terms_version: str = "",
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        """The field that it is about, as a path: ``data.from``."""
        self.retry_after_s = retry_after_s
        self.sanction = sanction
        """What a moderator decided about the person, as JSON."""
        self.terms_version = terms_version
        """The version of the rules that the person has to agree to first."""


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document, as an ASGI application that can answer any request."""
    status = STATUS[problem.code]
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.field is not None:
        document["field"] = problem.field
    if problem.sanction:
        document["sanction"] = msgspec.Raw(problem.sanction)
    if problem.terms_version:
        document["terms_version"] = problem.terms_version
    more = dict(headers or {})
    if problem.retry_after_s is not None:
        more["Retry-After"] = str(problem.retry_after_s)
    fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(
        msgspec.json.encode(document),
        status_code=status,
        headers={**fixed, **_HEADERS.get(status, {}), **more},
        media_type=MEDIA_TYPE,
    )


def unavailable(retry_after_s: int | None = None) -> Problem:
    """The store is away or full, or its answer was lost on the way; the caller may repeat."""
    return Problem(
        Code.UNAVAILABLE,
        "the store is unavailable at the moment: this may or may not have taken effect; send it again",
        retry_after_s=retry_after_s,
    )


def busy(retry_after_s: int) -> Problem:
    """Return the problem of a request for whose call to the store there was no time. Nothing was changed."""
    return Problem(
        Code.UNAVAILABLE,
        f"too much is asked of this server for the moment; nothing was changed: send this again "
        f"in {retry_after_s} s",
        retry_after_s=retry_after_s,
    )


def banned(sanction: bytes) -> Problem:
    """Return the problem of a person, or a device, that a moderator keeps out; it says until when."""
    return Problem(
        Code.BANNED,
        "a moderator keeps you out until the instant that the sanction names: read it, and come back then",
        sanction=sanction,
    )


def warned(sanction: bytes) -> Problem:
    """Return the problem of a join before a warning was confirmed."""
    return Problem(
        Code.WARNED,
        "a moderator warned you: confirm the warning with POST /v1/confirm, and join again",
        sanction=sanction,
    )


def terms_not_agreed(version: str) -> Problem:
    """Return the problem of a join by a person who did not agree to the present rules."""
    return Problem(
        Code.TERMS_NOT_AGREED,
        f"show your person the rules of version {version}; if they agree, join again with it as terms",
        field="terms",
        terms_version=version,
    )


def report_not_kept() -> Problem:
    """Return the problem of a report that could not be kept. The block, and the skip, took effect."""
    return Problem(
        Code.REPORT_NOT_KEPT,
        "this person is blocked, but there is no room for the report at the moment: send it again",
    )


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error)


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refused = Problem(Code.METHOD_NOT_ALLOWED, f"{request.method} is not served at this path")
        return answer(refused, error.headers)
    return answer(Problem(Code.NOT_FOUND, "nothing is served at this path"))


async def _store(_request: Request, error: Exception) -> Response:
    if isinstance(error, StoreBusy):
        return answer(busy(error.retry_after_s))
    return answer(unavailable())


async def _gone(_request: Request, _error: Exception) -> Response:
    return answer(
        Problem(Code.MALFORMED, "the request ended before its whole body had arrived: send it again")
    )


async def _defect(_request: Request, _error: Exception) -> Response:
    return answer(Problem(Code.INTERNAL, "an error of the server, which was logged: try again later"))


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _problem,
    HTTPException: _routing,
    StoreUnavailable: _store,
    StoreFull: _store,
    ClientDisconnect: _gone,
    Exception: _defect,
}
"""What was raised → what is answered. Anything not named here is a defect: logged by the server, 500."""
