"""When a client gives up streams for polls. The first poll shows whether the server answers them."""

from dataclasses import dataclass
from http import HTTPStatus

ENOUGH = 3
"""So many streams in a row without a frame are not an accident: something on the way holds them back."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a stream, or a series of polls, is over."""

    status: int = 0
    """The status of a refusal; 0: the connection was lost, or was never made."""
    retry_after_s: float = 0.0
    held_back: bool = False
    """Whether it was open, or about to be, and brought nothing in time."""
    code: str = ""
    """The problem code of a refusal."""

    @property
    def final(self) -> bool:
        """Whether the same request will not succeed later, nor with another session."""
        passing = (HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        return 0 < self.status < HTTPStatus.INTERNAL_SERVER_ERROR and self.status not in passing


class Fallback:
    """The decision of one page."""

    def __init__(self) -> None:
        self._failures = 0
        self._held_back = False
        self.may_pass = False
        """Begin with streams that only broke off, as when a server restarts: another one is tried soon."""
        self.barred = False
        """Whether the server answers no polls."""

    def streamed(self) -> None:
        """Note that a stream brought something."""
        self._failures, self._held_back = 0, False

    def failed(self, end: End) -> None:
        """Note that a stream ended before its first frame."""
        self._held_back = self._held_back or end.held_back
        no_streams = end.status == HTTPStatus.NOT_FOUND
        self.may_pass = not self._held_back and not no_streams
        if no_streams:
            self.barred = False  # whatever it said before: it goes on with another setting
        if end.held_back or no_streams:
            self._failures = ENOUGH
        elif end.status != HTTPStatus.UNAUTHORIZED:
            self._failures += 1

    def serves(self, transports: str) -> None:
        """Note what the server offers: ``sse``, ``poll`` or ``both``."""
        self.barred = transports == "sse"

    @property
    def failing(self) -> bool:
        """Return whether no stream gets through."""
        return self._failures >= ENOUGH

    @property
    def wants_poll(self) -> bool:
        """Return whether to try a poll."""
        return not self.barred and self.failing
