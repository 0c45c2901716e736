"""What the model remembers: plain objects, no keys, no scores, no bytes."""

from dataclasses import dataclass, field

from duologue.pairing.vocabulary import EndReason, IdleReason, State, Wish


@dataclass(slots=True)
class Owed:
    """A sign of life that a person owes (mechanism 5)."""

    due: int
    due_read: int
    """The same by the store's clock, as people read it."""
    media_meets: bool
    """Armed by the partner's ``silent`` or by a closed connection: the partner's ``open`` meets it too."""
    at: int
    """When it was armed first."""
    ours: bool
    """Our own doing took their connection: the partner is asked to vouch for them."""
    again: int
    """When its frame is published once more; its due time when that has happened."""


@dataclass(slots=True)
class Past:
    """One of the last 8 matches (mechanism 1)."""

    match: "Match"
    partner: "Person"
    at: int
    own_skip: bool


@dataclass(slots=True, eq=False)
class Match:
    """A conversation of exactly two."""

    people: tuple["Person", "Person"]
    number: int
    """In the order in which they began: which of two deadlines at the same instant comes first."""
    started: int
    began: int
    """The same instant by the store's clock, as people read it."""
    word: int
    media_due: int | None
    quiet_due: int
    signed: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    silence: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By reporter: since when, and when it ends the match."""
    trouble: dict[str, int] = field(default_factory=dict)
    """When each side last said ``silent`` or ``failed``, unless it said ``open`` since."""
    turned: dict[str, int] = field(default_factory=dict)
    """How often each side's page has changed in it."""
    ever_opened: bool = False
    """Both have been open at some time; outlives a reload."""
    ready: bool = True
    text: bool = False
    """Without a call, and without a room: one of the two said that they can only write."""
    """Its room is open; peer media needs none."""
    spoke: set[str] = field(default_factory=set)
    """Whose present page said something of its media itself."""
    said: int = 0
    """How many messages, of both."""

    def partner(self, person: "Person") -> "Person":
        a, b = self.people
        return b if person is a else a

    @property
    def both_opened(self) -> bool:
        return len(self.opened) == 2


@dataclass(slots=True, eq=False)
class Person:
    """Everything that is known of a person."""

    id: str
    state: State = State.IDLE
    intent: int = 0
    wish: Wish = Wish.REST
    no_video: bool = False
    """Reads, while waiting, that there is no video."""
    pool: str = "main"
    idle_reason: IdleReason = IdleReason.NEVER
    since: int = 0
    since_read: int = 0
    """The same by the store's clock, as people read it."""
    language: str = ""
    tags: frozenset[str] = frozenset()
    auto_next: bool = True
    text_only: bool = False

    place: tuple[int, bool] = (0, False)
    """The smaller goes first; the flag: by an own skip."""
    waited: int = 0
    pairable_since: int | None = None
    relaxed: bool = False
    """Whether they looked for a partner since they were pairable for ``relax_after_ms``."""
    lease: int | None = None
    owed: Owed | None = None

    match: Match | None = None
    ended: EndReason | None = None
    recent: list[Past] = field(default_factory=list)
    device: str = ""
    network: str = ""
    blocks: dict[str, int] = field(default_factory=dict)
    """Persons, ``d:<device>`` and ``n:<network>``, by when they were blocked."""

    connection: str = ""
    last_connection: str = ""
    process: str = ""
    attached_at: int = 0
    page: str = ""
    superseded: list[str] = field(default_factory=list)
    bucket: int = 5_000
    bucket_at: int = 0
    """Since when the bucket fills (attached) or drains (away)."""
    drains: bool = False
    """Away by a closed connection, in time that costs the bucket."""

    @property
    def away_until(self) -> int | None:
        """What the partner reads: until when this person, whose connection closed, may come back."""
        return self.owed.due_read if self.owed and self.drains and not self.connection else None

    @property
    def pairable(self) -> bool:
        return self.pairable_since is not None
