"""The store's clock steps: each deadline keeps what it had left, whatever the clock says (decision 0014)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from duologue.delivery.clock import SystemClock
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import Attached, DetachCause, Media, Outcome, ProcessId, Scanned, Seen
from duologue.workers.sweep import Sweep
from tests.races.control import held_by
from tests.races.direct import Clock, play
from tests.races.rooms import CLOSE, RoomStage
from tests.races.stage import SWEEP_MS, Stage
from tests.servers import StoreServer

OPEN, SILENT = Media.OPEN, Media.SILENT
HOUR_MS, QUARTER_MS = 3_600_000, 900_000
QUIET_MS = 5_000
"""What a step may add to a bound of invariant 7."""
STEPS = {
    "1 h back": (-HOUR_MS,),
    "15 min back": (-QUARTER_MS,),
    "90 s back": (-90_000,),
    "90 s ahead": (90_000,),
    "15 min ahead": (QUARTER_MS,),
    "1 h ahead": (HOUR_MS,),
    "1 h ahead for 3 s": (HOUR_MS, -HOUR_MS),
}


@pytest.fixture
def room_stage(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[RoomStage]:
    """A stage with rooms; the invariants must hold when the play is over, unless a guard is off."""
    without: tuple[str, ...] = getattr(request, "param", ())
    with store_server_each.client() as client:
        made = RoomStage(client, without)
        try:
            yield made
            assert without or made.direct.broken() == []
        finally:
            made.close()


@dataclass(frozen=True, slots=True)
class Cause:
    """One way to lose a partner: Ann stays, Ben does not."""

    bound_ms: int
    alive: tuple[str, ...]
    begin: Callable[[Stage], object]
    says: tuple[Media, ...] = ()


def closes(stage: Stage) -> None:
    stage.meet("ann", "ben", media=OPEN)
    stage.closes("ben")


def is_drained(stage: Stage) -> None:
    stage.meet("ann", "ben", media=OPEN)
    stage.detach(stage.socket("ben"), DetachCause.OURS)


def freezes(stage: Stage) -> None:
    stage.meet("ann", "ben", media=OPEN)
    stage.says(SILENT, "ann")


def opens_alone(stage: Stage) -> None:
    stage.meet("ann", "ben")
    stage.says(OPEN, "ann")


CAUSES = {
    "closed tab": Cause(5_000, ("ann",), closes),
    "frozen": Cause(3_000, ("ann",), freezes, (SILENT,)),
    "no-show": Cause(3_000, ("ann",), lambda stage: stage.meet_unanswered("ann", "ben")),
    "no media": Cause(10_000, ("ann", "ben"), opens_alone),
    "one hears nothing": Cause(10_000, ("ann", "ben"), freezes, (SILENT,)),
    "our process is drained": Cause(25_000, ("ann",), is_drained),
}


def lives(stage: Stage, cause: Cause, ms: int) -> int:
    """Time passes until Ann and Ben are parted, at most so long; how long that was."""
    for at in range(SWEEP_MS, ms + 1, SWEEP_MS):
        stage.wait(SWEEP_MS, *cause.alive)
        if not stage.together("ann", "ben"):
            return at
        if at % 2_500 == 0:
            for media in cause.says:
                stage.says(media, "ann")
    return ms


def part(stage: Stage, cause: Cause, steps: tuple[int, ...]) -> int:
    """Ben is lost, and half of what he had passes before the clock steps; how long Ann waited, all in all."""
    cause.begin(stage)
    half = cause.bound_ms // 2 // SWEEP_MS * SWEEP_MS
    assert lives(stage, cause, half) == half
    waited = half
    for n, step in enumerate(steps):
        stage.clock.turn(step)
        most = 3_000 if n < len(steps) - 1 else cause.bound_ms + QUIET_MS
        waited += lives(stage, cause, most)
    return waited


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_who_is_left_is_free_within_the_bound_and_not_before(
    stage: Stage, cause: Cause, steps: tuple[int, ...]
) -> None:
    """A step adds at most the quiet of 5 s to each bound, and takes nothing from it."""
    waited = part(stage, cause, steps)
    assert not stage.together("ann", "ben")
    assert cause.bound_ms <= waited <= cause.bound_ms + QUIET_MS + 2 * SWEEP_MS


@held_by("own-time")
def test_an_hour_back_ends_what_is_due(stage: Stage) -> None:
    """Control: deadlines of the clock itself lie an hour away."""
    assert part(stage, CAUSES["closed tab"], (-HOUR_MS,)) <= 5_000 + QUIET_MS + SWEEP_MS
    assert stage.waits("ann")


@held_by("own-time")
def test_an_hour_ahead_ends_no_conversation(stage: Stage) -> None:
    """Ben's process is drained, and he is back after 15 s: with the clock itself he had 5."""
    is_drained(stage)
    stage.wait(1_000, "ann")
    stage.clock.turn(HOUR_MS)
    stage.wait(15_000, "ann")
    assert stage.together("ann", "ben")
    stage.attach("ben")
    stage.says(OPEN, "ann", "ben")
    stage.wait(30_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("own-time")
def test_the_longest_wait_is_served_first(stage: Stage) -> None:
    """Cat waited before the clock stepped back, Dan came after it: Eve, who suits both, meets Cat."""
    stage.comes("cat", language="de")
    stage.wait(20_000, "cat")
    stage.clock.turn(-HOUR_MS)
    stage.wait(1_000, "cat")
    stage.comes("dan", language="fr")
    stage.comes("eve")
    assert stage.together("cat", "eve")


@held_by("own-time")
@pytest.mark.parametrize("step", [HOUR_MS, -HOUR_MS], ids=["ahead", "back"])
@pytest.mark.timings(relax_alone_ms=15_000)
def test_two_who_met_lately_meet_again_when_they_would(stage: Stage, step: int) -> None:
    """Not at once, though an hour seems to have passed; after 15 s, though none seem to have."""
    stage.meet("ann", "ben", media=OPEN)
    stage.skip("ann")
    stage.wait(5_000, "ann", "ben")
    stage.clock.turn(step)
    stage.wait(5_000, "ann", "ben")
    assert stage.waits("ann")
    assert stage.waits("ben")
    stage.wait(6_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("own-time")
def test_a_wait_that_the_clock_made_up_is_not_kept(stage: Stage) -> None:
    """Ann, whose 2 s look like an hour, is behind Cat, who waited for 10 s, when both are left."""
    stage.comes("cat", language="de")
    stage.wait(8_000, "cat")
    stage.comes("ann", language="fr")
    stage.wait(2_000, "ann", "cat")
    stage.clock.turn(HOUR_MS)
    stage.comes("ben", language="fr")
    assert stage.together("ann", "ben")
    stage.clock.turn(-HOUR_MS)
    stage.answer("ann", "ben")
    stage.skip("ben")
    stage.leave("ben")
    stage.comes("eve")
    assert stage.together("cat", "eve")


@held_by("own-time")
def test_a_dead_process_is_buried(stage: Stage) -> None:
    """Its last beat lies in the future of a clock that stepped back; 4 s and the quiet, as ever."""
    stage.meet("ann", "ben", media=OPEN)
    stage.beating.discard("s1")
    stage.wait(1_000)
    stage.clock.turn(-HOUR_MS)
    stage.wait(4_000 + QUIET_MS, "ann")
    assert "buried 2" in stage.facts


@held_by("own-time")
def test_a_lease_ends(stage: Stage) -> None:
    """Ann waits and says nothing any more."""
    stage.comes("ann")
    stage.wait(1_000)
    stage.clock.turn(-HOUR_MS)
    stage.wait(35_000 + QUIET_MS)
    assert stage.idle("ann") == "you-were-away"


def test_a_lease_is_long_enough_to_be_renewed(stage: Stage) -> None:
    """An hour ahead takes no one who answers heartbeats out of the queue."""
    stage.comes("ann")
    stage.wait(1_000, "ann")
    stage.clock.turn(HOUR_MS)
    stage.wait(60_000, "ann")
    assert stage.waits("ann")


def test_small_steps_bring_no_quiet(stage: Stage) -> None:
    """A clock that is set back by a few milliseconds, again and again, puts nothing off."""
    closes(stage)
    for _ in range(22):
        stage.wait(SWEEP_MS, "ann")
        stage.clock.turn(-20)
    assert stage.waits("ann")


def test_a_socket_from_before_the_step_replaces_no_newer_one(stage: Stage) -> None:
    """Ben is back on the same page after a step; the process with his dead socket re-attaches it."""
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    stage.wait(1_000, "ann", "ben")
    stage.clock.turn(-HOUR_MS)
    new = stage.attach("ben", page=old.page, process="s2")
    assert new
    stage.reattach(old)
    [answer] = stage.reattach(new)
    assert not isinstance(answer, Attached)
    assert stage.client.smembers("{0}at:s2") == {b"ben"}


def test_people_read_the_clock_of_the_store(stage: Stage) -> None:
    """What the wire says of new instants follows the step; what it said of earlier ones stays as it was."""
    stage.meet("ann", "ben", media=OPEN)
    stage.wait(1_000, "ann", "ben")
    began = stage.state("ann")["match"]["started_at_ms"]
    stage.clock.turn(-HOUR_MS)
    stage.wait(SWEEP_MS, "ann", "ben")
    stage.closes("ben")
    assert stage.state("ann")["match"]["started_at_ms"] == began
    assert stage.away("ann") == stage.clock() + 5_000
    beat = stage.beat("s1")
    assert beat.store_now_ms == stage.clock()
    assert beat.known


@held_by("skipped-twice")
def test_the_clock_outlives_the_loss_of_its_key(stage: Stage) -> None:
    """The clock was set back once; then the store loses ``sweep``: no deadline moves away by an hour."""
    stage.comes("ann")
    stage.wait(1_000, "ann")
    stage.clock.turn(-HOUR_MS)
    stage.wait(6_000, "ann")
    stage.comes("ben")
    stage.says(OPEN, "ann", "ben")
    stage.closes("ben")
    stage.client.delete("{0}sweep")
    stage.wait(6_000, "ann")
    assert stage.waits("ann")


@held_by("skipped-made-again")
def test_what_was_skipped_is_made_again(stage: Stage) -> None:
    """The clock was set back once; then the store loses one of the two copies, and later the other."""
    stage.meet("ann", "ben", media=OPEN)
    stage.wait(1_000, "ann", "ben")
    stage.clock.turn(-HOUR_MS)
    stage.wait(6_000, "ann", "ben")
    stage.client.delete("{0}skipped")
    stage.wait(1_000, "ann", "ben")
    stage.closes("ben")
    stage.client.delete("{0}sweep")
    stage.wait(6_000, "ann")
    assert stage.waits("ann")


@held_by("slow-pass")
def test_a_long_round_is_a_sweep(stage: Stage) -> None:
    """Each round takes longer than a gap that counts as an outage, for the store is far: deadlines run."""
    closes(stage)
    for _ in range(10):
        play(stage.machine.sweep())
        for _ in range(4):
            stage.clock.turn(550)
            play(stage.machine.scan(ProcessId("s1")))
        play(stage.machine.bury())
    assert stage.waits("ann")


class Far(Machine):
    """A machine whose store is far: each call of the scan takes 10 ms. ``scans``: how many a round has."""

    stage: Stage
    scans = 1

    async def scan(self, process: ProcessId) -> Scanned:
        for _ in range(self.scans - 1):
            self.stage.clock.turn(10)
            await super().scan(process)
        self.stage.clock.turn(10)
        return await super().scan(process)


class Turned(SystemClock):
    """The stage's clock, for a loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock() / 1000


@pytest.mark.parametrize(
    "scans",
    [
        pytest.param(1, id="one-scan"),
        pytest.param(
            300,
            id="a-scan-per-pool",
            marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control"),
        ),
    ],
)
def test_many_pools_put_no_deadline_off(stage: Stage, scans: int) -> None:
    """With 300 pools and a far store, a person who is away is idle when their 5 s are over."""
    stage.comes("ann")
    machine = Far(stage.direct, now_ms=stage.clock)
    machine.stage, machine.scans = stage, scans
    sweep = Sweep(machine, ProcessId("s1"), [f"p{n}" for n in range(300)], Turned(stage.clock))
    play(sweep.run_once())
    stage.closes("ann")
    closed_ms = stage.clock()
    while stage.waits("ann"):
        stage.clock.turn(SWEEP_MS)
        for process in ("s1", "s2"):
            stage.beat(process)
        play(sweep.run_once())
    assert stage.idle("ann") == "you-were-away"
    assert stage.clock() - closed_ms < 5_000 + 2 * SWEEP_MS


@held_by("attached-rises")
def test_an_older_socket_replaces_no_newer_one_where_a_sweep_is_missing(stage: Stage) -> None:
    """Ben attaches 1.9 s after the last sweep, and again after 2.1 s, when time continues at that sweep."""
    stage.meet("ann", "ben", media=OPEN)
    stage.wait(1_000, "ann", "ben")
    stage.clock.turn(1_900)
    old = stage.attach("ben", page=stage.socket("ben").page)
    assert old
    stage.clock.turn(200)
    new = stage.attach("ben", page=old.page, process="s2")
    assert new
    stage.reattach(old)
    assert stage.client.smembers("{0}at:s2") == {b"ben"}


@held_by("attached-rises")
def test_an_older_socket_replaces_no_newer_one_after_the_store_was_emptied(stage: Stage) -> None:
    """A process names an instant one hour ahead: an attach after it is still newer."""
    stage.comes("ben")
    stage.wait(1_000, "ben")
    stage.clock.turn(-HOUR_MS)
    stage.wait(1_000, "ben")
    old = stage.attach("ben", page=stage.socket("ben").page)
    assert old
    stage.client.flushall()
    stage.reattach(old)
    new = stage.attach("ben", page=old.page, process="s2")
    assert new
    stage.reattach(old)
    assert stage.client.smembers("{0}at:s2") == {b"ben"}


@held_by("quiet-bounded")
def test_no_quiet_is_longer_than_a_quiet(stage: Stage) -> None:
    """A mark an hour ahead, however it came there, puts deadlines off by five seconds and no more."""
    closes(stage)
    stage.wait(SWEEP_MS)
    stage.client.hset("{0}sweep", "quiet_until", stage.clock() + HOUR_MS)
    stage.wait(5_000 + QUIET_MS, "ann")
    assert stage.waits("ann")


@held_by("instants-rise")
def test_no_message_is_told_twice(stage: Stage) -> None:
    """One was written in an hour that the clock was ahead; the page that has both reads neither again."""
    match = stage.meet("ann", "ben", media=OPEN)
    stage.clock.turn(HOUR_MS)
    play(stage.machine.message(stage.socket("ann").held.person, match, "k1", "one"))
    stage.clock.turn(-HOUR_MS)
    play(stage.machine.message(stage.socket("ann").held.person, match, "k2", "two"))
    held = stage.socket("ben").held
    [all_] = play(stage.machine.reattach(ProcessId("s1"), [held._replace(seen=Seen(0, match, 0, 0))]))
    assert isinstance(all_, Attached)
    last_ms = json.loads(all_.messages[-1].frame)["at_ms"]
    seen = Seen(0, match, 2, 0, last_ms)
    [none] = play(stage.machine.reattach(ProcessId("s1"), [held._replace(seen=seen)]))
    assert isinstance(none, Attached)
    assert none.messages == []


# Rooms


@pytest.mark.parametrize(
    "room_stage",
    [
        pytest.param((), id="guarded"),
        pytest.param(
            ("own-time",),
            id="without-own-time",
            marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control"),
        ),
    ],
    indirect=True,
)
def test_video_that_was_found_down_in_the_future_is_up_again(room_stage: RoomStage) -> None:
    """The mark is an hour ahead of the clock by now: the next canary that opens brings video back."""
    stage = room_stage
    rooms = stage.machine.rooms
    stage.wait(1_000)
    stage.clock.turn(HOUR_MS)
    assert play(rooms.media_down(play(rooms.look()).now_ms))
    stage.wait(3_000)
    stage.clock.turn(-HOUR_MS)
    stage.wait(2_000)
    assert play(rooms.media_up(play(rooms.look()).now_ms))
    stage.comes("ann", "ben")
    assert stage.together("ann", "ben")


def test_rooms_are_opened_and_deleted_as_ever(room_stage: RoomStage) -> None:
    """A claim that its worker never reported, and a deletion that waits, keep their pace."""
    stage = room_stage
    match = stage.meet("ann", "ben", media=OPEN)
    stage.wait(1_000, "ann", "ben")
    stage.serves = False
    stage.leave("ann")
    stage.clock.turn(-HOUR_MS)
    stage.wait(1_250, "ben")
    [work] = play(stage.machine.rooms.due(CLOSE)).works
    assert work.match == match
    stage.clock.turn(-HOUR_MS)
    stage.wait(3_250, "ben")
    [again] = play(stage.machine.rooms.due(CLOSE)).works
    assert again.generation != work.generation
    assert stage.match("ben") == ""
    stage.serves = True
    stage.wait(10_000, "ben")
    assert match not in stage.rooms


def test_the_age_of_a_room_is_told_by_redis(room_stage: RoomStage) -> None:
    """LiveKit dates rooms by its own clock: what it lists is held against Redis's."""
    room_stage.wait(1_000)
    room_stage.clock.turn(-HOUR_MS)
    seen = play(room_stage.machine.rooms.look())
    assert seen.wall_ms == room_stage.clock()
    assert seen.now_ms - seen.wall_ms == pytest.approx(HOUR_MS, abs=SWEEP_MS)
    assert room_stage.pulse("ann") == Outcome.OK
