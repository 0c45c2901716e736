"""The words of the state machine: one word for one thing, in Lua, Python, TypeScript and docs.

Every enumeration here is the wire's own spelling (``protocol/``); the Lua
scripts write the same words.
"""

from enum import StrEnum
from typing import NamedTuple, NewType

PersonId = NewType("PersonId", str)
"""Hash of a token's issuer and subject; 16 characters of ``[A-Za-z0-9_-]``, never shown to a partner."""
MatchId = NewType("MatchId", str)
"""``m_`` and 96 random bits."""
ConnectionId = NewType("ConnectionId", str)
"""``c_`` and 96 random bits: one stream of one page; every detach is fenced by it."""
ProcessId = NewType("ProcessId", str)
"""``s_`` and 96 random bits, new at each start of a server process."""
PageId = NewType("PageId", str)
"""Chosen by the client, new for each load of a page."""


class State(StrEnum):
    """What a person is, exactly one at a time (invariant 1)."""

    IDLE = "idle"
    WAITING = "waiting"
    MATCHED = "matched"


class Wish(StrEnum):
    """What a person last asked for: heals a store that forgot (mechanism 7)."""

    TALK = "talk"
    REST = "rest"


class Outcome(StrEnum):
    """What a command came to. An expected refusal is an outcome, never an exception."""

    MATCHED = "matched"
    WAITING = "waiting"
    SKIPPED = "skipped"
    LEFT = "left"
    OK = "ok"
    SENT = "sent"
    BLOCKED = "blocked"
    REPORTED = "reported"
    NOTED = "noted"
    UNKNOWN_MATCH = "unknown-match"
    STALE = "stale"


class EndReason(StrEnum):
    """Why a conversation ended, as its two people read it."""

    SKIPPED = "skipped"
    PARTNER_SKIPPED = "partner-skipped"
    LEFT = "left"
    PARTNER_LEFT = "partner-left"
    PARTNER_LOST = "partner-lost"
    NO_SHOW = "no-show"
    MEDIA_FAILED = "media-failed"
    MEDIA_UNAVAILABLE = "media-unavailable"
    YOU_WERE_AWAY = "you-were-away"


class IdleReason(StrEnum):
    """Why a person is idle."""

    NEVER = "never"
    LEFT = "left"
    YOU_WERE_AWAY = "you-were-away"
    ONE_CONVERSATION = "one-conversation"
    WARNED = "warned"
    """A moderator's warning is to be confirmed before the next conversation."""
    BANNED = "banned"
    REMOVED = "removed"
    """A moderator ended the conversation."""


class Media(StrEnum):
    """What a page says of its media connection in a pulse."""

    OPEN = "open"
    SILENT = "silent"
    FAILED = "failed"


class MediaKind(StrEnum):
    """Where picture and sound flow."""

    PEER = "peer"
    LIVEKIT = "livekit"
    TEXT = "text"
    """Nowhere: one of the two cannot have a call. Never the kind of a whole deployment."""


class DetachCause(StrEnum):
    """Who ended a connection: how long its person may take to return, and whether a partner is told."""

    CLOSED = "closed"
    """The socket closed: the bucket (5 s at most), and a partner reads ``partner-away``."""
    OURS = "ours"
    """Drain or a dead process: 25 s, and nobody is told."""


class ReportReason(StrEnum):
    """Why a person reports a partner."""

    NUDITY = "nudity"
    MINOR = "minor"
    VIOLENCE = "violence"
    HARASSMENT = "harassment"
    SPAM = "spam"
    OTHER = "other"


class Reply(NamedTuple):
    """A command's answer.

    ``state`` is the caller's whole state as one JSON object (UTF-8), as the
    scripts wrote it: what only a process may know (ICE servers, media grants)
    is not in it yet; ``delivery.frame.dress`` puts it in.
    """

    outcome: Outcome
    state: bytes


class Sent(NamedTuple):
    """The answer to a message or a signal; ``n`` is its number in the match (0 when stale)."""

    outcome: Outcome
    state: bytes
    n: int


class NoRoom(NamedTuple):
    """A message or a report that is not kept, because what it would be kept with is full."""


class Note(NamedTuple):
    """A kept message or signal, replayed after an attach: ``frame`` is the whole event as JSON."""

    n: int
    frame: bytes


