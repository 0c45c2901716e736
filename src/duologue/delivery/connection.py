"""One person's one stream: what was written last, what waits to be written, and why it ended.

Everything here happens in one event loop without a wait in between, so each
method is a step. The hub hands in publications, the event stream takes out
bytes; neither waits for the other. A reader who is too slow for
``MAX_WAITING_BYTES`` is cut: memory stays bounded (race S5).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import StrEnum

import msgspec

from duologue.delivery import frame
from duologue.delivery.contact import Contact
from duologue.delivery.publication import ForConnection, Message, Signal, StateFrames, Superseded
from duologue.media.port import MediaPort
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import (
    Attached,
    ConnectionId,
    DetachCause,
    Held,
    Note,
    PageId,
    PersonId,
    Seen,
)

MAX_WAITING_BYTES = 256 * 1024
"""Twice the longest first answer: a state, 64 KiB of messages and 64 KiB of signals."""
MAX_HELD = 256
"""Publications kept while an attach is under way; of any more the re-attach loop finds what they said."""
UNAVAILABLE_RETRY_MS = 1000


class End(StrEnum):
    """Why a stream ended: the ``reason`` of ``duologue_streams_ended_total``."""

    CLOSED = "closed"
    SLOW = "slow"
    SESSION_ENDED = "session-ended"
    TAKEN_OVER = "taken-over"
    REPLACED = "replaced"
    REFUSED = "refused"
    DRAIN = "drain"
    STORE_AWAY = "store-away"
    DEFECT = "defect"

    @property
    def detach(self) -> DetachCause | None:
        """How the state machine is told; ``None``: the record names a later connection by now."""
        match self:
            case End.CLOSED | End.SLOW | End.SESSION_ENDED:
                return DetachCause.CLOSED
            case End.DRAIN | End.STORE_AWAY | End.DEFECT:
                return DetachCause.OURS
            case End.TAKEN_OVER | End.REPLACED | End.REFUSED:
                return None


class _Messages(msgspec.Struct):
    first: int = 1
    last: int = 0


class _Match(msgspec.Struct):
    match: str
    messages: _Messages = msgspec.field(default_factory=_Messages)


class _StateHead(msgspec.Struct):
    """What delivery reads of a state."""

    version: int
    match: _Match | None = None
    probe: msgspec.Raw = msgspec.Raw()


class _FrameHead(msgspec.Struct):
    type: str
    at_ms: int = 0
    reason: str = ""


_state_head = msgspec.json.Decoder(_StateHead).decode
_frame_head = msgspec.json.Decoder(_FrameHead).decode


class Connection:
    """An event stream of one page of one person: iterate over it for the bytes to write.

    The iteration ends when the connection did, after everything that was still to be said.
    Asking for the next bytes says that the last ones were handed to the socket.
    """

    def __init__(
        self,
        person: PersonId,
        page: PageId,
        connection: ConnectionId,
        *,
        alias: str,
        after: tuple[str, int],
        expires_at_ms: int,
        media: MediaPort,
        contact: Contact,
        metrics: Metrics,
        on_doubt: Callable[["Connection"], None],
    ) -> None:
        self.person = person
        self.page = page
        self.id = connection
        self.alias = alias
        self.after = after
        self.expires_at_ms = expires_at_ms
        self.claimed = False
        """Whether the store may know this connection: an attach was sent, and not refused."""
        self.attached_at_ms = 0
        self.snapshot_of = -1
        """The generation of suspicion that this connection's last snapshot answered."""
        self.version = 0
        """Written last; a snapshot sets it, downwards too."""
        self.match = ""
        self.owing = False
        self.message_n = 0
        self.signal_n = 0
        self.knows_unavailable = False
        self.ended: End | None = None
        self.turn = asyncio.Lock()
        """Attach, re-attach and detach of one connection never run side by side (races E16, E34)."""
        self._media = media
        self._contact = contact
        self._metrics = metrics
        self._on_doubt = on_doubt
        self._held: list[ForConnection] | None = []
        self._overflowed = False
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._begun = False
        self._told_at_ms: list[int] = []
        self._handed_over: list[int] = []

    @property
    def attached(self) -> bool:
        """Whether the first snapshot was written."""
        return self._held is None

    @property
    def urgent(self) -> bool:
        """Whether a deadline may be near: matched, or owing a sign."""
        return self.match != "" or self.owing

    @property
    def seen(self) -> Seen:
        """What was written last."""
        return Seen(self.version, self.match, self.message_n, self.signal_n)

    def as_held(self) -> Held:
        """As the re-attach loop names it to the store; under a new suspicion it asks for a snapshot."""
        alias_json = msgspec.json.encode(self.alias).decode()
        owed = self.snapshot_of < self._contact.generation
        seen = self.seen._replace(version=0) if owed else self.seen
        return Held(self.person, self.id, self.page, self.attached_at_ms, alias_json, seen)

    # --- what the event stream calls -------------------------------------------------

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate once only."""
        return self

    @property
    def has_waiting(self) -> bool:
        """Whether the next bytes are there already."""
        return bool(self._waiting)

    async def __anext__(self) -> bytes:
        """All that waits, in one piece. Cancellation loses nothing that was not returned."""
        self._observe_told()
        while not self._waiting:
            if self.ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._handed_over, self._told_at_ms = self._told_at_ms, []
        return data

    def end(self, why: End) -> None:
        """Nothing more is taken in; what waits is still written. The first reason stays."""
        if self.ended is None:
            self.ended = why
            self._held = None if self._held is None else []
        self._wake.set()

    # --- what the hub calls ----------------------------------------------------------

    def take(self, publication: ForConnection) -> None:
        """Write it, or keep it until the snapshot is written (race E5)."""
        if self.ended:
            return
        if isinstance(publication, Superseded):
            self._superseded(publication)
        elif self._held is None:
            self._write(publication)
        elif len(self._held) < MAX_HELD:
            self._held.append(publication)
        else:
            self._overflowed = True

    def attach_answered(self, answer: Attached, reason: str, generation: int) -> None:
        """Write the snapshot, what this page missed of the match, and then what arrived meanwhile.

        The snapshot begins everything anew: it counts whatever its version is (race E20), and numbers
        may fall with it. ``generation``: of suspicion, when it was asked for; a later one owes another.
        """
        held, self._held = self._held, None
        known = self.seen
        self.attached_at_ms = answer.attached_at_ms
        self.snapshot_of = generation
        self._write_snapshot(answer.state, reason)
        same = known.match == answer.match
        for note in answer.messages:
            if not same or note.n > known.message_n:
                self._write_message(note)
        for note in answer.signals:
            if not same or note.n > known.signal_n:
                self._push(frame.block(note.frame))
        self.message_n, self.signal_n = answer.message_n, answer.signal_n
        for publication in held or ():
            self.take(publication)
        if self._overflowed:
            self._overflowed = False
            self._on_doubt(self)

    def heartbeat(self) -> None:
        """Say that the stream lives, visible to scripts; before the first snapshot: that we still wait."""
        now_ms = int(self._contact.store_clock.now_ms())
        if not self.attached:
            self.knows_unavailable = False
            self.unavailable()
        elif 0 < self.expires_at_ms <= now_ms:
            self._push(frame.block(frame.frame("session-ended", now_ms, reason="token-expired")))
            self.end(End.SESSION_ENDED)
        else:
            made = frame.frame(
                "heartbeat",
                now_ms,
                now_ms=now_ms,
                version=self.version,
                people_online=self._contact.people_online,
            )
            self._push(frame.block(made))

    def unavailable(self) -> None:
        """Say that the store is away, once a time away; the stream goes on."""
        if self.knows_unavailable:
            return
        self.knows_unavailable = True
        at_ms = self._contact.store_clock.now_ms()
        made = frame.frame("unavailable", at_ms, retry_ms=UNAVAILABLE_RETRY_MS)
        self._push(frame.block(made, retry_ms=self._retry_ms()))

    def taken_over(self) -> None:
        """Another page has the connection: the last frame, and the end."""
        at_ms = self._contact.store_clock.now_ms()
        self._push(frame.block(frame.frame("taken-over", at_ms), retry_ms=self._retry_ms()))
        self.end(End.TAKEN_OVER)

    def reconnect(self, why: End) -> None:
        """We are going away: come back, elsewhere or later, each at its own instant."""
        self._push(frame.reconnect(self._contact.store_clock.now_ms()))
        self.end(why)

    # --- within ----------------------------------------------------------------------

    def _superseded(self, publication: Superseded) -> None:
        if publication.taken_over:
            self.taken_over()
        else:
            # No frame: the page that replaced it may be the very one that reads (race E31).
            self.end(End.REPLACED)

    def _write(self, publication: StateFrames | Message | Signal) -> None:
        match publication:
            case StateFrames():
                self._write_state(publication)
            case Message(match=match, n=n, frame=made):
                if self._is_next(match, n, self.message_n):
                    self.message_n = n
                    self._write_message(Note(n, made))
            case Signal(match=match, n=n, to_page=to_page, frame=made):
                if self._is_next(match, n, self.signal_n):
                    self.signal_n = n
                    if to_page in ("", self.page):
                        self._push(frame.block(made))

    def _is_next(self, match: str, n: int, last: int) -> bool:
        """Numbers have no gaps: one that shows up is asked after, never written over."""
        if match == self.match and n == last + 1:
            return True
        if match != self.match or n > last:
            self._on_doubt(self)
        return False

    def _write_snapshot(self, state: bytes, reason: str) -> None:
        head = _state_head(state)
        made = frame.frame("snapshot", self._contact.store_clock.now_ms(), reason=reason)
        self._push(
            frame.block(frame.splice(made, frame.dress(state, self._media)), retry_ms=self._retry_ms())
        )
        self.version = head.version
        self.knows_unavailable = False
        self._enter(head)

    def _write_state(self, publication: StateFrames) -> None:
        if publication.version <= self.version:
            return
        self.version = publication.version
        state = frame.dress(publication.state, self._media)
        blocks = []
        for made in publication.frames:
            head = _frame_head(made)
            online = self._contact.people_online if head.type == "waiting" else None
            blocks.append(frame.block(frame.splice(made, state, online)))
            if head.type == "force-disconnect" and head.reason == "partner-skipped":
                self._told_at_ms.append(head.at_ms)
        self._push(b"".join(blocks))
        whole = _state_head(publication.state)
        self._enter(whole)
        if whole.match and whole.match.messages.last > self.message_n:
            self._on_doubt(self)

    def _enter(self, head: _StateHead) -> None:
        self.owing = bool(bytes(head.probe))
        match = head.match.match if head.match else ""
        if match != self.match:
            self.match = match
            self.message_n = head.match.messages.first - 1 if head.match else 0
            self.signal_n = 0

    def _write_message(self, note: Note) -> None:
        self._push(frame.block(note.frame, event_id=f"{self.match}:{note.n}"))

    def _retry_ms(self) -> int:
        return 0 if self._begun else frame.retry_ms()

    def _push(self, data: bytes) -> None:
        if self.ended:
            return
        self._begun = True
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._waiting.clear()
            self._told_at_ms.clear()
            self.end(End.SLOW)
            return
        self._waiting.append(data)
        self._wake.set()

    def _observe_told(self) -> None:
        if self._handed_over:
            now_ms = self._contact.store_clock.now_ms()
            for at_ms in self._handed_over:
                self._metrics.told("server", (now_ms - at_ms) / 1000)
            self._handed_over = []
