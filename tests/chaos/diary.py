"""What one person did and saw, with instants (ms): the claims are checked on these."""

from dataclasses import dataclass, field

from duologue.client.model import Model
from duologue.client.vocabulary import MediaWord, State
from tests.chaos.gate import now_ms

UNSEEN = "unseen"
"""In place of the reason: the reply to a later command was there before the stream told of this end."""


@dataclass(slots=True)
class Meeting:
    """One conversation as one of its two people saw it."""

    match: str
    partner: str
    """Their alias, which is unique here."""
    started_ms: int
    """The store's word."""
    troubled: list[tuple[int, int | None]] = field(default_factory=list)
    """From when until when the screen said that the partner is not there."""
    ended_ms: int | None = None
    reason: str = ""


@dataclass(slots=True)
class Gone:
    """A time in which a person was not there."""

    how: str
    """``closed``, ``unpolled`` (closed, by a person who polls), or ``frozen``."""
    from_ms: int
    until_ms: int | None = None
    """When they read their state again."""
    returns_ms: int | None = None
    """When they began to come back: from then on a match may be new and theirs."""


@dataclass(slots=True)
class Wait:
    """A time in the queue, as its person saw it."""

    from_ms: int
    until_ms: int | None = None


@dataclass(slots=True)
class Diary:
    """All of one person."""

    name: str
    polite: bool
    meetings: dict[str, Meeting] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    skips: dict[str, int] = field(default_factory=dict)
    """Matches that they wanted to skip, and when they pressed."""
    leaves: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Answers that no command may get."""

    _now: Meeting | None = None

    def saw(self, model: Model) -> None:
        """After each input to the person's client."""
        if model.state is None:
            return
        if self._now and self._now.match != model.match_id:
            self._over(self._now, model)
            self._now = None
        if model.match:
            if self._now is None:
                found = Meeting(model.match_id, model.match.partner.alias, model.match.started_at_ms)
                self._now = self.meetings.setdefault(model.match_id, found)
            self._look(self._now, model)
        self._queue(model)

    def _over(self, meeting: Meeting, model: Model) -> None:
        meeting.ended_ms = now_ms()
        ended = model.state.ended if model.state else None
        meeting.reason = ended.reason if ended and ended.match == meeting.match else UNSEEN
        self._trouble(meeting, False)

    def _look(self, meeting: Meeting, model: Model) -> None:
        book = model.media
        said = book.away_until_ms is not None or book.word in (MediaWord.SILENT, MediaWord.FAILED)
        self._trouble(meeting, said)

    def _trouble(self, meeting: Meeting, said: bool) -> None:
        since, until = meeting.troubled[-1] if meeting.troubled else (0, 0)
        if said and until is not None:
            meeting.troubled.append((now_ms(), None))
        elif not said and until is None:
            meeting.troubled[-1] = (since, now_ms())

    def _queue(self, model: Model) -> None:
        waiting = model.state is not None and model.state.state is State.WAITING
        open_wait = self.waits[-1] if self.waits and self.waits[-1].until_ms is None else None
        if waiting and open_wait is None:
            self.waits.append(Wait(now_ms()))
        elif open_wait and not waiting and model.state is not None:
            open_wait.until_ms = now_ms()

    def went(self, how: str) -> None:
        """They are not there from now on."""
        self.gone.append(Gone(how, now_ms()))

    def comes_back(self) -> None:
        """They open their page again."""
        if self.gone and self.gone[-1].until_ms is None:
            self.gone[-1].returns_ms = now_ms()

    def came_back(self) -> None:
        """They are."""
        if self.gone and self.gone[-1].until_ms is None:
            self.gone[-1].until_ms = now_ms()
