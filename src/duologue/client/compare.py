"""How reads of the state and the event stream compare: alike, which knew first, or what must not be."""

from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from duologue.client.vocabulary import Match, Numbers, PersonState

MISSED_S = 5.0
"""A stream that has not brought by then what a read knew has lost it."""


class Comparison(StrEnum):
    """What a read came to; the fields of ``POST /v1/comparisons``."""

    SAME = "same"
    STREAM_FIRST = "stream_first"
    POLL_FIRST = "poll_first"
    MISSED = "missed"
    DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class Owed:
    """A version that a read knew and the stream has yet to reach."""

    version: int
    until_s: float
    """When it will be missed (monotonic)."""


@dataclass(frozen=True, slots=True)
class Read:
    """A read under way: what the stream had brought when it was sent."""

    version: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class StreamBook:
    """The stream's side: what it brought last, and which reads were ahead of it."""

    state: PersonState | None = None
    snapshots: int = 0
    """One may go back to an older state: a read that was under way meanwhile is not compared."""
    owed: tuple[Owed, ...] = ()

    def begun(self) -> Read | None:
        """A read is sent; ``None``: there is nothing to compare with."""
        return None if self.state is None else Read(self.state.version, self.snapshots)

    def streamed(self, state: PersonState, *, snapshot: bool) -> tuple["StreamBook", int]:
        """A state came by the stream; how many reads it caught up with, each ``poll_first``."""
        if not snapshot and self.state is not None and state.version <= self.state.version:
            return self, 0
        owed = tuple(one for one in self.owed if one.version > state.version)
        return StreamBook(state, self.snapshots + snapshot, owed), len(self.owed) - len(owed)

    def compared(
        self, read: Read, answer: PersonState, now_s: float
    ) -> tuple["StreamBook", Comparison | None]:
        """The read was answered; ``None``: it says nothing, or not yet."""
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
        """How many the stream missed by now."""
        owed = tuple(one for one in self.owed if one.until_s > now_s)
        return replace(self, owed=owed), len(self.owed) - len(owed)


def visible(state: PersonState) -> PersonState:
    """The state as both must tell it.

    Left out is what changes without a version (a sign that was met, the numbers of the messages) and what the
    process that answers puts in (servers and grants of the media).
    """
    match = _conversation(state.match) if state.match else None
    return msgspec.structs.replace(state, probe=None, match=match)


def _conversation(match: Match) -> Match:
    kept = {name: match.media.get(name) for name in ("kind", "role", "ready", "room")}
    return Match(match.match, match.started_at_ms, match.partner, kept, Numbers(1, 0))
