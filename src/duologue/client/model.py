"""Everything that one page knows, what can happen to it, and what it can want done.

Only ``reducer.reduce`` makes the next model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from duologue.client.vocabulary import Frame, Match, MediaWord, PersonState, Reply, Sanction, State, Wish


class Link(StrEnum):
    """How the page hangs on the server."""

    CLOSED = "closed"
    CONNECTING = "connecting"
    OPEN = "open"
    AWAY = "away"
    """No stream, or one whose server has lost its store; it comes back by itself."""
    TAKEN_OVER = "taken-over"
    """Another page of this person has the connection: this one must not come back."""
    ENDED = "ended"
    """The session is over."""


class By(StrEnum):
    """How the page hears of its state."""

    SSE = "sse"
    """An open event stream."""
    POLL = "poll"
    """Asking again and again: the long poll."""


SPEAKING = frozenset({Link.CONNECTING, Link.OPEN, Link.AWAY})
"""Those in which the page speaks for its person."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person asks for with Start. Empty is the server's default."""

    pool: str = ""
    tags: tuple[str, ...] = ()
    """What the person typed: the server takes it apart at commas of any script, and compares one form."""
    language: str = ""
    auto_next: bool = True
    text_only: bool = False
    """This client cannot have a call: its matches are without one (media kind ``text``)."""
    terms: str = ""
    """The version of the site's rules to which the person agreed (``terms-not-agreed``)."""


@dataclass(frozen=True, slots=True)
class Own:
    """The person's last press on this page, or a later one of another page that it adopted."""

    intent: int
    wish: Wish
    preferences: Preferences
    seen_ms: int = 0
    """When it was pressed, or when the server was last heard to have them where they wish to be."""


@dataclass(frozen=True, slots=True)
class Press:
    """A press that waits for the first state, without which it has no number."""

    wish: Wish
    preferences: Preferences
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class SleepMark:
    """The program did not run for a while, and the server was not asked since."""

    match: str
    """The conversation from before."""
    stood: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered with a sign of life; empty: nothing."""

    match: str = ""
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Measures:
    """What this page measured itself, in ms. The first three are told once, with the next pulse."""

    told_ms: int | None = None
    """From the partner's press to this page knowing of it."""
    alone_ms: int | None = None
    """How long the page showed a partner who was not there."""
    next_face_ms: int | None = None
    """From Next to the first picture of the next stranger."""
    next_pressed_ms: int | None = None
    """When Next was pressed for the face that is awaited."""
    least_lag_ms: int | None = None
    """The least difference of our clock and a frame's ``at_ms``: the clocks' offset and the quickest way."""
    least_trip_ms: float | None = None
    """The quickest command, there and back."""


@dataclass(frozen=True, slots=True)
class PulseBook:
    """Which signs of life were given. A pulse counts only once its reply says ``ok``."""

    due: bool = False
    """Something asks for a pulse besides what is owed."""
    sent: Answered | None = None
    """What the pulse under way will have answered. One at a time in a match: media words must not cross."""
    carried: Measures = Measures()
    """What it tells of time, to be told again if it fails."""
    answered: Answered = Answered()
    resting: bool = False
    """The last one brought nothing; a timer says when to try again."""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class MediaBook:
    """What this page knows of its media in one match."""

    match: str = ""
    word: MediaWord | None = None
    """``None`` while it is being set up."""
    away_until_ms: int | None = None
    """The partner's, as read last."""
    vouched: bool = False
    """They answered a ping that was sent after we read that they are away."""
    ever_open: bool = False
    unanswered: bool = False
    """They have been away for a moment, and nothing vouched for them."""
    gone_since_ms: int | None = None
    """Since when the page shows a partner who is not there."""

    @property
    def gone(self) -> bool:
        """Whether to show that they are not there. A closed stream alone says nothing: media may be fine."""
        if not self.match:
            return False
        if self.word in (MediaWord.SILENT, MediaWord.FAILED) or (self.ever_open and self.word is None):
            return True
        return self.away_until_ms is not None and self.unanswered and not self.vouched


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation."""

    n: int
    sender: str
    """``me`` or ``partner``."""
    text: str


@dataclass(frozen=True, slots=True)
class Chat:
    """The messages of one match by their numbers, kept until the next match begins."""

    match: str = ""
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One page."""

    page: str = ""
    link: Link = Link.CLOSED
    by: By = By.SSE
    """By what, while the link is open."""
    kept_out: str = ""
    """Why the server takes no connection of this page for now (``network-full``), until the next frame of
    another kind."""
    is_blocked: bool = False
    """The server answers other requests, but neither a stream nor a poll gets through: something on the way
    blocks them."""
    state: PersonState | None = None
    """``None`` until the first frame."""
    snapshots: int = 0
    """Counted so that a reply can tell whether one came after its command was sent."""
    people_online: int = 0
    own: Own | None = None
    """``None`` on a page whose person has pressed nothing: it follows, and heals nothing."""
    press: Press | None = None
    asking: int | None = None
    """The intent of the join or leave under way."""
    healed: tuple[int, int] | None = None
    """Version and intent at the last healing command: another one at the same waits a little."""
    skipping: str = ""
    reading: bool = False
    asks: bool = True
    """Whether there is a person, who is asked after a time away; else an intent has no age."""
    slept: SleepMark | None = None
    let_go: str = ""
    """``away``: the client stopped looking for strangers, for it slept or was away for long. The next
    ``start`` clears it."""
    pulses: PulseBook = PulseBook()
    media: MediaBook = MediaBook()
    signal_n: int = 0
    signal_at_ms: int = 0
    """The last signal of this match that was read: its number, and the latest instant of any."""
    sanction: Sanction | None = None
    """What a moderator decided about the person, as the server said last."""
    chat: Chat = Chat()
    measures: Measures = Measures()
    refusal: tuple[str, str] | None = None
    """Command and code of the last thing that the server refused for good; the next press clears it."""

    @property
    def match(self) -> Match | None:
        """The conversation that this person is in."""
        return self.state.match if self.state else None

    @property
    def match_id(self) -> str:
        """Its id, or empty."""
        return self.match.match if self.match else ""

    @property
    def waiting(self) -> bool:
        """In the queue."""
        return self.state is not None and self.state.state is State.WAITING

    @property
    def speaks(self) -> bool:
        """Whether this page speaks for its person; one that was taken over must not."""
        return self.link in SPEAKING

    @property
    def wants_repeat(self) -> bool:
        """Whether the media word is to be said again every 2.5 s."""
        book = self.media
        troubled = book.away_until_ms is not None or book.word in (MediaWord.SILENT, MediaWord.FAILED)
        return bool(book.match) and self.speaks and troubled


