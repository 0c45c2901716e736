"""What a deployment offers: which transports it serves, and whom it asks to compare the two."""

import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from duologue.pairing.vocabulary import PersonId

COMPARE_MS = 2000
"""How often who compares reads: the period of the polling that such a deployment comes from."""


class Transports(StrEnum):
    """The ways from the server to a page."""

    SSE = "sse"
    POLL = "poll"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Offer:
    """The same on all processes of a deployment, or people meet a refusal where they come back to."""

    transports: Transports = Transports.BOTH
    compare_percent: int = 0
    """Of the people, while both are served: how many hold their stream against reads."""
    ask_after: int = 0
    """Conversations in a row without a sign of a person after which their page asks them; 0: never."""

    @property
    def streams(self) -> bool:
        """Whether ``GET /v1/events`` is served."""
        return self.transports != Transports.POLL

    @property
    def polls(self) -> bool:
        """Whether ``GET /v1/state`` with a page is."""
        return self.transports != Transports.SSE

    def compares(self, person: PersonId) -> bool:
        """Whether this person does: the same ones always, on every process, at every page."""
        return self.transports == Transports.BOTH and zlib.crc32(person.encode()) % 100 < self.compare_percent

    def said_to(self, person: PersonId) -> dict[str, Any]:
        """What a snapshot tells a client of it."""
        said = self.said_to_all()
        return {**said, "compare_ms": COMPARE_MS} if self.compares(person) else said

    def said_to_all(self) -> dict[str, Any]:
        """Return what each snapshot and each answer to a poll tells."""
        said: dict[str, Any] = {"transports": self.transports}
        return {**said, "ask_after": self.ask_after} if self.ask_after else said
