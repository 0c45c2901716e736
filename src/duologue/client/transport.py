"""The port to HTTP: a request, and a stream that is read."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request. Header names are lower-case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class ByteStream(Protocol):
    """The open body of an answer."""

    @property
    def status(self) -> int:
        """200, unless it is an answer that ends at once."""

    async def read(self) -> bytes:
        """What came, as soon as something did; empty at the end. Raises ``Unreached``."""


class Transport(Protocol):
    """One server, or several that share a store. Raises ``Unreached`` when nobody answers."""

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        """One request and its whole answer. Cancelled, the request may have been carried out."""

    def stream(
        self, path: str, *, token: str, last_event_id: str = ""
    ) -> AbstractAsyncContextManager[ByteStream]:
        """A ``GET`` whose body goes on; leaving the context closes the socket."""
