"""The scripts and the plain Python model, driven side by side by Hypothesis."""

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

from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    DetachCause,
    Media,
    MediaKind,
    Outcome,
    ParticipantFact,
    PersonId,
    ProcessId,
    Reply,
    ReportReason,
    SanctionKind,
    Sent,
    Side,
    State,
)
from tests.model.sides import PEOPLE, Sides
from tests.races.direct import play
from tests.servers import StoreServer

POOLS = ("main", "de")
SCANNER = ProcessId("s_scanner_________")
CLOSED, OURS = DetachCause.CLOSED, DetachCause.OURS

people = st.sampled_from(PEOPLE)
often_now = st.sampled_from(("now", "now", "now", "earlier", "someone's", "guessed"))
moods = st.sampled_from(("quiet", "open", "open", "silent", "frozen"))
intents = st.sampled_from(("same", "newer", "newer", "older"))


class Both(RuleBasedStateMachine):
    """Each rule is one thing that happens, to both sides; after each the two must look alike."""

    client: redis.Redis
    media = MediaKind.PEER
    timings = Timings()
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.sides = Sides(self.client, self.media, self.timings)
        self.waited_long = False
        self.clock_fell = False

    @initialize(willing=st.integers(0, 63), opened=st.booleans())
    def settle(self, willing: int, opened: bool) -> None:
        """Deep states are reached sooner when all people are there already."""
        self.sides.come(willing, opened)

    @rule(willing=st.integers(0, 63), opened=st.booleans())
    def everybody_comes(self, willing: int, opened: bool) -> None:
        """Let all people attach and join; one bit each says who goes on without a press."""
        self.sides.come(willing, opened)

    @rule(
        person=people, intent=intents, pool=st.sampled_from(("main", "main", "de")),
        tags=st.sampled_from(((), (), ("x",), ("y",), ("x", "y"))),
        language=st.sampled_from(("", "", "de", "en")), auto_next=st.sampled_from((True, True, False)),
        text_only=st.sampled_from((False, False, True)),
    )  # fmt: skip
    def join(
        self,
        person: PersonId,
        intent: str,
        pool: str,
        tags: tuple[str, ...],
        language: str,
        auto_next: bool,
        text_only: bool,
    ) -> None:
        """Join as drawn. A person who draws text_only can only write."""
        number = self.sides.intent(person, intent)
        self.sides.join(person, number, pool, tags, language, auto_next, text_only=text_only)

    @rule(person=people, intent=intents)
    def leave(self, person: PersonId, intent: str) -> None:
        person = self.sides.who(person, idle=False)
        number = self.sides.intent(person, intent)
        assert play(self.sides.machine.leave(person, number)).outcome == self.sides.model.leave(
            person, number
        )

    @rule(
        person=people,
        kind=st.sampled_from(SanctionKind),
        lasts_ms=st.sampled_from((1_000, 30_000, 3_600_000)),
        device=st.booleans(),
        heard=st.sampled_from((True, True, False)),
    )
    def sanction(
        self, person: PersonId, kind: SanctionKind, lasts_ms: int, device: bool, heard: bool
    ) -> None:
        """A moderator decides about a person, who may be anywhere."""
        self.sides.sanction(self.sides.who(person, idle=False), kind, lasts_ms, device=device, heard=heard)

    @precondition(lambda self: bool(self.sides.sanctions))
    @rule(last=st.booleans())
    def lift(self, last: bool) -> None:
        """A moderator ends a sanction, perhaps one that is over or that another one has replaced."""
        self.sides.lift(last)

    @precondition(lambda self: bool(self.sides.sanctions))
    @rule(last=st.booleans())
    def confirm(self, last: bool) -> None:
        """A person confirms a warning, perhaps one that another one has replaced."""
        self.sides.confirm(last)

    @rule(person=people, which=often_now)
    def skip(self, person: PersonId, which: str) -> None:
        person = self.sides.who(person)
        match, name = self.sides.match(person, which)
        for _ in range(2):  # each command may be repeated
            assert play(self.sides.machine.skip(person, name)).outcome == self.sides.model.skip(person, match)

    @rule(person=people, which=st.just("none") | often_now, media=st.none() | st.sampled_from(Media))
    def pulse(self, person: PersonId, which: str, media: Media | None) -> None:
        self.sides.pulse(self.sides.who(person), which, media)

    @rule(media=st.none() | st.sampled_from((Media.OPEN, Media.OPEN, Media.SILENT)))
    def everybody_pulses(self, media: Media | None) -> None:
        self.sides.all_pulse(media)

    @rule(person=people, which=often_now)
    def message(self, person: PersonId, which: str) -> None:
        person = self.sides.who(person)
        match, name = self.sides.match(person, which)
        sent = play(self.sides.machine.message(person, name, self.sides.new("k"), "hello"))
        assert isinstance(sent, Sent)
        assert sent.outcome == self.sides.model.message(person, match)

    @rule(person=people, which=often_now, skip=st.booleans())
    def block(self, person: PersonId, which: str, skip: bool) -> None:
        person = self.sides.who(person)
        match, name = self.sides.match(person, which)
        assert play(self.sides.machine.block(person, name, skip)).outcome == self.sides.model.block(
            person, match, skip
        )

    @rule(person=people, which=often_now, skip=st.booleans(), key=st.sampled_from(("k1", "k2")))
    def complain(self, person: PersonId, which: str, skip: bool, key: str) -> None:
        """A report: all that was said in the match is kept with it. The invariants count its bytes."""
        person = self.sides.who(person)
        match, name = self.sides.match(person, which)
        reply = play(self.sides.machine.report(person, name, key, ReportReason.OTHER, "", skip))
        assert isinstance(reply, Reply)
        assert reply.outcome == self.sides.model.report(person, match, skip)
        if match and reply.outcome is Outcome.REPORTED:
            assert self.sides.client.llen(f"{{0}}said:{name}") == match.said

    @rule(person=people, which=often_now)
    def decide(self, person: PersonId, which: str) -> None:
        """It changes nothing that people see."""
        _, name = self.sides.match(person, which)
        play(self.sides.machine.decide(name))

    @rule(
        person=people, page=st.sampled_from(("same", "new", "superseded")), process=st.sampled_from((0, 0, 1))
    )
    def attach(self, person: PersonId, page: str, process: int) -> None:
        p = self.sides.model.person(person)
        before = p.superseded[-1] if p.superseded else ""
        chosen = {"same": p.page, "new": "", "superseded": before}[page] or self.sides.new("page_")
        self.sides.attach(person, chosen, self.sides.alive[process])

    @rule(person=people, which=st.sampled_from(("now", "now", "now", "earlier")))
    def poll(self, person: PersonId, which: str) -> None:
        self.sides.poll(person, newest=which == "now")

    @rule(
        person=people,
        which=st.sampled_from(("now", "now", "now", "earlier")),
        cause=st.sampled_from((CLOSED, CLOSED, OURS)),
    )
    def detach(self, person: PersonId, which: str, cause: DetachCause) -> None:
        self.sides.detach(person, newest=which == "now", cause=cause)

    @rule(person=people, page=st.sampled_from(("same", "new")), process=st.sampled_from((0, 1)))
    def reload(self, person: PersonId, page: str, process: int) -> None:
        """The new stream is there before the old one's end is seen, and then that is."""
        person = self.sides.who(person, idle=False)
        chosen = self.sides.model.person(person).page if page == "same" else ""
        self.sides.attach(person, chosen or self.sides.new("page_"), self.sides.alive[process])
        self.sides.detach(person, newest=False)

    @rule(
        person=people, ms=st.sampled_from((500, 2_000, 4_500)),
        partner_says=st.sampled_from((None, Media.OPEN, Media.SILENT)), page=st.sampled_from(("same", "new")),
    )  # fmt: skip
    def line_drops(self, person: PersonId, ms: int, partner_says: Media | None, page: str) -> None:
        """The socket closes, the partner may say something, and the person is back, perhaps in time."""
        person = self.sides.who(person)
        p = self.sides.model.person(person)
        partner = p.match.partner(p).id if p.match else ""
        self.sides.detach(person, newest=True)
        self.sides.let_pass(ms)
        if partner and partner_says:
            self.sides.pulse(PersonId(partner), "now", partner_says)
        self.sides.let_pass(ms)
        self.sides.attach(
            person, p.page if page == "same" and p.page else self.sides.new("page_"), self.sides.alive[0]
        )

    @rule(person=people, media=st.sampled_from(Media))
    def report(self, person: PersonId, media: Media) -> None:
        """What a page says of its media in the match that it is in."""
        self.sides.pulse(self.sides.who(person), "now", media)

    @rule()
    def reattach(self) -> None:
        """What processes do with all that they hold, dead sockets among them."""
        for process in self.sides.alive:
            self.sides.reattach(process)

    @rule(process=st.sampled_from((0, 1)))
    def stray(self, process: int) -> None:
        """Detach people who are listed at a process that does not have them."""
        here, held = self.sides.alive[process], self.sides.sockets
        count = play(self.sides.machine.stray(ProcessId(here), lambda _, connection: connection in held))
        lost = [
            p
            for p in self.sides.model.people.values()
            if p.process == here and p.connection and p.connection not in held
        ]
        assert count == len(lost)
        for p in sorted(lost, key=lambda p: p.id):
            self.sides.model.detach(p.id, p.connection, closed=True)

    @rule(person=people)
    def detach_fails(self, person: PersonId) -> None:
        """A socket is gone, and the store was not told."""
        for connection in [c for c, (who, *_) in self.sides.sockets.items() if who == person][-1:]:
            del self.sides.sockets[connection]

    @precondition(lambda self: len(self.sides.frozen) < 2)
    @rule(process=st.sampled_from((0, 1)))
    def process_stops(self, process: int) -> None:
        """No beat from it any more; another takes its number."""
        self.sides.frozen.append(self.sides.alive[process])
        self.sides.alive[process] = self.sides.new("s_")
        self.sides.beat()

    @precondition(lambda self: bool(self.sides.frozen))
    @rule()
    def process_goes_on(self) -> None:
        """It was frozen, perhaps buried, and never knew."""
        process = self.sides.frozen[0]
        known = play(self.sides.machine.beat(ProcessId(process))).known
        assert known == self.sides.model.beat(process)
        if not known:
            self.sides.reattach(process)

    @rule(
        ms=st.sampled_from(
            (1, 100, 250, 500, 1_000, 1_500, 2_500, 3_000, 3_250, 5_000, 10_000, 16_000, 31_000, 61_000)
        )
    )
    def time_passes(self, ms: int) -> None:
        """With a sweep as often as the sweepers come (each second over long times)."""
        self.sides.let_pass(ms)

    @rule(seconds=st.sampled_from((3, 3, 6, 12, 16, 31)), moods=st.tuples(*[moods] * len(PEOPLE)))
    def everybody_lives(self, seconds: int, moods: tuple[str, ...]) -> None:
        """As pages do: probes and heartbeats are answered at once, silence is said every 2.5 s."""
        for tick in range(2 * seconds):
            self.sides.turn(500)
            self.sides.sweep()
            if tick % 8 == 0:
                self.sides.compare()
            if tick % 10 == 0:
                for process in self.sides.alive:
                    self.sides.reattach(process)
            for person, mood in zip(PEOPLE, moods, strict=True):
                p = self.sides.model.person(person)
                asked = p.owed is not None or (p.state is State.WAITING and tick % 30 == 0)
                if mood != "frozen" and asked:
                    self.sides.pulse(person, "now" if p.match else "none", None)
                if p.match and mood in ("open", "silent") and tick % 5 == 0:
                    self.sides.pulse(person, "now", Media(mood))

    @precondition(lambda self: not self.waited_long)
    @rule()
    def ten_minutes_pass(self) -> None:
        """The waiting answer their heartbeats: rematches are fair again, matches are asked about."""
        self.waited_long = True
        for _ in range(60):
            for _ in range(5):
                self.sides.turn(2_000)
                self.sides.sweep()
            for person in PEOPLE:
                self.sides.pulse(person, "none", None)

    @rule(ms=st.sampled_from((1_999, 2_001, 4_000, 20_000)))
    def nothing_sweeps(self, ms: int) -> None:
        """The store or all servers are away."""
        self.sides.turn(ms)
        self.sides.sweep()

    @rule(
        ms=st.sampled_from((-3_600_000, -90_000, -1_500, 90_000)),
        stays_ms=st.sampled_from((0, 3_000)),
    )
    def clock_steps(self, ms: int, stays_ms: int) -> None:
        """The clock of the store's host is another, for good or for a while."""
        self.clock_fell = self.clock_fell or ms < 0 or stays_ms > 0
        self.sides.sweep()  # before the first sweep a step cannot be seen, and nothing is due
        self.sides.turn(ms)
        self.sides.sweep()
        if stays_ms:
            self.sides.let_pass(stays_ms)
            self.sides.turn(-ms)
            self.sides.sweep()

    @precondition(lambda self: bool(self.sides.frozen))
    @rule()
    def bury(self) -> None:
        while play(self.sides.machine.bury()):
            pass
        self.sides.model.bury()

    @rule()
    def scan(self) -> None:
        """People look in any order, so the model takes over whom the scan paired, if it was allowed to."""
        while play(self.sides.machine.scan(SCANNER)).more:
            pass
        self.sides.model.scan()
        for pool in POOLS:
            self.sides.adopt(pool)
            while self.sides.rooms and play(self.sides.machine.tell(pool)):
                pass
            self.sides.model.tell(pool)
            self.sides.adopt(pool)
            assert not list(self.sides.model.legal_pairs(pool))

    @rule(person=people, which=often_now)
    def ack(self, person: PersonId, which: str) -> None:
        """Peer media has no room to leave, and still answers."""
        match, name = self.sides.match(person, which)
        for _ in range(2):
            assert play(self.sides.machine.ack(person, name)).outcome == self.sides.model.ack(person, match)

    @invariant()
    def nobody_who_is_banned_meets_people(self) -> None:
        """Neither waits nor talks: the promise of sanctions."""
        if self.clock_fell:  # marks that have ended are gone from a store whose clock is not turned
            return
        for person in PEOPLE:
            p = self.sides.model.person(person)
            if self.sides.model.is_banned(person, ""):
                assert p.state is State.IDLE

    @invariant()
    def both_agree(self) -> None:
        """Each visible state is the model's, the store is sound, and all connected people were told."""
        type(self).steps += 1
        self.sides.agree()

    def teardown(self) -> None:
        self.sides.close()


