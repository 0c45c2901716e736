"""What goes wrong between a client and a server. An expected refusal (``stale``) is an outcome, not an
error."""

from http import HTTPStatus

PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""The only two of the 400s after which the same request may succeed."""


class ClientError(Exception):
    """Base of this package's errors."""


class Unreached(ClientError):
    """No answer: whether the command took effect is not known. Every command can be repeated."""


class Refused(ClientError):
    """The server answered with a problem document (RFC 9457): nothing was changed, unless it is a 503."""

    def __init__(self, status: int, code: str, detail: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def passing(self) -> bool:
        """Return whether the same request may succeed later."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status in PASSING
