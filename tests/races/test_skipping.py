"""Races of skip, leave and join: the fences of mechanism 1."""

import itertools

import pytest

from duologue.pairing.vocabulary import Media, Outcome
from tests.races.control import held_by
from tests.races.stage import Stage
from tests.servers import StoreServer


def test_p01_quick_skipper_is_never_busy(stage: Stage) -> None:
    """B, skipped by A and met by C a second later, can skip at once: nothing is still "processing"."""
    stage.meet("ann", "ben")
    assert stage.skip("ann") == Outcome.SKIPPED
    stage.wait(1_000, "ann", "ben")
    stage.comes("cat")
    assert stage.together("ben", "cat")
    stage.wait(2_000, "ann", "ben", "cat")
    assert stage.skip("ben") == Outcome.SKIPPED
    assert not stage.together("ben", "cat")


@held_by("match-fence", "repeated-skip")
def test_p02_retried_skip_spares_the_next_match(stage: Stage) -> None:
    """A's retry of the skip of m1 answers ``skipped`` again and ends neither A's next match nor B's."""
    first = stage.meet("ann", "ben")
    stage.skip("ann", first)
    stage.comes("cat", "dan")
    assert stage.together("ben", "cat")
    assert stage.together("ann", "dan")
    assert stage.skip("ann", first) == Outcome.SKIPPED
    assert stage.together("ben", "cat")
    assert stage.together("ann", "dan")


@held_by("match-fence")
def test_p03_both_skip_at_once(stage: Stage) -> None:
    """Both skips name m1; the first brings A and B to C and D, the second is stale and ends nothing."""
    first = stage.meet("ann", "ben")
    stage.comes("cat", language="de")
    stage.comes("dan", language="en")
    assert stage.skip("ann", first) == Outcome.SKIPPED
    assert stage.together("ben", "cat")
    assert stage.together("ann", "dan")
    late = stage.skip("ben", first)
    assert stage.together("ben", "cat")
    assert stage.together("ann", "dan")
    assert late == Outcome.STALE


@held_by("skip-bottom")
def test_p03_the_skipper_is_served_last(stage: Stage) -> None:
    """Of two that came together, the one that was skipped is served before the one that skipped."""
    stage.meet("ann", "ben")
    stage.skip("ann")
    stage.wait(1_000, "ann", "ben")
    stage.comes("cat")
    assert stage.together("ben", "cat")
    assert stage.waits("ann")


@held_by("match-fence")
def test_p04_late_skip_of_an_earlier_match(stage: Stage) -> None:
    """A skip sent for m1 that arrives when the caller is in m2 changes nothing."""
    first = stage.meet("ann", "ben")
    stage.skip("ben", first)
    stage.comes("cat")
    assert stage.together("ann", "cat")
    late = stage.skip("ann", first)
    assert stage.together("ann", "cat")
    assert late == Outcome.STALE


def test_p05_nothing_follows_a_skip(stage: Stage) -> None:
    """One script call leaves both in the queue: a process that dies right after it leaves no one in limbo."""
    stage.meet("ann", "ben")
    calls, match = stage.direct.calls, stage.match("ann")
    stage.skip("ann", match)
    assert stage.direct.calls == calls + 2  # the look at the match, and the skip
    assert stage.waits("ann")
    assert stage.waits("ben")
    stage.passes = False
    stage.comes("cat", "dan")
    assert stage.together("ben", "cat")
    assert stage.together("ann", "dan")


@held_by("join-from-idle")
def test_p06_skipped_and_joining_by_oneself(stage: Stage) -> None:
    """B is told, sends a join, and is in the queue once, at the place that the skip left."""
    stage.attach("ben")
    stage.join("ben", language="en")
    stage.comes("ann")
    assert stage.together("ann", "ben")
    stage.answer("ann", "ben")
    stage.wait(1_000)
    stage.comes("eve", language="de")
    stage.leave("ann")
    stage.wait(100, "ben", "eve")
    assert stage.join("ben", language="en") == Outcome.WAITING
    assert stage.join("ben", language="en", intent=stage.state("ben")["intent"]) == Outcome.WAITING
    assert stage.sound()
    stage.comes("cat")
    assert stage.together("ben", "cat")
    assert stage.waits("eve")


@held_by("partner-fence+partner-made-again")
def test_p12_half_of_a_match_is_lost(stage: Stage) -> None:
    """B's half of m1 is gone and B talks to C; A's skip of m1 does not tear that down."""
    first = stage.meet("ann", "ben")
    stage.client.delete("{0}p:ben")
    stage.comes("ben", "cat")
    assert stage.together("ben", "cat")
    stage.skip("ann", first)
    assert stage.together("ben", "cat")
    assert stage.waits("ann")
    stage.work()