class LastRead(NamedTuple):
    """The last message that a page has, as it says when it comes back; nothing yet: number 0.

    Instant 0 is not known: then only the number counts.
    """

    match: str = ""
    n: int = 0
    at_ms: int = 0


def is_newer(n: int, at_ms: int, last_n: int, last_at_ms: int) -> bool:
    """Whether a message, or a signal, came after the last that is known of its match.

    Numbers and instants rise together. A store that was set back gives numbers out again, and what it says
    by them then has a later instant.
    """
    return n > last_n or 0 < last_at_ms < at_ms


class Attached(NamedTuple):
    """The connection is the person's one connection now.

    ``match`` is ``""`` unless matched. ``messages`` are the kept ones after the asked-for
    number, ``signals`` those not addressed to another page, both in order.
    ``message_n`` and ``signal_n`` are the last numbers given out in the match. ``anew``: the
    person had no connection, or one of another page: what was known of their media is void.
    """

    state: bytes
    version: int
    attached_at_ms: int
    match: str
    message_n: int
    signal_n: int
    messages: list[Note]
    signals: list[Note]
    anew: bool = False


class TakenOver(NamedTuple):
    """Another page of this person came later: this one is refused, for good."""


class Crowded(NamedTuple):
    """As many people as are allowed are here from this network: nobody new is attached."""


class SanctionKind(StrEnum):
    """What a moderator decides about a person."""

    KICK = "kick"
    """End the conversation, without more."""
    WARN = "warn"
    PAUSE = "pause"
    """Keep the person out for a day at most."""
    BAN = "ban"


class EventKind(StrEnum):
    """What the host application can hear of. Names are a contract; some are kept for later."""

    REPORT_CREATED = "report.created"
    CASE_OPENED = "case.opened"
    CASE_DECIDED = "case.decided"
    PERSON_WARNED = "person.warned"
    PERSON_PAUSED = "person.paused"
    PERSON_BANNED = "person.banned"
    PERSON_UNBANNED = "person.unbanned"
    PERSON_ERASED = "person.erased"
    APPEAL_CREATED = "appeal.created"
    APPEAL_DECIDED = "appeal.decided"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_TEST = "webhook.test"
    MATCH_STARTED = "match.started"
    MATCH_ENDED = "match.ended"
    PERSON_ONLINE = "person.online"
    PERSON_OFFLINE = "person.offline"


MATCH_EVENTS = frozenset({EventKind.MATCH_STARTED, EventKind.MATCH_ENDED})
"""Written with ``--match-events`` only."""
PRESENCE_EVENTS = frozenset({EventKind.PERSON_ONLINE, EventKind.PERSON_OFFLINE})
"""Written with ``--presence-events`` only."""


class Barred(NamedTuple):
    """A moderator's decision keeps the person out, or has to be confirmed first (``warn``)."""

    sanction: bytes
    """What the person reads of it, as JSON (``protocol/``)."""


class Marks(NamedTuple):
    """Where somebody comes from, as far as blocks and the cap on people of one network need it."""

    device: str = ""
    """``identity.devices``; empty for an operator's people."""
    network: str = ""
    """``identity.networks``; empty where the address says nothing."""


NO_MARKS = Marks()


class Seen(NamedTuple):
    """What was written last to a connection; ``match`` is ``""`` unless matched.

    Version 0 is no record's: whoever names it is answered by a snapshot.
    """

    version: int
    match: str
    message_n: int
    signal_n: int
    message_at_ms: int = 0
    """The instant of that message: a store that fell back gives its number out again, but never its instant.
    0: not known."""
    signal_at_ms: int = 0


class Held(NamedTuple):
    """One connection that a process holds, as it names it to the store in a re-attach."""

    person: PersonId
    connection: ConnectionId
    page: PageId
    attached_at_ms: int
    alias: str
    """The alias as a JSON string, quotes included, as made by ``msgspec.json.encode``."""
    seen: Seen | None = None
    """``None``: only the address is compared."""
    marks: Marks = NO_MARKS


class Same(NamedTuple):
    """The record names this connection, and what was written last to it is the last that there is."""


class Refused(NamedTuple):
    """A connection attached later is, or was, this person's: the process ends its socket."""


Reattached = Same | Refused | Attached
"""``Attached``: a snapshot (``resync``) and what followed ``Held.seen``; a lost address is written."""


