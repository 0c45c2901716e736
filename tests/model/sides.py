"""The two sides, asked the same: the scripts on a real store, and the model."""

import json
import math
from typing import Any

import redis
from redis.client import PubSub

from duologue.admin.acts import WARNING_MS, Acts, Decision
from duologue.admin.tokens import Moderator, Role
from duologue.delivery.publication import Echo, numbered, parse
from duologue.delivery.sequence import Sequence
from duologue.pairing.invariants import Snapshot, snapshot, violations
from duologue.pairing.machine import Machine
from duologue.pairing.moderation import Done, NoSuchSanction
from duologue.pairing.timings import RoomRules, Timings
from duologue.pairing.vocabulary import (
    Attached,
    Barred,
    ConnectionId,
    DetachCause,
    Held,
    Marks,
    Media,
    MediaKind,
    Outcome,
    PageId,
    PersonId,
    ProcessId,
    Refused,
    RoomWork,
    RoomWorkKind,
    Same,
    SanctionKind,
    State,
)
from tests.model.model import Model
from tests.model.people import Match
from tests.model.rooms import Rooms
from tests.races.direct import Clock, Direct, play

PEOPLE = tuple(PersonId(f"person_{letter}_______") for letter in "abcdef")
MARKS = dict(
    zip(
        PEOPLE,
        (
            Marks("laptop", "home"),
            Marks("laptop", ""),
            Marks("tablet", "home"),
            Marks("phone", "train"),
            Marks("", "train"),
            Marks(),
        ),
        strict=True,
    )
)
"""Two share a device, two their home, two a train; the last two have no device."""
MODERATOR = Moderator("mona", Role.MODERATOR)
BEAT_MS = 1_000
"""Rarer than a real process's, to save round trips; what counts is 4 s without one."""
GUESSED = "m_AAAAAAAAAAAAAAAA"


def sketch(state: dict[str, Any]) -> dict[str, Any]:
    """What a person sees, without what is random (ids) or told elsewhere (messages)."""
    match, probe = state.get("match"), state.get("probe")
    return {
        "state": state["state"],
        "since_ms": state["since_ms"] if state["state"] != "idle" else None,
        "intent": state["intent"],
        "wish": state["wish"],
        "pool": state["pool"],
        "idle_reason": state.get("idle_reason"),
        "ended": state["ended"]["reason"] if "ended" in state else None,
        "owes_until": probe["until_ms"] if probe else None,
        "started": match["started_at_ms"] if match else None,
        "away_until": match["partner"]["away_until_ms"] if match else None,
        "partner": match["partner"]["alias"] if match else None,
        "ready": match["media"].get("ready", True) if match else None,
        "text": match["media"]["kind"] == "text" if match else None,
        "no_video": not state.get("media_available", True),
    }


