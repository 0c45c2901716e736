"""One person's one connection: what was told last, what is held back meanwhile, and why it ended.

Everything here happens in one event loop without a wait in between, so each
method is a step. The hub hands in publications; how they are told is said in
``stream`` (frames on an event stream) and in ``poll`` (replies to polls).
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import structlog

from duologue.delivery.contact import Contact
from duologue.delivery.offer import Offer
from duologue.delivery.publication import ForConnection, KeptOut, Message, Signal, StateFrames, Superseded
from duologue.media.port import MediaPort
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import (
    NO_MARKS,
    Attached,
    ConnectionId,
    DetachCause,
    Held,
    LastRead,
    Marks,
    Note,
    PageId,
    PersonId,
    Seen,
    is_newer,
)

log = structlog.get_logger(__name__)

NOTHING_SEEN = Seen(0, "", 0, 0)
MAX_HELD = 256
"""Publications kept while an attach is under way; of any more the re-attach loop finds what they said."""


class End(StrEnum):
    """Why a connection ended: for streams the ``reason`` of ``duologue_streams_ended_total``."""

    CLOSED = "closed"
    SLOW = "slow"
    SESSION_ENDED = "session-ended"
    TAKEN_OVER = "taken-over"
    REPLACED = "replaced"
    REFUSED = "refused"
    DRAIN = "drain"
    STORE_AWAY = "store-away"
    DEFECT = "defect"
    CROWDED = "crowded"
    BARRED = "barred"

    @property
    def detach(self) -> DetachCause | None:
        """How the state machine is told; ``None``: the record names a later connection by now."""
        match self:
            case End.CLOSED | End.SLOW | End.SESSION_ENDED | End.BARRED:
                return DetachCause.CLOSED
            case End.DRAIN | End.STORE_AWAY | End.DEFECT:
                return DetachCause.OURS
            case End.TAKEN_OVER | End.REPLACED | End.REFUSED | End.CROWDED:
                return None


class _Messages(msgspec.Struct):
    first: int = 1
    last: int = 0


class _Match(msgspec.Struct):
    match: str
    messages: _Messages = msgspec.field(default_factory=_Messages)


class StateHead(msgspec.Struct):
    """What delivery reads of a state."""

    version: int
    match: _Match | None = None
    probe: msgspec.Raw = msgspec.Raw()


class FrameHead(msgspec.Struct):
    type: str
    at_ms: int = 0
    reason: str = ""

    @property
    def tells_of_a_skip(self) -> bool:
        """Whether a partner's skip is told by it: the project's first measurement."""
        return self.type == "force-disconnect" and self.reason == "partner-skipped"


_state_head = msgspec.json.Decoder(StateHead).decode
head_of = msgspec.json.Decoder(FrameHead).decode
"""What delivery reads of a frame."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all connections of a process tell with."""

    media: MediaPort
    contact: Contact
    metrics: Metrics
    offer: Offer
    on_doubt: Callable[["Connection"], None]
    """Called when something was missed: the re-attach loop looks at that connection."""

    @property
    def now_ms(self) -> float:
        """The store's clock: all instants on the wire are its."""
        return self.contact.store_clock.now_ms()


class Turn:
    """A lock that tells whether it can be had without waiting, also for those who wait already (race E41)."""

    __slots__ = ("_lock", "_wanted")

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._wanted = 0

    @property
    def is_free(self) -> bool:
        """Return whether the turn is free and not waited for."""
        return self._wanted == 0

    async def __aenter__(self) -> None:
        """Take it, in order."""
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        """Give it back."""
        self.give_back()

    async def take(self) -> None:
        """Wait until it is ours. Does not wait if it is free."""
        self._wanted += 1
        try:
            await self._lock.acquire()
        except BaseException:  # cancelled too: it is not wanted any more
            self._wanted -= 1
            raise

    def give_back(self) -> None:
        """Leave it to the next one."""
        self._wanted -= 1
        self._lock.release()