class Comparison(NamedTuple):
    """How often reads of a state were held against the event stream of the same person, by what was found."""

    same: int = 0
    stream_first: int = 0
    poll_first: int = 0
    missed: int = 0
    """The stream did not bring within 5 s what the read knew."""
    differ: int = 0


class Usage(NamedTuple):
    """How people are reached, all processes together, and what comparing found by UTC day."""

    on_sse: int
    on_poll: int
    today: Comparison
    yesterday: Comparison
    compared: int = 0
    """People with 20 or more compared reads, on today or yesterday, the day with more people."""
    troubled: int = 0
    """People with a ``missed`` or a ``differ`` read, today or yesterday."""


class Scanned(NamedTuple):
    """What one call of the scan came to."""

    more: bool
    """People are still due: call again."""
    held_ms: int
    """Another process scans: there is nothing to do for so long. 0: this one does."""
    video_at_ms: int
    """When video went away or came back last, for ``Machine.tell``; 0: never."""


class Differs(NamedTuple):
    """Another server process of the store has other settings, on which all must agree."""

    what: str
    """``secret`` or ``pools``."""
    called: str
    """How people call that process."""
    pools: str
    """The pools that it has."""


class Beat(NamedTuple):
    """The answer to a beat: ``known`` is false when the process was buried or the store forgot it."""

    known: bool
    people_online: int
    alone_people: int
    store_now_ms: int
    others: int = 0
    """Other processes that beat."""
    listed: int = 0
    """People who are listed in the store as attached to this process."""


class Side(StrEnum):
    """Which of a match's two, as the records name them; by ``state.match.media.role``."""

    POLITE = "a"
    IMPOLITE = "b"


class ParticipantFact(StrEnum):
    """What LiveKit says of a participant."""

    JOINED = "joined"
    LEFT = "left"


class RoomWorkKind(StrEnum):
    """What is to be done to a room."""

    OPEN = "open"
    CLOSE = "close"


class RoomWork(NamedTuple):
    """One room to open or to delete; ``generation`` is this claim's."""

    kind: RoomWorkKind
    match: str
    generation: str


class RoomsDue(NamedTuple):
    """Work claimed; ``more``: call again."""

    works: list[RoomWork]
    now_ms: int
    """The shard's own time, which never steps."""
    more: bool


class RoomsSeen(NamedTuple):
    """How rooms are, without any claim."""

    now_ms: int
    """The shard's own time, which never steps: for ``since`` and ``began`` of later calls."""
    wall_ms: int
    """Redis's clock: for ages of rooms, which LiveKit dates by its own."""
    is_video_down: bool
    owned: int
    """Rooms of live matches, open or to be opened."""
    closing: int
    """Rooms to be deleted."""
    live: list[str]
    """Of those asked about, the live matches whose room is open."""
    awaited: list[str]
    """Matches with an open room whose media deadline runs, and a page that has said nothing of its media:
    of those asked about, and of those that are the caller's to look at."""
    more: bool = False
    """Whether more wait for a look."""


class RoomRound(NamedTuple):
    """A reconciler's round: the caller's, or another process's; and how rooms are now."""

    generation: str
    """Of the caller's claim; empty: there is nothing to do yet."""
    wait_ms: int
    """When to ask again."""
    now_ms: int
    """The shard's own time, as in ``RoomsSeen``."""
    wall_ms: int
    owned: int
    closing: int
    listed: int
    """Rooms that LiveKit listed in the last round, whichever process had it."""


class RoomsKnown(NamedTuple):
    """The matches whose room is open, as far as the store knows."""

    open: list[str]
    lost: list[str]
    """Those of which a record was lost: nobody lives in such a match."""


class Deletion(StrEnum):
    """What a deletion came to."""

    GONE = "gone"
    AGAIN = "again"
    """A create may still land: it comes back as work."""
    STALE = "stale"
    """The claim had run out: it is another's work."""


class RoomLoss(StrEnum):
    """What became of a match whose room was found empty, or gone."""

    ENDED = "ended"
    OK = "ok"
    """Not yet: too young, or another deadline is about it."""
    STALE = "stale"
    TAKEN_OVER = "taken-over"
    """Another process has the reconciler's round by now: nothing was done."""


class Audit(NamedTuple):
    """What a reconciler's round found."""

    orphaned: int
    vanished: int
