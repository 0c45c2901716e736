"""The state machine once more, in plain Python, written from the documents alone.

It knows nothing of the scripts. Where a document leaves something open, the
comment beside it says how it was decided (``docs/decisions``).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    EndReason,
    IdleReason,
    Media,
    Outcome,
    ParticipantFact,
    PersonId,
    SanctionKind,
    State,
    Wish,
)
from tests.model.people import Match, Owed, Past, Person
from tests.model.rooms import Room, Rooms


class Model:
    """People, matches and one clock."""

    def __init__(
        self,
        now: int,
        timings: Timings,
        rooms: Rooms | None = None,
        marks: Mapping[PersonId, tuple[str, str]] | None = None,
    ) -> None:
        """``rooms``: with LiveKit media. ``marks``: each person's device and network."""
        self.marks = marks or {}
        self.rooms = rooms
        self.timings = timings
        self.last_sweep: int | None = None
        self.quiet_until = 0
        self.skipped = 0
        """The store's clock minus the shard's own time, which neither steps nor counts outages."""
        self.read_clock(now)
        self.people: dict[str, Person] = {}
        self.beats: dict[str, int] = {}
        self.beaten: dict[str, int] = {}
        """What each process knows of its own last beat."""
        self.begun = 0
        self.bans: dict[str, tuple[str, int]] = {}
        """Sanctions and until when they last (ms of the store's clock), by person or ``d:<device>``."""
        self.warnings: dict[str, tuple[str, int]] = {}

    @property
    def now(self) -> int:
        return self._now

    def read_clock(self, ms: int) -> None:
        """The store's clock says so."""
        self._now = ms - self.skipped
        if self.last_sweep is not None and not 0 <= self._now - self.last_sweep <= self.timings.outage_ms:
            self._notice_step(self._now - self.last_sweep, self.last_sweep)
        if self.rooms:
            self.rooms.now = self._now

    def _notice_step(self, gap: int, last: int) -> None:
        back = gap < -self.timings.outage_ms and last >= self.quiet_until
        self._now, self.skipped = last, self.skipped + gap
        if gap > self.timings.outage_ms or back:
            self.quiet_until = last + self.timings.outage_quiet_ms

    @property
    def video_is_down(self) -> bool:
        return self.rooms is not None and self.rooms.down

    def person(self, person: str) -> Person:
        if person not in self.people:
            device, network = self.marks.get(PersonId(person), ("", ""))
            self.people[person] = Person(person, device=device, network=network)
        return self.people[person]

    @property
    def matches(self) -> list[Match]:
        live = {p.match.number: p.match for p in self.people.values() if p.match}
        return [live[number] for number in sorted(live)]

    # Commands

    def join(
        self,
        person: str,
        intent: int,
        pool: str,
        tags: Iterable[str],
        language: str,
        auto_next: bool,
        text_only: bool = False,
    ) -> Outcome | None:
        """``None``: a moderator keeps the person out."""
        p = self.person(person)
        if self._lasts(self.warnings.get(person)) or self.is_banned(
            person, p.device if p.last_connection else ""
        ):
            return None
        if intent < p.intent or (intent == p.intent and p.wish is Wish.REST):
            return Outcome.STALE
        if intent > p.intent or not p.match:  # a repeat of the join that made a match is no sign in it
            self._sign(p)
        if intent > p.intent or p.state is State.IDLE:
            if p.pool != pool:
                p.pairable_since, p.relaxed = None, False
            p.pool, p.tags, p.language, p.auto_next = pool, frozenset(tags), language, auto_next
            p.text_only = text_only
        p.intent, p.wish = intent, Wish.TALK
        if p.state is State.IDLE:
            back = (
                p.idle_reason is IdleReason.YOU_WERE_AWAY and self.now - p.since <= self.timings.away_keep_ms
            )
            p.ended = None
            self._wait(p, (self.now - p.waited if back else self.now, False))
        self._queue(p)
        self._seek(p)
        return Outcome(p.state.value)

    # Sanctions

    def _lasts(self, mark: tuple[str, int] | None) -> bool:
        return mark is not None and mark[1] > self.now + self.skipped

    def is_banned(self, person: str, device: str) -> bool:
        return self._lasts(self.bans.get(person)) or (
            bool(device) and self._lasts(self.bans.get(f"d:{device}"))
        )

    def sanction(self, person: str, kind: SanctionKind, mark: tuple[str, int], *, device: bool) -> None:
        p = self.person(person)
        if kind is SanctionKind.WARN:
            self.warnings[person] = mark
            if p.state is State.WAITING:
                self._out(p, IdleReason.WARNED)
            return
        if kind is not SanctionKind.KICK:
            self.bans[person] = mark
            if device and p.device and p.last_connection:
                self.bans[f"d:{p.device}"] = mark
        self._out(p, IdleReason.REMOVED if kind is SanctionKind.KICK else IdleReason.BANNED)

    def _out(self, p: Person, reason: IdleReason) -> None:
        p.wish = Wish.REST
        if p.match:
            self._end(p.match, {p: EndReason.LEFT}, EndReason.PARTNER_LEFT, left=p, why=reason)
        elif p.state is State.WAITING:
            self._idle(p, reason)
        else:
            p.idle_reason = reason

    def lift(self, sanction: str) -> None:
        for marks in (self.bans, self.warnings):
            for name in [name for name, (id_, _) in marks.items() if id_ == sanction]:
                del marks[name]

    def confirm(self, person: str, sanction: str) -> bool:
        """Whether that is the warning that waits."""
        if person not in self.warnings or self.warnings[person][0] != sanction:
            return False
        del self.warnings[person]
        return True

    def leave(self, person: str, intent: int) -> Outcome:
        p = self.person(person)
        if intent < p.intent or (intent == p.intent and p.wish is Wish.TALK):
            return Outcome.STALE
        newer = intent > p.intent
        p.intent, p.wish = intent, Wish.REST
        if p.match:
            self._end(p.match, {p: EndReason.LEFT}, EndReason.PARTNER_LEFT, left=p)
        elif newer or p.state is not State.IDLE:  # an equal one while idle only repeats
            self._idle(p, IdleReason.LEFT)
        return Outcome.LEFT

    def skip(self, person: str, match: Match | None) -> Outcome:
        p = self.person(person)
        if match is None or p.match is not match:
            past = self._past(p, match)
            return Outcome.SKIPPED if past and past.own_skip else Outcome.STALE
        self._sign(p)
        self._end_by_skip(match, p)
        return Outcome.SKIPPED

    def _past(self, p: Person, match: Match | None) -> Past | None:
        """One of the last 8 matches of 15 min; the list keeps whole seconds."""
        oldest = self.now - self.timings.recent_ttl_ms
        return next((x for x in p.recent if x.match is match and x.at // 1000 * 1000 > oldest), None)

    def pulse(self, person: str, named: bool, match: Match | None, media: Media | None) -> Outcome:
        p = self.person(person)
        if named and (match is None or p.match is not match):
            return Outcome.STALE
        if named or not p.match:  # one sent while waiting is no sign in the match that began since
            self._sign(p)
        if named and match:  # what is said of media names its match, as all about a conversation
            self._media(match, p, media)
        self._seek(p)
        return Outcome.OK

    def _media(self, match: Match, p: Person, media: Media | None) -> None:
        partner = match.partner(p)
        if media:
            match.spoke.add(p.id)
        if not match.ready and media is not Media.SILENT:
            return  # nobody can be in a room that is not open
        match media:
            case Media.OPEN:
                self._opened(match, p)
                if partner.owed and partner.owed.media_meets:
                    partner.owed = None
                if not partner.connection:
                    partner.bucket_at = self.now
                    partner.drains = partner.drains and partner.owed is not None
            case Media.FAILED if not match.ever_opened:
                match.trouble[p.id] = self.now
                if not self._alone_in_trouble(match, p):
                    self._end(match, {}, EndReason.MEDIA_FAILED)
                else:  # the other side's word is waited for, from the first time on
                    match.silence.setdefault(p.id, (self.now, self.now + self.timings.failed_ms))
            case Media.SILENT | Media.FAILED:
                self._demand(partner, self.now + self.timings.owed_ms, media_meets=True)
                if match.ever_opened:
                    due = self.now + self.timings.silence_ms
                    kept = None if self._stale_trouble(match, p) else match.silence.get(p.id)
                    match.silence[p.id] = kept or (self.now, due)
                match.trouble[p.id] = self.now

    def _alone_in_trouble(self, match: Match, p: Person) -> bool:
        """The partner is there, and has said nothing of any trouble within ``silence_stale_ms``."""
        partner = match.partner(p)
        return bool(partner.connection) and self._stale_trouble(match, partner)

    def _stale_trouble(self, match: Match, p: Person) -> bool:
        last = match.trouble.get(p.id)
        return last is None or self.now - last > self.timings.silence_stale_ms

    def _was_ours(self, p: Person, since: int) -> bool:
        """A drain, a dead or a mute process, or an outage that ended after ``since``."""
        if self.quiet_until > since:
            return True
        if not p.connection:
            return not p.drains or bool(p.owed and p.owed.ours)
        beat = self.beats.get(p.process)
        return beat is None or self.now - beat > self.timings.outage_ms

    def _opened(self, match: Match, p: Person) -> None:
        match.opened.add(p.id)
        match.silence.pop(p.id, None)
        match.trouble.pop(p.id, None)
        if match.both_opened:
            match.media_due, match.ever_opened = None, True

    def message(self, person: str, match: Match | None) -> Outcome:
        p = self.person(person)
        if match is None or p.match is not match:
            return Outcome.STALE
        self._sign(p)
        match.said += 1
        return Outcome.SENT

    def report(self, person: str, match: Match | None, skip: bool) -> Outcome:
        blocked = self.block(person, match, skip)
        return Outcome.REPORTED if blocked is Outcome.BLOCKED else blocked

    def block(self, person: str, match: Match | None, skip: bool) -> Outcome:
        p = self.person(person)
        live = match is not None and p.match is match
        past = self._past(p, match)
        if not live and not past:
            return Outcome.UNKNOWN_MATCH
        if live and match:
            self._block(p, match.partner(p))
            self._sign(p)
            if skip:
                self._end_by_skip(match, p)
        elif past:
            self._block(p, past.partner)
        return Outcome.BLOCKED

    def _block(self, p: Person, other: Person) -> None:
        """Against the person, their device and their network, but not against one's own."""
        p.blocks[other.id] = self.now
        if other.device and other.device != p.device:
            p.blocks[f"d:{other.device}"] = self.now
        if other.network and other.network != p.network:
            p.blocks[f"n:{other.network}"] = self.now

    def _blocks(self, p: Person, other: Person) -> bool:
        network_at = p.blocks.get(f"n:{other.network}")
        held = network_at is not None and network_at > self.now - self.timings.block_network_ms
        return other.id in p.blocks or f"d:{other.device}" in p.blocks or held

    # Rooms

    def ack(self, person: str, match: Match | None) -> Outcome:
        p = self.person(person)
        if match is None or (p.match is not match and not self._past(p, match)):
            return Outcome.STALE
        if self.rooms:
            self.rooms.ack(match, p.id)
        return Outcome.OK

    def room_opened(self, match: Match, claim: int) -> bool:
        assert self.rooms
        was = match.ready
        done = self.rooms.opened(match, claim)
        if match.ready and not was:
            match.media_due = self.now + self.timings.media_ms
        return done

    def hint(self, match: Match | None, person: str, fact: ParticipantFact) -> bool:
        p, room = self.person(person), self._room(match)
        if match is None or room is None or p.match is not match or not match.ready:
            return False
        if fact is ParticipantFact.LEFT:
            room.present.discard(p.id)
            self._demand(p, self.now + self.timings.owed_ms, media_meets=not p.connection)
            return True
        room.present.add(p.id)
        if len(room.present) == 2:
            for each in match.people:
                if each.id not in match.spoke:
                    self._opened(match, each)
        return True

    def solo(self, match: Match | None, since: int) -> str:
        room = self._room(match)
        if match is None or room is None or room.closing or not match.ready:
            return "stale"
        assert self.rooms
        if match.media_due is not None or self.now - max(since, room.opened_at) < self.rooms.rules.solo_ms:
            return "ok"
        self._end(match, {}, EndReason.MEDIA_FAILED)
        return "ended"

    def reconcile(self, began: int, listed: Collection[Match]) -> int:
        """How many matches ended because their room is not among them."""
        assert self.rooms
        for match in listed:
            self.rooms.listed(match)
        spared = began - self.rooms.rules.spare_ms
        lost = [
            room.match
            for room in self.rooms.entries.values()
            if not room.closing and room.match.ready and room.opened_at <= spared and room.match not in listed
        ]
        for match in sorted(lost, key=lambda match: match.number):
            self._end(match, {}, EndReason.MEDIA_FAILED)
        return len(lost)

    def tell(self, pool: str) -> None:
        """Tell the people in the pool whether there is video."""
        for p in self.queue(pool):
            p.no_video = self.video_is_down

    # Connections

    def attach(self, person: str, connection: str, process: str, page: str) -> bool:
        """False: this page was taken over."""
        p = self.person(person)
        device = self.marks.get(PersonId(person), ("", ""))[0]
        if page in p.superseded or self.is_banned(person, device):
            return False
        match, turned = p.match, p.page != page
        if p.connection != connection:  # else it is a poll, of which only the sign of life counts
            self._connect(p, connection, process, page, max(self.now, p.attached_at + 1))
        self._sign(p)
        if match and turned:
            match.turned[p.id] = match.turned.get(p.id, 0) + 1
            if match.turned[p.id] > self.timings.page_changes:
                self._end(match, {}, EndReason.MEDIA_FAILED, to_the_end=p)
        self._seek(p)
        return True

    def _connect(self, p: Person, connection: str, process: str, page: str, at: int) -> None:
        new_page = bool(p.page) and p.page != page
        if new_page:
            p.superseded = [*p.superseded, p.page][-4:]
        detached = not p.connection
        if detached and p.drains:
            p.bucket = max(0, p.bucket - (self.now - p.bucket_at))
        elif not detached:
            self._fill(p)
        p.drains, p.bucket_at = False, self.now
        if p.match and (detached or new_page) and not self._stands(p.match, p, new_page):
            # Whose media must come up again: both sides' for a new page (its partner builds a
            # new connection too), else the returning side's (decision 0002).
            p.match.opened -= {x.id for x in p.match.people} if new_page else {p.id}
            if p.match.ready:  # else the deadline is the room's
                p.match.media_due = self.now + self.timings.media_ms
            if (
                p.match.media_due and not p.match.ever_opened
            ):  # who comes and goes does not put it off for ever (decision 0003)
                p.match.media_due = min(p.match.media_due, p.match.started + self.timings.media_most_ms)
            if new_page:
                p.match.silence.pop(p.id, None)
                p.match.trouble.pop(p.id, None)
        self.beats.setdefault(process, self.now)
        p.connection = p.last_connection = connection
        p.process, p.page, p.attached_at = process, page, at
        self._queue(p)

    def _stands(self, match: Match, p: Person, new_page: bool) -> bool:
        """A page that says nothing of its media, and was not reloaded, is in the room still."""
        room = self._room(match)
        if room and new_page:
            room.present.discard(p.id)
            match.spoke.discard(p.id)
        return room is not None and not new_page and p.id not in match.spoke and p.id in room.present

    def _room(self, match: Match | None) -> Room | None:
        return self.rooms.entries.get(match) if self.rooms and match else None

    def _fill(self, p: Person) -> None:
        earned = (self.now - p.bucket_at) // self.timings.away_refill_ratio
        p.bucket, p.bucket_at = min(self.timings.away_bucket_ms, p.bucket + earned), self.now

    def detach(self, person: str, connection: str, closed: bool) -> bool:
        p = self.people.get(person)
        if not p or not connection or p.connection != connection:
            return False
        self._fill(p)
        p.connection = p.process = ""
        if p.state is not State.IDLE:
            p.drains = closed
            allowed = max(p.bucket, self.timings.away_floor_ms) if closed else self.timings.drain_ms
            self._demand(p, self.now + allowed, media_meets=True, ours=not closed)
        self._queue(p)
        return True

    def reattach(self, person: str, connection: str, process: str, page: str, attached_at: int) -> str:
        """``same``, ``refused`` or ``attached``; never a sign of life."""
        p = self.person(person)
        device = self.marks.get(PersonId(person), ("", ""))[0]
        asked = p.connection != connection or p.idle_reason is IdleReason.BANNED
        if asked and self.is_banned(person, device):
            if p.connection == connection:
                self.detach(person, connection, closed=True)
            return "refused"
        if p.connection == connection:
            return "same"
        later = p.attached_at - attached_at
        if (later >= 0 and p.connection) or later > 0 or page in p.superseded:
            return "refused"
        self._connect(p, connection, process, page, attached_at)
        self._seek(p)
        return "attached"

    # The passing of time

    def record_sweep(self) -> None:
        """Each loop of a sweep records it."""
        self.last_sweep = self.now

    def sweep(self) -> None:
        self.record_sweep()
        if self.now < self.quiet_until:
            return
        self._owed_due()
        self._media_due()
        self._silence_due()
        for match in [m for m in self.matches if m.quiet_due <= self.now]:
            match.quiet_due = self.now + self.timings.quiet_check_ms
            if self.now - match.word >= self.timings.quiet_check_ms:
                for p in match.people:
                    # Who has no connection cannot read the probe: the partner may vouch (decision 0003).
                    self._demand(p, self.now + self.timings.owed_ms, media_meets=not p.connection)
        for p in self.people.values():
            # Leases are renewed at heartbeats: each must have had one since an outage (decision 0003).
            quiet = self.now < self.quiet_until + self.timings.lease_grace_ms
            if p.lease is not None and p.lease <= self.now and not quiet:
                self._idle(p, IdleReason.YOU_WERE_AWAY)

    def _owed_due(self) -> None:
        due = [(p.owed.again, p.id, p) for p in self.people.values() if p.owed and p.owed.again <= self.now]
        for _, _, p in sorted(due):
            if not p.owed:
                continue
            if p.owed.due > self.now:
                p.owed.again = p.owed.due
                if p.owed.ours and p.match and not p.connection:  # from here on the partner may vouch
                    p.drains, p.bucket_at = True, self.now
            elif p.match:
                self._end_by_absence(p.match, p)
            else:
                self._idle(p, IdleReason.YOU_WERE_AWAY)

    def _media_due(self) -> None:
        due = [(m.media_due, m.number, m) for m in self.matches if m.media_due is not None]
        for when, _, match in sorted(due):
            if when > self.now:
                break
            if not match.ready and self.rooms:
                self.rooms.went_down(match.started)
            if match.ready:
                self._end(match, {}, EndReason.MEDIA_FAILED, to_the_end=self._never_opened(match))
            else:
                self._end(match, {}, EndReason.MEDIA_UNAVAILABLE)

    def _never_opened(self, match: Match) -> Person | None:
        """Who alone kept the media from being up."""
        missing = [p for p in match.people if p.id not in match.opened]
        if len(missing) != 1 or self._was_ours(missing[0], self.now - self.timings.media_ms):
            return None
        return missing[0] if self._alone_in_trouble(match, missing[0]) else None

    def _silence_due(self) -> None:
        due = sorted(
            (match.silence[p.id][1], match.number, p.id, match, p)
            for match in self.matches
            for p in match.people
            if p.id in match.silence and match.silence[p.id][1] <= self.now
        )
        for *_, match, p in due:
            if p.match is not match:
                continue
            if self._stale_trouble(match, p):
                del match.silence[p.id]
                continue
            alone = self._alone_in_trouble(match, p)
            self._end(match, {}, EndReason.MEDIA_FAILED, to_the_end=p if alone else None)

    def beat(self, process: str) -> bool:
        known = process in self.beaten and self.beats.get(process) == self.beaten[process]
        self.beats[process] = self.beaten[process] = self.now
        return known

    def bury(self) -> None:
        self.record_sweep()
        if self.now < self.quiet_until:
            return
        for process, last in list(self.beats.items()):
            if last <= self.now - self.timings.process_dead_ms:
                del self.beats[process]
                for p in list(self.people.values()):
                    if p.connection and p.process == process:
                        self.detach(p.id, p.connection, closed=False)

    # Signs of life

    def _demand(self, p: Person, due: int, *, media_meets: bool, ours: bool = False) -> None:
        drained = p.owed and p.owed.ours and not p.connection
        if p.owed is None or (due < p.owed.due and not drained):
            at = p.owed.at if p.owed else self.now
            again = due - self.timings.away_bucket_ms if ours else at + self.timings.owed_again_ms
            if p.owed and p.owed.again == p.owed.due:  # it was said once more
                again = due
            p.owed = Owed(due, due + self.skipped, media_meets, at, ours, min(due, again))

    def _sign(self, p: Person) -> None:
        if p.connection:
            p.owed = None
        if p.state is State.WAITING:
            p.lease = self.now + self.timings.lease_ms
            p.no_video = self.video_is_down
        if p.match:
            p.match.signed.add(p.id)
            p.match.word = self.now
        self._queue(p)

    # The queue

    def _queue(self, p: Person) -> None:
        may = p.state is State.WAITING and bool(p.connection) and p.owed is None
        p.pairable_since = (self.now if p.pairable_since is None else p.pairable_since) if may else None
        p.relaxed = p.relaxed and may

    def _wait(self, p: Person, place: tuple[int, bool]) -> None:
        p.state, p.place, p.match = State.WAITING, place, None
        self._since_now(p)
        p.lease = self.now + self.timings.lease_ms
        p.no_video = self.video_is_down
        p.pairable_since, p.relaxed = None, False
        self._queue(p)

    def _since_now(self, p: Person) -> None:
        p.since, p.since_read = self.now, self.now + self.skipped

    def _idle(self, p: Person, reason: IdleReason) -> None:
        if p.state is State.WAITING:
            p.waited = self.now - p.place[0]
        if p.state is not State.IDLE:
            self._since_now(p)
        if p.drains and not p.connection:
            p.bucket = max(0, p.bucket - (self.now - p.bucket_at))
        p.bucket_at, p.drains = self.now, False  # nobody waits for them any more
        p.state, p.idle_reason = State.IDLE, reason
        p.owed = p.lease = p.match = p.pairable_since = None
        p.relaxed = False

    def queue(self, pool: str) -> list[Person]:
        """The pairable people of a pool, in the order in which they are served."""
        people = [p for p in self.people.values() if p.pairable and p.pool == pool]
        return sorted(people, key=lambda p: (p.place, p.id))

    def fits(self, seeker: Person, other: Person, *, relaxed: bool) -> bool:
        if self._blocked(seeker, other):
            return False
        may_relax = relaxed and seeker.relaxed and other.relaxed
        strict = self.timings.strict_tags
        if may_relax and not strict:
            return True
        if not self._suit(seeker, other):
            return False
        if may_relax or (relaxed and strict and all(self._waited_long(p) for p in (seeker, other))):
            return True  # though they met lately
        return not self._met_lately(seeker, other)

    def _waited_long(self, p: Person) -> bool:
        return p.pairable_since is not None and self.now - p.pairable_since >= self.timings.relax_after_ms

    def _suit(self, one: Person, other: Person) -> bool:
        if one.language and other.language and one.language != other.language:
            return False
        return not one.tags or not other.tags or bool(one.tags & other.tags)

    def _met_lately(self, seeker: Person, other: Person) -> bool:
        # The list keeps whole seconds.
        return any(
            x.partner is other and self.now - x.at // 1000 * 1000 < self.timings.rematch_ms
            for x in seeker.recent
        )

    def _blocked(self, one: Person, other: Person) -> bool:
        return self._blocks(one, other) or self._blocks(other, one)

    def _to_meet(self, p: Person) -> list[Person]:
        """People who wait and may meet this one as far as that one knows, now or later."""
        others = (o for o in self.queue(p.pool) if o is not p and self._suit(p, o))
        return [o for o in others if self._met_lately(p, o) or not self._blocked(p, o)]

    def _meet_again(self, one: Person, other: Person) -> bool:
        """Whether two who have no one else to meet have waited long enough, although they met lately."""
        if self._blocked(one, other) or self._to_meet(one) != [other] or self._to_meet(other) != [one]:
            return False
        since = max(one.pairable_since or 0, other.pairable_since or 0)
        return self.now - since >= self.timings.relax_alone_ms

    def _seek(self, p: Person) -> None:
        if not p.pairable or self.video_is_down:
            return
        p.relaxed = p.relaxed or self._waited_long(p)
        others = [o for o in self.queue(p.pool) if o is not p]
        for relaxed in (False, True):
            for other in others:
                if self.fits(p, other, relaxed=relaxed):
                    self.pair(p, other)
                    return
        for other in others:
            if self._meet_again(p, other):
                self.pair(p, other)
                return

    def scan(self) -> None:
        """People who have waited long look for a partner. Whom each finds is decided by ``legal_pairs``."""
        self.record_sweep()
        for p in self.people.values() if not self.video_is_down else ():
            p.relaxed = p.relaxed or self._waited_long(p)

    def legal_pairs(self, pool: str) -> Iterator[tuple[Person, Person]]:
        """Whom a whole pass over the pool may bring together."""
        queue = [] if self.video_is_down else self.queue(pool)
        for i, one in enumerate(queue):
            for other in queue[i + 1 :]:
                fit = self.fits(one, other, relaxed=True) or self.fits(other, one, relaxed=True)
                if fit or self._meet_again(one, other):
                    yield one, other

    def pair(self, one: Person, other: Person) -> None:
        t = self.timings
        self.begun += 1
        media_due, quiet_due = self.now + t.media_ms, self.now + t.quiet_check_ms
        match = Match(
            (one, other), self.begun, self.now, self.now + self.skipped, self.now, media_due, quiet_due
        )
        match.text = one.text_only or other.text_only
        if self.rooms and not match.text:
            self.rooms.wants(match)
            match.media_due = self.now + self.rooms.rules.open_ms
        for p in match.people:
            p.waited = max(0, self.now - p.place[0])
            p.state, p.match = State.MATCHED, match
            self._since_now(p)
            p.lease = p.pairable_since = None
            p.relaxed = False
            self._demand(p, self.now + t.owed_ms, media_meets=False)

    # The end of a match

    def _end_by_skip(self, match: Match, p: Person) -> None:
        self._end(match, {p: EndReason.SKIPPED}, EndReason.PARTNER_SKIPPED, skipper=p)

    def _end_by_absence(self, match: Match, p: Person) -> None:
        fell = [x for x in match.people if x.owed and x.owed.due <= self.now]
        reason = EndReason.PARTNER_LOST if p.id in match.signed else EndReason.NO_SHOW
        # Of two who fall at once neither has cost the other anything.
        own = len(fell) == 1 and p.owed and not self._was_ours(p, p.owed.at)
        self._end(match, dict.fromkeys(fell, EndReason.YOU_WERE_AWAY), reason, fell=fell)
        if own:
            p.waited = 0

    def _stops(self, p: Person, *, skips: bool, met: bool) -> IdleReason | None:
        """Why a person who is there does not go on to the next conversation."""
        if p.id in self.warnings:
            return IdleReason.WARNED
        return None if p.auto_next or skips or not met else IdleReason.ONE_CONVERSATION

    def _end(
        self,
        match: Match,
        reasons: dict[Person, EndReason],
        other_reason: EndReason,
        *,
        left: Person | None = None,
        fell: Iterable[Person] = (),
        skipper: Person | None = None,
        to_the_end: Person | None = None,
        why: IdleReason = IdleReason.LEFT,
    ) -> None:
        """The one table (mechanism 4): both are judged before either is moved."""
        if self.rooms and not match.text:
            self.rooms.ends(match, at_once=why is not IdleReason.LEFT)
        long = self.now - match.started >= self.timings.long_match_ms
        fates: dict[Person, IdleReason | tuple[int, bool]] = {}
        for p in match.people:
            if p is left:
                fates[p] = why
            elif p in fell:
                fates[p] = IdleReason.YOU_WERE_AWAY
            elif stops := self._stops(p, skips=p is skipper, met=match.ever_opened):
                fates[p] = stops
            elif p in (skipper, to_the_end):
                fates[p] = (self.now, True)
            else:
                fates[p] = (self.now if long else self.now - p.waited, False)
        for p, fate in fates.items():
            past = Past(match, match.partner(p), self.now, p is skipper)
            p.recent = [*p.recent, past][-8:]
            p.ended = reasons.get(p, other_reason)
            p.waited = 0 if long else p.waited
            if isinstance(fate, IdleReason):
                self._idle(p, fate)
                p.wish = p.wish if fate is IdleReason.YOU_WERE_AWAY else Wish.REST
            else:
                self._wait(p, fate)
        for p in sorted(match.people, key=lambda p: (p.place, p.id)):
            self._seek(p)
