"""Work on rooms that processes share: the reconciler's round, and looks into rooms whose media is due."""

from collections.abc import Iterator

import pytest

from duologue.pairing.timings import RoomRules
from duologue.pairing.vocabulary import Media, ParticipantFact, Side
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.rooms import RoomStage
from tests.servers import StoreServer

RULES = RoomRules(namespace="ours", auto_create=True)
HOUR_MS = 3_600_000
ORPHAN = {"m_AAAAAAAAAAAAAAAA": HOUR_MS}
LAPSE_MS, ROUND_MS, SPARE_MS = RULES.round_lapse_ms, RULES.round_ms, RULES.round_spare_ms


@pytest.fixture
def stage(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[RoomStage]:
    """Joining makes rooms, so that a room can come back that was missing once."""
    without: tuple[str, ...] = getattr(request, "param", ())
    with store_server_each.client() as client:
        stage = RoomStage(client, without, rules=RULES)
        try:
            yield stage
            assert without or stage.direct.broken() == []
        finally:
            stage.close()


def talk(stage: RoomStage) -> str:
    """Ann and Ben are in their room, which is old enough to be missed."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.create(match)
    stage.wait(RULES.spare_ms + 1_000, "ann", "ben")
    return match


@held_by("round-claimed")
def test_one_process_has_the_round(stage: RoomStage) -> None:
    """Until it ends, and until the next is due."""
    first = stage.begin()
    assert first
    assert not stage.begin()
    stage.end(first)
    assert not stage.begin(first)
    stage.wait(ROUND_MS)
    assert not stage.begin(), "the process that had the last round comes first"
    assert stage.begin(first)


@held_by("round-lapses")
def test_the_claimant_is_killed_in_the_middle(stage: RoomStage) -> None:
    """It lists, and says nothing any more: after the lapse another process does the work of the round."""
    match = talk(stage)
    assert stage.begin()
    stage.delete(match)
    stage.wait(LAPSE_MS - 250, "ann", "ben")
    assert not stage.begin()
    stage.wait(250, "ann", "ben")
    second = stage.begin()
    assert second
    audit = stage.tell(second)
    assert audit is not None
    assert audit.vanished == 1


def test_the_last_claimant_is_killed_between_two_rounds(stage: RoomStage) -> None:
    """Another process has the next round, a little later."""
    stage.end(stage.begin())
    stage.wait(ROUND_MS + SPARE_MS)
    assert stage.begin()


def listed_while_away(stage: RoomStage) -> tuple[str, int, dict[str, int]]:
    """Return a claim, and what it listed while the room of a match was away; the room is back since."""
    match = talk(stage)
    slow = stage.begin()
    stage.delete(match)
    began_ms, listed = stage.clock(), stage.list_rooms()
    stage.wait(1_000, "ann", "ben")
    stage.create(match)
    stage.wait(LAPSE_MS, "ann", "ben")
    return slow, began_ms, listed


@held_by("round-fence")
def test_a_slow_claimant_is_fenced(stage: RoomStage) -> None:
    """R25: it listed while the room was away, and speaks when the room is back and another has the round."""
    slow, began_ms, listed = listed_while_away(stage)
    second = stage.begin()
    assert stage.tell(second) == (0, 0)
    assert stage.tell(slow, began_ms=began_ms, listed=listed) is None
    stage.end(slow)
    assert not stage.begin(), "a slow process does not end the round of another one"
    assert stage.together("ann", "ben")


@held_by("round-fence")
def test_a_claimant_that_stalled_alone_is_fenced_too(stage: RoomStage) -> None:
    """The round was not taken over, but what it listed is as old as if it had been."""
    slow, began_ms, listed = listed_while_away(stage)
    assert stage.tell(slow, began_ms=began_ms, listed=listed) is None
    assert stage.together("ann", "ben")
    assert stage.begin(slow), "it begins anew at once"


def test_each_step_keeps_the_claim(stage: RoomStage) -> None:
    """A round that takes long, but goes on, is not taken over."""
    first = stage.begin()
    for _ in range(5):
        stage.wait(LAPSE_MS - 250)
        assert play(stage.machine.rooms.keep_round(first))
        assert not stage.begin()
    assert stage.tell(first) == (0, 0)


def test_a_listing_that_failed_leaves_the_round_to_others(stage: RoomStage) -> None:
    """It may be this process alone that does not reach LiveKit."""
    first = stage.begin()
    stage.end(first, failed=True)
    assert stage.begin()


@held_by("own-time")
@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
def test_the_clock_steps_in_the_middle(stage: RoomStage, step_ms: int) -> None:
    """The claim keeps its remaining time: it is not taken over at once, and it ends as it would have."""
    stage.wait(250)
    first = stage.begin()
    stage.clock.turn(step_ms)
    stage.work()
    assert not stage.begin()
    assert play(stage.machine.rooms.keep_round(first))
    stage.wait(LAPSE_MS)
    assert stage.begin()


def test_the_store_is_set_back_in_the_middle(stage: RoomStage) -> None:
    """The claim is forgotten: its process is refused, and another one may begin."""
    stage.wait(250)
    saved = stage.save()
    first = stage.begin()
    stage.fall_back(saved)
    assert stage.tell(first, listed=ORPHAN) is None
    assert stage.begin()


def test_the_store_is_set_back_to_another_claim(stage: RoomStage) -> None:
    """One that ended long ago holds again, for as long as it had left."""
    stage.wait(250)
    first = stage.begin()
    saved = stage.save()
    stage.end(first)
    stage.wait(60_000)
    second = stage.begin()
    stage.fall_back(saved)
    assert stage.tell(second, listed=ORPHAN) is None
    stage.work()
    assert not stage.begin()
    stage.wait(LAPSE_MS)
    assert stage.begin()


@held_by("round-bounded")
def test_a_claim_from_the_future_lapses(stage: RoomStage) -> None:
    """The store lost what it skipped of an hour's step back, so the shard's own time fell by an hour."""
    stage.wait(250)
    stage.clock.turn(-HOUR_MS)
    stage.work()
    stage.wait(250)
    assert stage.begin()
    stage.client.delete("{0}sweep", "{0}skipped")
    assert stage.begin()


@held_by("lost-room-listed")
def test_a_room_whose_match_was_lost_is_deleted(stage: RoomStage) -> None:
    """An open room is never due, so only the round finds it; also if LiveKit does not have it any more."""
    match = talk(stage)
    stage.delete(match)
    stage.client.delete(f"{{0}}m:{match}")
    stage.client.zrem("{0}quiet", match)
    stage.pulse("ann")
    stage.pulse("ben")
    stage.reconcile()
    stage.wait(RULES.linger_ms + 60_000)
    assert stage.outbox() == []


PAGE, EMPTY, FULL = 10, 10, 25


def many_matches(stage: RoomStage) -> list[str]:
    """The room of each is open, and no page says anything of its media."""
    stage.pools = []
    return [stage.meet(f"x{n}", f"y{n}") for n in range(EMPTY + FULL)]


def looks(stage: RoomStage, matches: list[str]) -> list[str]:
    """A process's round: the first matches have an empty room, both people of the others are in it."""
    taken = []
    for _ in range(len(matches)):
        seen = play(stage.machine.rooms.look((), PAGE))
        taken += seen.awaited
        for match in seen.awaited:
            if match in matches[EMPTY:]:
                for side in Side:
                    stage.hint(match, side, ParticipantFact.JOINED)
        if not seen.more:
            return taken
    raise AssertionError(f"a pass without an end: {taken}")


@held_by("looks-go-on")
def test_r26_nobody_waits_for_ever_to_be_looked_at(stage: RoomStage) -> None:
    """R26: more matches are due than one call takes, and the most urgent have nothing to say."""
    matches = many_matches(stage)
    stage.wait(2_500)
    assert sorted(looks(stage, matches)) == sorted(matches)
    for match in matches[EMPTY:]:
        assert stage.client.zscore("{0}media", match) is None


@held_by("looks-once")
def test_two_processes_share_the_looks(stage: RoomStage) -> None:
    """Each match is looked at once every 2 s, however many processes there are."""
    matches = many_matches(stage)
    stage.wait(2_500)
    first = play(stage.machine.rooms.look((), PAGE)).awaited
    rest = looks(stage, matches)
    assert sorted([*first, *rest]) == sorted(matches)
    assert looks(stage, matches) == []
    stage.wait(2_000)
    assert sorted(looks(stage, matches)) == sorted({*first, *matches[:EMPTY]})


def test_a_process_is_killed_with_its_looks(stage: RoomStage) -> None:
    """What it took is looked at by another process, in the next pass."""
    matches = many_matches(stage)
    stage.wait(2_500)
    taken = play(stage.machine.rooms.look((), PAGE)).awaited
    looks(stage, matches)
    stage.wait(2_000)
    assert set(taken) <= set(looks(stage, matches))


def test_a_match_that_is_gone_keeps_the_place(stage: RoomStage) -> None:
    """The pass had come to it; what follows it is not passed over."""
    matches = many_matches(stage)
    stage.wait(2_500)
    first = play(stage.machine.rooms.look((), PAGE)).awaited
    for side in Side:
        stage.hint(first[-1], side, ParticipantFact.JOINED)
    assert sorted([*first, *looks(stage, matches)]) == sorted(matches)


def test_the_store_is_set_back_in_a_pass(stage: RoomStage) -> None:
    """To a pass that began later than now, or earlier: each still has a turn."""
    matches = many_matches(stage)
    stage.wait(2_500)
    saved = stage.save()
    looks(stage, matches[: EMPTY + 1])
    stage.fall_back(saved)
    stage.work()
    assert set(looks(stage, matches)) == set(matches)
    stage.client.hset("{0}looked", "pass", str(stage.clock() + HOUR_MS))
    assert sorted(looks(stage, matches)) == sorted(matches[:EMPTY])