class WithStrictTags(Both):
    """The same where tags and language never relax."""

    timings = Timings(strict_tags=True)


class WithRooms(Both):
    """The same with LiveKit media: workers that die, a server that is away, what it says of participants."""

    media = MediaKind.LIVEKIT

    @rule(serve=st.sampled_from((True, True, False)), open_=st.sampled_from((True, True, False)))
    def workers(self, serve: bool, open_: bool) -> None:
        """Turn the workers on or off, and the media server, too."""
        self.sides.rooms_serve, self.sides.rooms_open = serve, open_
        self.sides.serve()

    @rule(dies=st.booleans())
    def take_on(self, dies: bool) -> None:
        """Claim work, and report its result later, or never."""
        taken = self.sides.claim_rooms()
        if not dies:
            self.sides.unreported += taken

    @precondition(lambda self: bool(self.sides.unreported))
    @rule(first=st.booleans())
    def report(self, first: bool) -> None:
        """Late, in any order."""
        self.sides.do(*self.sides.unreported.pop(0 if first else -1))

    @rule(person=people, which=often_now, fact=st.sampled_from(ParticipantFact))
    def hint(self, person: PersonId, which: str, fact: ParticipantFact) -> None:
        """What the media server says of a participant."""
        self._hint(self.sides.who(person), which, fact)

    @rule(person=people)
    def both_join(self, person: PersonId) -> None:
        """LiveKit says so of both of a match."""
        match, _ = self.sides.match(self.sides.who(person), "now")
        for each in match.people if match else ():
            self._hint(PersonId(each.id), "now", ParticipantFact.JOINED)

    def _hint(self, person: PersonId, which: str, fact: ParticipantFact) -> None:
        match, name = self.sides.match(person, which)
        if match and self.sides.model.person(person) not in match.people:
            person = PersonId(match.people[0].id)
        mine = self.sides.read(person).get("match", {"match": ""})
        impolite = mine["match"] == name and mine["media"]["role"] == "impolite"
        done = play(self.sides.machine.rooms.hint(name, Side.IMPOLITE if impolite else Side.POLITE, fact))
        assert done == self.sides.model.hint(match, person, fact)

    @rule(person=people, which=often_now, ms=st.sampled_from((0, 7_999, 8_000, 20_000)))
    def solo(self, person: PersonId, which: str, ms: int) -> None:
        """A room has held one person for so long."""
        match, name = self.sides.match(self.sides.who(person), which)
        since = self.sides.model.now - ms
        assert play(self.sides.machine.rooms.solo(name, since)).value == self.sides.model.solo(match, since)

    @rule(restarts=st.booleans())
    def reconcile(self, restarts: bool) -> None:
        """After the media server lost every room, or not."""
        if restarts:
            self.sides.there.clear()
        self.sides.reconcile()

    @rule(ago=st.sampled_from((0, 0, 1_000, 60_000)), up=st.booleans())
    def canary(self, ago: int, up: bool) -> None:
        """A room that was begun then opened, or did not."""
        since, rooms = self.sides.model.now - ago, self.sides.machine.rooms
        assert self.sides.rooms
        if up:
            assert play(rooms.media_up(since)) == self.sides.rooms.up(since)
        else:
            assert play(rooms.media_down(since)) == self.sides.rooms.went_down(since)


