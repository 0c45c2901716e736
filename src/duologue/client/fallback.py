"""When streams are given up for polls. Whether the server answers those, the first poll shows."""

from dataclasses import dataclass
from http import HTTPStatus

ENOUGH = 3
"""So many streams in a row without a frame are no accident: something on the way holds them up."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a stream, or a spell of polls, is over."""

    status: int = 0
    """Of a refusal; 0: the connection was lost, or was none."""
    retry_after_s: float = 0.0
    held_back: bool = False
    """It was open, or was to be, and brought nothing in time."""
    code: str = ""
    """Of a refusal, the problem's."""

    @property
    def final(self) -> bool:
        """The same request will not succeed later, nor with another session."""
        passing = (HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        return 0 < self.status < HTTPStatus.INTERNAL_SERVER_ERROR and self.status not in passing


class Fallback:
    """Of one page."""

    def __init__(self) -> None:
        self._failures = 0
        self._held_back = False
        self.may_pass = False
        """Streams broke off, as they do while a server starts again: nothing speaks against one soon."""
        self.barred = False
        """The server answers no polls."""

    def streamed(self) -> None:
        """The server was heard over a stream."""
        self._failures, self._held_back = 0, False

    def failed(self, end: End) -> None:
        """A stream ended before its first frame."""
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
        """What the server says of itself: ``sse``, ``poll`` or ``both``."""
        self.barred = transports == "sse"

    @property
    def failing(self) -> bool:
        """Whether no stream gets through."""
        return self._failures >= ENOUGH

    @property
    def wants_poll(self) -> bool:
        """Whether a poll is to be tried."""
        return not self.barred and self.failing