class Connection(ABC):
    """What a process knows of one connection of one page of one person."""

    def __init__(
        self,
        person: PersonId,
        page: PageId,
        connection: ConnectionId,
        means: Means,
        *,
        alias: str,
        after: LastRead,
        expires_at_ms: int,
        marks: Marks = NO_MARKS,
    ) -> None:
        self.person = person
        self.page = page
        self.id = connection
        self.alias = alias
        self.after = after
        self.expires_at_ms = expires_at_ms
        self.marks = marks
        self.claimed = False
        """Whether the store may know this connection: an attach was sent, and not refused."""
        self.attached_at_ms = 0
        self.snapshot_of = -1
        """The generation of suspicion that this connection's last snapshot answered."""
        self.version = 0
        """Told last; a snapshot sets it, downwards too."""
        self.match = ""
        self.owing = False
        self.message_n = 0
        self.message_at_ms = 0
        self.signal_n = 0
        self.signal_at_ms = 0
        self.ended: End | None = None
        self.turn = Turn()
        """Attach, re-attach and detach of one connection never run side by side (races E16, E34)."""
        self._means = means
        self._held: list[ForConnection] | None = []
        self._in_doubt = False
        """Something came during the attach that only the store can clear up."""

    @property
    def attached(self) -> bool:
        """Whether the attach was answered: nothing is held back."""
        return self._held is None

    @property
    def urgent(self) -> bool:
        """Whether a deadline may be near: matched, or owing a sign."""
        return self.match != "" or self.owing

    @property
    def seen(self) -> Seen:
        """What was told last."""
        return Seen(
            self.version, self.match, self.message_n, self.signal_n, self.message_at_ms, self.signal_at_ms
        )

    def as_held(self) -> Held:
        """As the re-attach loop names it to the store; under a new suspicion it asks for a snapshot."""
        alias_json = msgspec.json.encode(self.alias).decode()
        owed = self.snapshot_of < self._means.contact.generation
        seen = self.seen._replace(version=0) if owed else self.seen
        return Held(self.person, self.id, self.page, self.attached_at_ms, alias_json, seen, self.marks)

    def end(self, why: End) -> None:
        """Nothing more is taken in; what waits to be told still is. The first reason stays."""
        if self.ended is None:
            self.ended = why
            self._held = None if self._held is None else []

    # --- what the hub calls ----------------------------------------------------------

    def take(self, publication: ForConnection) -> None:
        """Tell it, or keep it until the snapshot is told (race E5)."""
        if self.ended:
            return
        if isinstance(publication, Superseded):
            self._superseded(publication)
        elif isinstance(publication, KeptOut):
            self.barred(publication.sanction)
        elif self._held is None:
            self._tell(publication)
        elif len(self._held) < MAX_HELD:
            self._held.append(publication)
        else:
            self._in_doubt = True

    def owe_snapshot(self) -> None:
        """The re-attach loop asks for one, whatever the store says of what was told."""
        self.snapshot_of = -1
        self._means.on_doubt(self)

    def attach_answered(self, answer: Attached, reason: str, generation: int) -> None:
        """Tell the snapshot, what this page missed of the match, and then what arrived meanwhile.

        The snapshot begins everything anew: it counts whatever its version is (race E20), and numbers
        may fall with it. ``generation``: of suspicion, when it was asked for; a later one owes another.
        """
        held, self._held = self._held, None
        known = self.seen
        self.attached_at_ms = answer.attached_at_ms
        self.snapshot_of = generation
        self._enter_snapshot(answer.state, reason)
        if known.match != answer.match:
            known = NOTHING_SEEN
        # Fewer than we have told: the store fell back, and the numbers stand for others now.
        fewer = known.message_n > answer.message_n
        for note in answer.messages:
            at_ms = head_of(note.frame).at_ms
            if fewer or is_newer(note.n, at_ms, known.message_n, known.message_at_ms):
                self._tell_message(note, at_ms)
            self.message_at_ms = max(self.message_at_ms, at_ms)
        fewer = known.signal_n > answer.signal_n
        for note in answer.signals:
            at_ms = head_of(note.frame).at_ms
            if fewer or is_newer(note.n, at_ms, known.signal_n, known.signal_at_ms):
                self._tell_signal(note)
            self.signal_at_ms = max(self.signal_at_ms, at_ms)
        self.message_n, self.signal_n = answer.message_n, answer.signal_n
        for publication in held or ():
            self.take(publication)
        if self._in_doubt:
            self._in_doubt = False
            self._means.on_doubt(self)

    # --- how it is told --------------------------------------------------------------

    @abstractmethod
    def unavailable(self) -> None:
        """Say that the store is away; the connection stays."""

    @abstractmethod
    def available(self) -> None:
        """The store is back: who was told that it is away must learn that."""

    @abstractmethod
    def taken_over(self) -> None:
        """Say that another page has the connection, and end."""

    @abstractmethod
    def crowded(self) -> None:
        """Say that too many people are here from this network, and end."""

    @abstractmethod
    def barred(self, sanction: bytes) -> None:
        """Say what a moderator decided (JSON), and end."""

    @abstractmethod
    def reconnect(self, why: End, span_s: float) -> None:
        """Send the page elsewhere, and end; people who are sent together come back over so many seconds."""

    @abstractmethod
    def _tell_snapshot(self, state: bytes, reason: str) -> None: ...

    @abstractmethod
    def _tell_state(self, publication: StateFrames) -> None: ...

    @abstractmethod
    def _tell_message(self, note: Note, at_ms: int) -> None: ...

    @abstractmethod
    def _tell_signal(self, note: Note) -> None: ...

    # --- within ----------------------------------------------------------------------

    def _superseded(self, publication: Superseded) -> None:
        if publication.taken_over:
            log.debug("taken over", often=True, person=self.person)
            self.taken_over()
        else:
            # Untold: the page that replaced it may be the very one that reads (race E31).
            self.end(End.REPLACED)

    def _tell(self, publication: StateFrames | Message | Signal) -> None:
        match publication:
            case StateFrames():
                self._enter_state(publication)
            case Message(match=match, n=n, frame=made):
                if self._is_next(match, n, self.message_n):
                    self.message_n, self.message_at_ms = n, head_of(made).at_ms
                    self._tell_message(Note(n, made), self.message_at_ms)
            case Signal(match=match, n=n, to_page=to_page, frame=made):
                if self._is_next(match, n, self.signal_n):
                    self.signal_n, self.signal_at_ms = n, head_of(made).at_ms
                    if to_page in ("", self.page):
                        self._tell_signal(Note(n, made))

    def _is_next(self, match: str, n: int, last: int) -> bool:
        """Numbers have no gaps: one that shows up is asked after, never told over."""
        if match == self.match and n == last + 1:
            return True
        if match != self.match or n > last:
            self._means.on_doubt(self)
        return False

    def _enter_snapshot(self, state: bytes, reason: str) -> None:
        head = _state_head(state)
        self._tell_snapshot(state, reason)
        self.version = head.version
        self._enter(head)

    def _enter_state(self, publication: StateFrames) -> None:
        if publication.version <= self.version:
            return
        self.version = publication.version
        self._tell_state(publication)
        head = _state_head(publication.state)
        self._enter(head)
        if head.match and head.match.messages.last > self.message_n:
            self._means.on_doubt(self)

    def _enter(self, head: StateHead) -> None:
        self.owing = bool(bytes(head.probe))
        match = head.match.match if head.match else ""
        if match != self.match:
            self.match = match
            self.message_n = head.match.messages.first - 1 if head.match else 0
            self.message_at_ms = self.after.at_ms if match == self.after.match else 0
            self.signal_n = self.signal_at_ms = 0
