"""Server-sent events out of bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

MAX_EVENT_CHARACTERS = 1_000_000
"""Maximum size of an event: our server sends at most 64 KiB, so a longer one is from another server."""


class BadStream(ValueError):
    """Report bytes that are not an event stream."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event with data."""

    data: str
    id: str
    """The last event id of the stream, which a reconnect sends."""


class Parser:
    """Parses bytes as they arrive, cut anywhere. ``retry_ms``, ``last_id``: what the stream set last."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry_ms: int | None = None
        # Bytes may be cut in mid-character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._data: list[str] = []
        self._id = last_id

    def feed(self, data: bytes) -> Iterator[Event]:
        """Return the events that these bytes complete. Raises ``BadStream``."""
        text = self._rest + self._decoder.decode(data)
        # Only "\n" ends a line here: our server writes nothing else, and JSON has no raw one.
        *lines, self._rest = text.split("\n")
        if len(self._rest) > MAX_EVENT_CHARACTERS:
            raise BadStream("a line that does not end")
        for line in lines:
            if line.rstrip("\r"):
                self._field(line.rstrip("\r"))
            elif event := self._dispatch():
                yield event

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry_ms = int(value)

    def _dispatch(self) -> Event | None:
        self.last_id = self._id
        if not self._data:
            return None
        data, self._data = "\n".join(self._data), []
        return Event(data, self.last_id)