def test_p12_the_other_half_is_gone(stage: Stage) -> None:
    """B's record is lost and B does not return: A is waiting at the next look, and every deadline goes on."""
    first = stage.meet("ann", "ben", media=Media.OPEN)
    stage.client.delete("{0}p:ben")
    stage.wait(1_000, "ann")
    assert stage.waits("ann")
    assert stage.skip("ann", first) == Outcome.STALE
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.answer("ann", "cat")
    # What is left of the match goes at its next quiet check.
    stage.wait(300_000, "ann", "cat")
    assert not stage.client.exists(f"{{0}}m:{first}")
    stage.stray("s1")


@held_by("record-persist")
def test_p10_a_call_outlives_every_record(stage: Stage) -> None:
    """Nothing that a live match needs expires: hours later a skip still tells the partner."""
    first_visit = stage.attach("ann")
    assert first_visit is not None
    stage.detach(first_visit)
    stage.meet("ann", "ben")
    stage.let_expire()
    assert stage.skip("ann") == Outcome.SKIPPED
    assert stage.ended("ben") == "partner-skipped"
    assert stage.waits("ben")


@held_by("intent-fence")
def test_p11_late_leave_of_an_earlier_conversation(stage: Stage) -> None:
    """A Stop that was pressed before the present Start arrives in m2 and ends nothing."""
    stage.meet("ann", "ben")
    stop = stage.press("ann")
    stage.skip("ben")
    stage.join("ann")
    stage.comes("cat")
    assert stage.together("ann", "cat")
    late = stage.leave("ann", stop)
    assert stage.together("ann", "cat")
    assert late == Outcome.STALE


def test_p13_a_read_between_any_two_steps(stage: Stage) -> None:
    """A read sees whole transitions only, and changes nothing, so nothing can be undone by one."""
    stage.meet("ann", "ben")
    before = stage.save()
    seen = [stage.state(person) for person in ("ann", "ben")]
    assert stage.save() == before
    assert [state["state"] for state in seen] == ["matched", "matched"]
    assert seen[0]["match"]["match"] == seen[1]["match"]["match"]


@held_by("match-fence", "join-from-idle")
def test_p14_find_the_next_one_fires_late(stage: Stage) -> None:
    """A page's timer that skips and joins again, after the next partner was found, ends nothing."""
    first = stage.meet("ann", "ben")
    stage.skip("ben", first)
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.skip("ann", first)
    assert stage.join("ann") == Outcome.MATCHED
    assert stage.together("ann", "cat")


@held_by("intent-fence")
def test_p18_stop_start_and_the_stop_once_more(stage: Stage) -> None:
    """The retry of a Stop that arrives after the next Start changes nothing."""
    stage.comes("ann")
    stop = stage.press("ann")
    assert stage.leave("ann", stop) == Outcome.LEFT
    stage.join("ann")
    late = stage.leave("ann", stop)
    assert stage.waits("ann")
    assert late == Outcome.STALE


def play_p22(stage: Stage) -> None:
    before = stage.save()
    lost = stage.meet("ann", "ben")
    stage.fall_back(before)
    stage.meet("ann", "cat")
    late = stage.skip("ann", lost)
    assert stage.together("ann", "cat")
    assert late == Outcome.STALE


def test_p22_no_number_is_issued_twice(stage: Stage) -> None:
    """A failover loses m1; the next match has another id, so an old skip of m1 does not pass its fence."""
    play_p22(stage)


def test_p22_control_counted_ids(store_server_each: StoreServer) -> None:
    """With ids counted in the store, which a failover sets back, the old skip ends the new match."""
    with store_server_each.client() as client:

        def counted(count: int) -> str:
            used = client.get("{0}scan:ids")
            first = int(used) if isinstance(used, bytes) else 0
            client.set("{0}scan:ids", first + 100)
            return "".join(f"{n:016d}" for n in itertools.islice(itertools.count(first), count))

        stage = Stage(client, new_ids=counted)
        try:
            with pytest.raises(AssertionError):
                play_p22(stage)
        finally:
            stage.close()


@held_by("stale-no-sign")
def test_p27_a_stale_skip_is_no_sign_of_life(stage: Stage) -> None:
    """A froze in m2; a skip of m1 that was under way does not vouch for A there."""
    first = stage.meet("ann", "ben")
    stage.skip("ben", first)
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.wait(1_000, "cat")
    assert stage.skip("ann", first) == Outcome.STALE
    stage.wait(2_250, "cat")
    assert stage.idle("ann") == "you-were-away"
    assert stage.ended("cat") == "no-show"
    assert stage.together("cat", "ben")
