"""How a read of the state and the event stream compare: equal, which knew first, or different."""

from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from duologue.client.vocabulary import Match, Numbers, PersonState

MISSED_S = 5.0
"""Time after which a stream that has not brought what a read knew has lost it."""


class Comparison(StrEnum):
    """The result of a read; the fields of ``POST /v1/comparisons``."""

    SAME = "same"
    STREAM_FIRST = "stream_first"
    POLL_FIRST = "poll_first"
    MISSED = "missed"
    DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class Owed:
    """A version that a read knew and that the stream has not reached yet."""

    version: int
    until_s: float
    """When it counts as missed (monotonic)."""


@dataclass(frozen=True, slots=True)
class Read:
    """A read in progress: what the stream had brought when it was sent."""

    version: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class StreamBook:
    """The stream's side: what it brought last, and which reads were ahead of it."""

    state: PersonState | None = None
    snapshots: int = 0
    """Count of snapshots. A snapshot may go back to an older state, so a read that was in progress
    meanwhile is not compared."""
    owed: tuple[Owed, ...] = ()

    def begun(self) -> Read | None:
        """Note that a read is sent; ``None``: there is nothing to compare it with."""
        return None if self.state is None else Read(self.state.version, self.snapshots)

    def streamed(self, state: PersonState, *, snapshot: bool) -> tuple["StreamBook", int]:
        """Note a state of the stream; return how many reads it caught up with, each ``poll_first``."""
        if not snapshot and self.state is not None and state.version <= self.state.version:
            return self, 0
        owed = tuple(one for one in self.owed if one.version > state.version)
        return StreamBook(state, self.snapshots + snapshot, owed), len(self.owed) - len(owed)

    def compared(
        self, read: Read, answer: PersonState, now_s: float
    ) -> tuple["StreamBook", Comparison | None]:
        """Note the answer of a read; ``None``: it proves nothing, or not yet."""
        state = self.state
        if state is None or read.snapshots != self.snapshots:
            return self, None
        if answer.version > state.version:
            return replace(self, owed=(*self.owed, Owed(answer.version, now_s + MISSED_S))), None
        if answer.version < state.version:
            late = answer.version < read.version
            return self, Comparison.DIFFER if late else Comparison.STREAM_FIRST
        same = visible(answer) == visible(state)
        return self, Comparison.SAME if same else Comparison.DIFFER

    def overdue(self, now_s: float) -> tuple["StreamBook", int]:
        """Return how many versions the stream has missed by now."""
        owed = tuple(one for one in self.owed if one.until_s > now_s)
        return replace(self, owed=owed), len(self.owed) - len(owed)


def visible(state: PersonState) -> PersonState:
    """Return the parts of the state that a read and the stream must both have.

    It leaves out what changes without a version (an answered probe, the numbers of the messages) and what
    the answering process adds (servers and grants of the media).
    """
    match = _conversation(state.match) if state.match else None
    return msgspec.structs.replace(state, probe=None, match=match)


def _conversation(match: Match) -> Match:
    kept = {name: match.media.get(name) for name in ("kind", "role", "ready", "room")}
    return Match(match.match, match.started_at_ms, match.partner, kept, Numbers(1, 0))
