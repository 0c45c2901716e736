"""Rooms of the model: one entry a match that has, or may have, a room at the media server."""

from dataclasses import dataclass, field

from duologue.pairing.timings import RoomRules
from duologue.pairing.vocabulary import RoomWorkKind
from tests.model.people import Match


@dataclass(slots=True, eq=False)
class Room:
    """What is left to be done for the room of a match."""

    match: Match
    due: int | None
    """``None``: nothing; it is open."""
    closing: bool = False
    claim: int = 0
    """Whose work it is now; 0: no one's."""
    begun: int = 0
    """When that work was taken on."""
    creates: list[int] = field(default_factory=list)
    """Every claim to open it."""
    unheard: bool = True
    """Whether a create may be running whose result is unknown."""
    last_create: int = 0
    tries: int = 0
    opened_at: int = 0
    acked: set[str] = field(default_factory=set)
    present: set[str] = field(default_factory=set)
    """Who is in it, as the media server said of their present page."""


class Rooms:
    """The outbox, and whether rooms open at all."""

    def __init__(self, rules: RoomRules) -> None:
        self.rules = rules
        self.now = 0
        self.entries: dict[Match, Room] = {}
        self.claims = 0
        self.down = False
        self.flipped = 0
        self.newest_opened = 0

    def wants(self, match: Match) -> None:
        match.ready = False
        self.entries[match] = Room(match, self.now)

    def ends(self, match: Match, *, at_once: bool = False) -> None:
        room = self.entries[match]
        if not room.creates:
            del self.entries[match]
            return
        room.closing, room.claim, room.begun, room.tries = True, 0, 0, 0
        room.due = self.now + self.rules.close_ms if match.ready and not at_once else self.now

    def claim(self) -> list[tuple[RoomWorkKind, Match, int]]:
        """All that is due: what is to be opened, then what is to be deleted, each the longest due first."""
        due = [
            (room.closing, room.due, room.match.number, room)
            for room in self.entries.values()
            if room.due is not None and room.due <= self.now
        ]
        works = []
        for *_, room in sorted(due, key=lambda each: each[:3]):
            self.claims += 1
            room.claim, room.begun, room.due = self.claims, self.now, self.now + self.rules.claim_ms
            room.tries += 1
            if not room.closing:
                room.creates.append(room.claim)
                room.last_create = self.now
            kind = RoomWorkKind.CLOSE if room.closing else RoomWorkKind.OPEN
            works.append((kind, room.match, room.claim))
        return works

    def opened(self, match: Match, claim: int) -> bool:
        """True if its people learn of it now, or did before."""
        room = self.entries.get(match)
        if room is None:
            # Somebody made a room of a match that is over: it must go.
            self.entries[match] = Room(match, self.now, closing=True, unheard=False)
            return False
        if room.creates == [claim]:
            room.unheard = False
        if room.closing:
            return False
        if room.due is not None:
            room.due, room.claim, room.opened_at, match.ready = None, 0, self.now, True
            self.newest_opened = room.begun
            self.up(room.begun)
        return True

    def failed(self, match: Match, claim: int) -> bool:
        room = self.entries.get(match)
        if room is None or not claim or room.claim != claim:
            return False
        most = self.rules.close_retry_most_ms if room.closing else self.rules.open_retry_most_ms
        room.claim, room.due = 0, self.now + min(self.rules.retry_ms << (room.tries - 1), most)
        return True

    def gone(self, match: Match, claim: int) -> str:
        room = self.entries.get(match)
        if room is None or not room.closing or room.claim != claim:
            return "stale"
        late = room.last_create + self.rules.create_ms if room.unheard and room.creates else 0
        if room.begun >= late:
            del self.entries[match]
            return "gone"
        room.claim, room.due = 0, min(late, self.now + self.rules.again_ms)
        return "again"

    def listed(self, match: Match) -> None:
        """The room is there although its deletion was tried before: the next try need not wait."""
        room = self.entries.get(match)
        if room and room.closing and room.begun and not room.claim:
            room.due = self.now

    def ack(self, match: Match, person: str) -> None:
        room = self.entries.get(match)
        if room and room.closing and not room.begun:
            room.acked.add(person)
            if len(room.acked) == 2:
                room.due = self.now

    def went_down(self, since: int) -> bool:
        if self.newest_opened > since:
            return False
        if not self.down:
            self.down, self.flipped = True, self.now
        return True

    def up(self, since: int) -> bool:
        if self.down and self.flipped > since:
            return False
        if self.down:
            self.down, self.flipped = False, self.now
        return True