class Sides:
    """Each method asks both the same and asserts that they answer alike."""

    def __init__(
        self, client: redis.Redis, media: MediaKind = MediaKind.PEER, timings: Timings | None = None
    ) -> None:
        client.flushall()
        self.client = client
        self.clock, self.direct = Clock(), Direct(self.client)
        timings = timings or Timings()
        self.machine = Machine(self.direct, timings, media=media, now_ms=self.clock, new_ids=self._ids)
        self.rooms = Rooms(RoomRules()) if media is MediaKind.LIVEKIT else None
        self.model = Model(self.clock(), timings, self.rooms, MARKS)
        self.rooms_serve, self.rooms_open = True, True
        """Whether workers run, and whether the media server is up."""
        self.there: set[Match] = set()
        """The rooms at the media server."""
        self.unreported: list[tuple[RoomWork, Match, int]] = []
        """Work that was claimed and not reported yet."""
        self.known: dict[Match, str] = {}
        """The real id of each match of the model."""
        self.acts = Acts(self.machine.moderation, self.clock)
        self.sanctions: list[tuple[PersonId, str]] = []
        """Whom each of them is about, and its id."""
        self.fresh = 0
        self.alive = [self.new("s_") for _ in range(2)]
        self.frozen: list[str] = []
        self.sockets: dict[str, tuple[str, str, str, int]] = {}
        """What the processes hold: by connection its person, process, page, and when it was attached."""
        self.told: dict[str, dict[str, Any]] = {}
        """The state that each connection was told last."""
        self.hearing: dict[str, Sequence] = {}
        """What each process makes of the numbers on its channel."""
        self.suspicions: list[str] = []
        self.mail: PubSub = self.client.pubsub()  # type: ignore[no-untyped-call]  # the library's own gap
        self.mail.psubscribe("*")
        self.beat()

    def new(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh:016d}"

    def _ids(self, count: int) -> str:
        """In rising order: a replay of the same steps must end the same way, whatever is due at once."""
        return "".join(self.new("") for _ in range(count))

    def come(self, willing: int, opened: bool) -> None:
        for n, person in enumerate(PEOPLE):
            p = self.model.person(person)
            if not p.connection:
                self.attach(person, p.page or self.new("page_"), self.alive[n % 2])
            if p.state is State.IDLE:
                self.join(person, self.intent(person, "newer"), "main", (), "", bool(willing >> n & 1))
        self.serve()
        if opened:
            self.all_pulse(Media.OPEN)

    def join(
        self,
        person: PersonId,
        intent: int,
        pool: str,
        tags: tuple[str, ...],
        language: str,
        auto_next: bool,
        text_only: bool = False,
    ) -> None:
        reply = play(
            self.machine.join(
                person,
                intent=intent,
                pool=pool,
                tags=tags,
                language=language,
                auto_next=auto_next,
                alias=person,
                text_only=text_only,
            )
        )
        outcome = None if isinstance(reply, Barred) else reply.outcome
        assert outcome == self.model.join(person, intent, pool, tags, language, auto_next, text_only)

    def sanction(
        self, person: PersonId, kind: SanctionKind, lasts_ms: int, *, device: bool, heard: bool
    ) -> None:
        """A moderator decides; ``heard``: the process of the person's stream reads that it has to end."""
        decision = Decision(kind, lasts_ms=lasts_ms, device=device)
        done = play(self.acts.decide(person, decision, MODERATOR))
        assert isinstance(done, Done)
        id_ = json.loads(done.reply)["sanction"]
        until_ms = self.clock() + (WARNING_MS if kind is SanctionKind.WARN else lasts_ms)
        self.model.sanction(person, kind, (id_, until_ms), device=device)
        self.sanctions.append((person, id_))
        if heard and kind in (SanctionKind.PAUSE, SanctionKind.BAN) and self.model.person(person).connection:
            self._hear()
            self.detach(person, newest=True)

    def lift(self, last: bool) -> None:
        person, id_ = self.sanctions[-1 if last else 0]
        lifted = play(self.acts.lift(person, id_, MODERATOR))
        assert isinstance(lifted, Done | NoSuchSanction)
        self.model.lift(id_)

    def confirm(self, last: bool) -> None:
        person, id_ = self.sanctions[-1 if last else 0]
        outcome = play(self.machine.moderation.confirm(person, id_)).outcome
        assert (outcome is Outcome.OK) == self.model.confirm(person, id_)

    def intent(self, person: str, kind: str) -> int:
        last = self.model.person(person).intent
        return {"same": last, "newer": max(self.clock(), last + 1), "older": max(0, last - 1)}[kind]

    def all_pulse(self, media: Media | None) -> None:
        for person in PEOPLE:
            if self.model.person(person).match:
                self.pulse(person, "now", media)

    def pulse(self, person: PersonId, which: str, media: Media | None) -> None:
        match, name = self.match(person, which)
        reply = play(self.machine.pulse(person, None if which == "none" else name, media))
        assert reply.outcome == self.model.pulse(person, which != "none", match, media)

    def who(self, person: PersonId, *, idle: bool = True) -> PersonId:
        """Return the next person in a match (or at least not idle), if there is one: others have little to
        do."""
        start = PEOPLE.index(person)
        turn = (*PEOPLE[start:], *PEOPLE[:start])
        known = [self.model.person(each) for each in turn]
        busy = [p for p in known if p.match or (not idle and p.state is not State.IDLE)]
        return PersonId(busy[0].id) if busy else person

    def match(self, person: str, which: str) -> tuple[Match | None, str]:
        p = self.model.person(person)
        earlier = [past.match for past in p.recent]
        theirs = [m for m in self.model.matches if p not in m.people]
        match = {
            "now": p.match,
            "earlier": earlier[-1] if earlier else None,
            "someone's": theirs[0] if theirs else None,
        }.get(which)
        if match and match is p.match and match not in self.known:
            self.known[match] = self.read(person)["match"]["match"]
        # A match that came and went within one rule has no name here: guess.
        return (match, self.known[match]) if match in self.known else (None, GUESSED)

    def attach(self, person: PersonId, page: str, process: str) -> None:
        self._attach(person, self.new("c_"), process, page)

    def poll(self, person: PersonId, *, newest: bool) -> None:
        """A page polls again by the connection that it has; by an older one: what was given up lands late."""
        theirs = [c for c, (who, *_) in self.sockets.items() if who == person]
        if not theirs:
            return
        connection = theirs[-1] if newest else theirs[0]
        _, process, page, _ = self.sockets[connection]
        self._attach(person, connection, process, page)

    def _attach(self, person: PersonId, connection: str, process: str, page: str) -> None:
        p = self.model.person(person)
        anew = not p.connection or p.page != page
        answer = play(
            self.machine.attach(
                person,
                ConnectionId(connection),
                ProcessId(process),
                PageId(page),
                person,
                marks=MARKS[person],
            )
        )
        assert isinstance(answer, Attached) == self.model.attach(person, connection, process, page)
        if isinstance(answer, Attached):
            assert (answer.anew, answer.attached_at_ms) == (anew, p.attached_at)
            self._hear()
            self.told[connection] = json.loads(answer.state)
            self.sockets[connection] = (person, process, page, p.attached_at)

    def detach(self, person: PersonId, *, newest: bool, cause: DetachCause = DetachCause.CLOSED) -> None:
        """The newest of a person's sockets, or the oldest that its process still holds."""
        theirs = [c for c, (who, *_) in self.sockets.items() if who == person]
        if not theirs:
            return
        connection = theirs[-1] if newest else theirs[0]
        del self.sockets[connection]
        done = play(self.machine.detach(person, ConnectionId(connection), cause))
        assert done == self.model.detach(person, connection, cause is DetachCause.CLOSED)

    def reattach(self, process: str) -> None:
        rows = [(c, *rest) for c, rest in self.sockets.items() if rest[1] == process]
        held = [
            Held(
                PersonId(who), ConnectionId(c), PageId(page), at, json.dumps(who), marks=MARKS[PersonId(who)]
            )
            for c, who, _, page, at in rows
        ]
        for answer, (connection, who, _, page, at) in zip(
            play(self.machine.reattach(ProcessId(process), held)), rows, strict=True
        ):
            word = {Same: "same", Refused: "refused", Attached: "attached"}[type(answer)]
            assert word == self.model.reattach(who, connection, process, page, at)
            if word == "refused":
                del self.sockets[connection]
            if isinstance(answer, Attached):
                self._hear()
                self.told[connection] = json.loads(answer.state)

    def turn(self, ms: int) -> None:
        self.clock.turn(ms)
        self.model.read_clock(self.clock())
        if not 0 <= self.clock() - self.beaten < BEAT_MS:
            self.beat()

    def let_pass(self, ms: int) -> None:
        often = 250 if ms <= 5_000 else 1_000
        while ms > 0:
            self.turn(min(ms, often))
            ms -= often
            self.sweep()

    def beat(self) -> None:
        self.beaten = self.clock()
        for process in self.alive:
            assert play(self.machine.beat(ProcessId(process))).known == self.model.beat(process)

    def sweep(self) -> None:
        while play(self.machine.sweep()):
            pass
        self.model.sweep()
        self.serve()

    # Rooms

    def serve(self) -> None:
        if self.rooms_serve:
            for work, match, claim in self.claim_rooms():
                self.do(work, match, claim)

    def claim_rooms(self) -> list[tuple[RoomWork, Match, int]]:
        """The same work on both sides, in the same order."""
        if self.rooms is None:
            return []
        rooms, kinds = self.machine.rooms, (RoomWorkKind.OPEN, RoomWorkKind.CLOSE)
        works = [work for kind in kinds for work in play(rooms.due(kind)).works]
        expected = self.rooms.claim()
        assert [work.kind for work in works] == [kind for kind, _, _ in expected]
        for work, (_, match, _) in zip(works, expected, strict=True):
            assert self.known.setdefault(match, work.match) == work.match
        return [(work, match, claim) for work, (_, match, claim) in zip(works, expected, strict=True)]

    def do(self, work: RoomWork, match: Match, claim: int) -> None:
        """As a worker does, however late."""
        assert self.rooms
        rooms = self.machine.rooms
        if not self.rooms_open:
            assert play(rooms.failed(work.match, work.generation)) == self.rooms.failed(match, claim)
        elif work.kind is RoomWorkKind.OPEN:
            self.there.add(match)
            assert play(rooms.opened(work.match, work.generation)) == self.model.room_opened(match, claim)
        else:
            found = match in self.there
            self.there.discard(match)
            deletion = play(rooms.gone(work.match, work.generation, found=found))
            assert deletion.value == self.rooms.gone(match, claim)

    def reconcile(self) -> None:
        if self.rooms is None:
            return
        nobodys = {match for match in self.there if match not in self.rooms.entries}
        assert not nobodys, "only a dead worker's late create could be"
        listed = {self.known[match]: self.clock() for match in self.there}
        audit = play(self.machine.rooms.reconcile(self.model.now, listed))
        assert audit == (0, self.model.reconcile(self.model.now, self.there))

    def adopt(self, pool: str) -> None:
        for one, other in list(self.model.legal_pairs(pool)):
            state = self.read(one.id)
            if (
                one.pairable
                and state["state"] == "matched"
                and state["match"]["partner"]["alias"] == other.id
            ):
                assert other.pairable
                self.model.pair(one, other)

    def read(self, person: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(play(self.machine.read(PersonId(person))))
        return state

    def agree(self) -> None:
        """Check that each visible state is the model's, the store is sound, and all connected people were
        told."""
        states = self.compare()
        seen = play(snapshot(self.direct))
        assert not violations(seen)
        self._rooms_agree(seen)
        places = {p: r["place"] for p, r in seen.people.items() if r["state"] == "waiting"}
        waiting = [p for p in self.model.people.values() if p.state is State.WAITING]
        expected = {p.id: p.place[0] + p.place[1] / 2 for p in waiting}
        assert places == expected, (places, expected)
        self._hear()
        for person, r in seen.people.items():
            if r["connection"]:
                self._was_told(r["connection"], states[person])

    def _rooms_agree(self, seen: Snapshot) -> None:
        entries = self.rooms.entries.values() if self.rooms else ()
        expected = {self.known[room.match]: room.due for room in entries if room.match in self.known}
        scores = {**seen.sets.get("rooms", {}), **seen.sets.get("closing", {})}
        due = {match: None if math.isinf(at) else at for match, at in scores.items()}
        assert due == expected, (due, expected)

    def compare(self) -> dict[str, dict[str, Any]]:
        states: dict[str, dict[str, Any]] = {person: self.read(person) for person in PEOPLE}
        for person, state in states.items():
            self._match_keeps_its_id(person, state)
            seen, expected = sketch(state), self._expected(person)
            differing = {k: (seen[k], expected[k]) for k in seen if seen[k] != expected[k]}
            assert not differing, (person, differing)
        return states

    def _was_told(self, connection: str, state: dict[str, Any]) -> None:
        told = self.told[connection]
        if "probe" not in state:  # a sign that was met is no news to who gave it
            told.pop("probe", None)
        for each in (told, state):
            each.get("match", {}).pop("messages", None)  # numbered and told by themselves
            # Which page the partner has: a page that comes later says so itself.
            each.get("match", {}).get("media", {}).pop("page", None)
        assert told == state, (connection, told, state)

    def _expected(self, person: str) -> dict[str, Any]:
        p = self.model.person(person)
        partner = p.match.partner(p) if p.match else None
        return {
            "state": p.state,
            "since_ms": p.since_read if p.state is not State.IDLE else None,
            "intent": p.intent,
            "wish": p.wish,
            "pool": p.pool,
            "idle_reason": p.idle_reason if p.state == "idle" else None,
            "ended": p.ended,
            "owes_until": p.owed.due_read if p.owed else None,
            "started": p.match.began if p.match else None,
            "away_until": partner.away_until if partner else None,
            "partner": partner.id if partner else None,
            "ready": p.match.ready if p.match else None,
            "text": p.match.text if p.match else None,
            "no_video": p.no_video and p.state is State.WAITING,
        }

    def _match_keeps_its_id(self, person: str, state: dict[str, Any]) -> None:
        match = self.model.person(person).match
        if match and "match" in state:
            name = state["match"]["match"]
            assert self.known.setdefault(match, name) == name
            assert list(self.known.values()).count(name) == 1

    def _hear(self) -> None:
        """What was published since last heard: versions only rise, and no process suspects a loss."""
        for process in self.alive:
            play(self.machine.echo(ProcessId(process), "probe"))
        self.client.publish("end", "")
        while (message := self.mail.get_message(timeout=5)) is not None:
            if message["type"] != "pmessage":
                continue
            if message["channel"] == b"end":
                return
            number, parts = numbered(message["data"])
            self._compare(message["channel"].decode().rpartition("f:")[2], number, parts[0])
            for part in parts:
                self._read(part)
        raise AssertionError("the store is deaf")

    def _compare(self, process: str, number: int, part: bytes) -> None:
        """Compare both. A frozen process may be buried, and counts again when its beat says that it is
        back."""
        hearing = self.hearing.get(process)
        if hearing is None:
            hearing = self.hearing[process] = Sequence(self.suspicions.append, lambda: False)
            hearing.opened("run")
            hearing.counted(0)
            self.suspicions.clear()
        if number:
            hearing.heard(number)
        else:
            echo = parse(part)
            assert isinstance(echo, Echo)
            hearing.counted(echo.count)
        assert self.suspicions == [] or process in self.frozen, (process, number, part)
        self.suspicions.clear()

    def _read(self, part: bytes) -> None:
        head, *lines = part.decode().split("\n")
        if head.startswith("S "):
            _, _, connection, version = head.split()
            state = json.loads(lines[0])
            before = self.told.get(connection, {"version": 0})  # none yet: its attach brought news itself
            assert state["version"] == int(version) > before["version"]
            self.told[connection] = state

    def close(self) -> None:
        self.mail.close()
