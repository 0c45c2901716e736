"""The scripts and the plain Python model, driven side by side by Hypothesis."""

import json
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.client import PubSub

from duologue.pairing.invariants import snapshot, violations
from duologue.pairing.machine import Machine
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    Attached,
    ConnectionId,
    DetachCause,
    Held,
    Media,
    PageId,
    PersonId,
    ProcessId,
    Refused,
    Same,
    State,
)
from tests.model.model import Model
from tests.model.people import Match
from tests.races.direct import Clock, Direct, play
from tests.servers import StoreServer

PEOPLE = tuple(PersonId(f"person_{letter}_______") for letter in "abcdef")
POOLS = ("main", "de")
BEAT_MS = 1_000
"""Rarer than a real process's, to save round trips; what counts is 4 s without one."""
GUESSED = "m_AAAAAAAAAAAAAAAA"
CLOSED, OURS = DetachCause.CLOSED, DetachCause.OURS

people = st.sampled_from(PEOPLE)
often_now = st.sampled_from(("now", "now", "now", "earlier", "someone's", "guessed"))
moods = st.sampled_from(("quiet", "open", "open", "silent", "frozen"))
intents = st.sampled_from(("same", "newer", "newer", "older"))


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
    }


class Both(RuleBasedStateMachine):
    """Each rule is one call of the machine and the same of the model; after each the two must look alike."""

    client: redis.Redis
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.clock, self.direct = Clock(), Direct(self.client)
        self.machine = Machine(self.direct, now_ms=self.clock, new_ids=self._ids)
        self.model = Model(self.clock(), Timings())
        self.known: dict[Match, str] = {}
        """The real id of each match of the model."""
        self.fresh = 0
        self.alive = [self._new("s_") for _ in range(2)]
        self.frozen: list[str] = []
        self.waited_long = False
        self.sockets: dict[str, tuple[str, str, str, int]] = {}
        """What the processes hold: by connection its person, process, page, and when it was attached."""
        self.told: dict[str, dict[str, Any]] = {}
        """The state that each connection was told last."""
        self.mail: PubSub = self.client.pubsub()  # type: ignore[no-untyped-call]  # the library's own gap
        self.mail.psubscribe("*")
        self._beat()

    def _new(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh:016d}"

    def _ids(self, count: int) -> str:
        """In rising order: a replay of the same steps must end the same way, whatever is due at once."""
        return "".join(self._new("") for _ in range(count))

    # What both are asked

    @initialize(willing=st.integers(0, 63), opened=st.booleans())
    def settle(self, willing: int, opened: bool) -> None:
        """Deep states are reached sooner when everybody is there already."""
        self._come(willing, opened)

    @rule(willing=st.integers(0, 63), opened=st.booleans())
    def everybody_comes(self, willing: int, opened: bool) -> None:
        """Whoever is away attaches, whoever is idle joins; a bit each says who goes on by itself."""
        self._come(willing, opened)

    def _come(self, willing: int, opened: bool) -> None:
        for n, person in enumerate(PEOPLE):
            p = self.model.person(person)
            if not p.connection:
                self._attach(person, p.page or self._new("page_"), self.alive[n % 2])
            if p.state is State.IDLE:
                self._join(person, self._intent(person, "newer"), "main", (), "", bool(willing >> n & 1))
        if opened:
            self._all_pulse(Media.OPEN)

    @rule(
        person=people, intent=intents, pool=st.sampled_from(("main", "main", "de")),
        tags=st.sampled_from(((), (), ("x",), ("y",), ("x", "y"))),
        language=st.sampled_from(("", "", "de", "en")), auto_next=st.sampled_from((True, True, False)),
    )  # fmt: skip
    def join(
        self, person: PersonId, intent: str, pool: str, tags: tuple[str, ...], language: str, auto_next: bool
    ) -> None:
        self._join(person, self._intent(person, intent), pool, tags, language, auto_next)

    def _join(
        self, person: PersonId, intent: int, pool: str, tags: tuple[str, ...], language: str, auto_next: bool
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
            )
        )
        assert reply.outcome == self.model.join(person, intent, pool, tags, language, auto_next)

    def _intent(self, person: str, kind: str) -> int:
        last = self.model.person(person).intent
        return {"same": last, "newer": max(self.clock(), last + 1), "older": max(0, last - 1)}[kind]

    @rule(person=people, intent=intents)
    def leave(self, person: PersonId, intent: str) -> None:
        person = self._who(person, idle=False)
        number = self._intent(person, intent)
        assert play(self.machine.leave(person, number)).outcome == self.model.leave(person, number)

    @rule(person=people, which=often_now)
    def skip(self, person: PersonId, which: str) -> None:
        person = self._who(person)
        match, name = self._match(person, which)
        for _ in range(2):  # each command may be repeated
            assert play(self.machine.skip(person, name)).outcome == self.model.skip(person, match)

    @rule(person=people, which=st.just("none") | often_now, media=st.none() | st.sampled_from(Media))
    def pulse(self, person: PersonId, which: str, media: Media | None) -> None:
        self._pulse(self._who(person), which, media)

    @rule(media=st.none() | st.sampled_from((Media.OPEN, Media.OPEN, Media.SILENT)))
    def everybody_pulses(self, media: Media | None) -> None:
        self._all_pulse(media)

    def _all_pulse(self, media: Media | None) -> None:
        for person in PEOPLE:
            if self.model.person(person).match:
                self._pulse(person, "now", media)

    def _pulse(self, person: PersonId, which: str, media: Media | None) -> None:
        match, name = self._match(person, which)
        reply = play(self.machine.pulse(person, None if which == "none" else name, media))
        assert reply.outcome == self.model.pulse(person, which != "none", match, media)

    @rule(person=people, which=often_now)
    def message(self, person: PersonId, which: str) -> None:
        person = self._who(person)
        match, name = self._match(person, which)
        sent = play(self.machine.message(person, name, self._new("k"), "hello"))
        assert sent.outcome == self.model.message(person, match)

    @rule(person=people, which=often_now, skip=st.booleans())
    def block(self, person: PersonId, which: str, skip: bool) -> None:
        person = self._who(person)
        match, name = self._match(person, which)
        assert play(self.machine.block(person, name, skip)).outcome == self.model.block(person, match, skip)

    def _who(self, person: PersonId, *, idle: bool = True) -> PersonId:
        """The next who is in a match (or at least not idle), if anybody is: others have little to say."""
        start = PEOPLE.index(person)
        turn = (*PEOPLE[start:], *PEOPLE[:start])
        known = [self.model.person(each) for each in turn]
        busy = [p for p in known if p.match or (not idle and p.state is not State.IDLE)]
        return PersonId(busy[0].id) if busy else person

    def _match(self, person: str, which: str) -> tuple[Match | None, str]:
        p = self.model.person(person)
        earlier = [past.match for past in p.recent]
        theirs = [m for m in self.model.matches if p not in m.people]
        match = {
            "now": p.match,
            "earlier": earlier[-1] if earlier else None,
            "someone's": theirs[0] if theirs else None,
        }.get(which)
        if match and match is p.match and match not in self.known:
            self.known[match] = self._read(person)["match"]["match"]
        # A match that came and went within one rule has no name here: guess.
        return (match, self.known[match]) if match in self.known else (None, GUESSED)

    # Connections

    @rule(
        person=people, page=st.sampled_from(("same", "new", "superseded")), process=st.sampled_from((0, 0, 1))
    )
    def attach(self, person: PersonId, page: str, process: int) -> None:
        p = self.model.person(person)
        before = p.superseded[-1] if p.superseded else ""
        chosen = {"same": p.page, "new": "", "superseded": before}[page] or self._new("page_")
        self._attach(person, chosen, self.alive[process])

    def _attach(self, person: PersonId, page: str, process: str) -> None:
        connection = self._new("c_")
        answer = play(
            self.machine.attach(person, ConnectionId(connection), ProcessId(process), PageId(page), person)
        )
        assert isinstance(answer, Attached) == self.model.attach(person, connection, process, page)
        if isinstance(answer, Attached):
            assert answer.attached_at_ms == self.clock()
            self._hear()
            self.told[connection] = json.loads(answer.state)
            self.sockets[connection] = (person, process, page, self.clock())

    @rule(
        person=people,
        which=st.sampled_from(("now", "now", "now", "earlier")),
        cause=st.sampled_from((CLOSED, CLOSED, OURS)),
    )
    def detach(self, person: PersonId, which: str, cause: DetachCause) -> None:
        self._detach(person, newest=which == "now", cause=cause)

    def _detach(self, person: PersonId, *, newest: bool, cause: DetachCause = CLOSED) -> None:
        """The newest of a person's sockets, or the oldest that its process still holds."""
        theirs = [c for c, (who, *_) in self.sockets.items() if who == person]
        if not theirs:
            return
        connection = theirs[-1] if newest else theirs[0]
        del self.sockets[connection]
        done = play(self.machine.detach(person, ConnectionId(connection), cause))
        assert done == self.model.detach(person, connection, cause is CLOSED)

    @rule(person=people, page=st.sampled_from(("same", "new")), process=st.sampled_from((0, 1)))
    def reload(self, person: PersonId, page: str, process: int) -> None:
        """The new stream is there before the old one's end is seen, and then that is."""
        person = self._who(person, idle=False)
        chosen = self.model.person(person).page if page == "same" else ""
        self._attach(person, chosen or self._new("page_"), self.alive[process])
        self._detach(person, newest=False)

    @rule(
        person=people, ms=st.sampled_from((500, 2_000, 4_500)),
        partner_says=st.sampled_from((None, Media.OPEN, Media.SILENT)), page=st.sampled_from(("same", "new")),
    )  # fmt: skip
    def line_drops(self, person: PersonId, ms: int, partner_says: Media | None, page: str) -> None:
        """The socket closes, the partner may say something, and the person is back, perhaps in time."""
        person = self._who(person)
        p = self.model.person(person)
        partner = p.match.partner(p).id if p.match else ""
        self._detach(person, newest=True)
        self._pass(ms)
        if partner and partner_says:
            self._pulse(PersonId(partner), "now", partner_says)
        self._pass(ms)
        self._attach(person, p.page if page == "same" and p.page else self._new("page_"), self.alive[0])

    @rule(person=people, media=st.sampled_from(Media))
    def report(self, person: PersonId, media: Media) -> None:
        """What a page says of its media in the match that it is in."""
        self._pulse(self._who(person), "now", media)

    @rule()
    def reattach(self) -> None:
        """What processes do with all that they hold, dead sockets among them."""
        for process in self.alive:
            self._reattach(process)

    def _reattach(self, process: str) -> None:
        rows = [(c, *rest) for c, rest in self.sockets.items() if rest[1] == process]
        held = [
            Held(PersonId(who), ConnectionId(c), PageId(page), at, json.dumps(who))
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

    @rule(process=st.sampled_from((0, 1)))
    def stray(self, process: int) -> None:
        """Whoever is listed at a process that does not hold them."""
        here = self.alive[process]
        count = play(self.machine.stray(ProcessId(here), lambda _, connection: connection in self.sockets))
        lost = [
            p
            for p in self.model.people.values()
            if p.process == here and p.connection and p.connection not in self.sockets
        ]
        assert count == len(lost)
        for p in sorted(lost, key=lambda p: p.id):
            self.model.detach(p.id, p.connection, closed=True)

    @rule(person=people)
    def detach_fails(self, person: PersonId) -> None:
        """A socket is gone and nobody told the store."""
        for connection in [c for c, (who, *_) in self.sockets.items() if who == person][-1:]:
            del self.sockets[connection]

    @precondition(lambda self: len(self.frozen) < 2)
    @rule(process=st.sampled_from((0, 1)))
    def process_stops(self, process: int) -> None:
        """No beat from it any more; another takes its number."""
        self.frozen.append(self.alive[process])
        self.alive[process] = self._new("s_")
        self._beat()

    @precondition(lambda self: bool(self.frozen))
    @rule()
    def process_goes_on(self) -> None:
        """It was frozen, perhaps buried, and never knew."""
        process = self.frozen[0]
        known = play(self.machine.beat(ProcessId(process))).known
        assert known == self.model.beat(process)
        if not known:
            self._reattach(process)

    # Time

    @rule(
        ms=st.sampled_from(
            (1, 100, 250, 500, 1_000, 1_500, 2_500, 3_000, 3_250, 5_000, 10_000, 16_000, 31_000, 61_000)
        )
    )
    def time_passes(self, ms: int) -> None:
        """With a sweep as often as the sweepers come (each second over long times)."""
        self._pass(ms)

    def _pass(self, ms: int) -> None:
        often = 250 if ms <= 5_000 else 1_000
        while ms > 0:
            self._turn(min(ms, often))
            ms -= often
            self._sweep()

    @rule(seconds=st.sampled_from((3, 3, 6, 12, 16, 31)), moods=st.tuples(*[moods] * len(PEOPLE)))
    def everybody_lives(self, seconds: int, moods: tuple[str, ...]) -> None:
        """As pages do: probes and heartbeats are answered at once, silence is said every 2.5 s."""
        for tick in range(2 * seconds):
            self._turn(500)
            self._sweep()
            if tick % 8 == 0:
                self._compare()
            if tick % 10 == 0:
                for process in self.alive:
                    self._reattach(process)
            for person, mood in zip(PEOPLE, moods, strict=True):
                p = self.model.person(person)
                asked = p.owed is not None or (p.state is State.WAITING and tick % 30 == 0)
                if mood != "frozen" and asked:
                    self._pulse(person, "now" if p.match else "none", None)
                if p.match and mood in ("open", "silent") and tick % 5 == 0:
                    self._pulse(person, "now", Media(mood))

    @precondition(lambda self: not self.waited_long)
    @rule()
    def ten_minutes_pass(self) -> None:
        """The waiting answer their heartbeats: rematches are fair again, matches are asked about."""
        self.waited_long = True
        for _ in range(60):
            for _ in range(5):
                self._turn(2_000)
                self._sweep()
            for person in PEOPLE:
                self._pulse(person, "none", None)

    @rule(ms=st.sampled_from((1_999, 2_001, 4_000, 20_000)))
    def nothing_sweeps(self, ms: int) -> None:
        """The store or all servers are away."""
        self._turn(ms)
        self._sweep()

    def _turn(self, ms: int) -> None:
        self.clock.turn(ms)
        self.model.now = self.clock()
        if self.clock() - self.beaten >= BEAT_MS:
            self._beat()

    def _beat(self) -> None:
        self.beaten = self.clock()
        for process in self.alive:
            assert play(self.machine.beat(ProcessId(process))).known == self.model.beat(process)

    def _sweep(self) -> None:
        while play(self.machine.sweep()):
            pass
        self.model.sweep()

    @precondition(lambda self: bool(self.frozen))
    @rule()
    def bury(self) -> None:
        while play(self.machine.bury()):
            pass
        self.model.bury()

    @rule(pool=st.sampled_from(POOLS))
    def scan(self, pool: str) -> None:
        """The pass may begin anywhere, so the model takes over whom it paired, if it was allowed to."""
        for _ in range(4):
            play(self.machine.scan(pool))
            self._adopt(pool)
        assert not list(self.model.legal_pairs(pool))

    def _adopt(self, pool: str) -> None:
        for one, other in list(self.model.legal_pairs(pool)):
            state = self._read(one.id)
            if (
                one.pairable
                and state["state"] == "matched"
                and state["match"]["partner"]["alias"] == other.id
            ):
                assert other.pairable
                self.model.pair(one, other)

    # What must hold after each

    def _read(self, person: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(play(self.machine.read(PersonId(person))))
        return state

    @invariant()
    def both_agree(self) -> None:
        """Each person's visible state is the model's; the store is sound; whoever is connected was told."""
        type(self).steps += 1
        states = self._compare()
        seen = play(snapshot(self.direct))
        assert not violations(seen)
        places = {p: r["place"] for p, r in seen.people.items() if r["state"] == "waiting"}
        waiting = [p for p in self.model.people.values() if p.state is State.WAITING]
        expected = {p.id: p.place[0] + p.place[1] / 2 for p in waiting}
        assert places == expected, (places, expected)
        self._hear()
        for person, r in seen.people.items():
            if r["connection"]:
                self._was_told(r["connection"], states[person])

    def _compare(self) -> dict[str, dict[str, Any]]:
        states: dict[str, dict[str, Any]] = {person: self._read(person) for person in PEOPLE}
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
        assert told == state, connection

    def _expected(self, person: str) -> dict[str, Any]:
        p = self.model.person(person)
        partner = p.match.partner(p) if p.match else None
        return {
            "state": p.state,
            "since_ms": p.since if p.state is not State.IDLE else None,
            "intent": p.intent,
            "wish": p.wish,
            "pool": p.pool,
            "idle_reason": p.idle_reason if p.state == "idle" else None,
            "ended": p.ended,
            "owes_until": p.owed.due if p.owed else None,
            "started": p.match.started if p.match else None,
            "away_until": partner.away_until if partner else None,
            "partner": partner.id if partner else None,
        }

    def _match_keeps_its_id(self, person: str, state: dict[str, Any]) -> None:
        match = self.model.person(person).match
        if match and "match" in state:
            name = state["match"]["match"]
            assert self.known.setdefault(match, name) == name
            assert list(self.known.values()).count(name) == 1

    def _hear(self) -> None:
        """What was published since last heard; versions only rise."""
        self.client.publish("end", "")
        while (message := self.mail.get_message(timeout=5)) is not None:
            if message["type"] != "pmessage":
                continue
            if message["channel"] == b"end":
                return
            head, *lines = message["data"].decode().split("\n")
            if head.startswith("S "):
                _, _, connection, version = head.split()
                state = json.loads(lines[0])
                before = self.told.get(connection, {"version": 0})  # none yet: its attach brought news itself
                assert state["version"] == int(version) > before["version"]
                self.told[connection] = state
        raise AssertionError("the store is deaf")

    def teardown(self) -> None:
        self.mail.close()


def run(server: StoreServer, examples: int, length: int) -> int:
    """How many steps were taken."""
    with server.client() as client:

        class Driven(Both):
            steps = 0

        Driven.client = client
        run_state_machine_as_test(
            Driven,
            settings=settings(
                max_examples=examples,
                stateful_step_count=length,
                deadline=None,
                derandomize=True,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        return Driven.steps


@pytest.mark.timeout(600)
def test_ten_thousand_steps_on_valkey(valkey9: StoreServer, whole: bool) -> None:
    """The scripts do what the documents say, in any order of anything, on the embedded store's server."""
    assert run(valkey9, examples=2_000 if whole else 240, length=50) >= 10_000


@pytest.mark.timeout(600)
def test_a_sample_on_redis(redis7: StoreServer, whole: bool) -> None:
    """The same scripts on Debian's Redis 7."""
    assert run(redis7, examples=500 if whole else 30, length=50) >= 1_000