class Later(StrEnum):
    """What a timer is for."""

    PULSE = "pulse"
    HEAL = "heal"
    GONE = "gone"


# --- what can happen -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewPage:
    """A load of the page, or its person's wish to take over again."""

    page: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Live updates are blocked on the way, or are no longer."""

    blocked: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The connection opened, broke or ended, or is of another kind now."""

    link: Link
    by: By = By.SSE


@dataclass(frozen=True, slots=True)
class FrameRead:
    """An event of the stream, or what a poll brought in the form of one."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked of the server: its path's last part, and what tells it from others of its kind."""

    name: str
    match: str = ""
    intent: int = 0


@dataclass(frozen=True, slots=True)
class Replied:
    """A command was answered, after ``took_ms``. ``snapshots``: the model's when it was sent."""

    to: Command
    reply: Reply
    snapshots: int
    took_ms: float | None = None


@dataclass(frozen=True, slots=True)
class StateRead:
    """``GET /v1/state`` was answered."""

    state: PersonState
    snapshots: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A command ended without an answer (``status`` 0) or was refused for good."""

    to: Command
    status: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Start (``talk``) or Stop (``rest``)."""

    wish: Wish
    preferences: Preferences = Preferences()


@dataclass(frozen=True, slots=True)
class NextPressed:
    """Next."""


@dataclass(frozen=True, slots=True)
class FaceSeen:
    """The first picture of this match's partner is on screen."""

    match: str


@dataclass(frozen=True, slots=True)
class MediaSaid:
    """The media adapter's word on its connection, each time that it changes or a new one came up."""

    match: str
    word: MediaWord | None


@dataclass(frozen=True, slots=True)
class Vouched:
    """A ping that was sent because the partner is away was answered."""

    match: str


@dataclass(frozen=True, slots=True)
class Slept:
    """The program runs again after a time in which it did not."""


@dataclass(frozen=True, slots=True)
class RepeatDue:
    """2.5 s of ``wants_repeat`` went by."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """As ``After`` asked."""

    what: Later


Input = (
    NewPage
    | LinkChanged
    | Blocked
    | FrameRead
    | Replied
    | StateRead
    | Failed
    | Pressed
    | NextPressed
    | FaceSeen
    | MediaSaid
    | Vouched
    | Slept
    | RepeatDue
    | TimerFired
)


# --- what is to be done ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """A command to the server."""

    command: Command
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReadState:
    """``GET /v1/state``."""


@dataclass(frozen=True, slots=True)
class AskPartner:
    """Ping the partner now, and tell (``Vouched``) when that very ping is answered."""

    match: str


@dataclass(frozen=True, slots=True)
class Hear:
    """A signal from the partner's page, for the media adapter."""

    match: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class After:
    """``TimerFired(what)`` in that time."""

    what: Later
    seconds: float


Effect = Send | ReadState | AskPartner | Hear | After
Step = tuple[Model, tuple[Effect, ...]]
