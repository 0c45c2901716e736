"""What this process knows of its contact with the store: does it hear, is it heard, what time is it there.

Two signs: our own *echo* (a probe that came back over our own subscription: we
hear) and the *beat* (the store knows us: we are heard; only sent after an
echo). *Suspicion* says that frames may have been missed: everybody is then
re-attached until an echo sent since has come back and a whole round has run
after it (mechanisms 6 and 7).
"""

import asyncio
import secrets
from collections.abc import Callable

from duologue.delivery.clock import Clock, StoreClock
from duologue.delivery.lists import Lists
from duologue.delivery.sequence import Sequence
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import Beat

SPELLS = frozenset({"deaf", "readonly", "moved", "store", "set-back"})
"""Causes that come again and again until we hear once more (deaf: each second, a server that takes no
writes: with each call). One snapshot for the whole spell is enough: the rounds that go on until then
write only what differs."""
NO_PRIMARY = frozenset({"readonly", "moved"})
"""Causes that say that what answers is not the server that keeps the data."""
AWAY_S = 2.0
"""No call was answered for so long: the store is away, and not only slow."""
READY_S = 10.0
"""A store that is unavailable for less than this does not take the process out of a load balancer."""
COMPARED = frozenset({"gap"})
"""Causes without a snapshot for anyone: the store goes on where it was, so comparing what each connection
was told finds all losses."""


class Contact:
    """The contact with the store, one object per process: all parts read it; the beat, the feed and the
    store client write it."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self.store_clock = StoreClock(clock)
        self.people_here = 0
        """Whose connections this process holds, those being attached included; the hub counts them."""
        self.polls_here = 0
        """How many of these connections poll; the others are streams."""
        self.draining = False
        self._deaf_since: float | None = None
        self.others = 0
        """Other processes that beat, as the last beat said."""
        self.last_answer: Callable[[], float | None] = lambda: None
        """When any call to the store was answered last (monotonic seconds); set by the wiring."""
        self.behind_s: Callable[[], float] = lambda: 0.0
        """For how long the oldest call that was not sent yet has waited; set by the wiring."""
        self.late_since: Callable[[float], float] = lambda _: 0.0
        """For how long this process itself was late since an instant (monotonic); set by the wiring."""
        self.attention = asyncio.Event()
        """Set when the re-attach loop has something to do."""
        self.generation = 0
        """Raised with each suspicion after which every person is owed a snapshot."""
        self.suspicions = 0
        """How often something was suspected: an attach that one came across is looked at once more."""
        self.sequence = Sequence(self.suspect, lambda: self.suspicious)
        self.lists = Lists()
        self._people_online = 0
        self._beaten_at: float | None = None
        self._held_up_until = 0.0
        self._started_at = clock.monotonic()
        self._token = ""
        self._sent_at = 0.0
        self._echo = asyncio.Event()
        self._heard_at = 0.0
        self._suspected_at: float | None = None
        self._spells: set[str] = set()
        """Causes since the last echo that are told once until the next."""

    @property
    def people_online(self) -> int:
        """In the shard, as the last beat said; never fewer than we see ourselves."""
        return max(self._people_online, self.people_here)

    @property
    def held_here(self) -> tuple[int, int]:
        """People whom this process holds by streams, and by polls."""
        return max(0, self.people_here - self.polls_here), self.polls_here

    def suspect(self, cause: str) -> None:
        """Frames may have been missed. May be called from anywhere, again and again.

        Causes: ``feed``, ``store`` (a connection was opened again), ``readonly``, ``moved``, ``run-id``,
        ``unknown`` (a beat), ``deaf``, ``gap`` and ``set-back`` (numbers, see ``sequence``), ``malformed``.
        """
        if self.people_here == 0 and cause != "deaf":
            return  # nobody of ours can have missed anything
        self.suspicions += 1
        if cause not in self._spells:
            self.generation += cause not in COMPARED
            self._metrics.suspected(cause)
        if cause in SPELLS:
            self._spells.add(cause)
        self._suspected_at = self._clock.monotonic()
        self.attention.set()

    @property
    def suspicious(self) -> bool:
        """Return whether a round for all people is due now, and then again each second."""
        return self._suspected_at is not None

    def healed(self, round_began_at: float) -> None:
        """Note that a whole round, begun then (monotonic), reached all people: this is enough if we could
        hear by then."""
        since = self._suspected_at
        if since is not None and since <= self._heard_at <= round_began_at:
            self._suspected_at = None

    def probe(self) -> str:
        """A new token to publish to ourselves; it replaces the one under way."""
        self._token = secrets.token_urlsafe(12)
        self._sent_at = self._clock.monotonic()
        self._echo.clear()
        return self._token

    def echoed(self, token: str) -> None:
        """A probe came back; one replaced meanwhile says nothing of now."""
        if token == self._token:
            # What counts is when it was sent: it then passed everything published before.
            self._heard_at = self._sent_at
            self._deaf_since = None
            self._spells.clear()
            self._echo.set()

    async def hears(self, within_s: float) -> bool:
        """Whether the probe under way comes back within so long, our own lateness not counted."""
        began_s, left_s = self._clock.monotonic(), within_s
        while not await self._clock.wait(self._echo, left_s):
            left_s = within_s + self.late_since(began_s) - (self._clock.monotonic() - began_s)
            if left_s <= 0.001:
                return False
        return True

    def beaten(self, beat: Beat, sent_s: float, received_s: float) -> None:
        """A beat was answered; the instants are our ``monotonic``."""
        self._beaten_at = self._clock.monotonic()
        self._people_online = beat.people_online
        self.others = beat.others
        self.store_clock.note(sent_s, received_s, beat.store_now_ms)
        self._metrics.beaten(beat.people_online, beat.alone_people)
        self._metrics.held(*self.held_here)
        if not beat.known:
            self.suspect("unknown")

    def away_s(self) -> float:
        """Return for how long the store has been away from us: it answered nothing, or we do not hear it.

        A store that answers is slow at most: its people keep what they have, and wait. The time for which
        this process itself was late does not count.
        """
        since = self._started_at if self._beaten_at is None else self._beaten_at
        if self._deaf_since is not None:
            since = max(since, self._deaf_since)
        elif not self._spells & NO_PRIMARY:
            since = max(since, self.last_answer() or since)
        since = max(since, self._held_up_until)
        return self._clock.monotonic() - since - self.late_since(since)

    def deaf(self) -> None:
        """Note that the store took our last probe, and it did not come back over our own subscription."""
        if self._deaf_since is None:
            self._deaf_since = self._sent_at
        self.suspect("deaf")

    def held_up(self) -> None:
        """Note that this process itself stood still until now: it asked nothing meanwhile."""
        self._held_up_until = self._clock.monotonic()

    @property
    def is_away(self) -> bool:
        """Whether people must be told so."""
        return self.away_s() >= AWAY_S

    def answered_since(self, instant_s: float) -> bool:
        """Return whether the store answered any call since then (monotonic)."""
        answer = self.last_answer()
        return answer is not None and answer >= instant_s

    def ready(self, within_s: float = READY_S) -> bool:
        """Return whether new people should be sent here: what ``/readyz`` asks. A slow store does not
        matter."""
        return self._beaten_at is not None and not self.draining and self.away_s() < within_s
