"""The words of the wire, as a client reads them (``docs/protocol.md`` is the contract).

Unknown types of frames and unknown fields are ignored. Instants are milliseconds since the epoch.
"""

from enum import StrEnum
from typing import Any

import msgspec


class State(StrEnum):
    """What a person is, exactly one at a time."""

    IDLE = "idle"
    WAITING = "waiting"
    MATCHED = "matched"


class Wish(StrEnum):
    """What a person last asked for."""

    TALK = "talk"
    REST = "rest"


class Outcome(StrEnum):
    """The result of a command."""

    MATCHED = "matched"
    WAITING = "waiting"
    SKIPPED = "skipped"
    LEFT = "left"
    OK = "ok"
    SENT = "sent"
    BLOCKED = "blocked"
    REPORTED = "reported"
    UNKNOWN_MATCH = "unknown-match"
    NOTED = "noted"
    STALE = "stale"


class MediaWord(StrEnum):
    """What a client says of its media connection in a pulse."""

    OPEN = "open"
    SILENT = "silent"
    FAILED = "failed"


class Probe(msgspec.Struct, frozen=True):
    """A sign of life that this person owes; any pulse answers it."""

    probe: str
    until_ms: int


class Partner(msgspec.Struct, frozen=True):
    """Everything that is ever shown of a partner."""

    alias: str
    away_until_ms: int | None


class Numbers(msgspec.Struct, frozen=True):
    """The numbers of the messages that are kept; none yet: ``first`` = ``last`` + 1."""

    first: int
    last: int


class Match(msgspec.Struct, frozen=True):
    """The conversation that this person is in. ``media`` is left to the media adapter."""

    match: str
    started_at_ms: int
    partner: Partner
    media: dict[str, Any]
    messages: Numbers

    @property
    def is_open(self) -> bool:
        """Whether media may begin: a LiveKit room says so by ``ready``, peer media always may."""
        return bool(self.media.get("ready", True))


class Ended(msgspec.Struct, frozen=True):
    """The last conversation, and why it ended."""

    match: str
    reason: str
    at_ms: int


class Sanction(msgspec.Struct, frozen=True):
    """What a moderator decided about this person: a warning, which is confirmed, or what keeps them out."""

    sanction: str
    kind: str
    """``warn``, ``pause`` or ``ban``."""
    rule: str
    why: str
    until_ms: int
    """When it ends; it may be over already."""
    at_ms: int = 0
    automatic: bool = False


class PersonState(msgspec.Struct, frozen=True):
    """A person's whole state: the same in frames and in replies."""

    state: State
    version: int
    since_ms: int
    intent: int
    wish: Wish
    pool: str
    idle_reason: str = ""
    media_available: bool = True
    again_at_ms: int | None = None
    """While waiting: when this person meets the one again whom they just met, if no other person comes."""
    probe: Probe | None = None
    match: Match | None = None
    ended: Ended | None = None
    sanction: Sanction | None = None


class Frame(msgspec.Struct, frozen=True):
    """One event of the stream. Fields that its type does not have are empty."""

    type: str
    at_ms: int
    state: PersonState | None = None
    match: str = ""
    reason: str = ""
    n: int = 0
    sender: str = msgspec.field(name="from", default="")
    text: str = ""
    data: dict[str, Any] | None = None
    version: int = 0
    people_online: int | None = None
    after_ms: int = 0
    transports: str = ""
    """``sse``, ``poll`` or ``both``: what the server has; only in a snapshot, as is the next one."""
    sanction: Sanction | None = None
    """Why a moderator ended the session (``session-ended`` with the reason ``banned``)."""
    compare_ms: int = 0
    """How often this connection is to read the state and compare; 0: not at all."""


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command; ``n`` is a message's number."""

    outcome: Outcome
    state: PersonState
    n: int = 0


class Online(msgspec.Struct, frozen=True):
    """The answer to ``GET /v1/online``."""

    people_online: int


class StateReply(msgspec.Struct, frozen=True):
    """The answer to ``GET /v1/state``."""

    state: PersonState


class PolledMessage(msgspec.Struct, frozen=True):
    """A line of the conversation, in the answer to a poll."""

    n: int
    sender: str = msgspec.field(name="from")
    text: str
    at_ms: int


class PolledSignal(msgspec.Struct, frozen=True):
    """A signal of the partner's page, in the answer to a poll."""

    n: int
    data: dict[str, Any]
    at_ms: int


class PollReply(msgspec.Struct, frozen=True):
    """The answer to a poll; all but ``taken_over`` is missing if that is true."""

    taken_over: bool = False
    state: PersonState | None = None
    messages: tuple[PolledMessage, ...] = ()
    signals: tuple[PolledSignal, ...] = ()
    people_online: int | None = None
    now_ms: int = 0
    transports: str = ""


class Grant(msgspec.Struct, frozen=True):
    """The answer to ``POST /v1/sessions``."""

    person: str
    token: str
    expires_at_ms: int
    device: str = ""
    """A guest's device, to be kept and said with the next grant."""


class ProblemDocument(msgspec.Struct, frozen=True):
    """RFC 9457, as far as a client decides by it."""

    code: str = ""
    detail: str = ""


_frames = msgspec.json.Decoder(Frame)


def parse_frame(data: str) -> Frame | None:
    """Return one frame; ``None`` if it is not one: the version of a heartbeat later shows what was lost."""
    try:
        return _frames.decode(data)
    except msgspec.MsgspecError:
        return None
