"""An event stream: the way of telling that a connection has as long as its socket is open.

The hub hands in publications, the endpoint takes out bytes; neither waits for
the other. A reader who is too slow for ``MAX_WAITING_BYTES`` is cut: memory
stays bounded (race S5).
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from duologue.delivery import frame
from duologue.delivery.connection import Connection, End, Means, head_of
from duologue.delivery.publication import StateFrames
from duologue.pairing.vocabulary import NO_MARKS, ConnectionId, LastRead, Marks, Note, PageId, PersonId

MAX_WAITING_BYTES = 256 * 1024
"""Twice the longest first answer: a state, 64 KiB of messages and 64 KiB of signals."""
UNAVAILABLE_RETRY_MS = 1000
CROWDED_MS = 20_000
"""Time after which a person from a full network tries again."""


class Stream(Connection):
    """An event stream of one page of one person: iterate over it for the bytes to write.

    The iteration ends when the connection did, after everything that was still to be said.
    Asking for the next bytes says that the last ones were handed to the socket.
    """

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
        super().__init__(
            person,
            page,
            connection,
            means,
            alias=alias,
            after=after,
            expires_at_ms=expires_at_ms,
            marks=marks,
        )
        self.knows_unavailable = False
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._begun = False
        self._told_at_ms: list[int] = []
        self._handed_over: list[int] = []
        self._dressed_ms = 0.0
        """When a state was written last, with what its media needs (the store's clock)."""

    # --- what the endpoint calls -----------------------------------------------------

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
        super().end(why)
        self._wake.set()

    # --- what the hub calls ----------------------------------------------------------

    def drop_waiting(self) -> None:
        """Give back what waits: the socket is gone, and the detach may wait for a slow store."""
        self._waiting.clear()
        self._waiting_bytes = 0

    def heartbeat(self) -> None:
        """Say that the stream lives, visible to scripts; before anything else: that its attach waits."""
        now_ms = int(self._means.now_ms)
        if not self.attached and not self.knows_unavailable:
            self.unavailable()
            return
        made = frame.frame(
            "heartbeat",
            now_ms,
            now_ms=now_ms,
            version=self.version,
            people_online=self._means.contact.people_online,
        )
        self._push(frame.block(made))
        if self.attached:
            self._renew_media(now_ms)

    def _renew_media(self, now_ms: float) -> None:
        """Ask for a snapshot where relay credentials grow old, however quiet the conversation is.

        A clock that was set back counts as old: nothing is known of the age then.
        """
        if self.match and not 0 <= now_ms - self._dressed_ms < self._means.media.renew_ms:
            self.owe_snapshot()

    def token_ended(self) -> bool:
        """Whether the token that it came with, or was renewed to, has run out."""
        return self.ended is None and 0 < self.expires_at_ms <= self._means.contact.store_clock.host_ms()

    def session_ended(self) -> None:
        """Say that the session is over, and end the stream."""
        made = frame.frame("session-ended", self._means.now_ms, reason="token-expired")
        self._push(frame.block(made))
        self.end(End.SESSION_ENDED)

    def unavailable(self) -> None:
        """Say that the store is away, once a time away; the stream goes on."""
        if self.knows_unavailable:
            return
        self.knows_unavailable = True
        made = frame.frame("unavailable", self._means.now_ms, retry_ms=UNAVAILABLE_RETRY_MS)
        self._push(frame.block(made, retry_ms=self._retry_ms()))

    def available(self) -> None:
        """A page that was told that the store is unavailable, and nothing since, is owed a snapshot; the
        next outage is told again."""
        if self.knows_unavailable:
            self.knows_unavailable = False
            self.owe_snapshot()

    def taken_over(self) -> None:
        """Another page has the connection: the last frame, and the end."""
        made = frame.frame("taken-over", self._means.now_ms)
        self._push(frame.block(made, retry_ms=self._retry_ms()))
        self.end(End.TAKEN_OVER)

    def crowded(self) -> None:
        """Come back when there may be room."""
        self._push(frame.reconnect(self._means.now_ms, at_least_ms=CROWDED_MS, reason=frame.NETWORK_FULL))
        self.end(End.CROWDED)

    def barred(self, sanction: bytes) -> None:
        """A moderator keeps the person out: the last frame, and the end."""
        about = msgspec.Raw(sanction)
        made = frame.frame("session-ended", self._means.now_ms, reason="banned", sanction=about)
        self._push(frame.block(made, retry_ms=self._retry_ms()))
        self.end(End.BARRED)

    def reconnect(self, why: End, span_s: float) -> None:
        """We are going away: come back, elsewhere or later, each at its own instant."""
        self._push(frame.reconnect(self._means.now_ms, span_ms=round(span_s * 1000)))
        self.end(why)

    # --- within ----------------------------------------------------------------------

    def _tell_snapshot(self, state: bytes, reason: str) -> None:
        said = {"media": self._means.media.hint, **self._means.offer.said_to(self.person)}
        made = frame.frame("snapshot", self._means.now_ms, reason=reason, **said)
        dressed = self._dress(state)
        self._push(frame.block(frame.splice(made, dressed), retry_ms=self._retry_ms()))
        self.knows_unavailable = False

    def _tell_state(self, publication: StateFrames) -> None:
        state = self._dress(publication.state)
        blocks = []
        for made in publication.frames:
            head = head_of(made)
            online = self._means.contact.people_online if head.type == "waiting" else None
            blocks.append(frame.block(frame.splice(made, state, online)))
            if head.tells_of_a_skip:
                self._told_at_ms.append(head.at_ms)
        self._push(b"".join(blocks))

    def _dress(self, state: bytes) -> bytes:
        self._dressed_ms = int(self._means.now_ms)
        return frame.dress(state, self._means.media)

    def _tell_message(self, note: Note, at_ms: int) -> None:
        self._push(frame.block(note.frame, event_id=f"{self.match}:{note.n}:{at_ms}"))

    def _tell_signal(self, note: Note) -> None:
        self._push(frame.block(note.frame))

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
            now_ms = self._means.now_ms
            for at_ms in self._handed_over:
                self._means.metrics.told("server", (now_ms - at_ms) / 1000)
            self._handed_over = []
