"""Polling: the way of telling that a connection has when no stream can be held open.

The connection lives between its polls. Each poll is an attach with the connection's
own id, which is the sign of life and answers where its person is by now; so between two
polls nothing is kept but what was told last. Of several polls of one page only the newest
waits for news: the others are answered with what there is.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from duologue.delivery import frame
from duologue.delivery.clock import Clock
from duologue.delivery.connection import Connection, End, Means, StateHead, head_of
from duologue.delivery.publication import ForConnection, StateFrames, Superseded
from duologue.pairing.vocabulary import (
    Attached,
    Barred,
    ConnectionId,
    LastRead,
    Note,
    PageId,
    PersonId,
    is_newer,
)

ATTACH_S = 2.0
"""How long a poll whose time is up waits for its attach: its client gives up after 5 s."""


class Asked(NamedTuple):
    """The parameters of a poll."""

    version: int | None = None
    """Of the state that the page has; ``None``: it has none yet, and waits for nothing."""
    wait_s: float = 0.0
    after: LastRead = LastRead()
    """The last message read."""
    signals_after: int = 0
    """The last signal read, of the same match."""
    signals_after_ms: int = 0
    """The instant of that signal; 0: not known."""


class Untold(StrEnum):
    """Why a poll has no news for its page."""

    TAKEN_OVER = "taken-over"
    AWAY = "away"
    """The store is; or the reply cannot be made."""
    SESSION_ENDED = "session-ended"
    NOT_HELD = "not-held"
    """Not answered by a connection of ours (any more): a read returns the state as well, and the next poll
    attaches."""
    CROWDED = "crowded"
    """Too many people are here from this network."""
    GONE = "gone"
    """The reply is not read."""


Reply = bytes | Untold | Barred
"""The JSON of a reply, or why there is none."""


class Asking:
    """One poll under way."""

    def __init__(self, asked: Asked, left_s: float, clock: Clock) -> None:
        """``left_s``: how long its token lasts."""
        self.asked = asked
        self.outlasts_token = left_s < asked.wait_s
        self.attached = False
        """Whether its attach was answered."""
        self.hurried = False
        """Whether it waits for no news (any more)."""
        self.on_time_up: Callable[[Asking], None] = lambda _: None
        self._wait_s = min(asked.wait_s, left_s)
        self._clock = clock
        self._done = asyncio.Event()
        self._reply: Reply = Untold.AWAY

    @property
    def answered(self) -> bool:
        """Whether the reply is there."""
        return self._done.is_set()

    def answer(self, reply: Reply) -> None:
        """The first reply stays."""
        if not self.answered:
            self._reply = reply
            self._done.set()

    async def reply(self) -> Reply:
        """Return news as soon as there is any, or how things are when the time is up.

        ``AWAY``: not even its attach was answered by then.
        """
        if not await self._clock.wait(self._done, self._wait_s):
            self.on_time_up(self)
            if not await self._clock.wait(self._done, ATTACH_S):
                self.answer(Untold.AWAY)
        return self._reply


class MessageFrame(msgspec.Struct):
    """A message as a reply has it: of its frame, what the reply does not say already."""

    n: int
    from_: str = msgspec.field(name="from")
    text: msgspec.Raw
    at_ms: int


class SignalFrame(msgspec.Struct):
    """A signal as a reply has it."""

    n: int
    data: msgspec.Raw
    at_ms: int


_message = msgspec.json.Decoder(MessageFrame).decode
_signal = msgspec.json.Decoder(SignalFrame).decode


class Poll(Connection):
    """The connection of one page that polls."""

    def __init__(
        self,
        person: PersonId,
        page: PageId,
        connection: ConnectionId,
        means: Means,
        *,
        alias: str,
        on_end: Callable[["Poll"], None],
    ) -> None:
        """``on_end``: called if it ends while no poll is under way, which would otherwise see it."""
        super().__init__(person, page, connection, means, alias=alias, after=LastRead(), expires_at_ms=0)
        self.polls = 0
        """Counted, so that an earlier one's end is told from the last one's."""
        self.asking: Asking | None = None
        self._on_end = on_end
        self._sanction = Barred(b"")
        """Why it ended, if a moderator keeps the person out."""
        self._state = b""
        self._messages: list[Note] = []
        self._signals: list[Note] = []
        self._begins_anew = False
        """The person had no connection, or we doubted that we heard all: news, whatever the version."""
        self._told_at_ms: list[int] = []

    # --- what ``polls`` calls --------------------------------------------------------

    def ask(self, asking: Asking) -> None:
        """This poll is the one that waits from now on; the one before is answered at once."""
        before, self.asking = self.asking, asking
        self.polls += 1
        asking.on_time_up = self._time_up
        if before is not None:
            self._hurry(before)

    def begin(self, asking: Asking) -> None:
        """Begin an attach: its answer has everything, and what arrives meanwhile follows it."""
        self.after = asking.asked.after
        self._held = []
        self.version, self.match, self.message_n, self.signal_n = 0, "", 0, 0
        self.message_at_ms = self.signal_at_ms = 0
        self._forget()

    def settle(self, asking: Asking) -> None:
        """Its attach was answered, or failed."""
        asking.attached = True
        if asking is not self.asking:
            asking.hurried = True
        self._look(asking)

    def leave(self, asking: Asking) -> bool:
        """Note that the reply is sent, or will not be read; return whether no other poll is waiting."""
        asking.answer(Untold.GONE)
        if asking is not self.asking:
            return False
        self.asking = None
        self._forget()
        return True

    # --- what the hub calls ----------------------------------------------------------

    def take(self, publication: ForConnection) -> None:
        """As every connection, and it may be what the poll waits for."""
        super().take(publication)
        self._look(self.asking)

    def attach_answered(self, answer: Attached, reason: str, generation: int) -> None:
        """As every connection, and it may be what the poll waits for."""
        self._begins_anew = self._begins_anew or answer.anew or reason == "resync"
        super().attach_answered(answer, reason, generation)
        self._look(self.asking)

    def end(self, why: End) -> None:
        """The poll under way is answered with what there is."""
        first = self.ended is None
        super().end(why)
        if self.asking is not None:
            self._look(self.asking)
        elif first:
            self._on_end(self)

    def unavailable(self) -> None:
        """The poll that waits is refused: its client asks again, here or elsewhere."""
        if self.asking is not None:
            self.asking.answer(Untold.AWAY)

    def available(self) -> None:
        """Do nothing: each poll is answered separately."""

    def taken_over(self) -> None:
        """Another page has the connection."""
        self.end(End.TAKEN_OVER)

    def crowded(self) -> None:
        """Too many people are here from this network."""
        self.end(End.CROWDED)

    def barred(self, sanction: bytes) -> None:
        """A moderator keeps the person out."""
        self._sanction = Barred(sanction)
        self.end(End.BARRED)

    def reconnect(self, why: End, span_s: float) -> None:  # noqa: ARG002 # a poll names no delay
        """The poll is answered, and the next one goes wherever it is led."""
        self.end(why)

    # --- how it is told --------------------------------------------------------------

    def _tell_snapshot(self, state: bytes, _reason: str) -> None:
        self._state = state

    def _tell_state(self, publication: StateFrames) -> None:
        self._state = publication.state
        heads = map(head_of, publication.frames)
        self._told_at_ms += [head.at_ms for head in heads if head.tells_of_a_skip]

    def _tell_message(self, note: Note, _at_ms: int) -> None:
        if self.asking is not None:
            self._messages.append(note)

    def _tell_signal(self, note: Note) -> None:
        if self.asking is not None:
            self._signals.append(note)

    # --- within ----------------------------------------------------------------------

    def _superseded(self, publication: Superseded) -> None:
        # It may be older than the attach under way, which has made this connection the person's again.
        if not publication.taken_over and not self.attached:
            self._in_doubt = True
        else:
            super()._superseded(publication)

    def _enter(self, head: StateHead) -> None:
        before = self.match
        super()._enter(head)
        if self.match != before:
            self._messages.clear()
            self._signals.clear()

    def _forget(self) -> None:
        self._state = b""
        self._messages.clear()
        self._signals.clear()

    def _time_up(self, asking: Asking) -> None:
        if asking.outlasts_token:
            asking.answer(Untold.SESSION_ENDED)  # who has another one by now comes back with it
        else:
            self._hurry(asking)

    def _hurry(self, asking: Asking) -> None:
        asking.hurried = True
        self._look(asking)

    def _look(self, asking: Asking | None) -> None:
        """Answer it, if there is anything to answer."""
        if asking is None or asking.answered or not asking.attached:
            return
        if self.ended or not self._state:
            asking.answer(self._last_word(asking.asked))
        elif asking.hurried or self._is_news(asking.asked):
            asking.answer(self._reply(asking.asked))
        else:
            self._messages.clear()  # the page has them: it says so
            self._signals.clear()

    def _last_word(self, asked: Asked) -> Reply:
        match self.ended:
            case End.TAKEN_OVER:
                return Untold.TAKEN_OVER
            case End.CROWDED:
                return Untold.CROWDED
            case End.BARRED:
                return self._sanction
            case End.STORE_AWAY | End.DEFECT:
                return Untold.AWAY
            case None if not self._state:
                return Untold.AWAY
            case _:
                # Without a state it ended before this poll's attach.
                return self._reply(asked) if self._state else Untold.NOT_HELD

    def _is_news(self, asked: Asked) -> bool:
        return (
            asked.version != self.version
            or self._begins_anew
            or any(self._unread_messages(asked))
            or any(self._unread_signals(asked))
        )

    def _unread_messages(self, asked: Asked) -> list[Note]:
        match, n, at_ms = asked.after
        # More than there are: the store fell back, and the numbers stand for others now.
        known = match == self.match and n <= self.message_n
        return [note for note in self._messages if not known or _is_newer(note, n, at_ms)]

    def _unread_signals(self, asked: Asked) -> list[Note]:
        """Who names no match has read no message; the signals are of the match of the state that it has."""
        named = asked.after.match
        known = named == self.match or (not named and asked.version == self.version)
        known = known and asked.signals_after <= self.signal_n
        last = asked.signals_after, asked.signals_after_ms
        return [note for note in self._signals if not known or _is_newer(note, *last)]

    def _reply(self, asked: Asked) -> bytes:
        now_ms = self._means.now_ms
        for at_ms in self._told_at_ms:
            self._means.metrics.told("server", (now_ms - at_ms) / 1000)
        self._told_at_ms.clear()
        self._begins_anew = False
        return reply(
            frame.dress(self._state, self._means.media),
            [_message(note.frame) for note in self._unread_messages(asked)],
            [_signal(note.frame) for note in self._unread_signals(asked)],
            self._means,
        )


def _is_newer(note: Note, n: int, at_ms: int) -> bool:
    return is_newer(note.n, head_of(note.frame).at_ms, n, at_ms)


def reply(state: bytes, messages: list[MessageFrame], signals: list[SignalFrame], means: Means) -> bytes:
    """What a poll reads: the (dressed) state, and what it has not read of its match."""
    rest = {
        "messages": messages,
        "signals": signals,
        "people_online": means.contact.people_online,
        "now_ms": int(means.now_ms),
        **means.offer.said_to_all(),
        "media": means.media.hint,
    }
    return b'{"state":' + state + b"," + msgspec.json.encode(rest)[1:]
