"""The port to HTTP: a request, and a stream that is read."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. Header names are lower-case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class ByteStream(Protocol):
    """The open body of an answer."""

    @property
    def status(self) -> int:
        """200, unless it is an answer that ends at once."""

    async def read(self) -> bytes:
        """Return what arrived, as soon as something did; empty at the end. Raises ``Unreached``."""


class Transport(Protocol):
    """One server, or several that share a store. Raises ``Unreached`` if there is no answer."""

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        """Send one request and return its whole answer. If it is cancelled, it may have taken effect."""

    def stream(
        self, path: str, *, token: str, last_event_id: str = ""
    ) -> AbstractAsyncContextManager[ByteStream]:
        """Send a ``GET`` whose body continues; leaving the block closes the socket."""