def run(server: StoreServer, examples: int, *, whole: bool, kind: type[Both] = Both) -> int:
    """How many steps were taken; the same ones each time, unless ``whole``."""
    with server.client() as client:

        class Driven(kind):  # type: ignore[valid-type,misc]  # a class for this run alone
            steps = 0

        Driven.client = client
        run_state_machine_as_test(
            Driven,
            settings=settings(
                max_examples=examples,
                stateful_step_count=50,
                deadline=None,
                derandomize=not whole,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        return Driven.steps


@pytest.mark.timeout(1_800)
def test_ten_thousand_steps_on_valkey(valkey9: StoreServer, whole: bool) -> None:
    """The scripts do what the documents say, in any order of anything, on the embedded store's server."""
    assert run(valkey9, examples=2_000 if whole else 240, whole=whole) >= 10_000


@pytest.mark.timeout(1_800)
def test_a_sample_on_redis(redis7: StoreServer, whole: bool) -> None:
    """The same scripts on Debian's Redis 7."""
    assert run(redis7, examples=500 if whole else 30, whole=whole) >= 1_000


@pytest.mark.timeout(1_800)
def test_a_sample_of_strict_tags(store_server_each: StoreServer, whole: bool) -> None:
    """The same where tags and language never relax, on both servers."""
    assert run(store_server_each, examples=300 if whole else 12, whole=whole, kind=WithStrictTags) >= 300


@pytest.mark.timeout(1_800)
def test_rooms_on_valkey(valkey9: StoreServer, whole: bool) -> None:
    """Rooms, too, are opened and closed as the documents say, whichever process dies in between."""
    assert run(valkey9, examples=2_000 if whole else 120, whole=whole, kind=WithRooms) >= 5_000


@pytest.mark.timeout(1_800)
def test_a_sample_of_rooms_on_redis(redis7: StoreServer, whole: bool) -> None:
    """The same on Debian's Redis 7."""
    assert run(redis7, examples=500 if whole else 20, whole=whole, kind=WithRooms) >= 500
