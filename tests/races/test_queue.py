"""Races of the queue: who may be dealt out, to whom, and in what order (mechanisms 3 and 4)."""

import pytest

from duologue.pairing.vocabulary import Marks, Media, Outcome
from tests.races.control import held_by
from tests.races.stage import Stage
from tests.servers import StoreServer


def again_at(stage: Stage, person: str) -> int | None:
    """When the person reads that they meet the person again whom they just met; None: they read nothing."""
    at: int | None = stage.state(person).get("again_at_ms")
    return at


@held_by("rematch", "meet-again")
def test_p07_two_alone_do_not_meet_again_at_once(stage: Stage) -> None:
    """Back in the queue in one step, the same two do not meet at once. If no other person comes they do after
    4 s, and both read it from the first moment on."""
    stage.meet("ann", "ben")
    stage.skip("ann")
    assert stage.waits("ann")
    assert stage.waits("ben")
    assert again_at(stage, "ann") == again_at(stage, "ben") == stage.clock() + 4_000
    stage.wait(3_750, "ann", "ben")
    assert stage.waits("ann")
    stage.wait(500, "ann", "ben")
    assert stage.together("ann", "ben")


def test_p07_a_third_person_comes(stage: Stage) -> None:
    """At 3.75 s: the one who waited longest gets them at once, and the other reads no time any more."""
    stage.meet("ann", "ben")
    stage.skip("ann")
    stage.wait(3_750, "ann", "ben")
    stage.comes("cat")
    assert stage.together("ben", "cat")
    assert stage.waits("ann")
    assert again_at(stage, "ann") is None


@held_by("again-called-off")
def test_p07_one_of_the_two_goes(stage: Stage) -> None:
    """Ben closes his page, and Ann reads no time that does not come."""
    stage.meet("ann", "ben")
    stage.skip("ann")
    stage.closes("ben")
    assert again_at(stage, "ann") is None
    stage.wait(20_000, "ann")
    assert stage.waits("ann")


@held_by("alone-both")
def test_p07_one_of_them_has_another_to_meet(stage: Stage) -> None:
    """Ann has only Ben to meet, but Ben could meet Cat again, too: the 15 s stay."""
    stage.comes("ann", language="en")
    stage.comes("ben")
    assert stage.together("ann", "ben")
    stage.answer("ann", "ben")
    stage.leave("ann")
    stage.comes("cat", language="de")
    assert stage.together("ben", "cat")
    stage.answer("ben", "cat")
    stage.skip("ben")
    assert again_at(stage, "ben") == again_at(stage, "cat") == stage.clock() + 4_000
    stage.wait(1_000, "ben", "cat")
    stage.join("ann", language="en")
    assert all(stage.waits(person) and again_at(stage, person) is None for person in ("ann", "ben", "cat"))
    stage.wait(13_000, "ann", "ben", "cat")
    assert all(stage.waits(person) for person in ("ann", "ben", "cat"))


def test_p07_others_in_the_queue(stage: Stage) -> None:
    """Three who have all met, two of whom just met: the 15 s stay, since each has another to meet."""
    stage.meet("ann", "ben")
    stage.skip("ann")
    stage.comes("cat")
    stage.answer("ben", "cat")
    stage.skip("cat")
    assert stage.together("ann", "cat")
    stage.answer("ann", "cat")
    stage.skip("ann")
    assert all(stage.waits(person) and again_at(stage, person) is None for person in ("ann", "ben", "cat"))
    stage.wait(14_000, "ann", "ben", "cat")
    assert stage.waits("ann")
    assert stage.waits("cat")


@held_by("blocker-expects-nobody")
@pytest.mark.parametrize("after_ms", [250, 3_000])
def test_p07_a_block_while_they_wait(stage: Stage, after_ms: int) -> None:
    """While they wait Ann blocks Ben: she reads no time from then on, he soon, and they never meet."""
    match = stage.meet("ann", "ben")
    stage.skip("ann")
    stage.wait(after_ms, "ann", "ben")
    assert again_at(stage, "ann") is not None
    stage.block("ann", match)
    assert again_at(stage, "ann") is None
    stage.wait(3_750 - after_ms, "ann", "ben")
    assert again_at(stage, "ben") is None
    stage.wait(60_000, "ann", "ben")
    assert stage.waits("ann")
    assert stage.waits("ben")
    assert again_at(stage, "ann") is None
    assert again_at(stage, "ben") is None


@held_by("again-drawn")
def test_p07_what_is_drawn_longer_is_not_read(stage: Stage) -> None:
    """After a block a person could not read it either."""
    stage.machine._new_ids = lambda count: "A" * (16 * count)  # the draw of the longest wait
    stage.meet("ann", "ben")
    stage.skip("ann")
    assert again_at(stage, "ann") is None


@held_by("claim+detach-unqueues")
def test_p08_two_pick_the_same_third(stage: Stage) -> None:
    """Of two who join at once only one gets C; the other waits."""
    stage.comes("cat")
    stage.attach("ann")
    stage.attach("ben")
    stage.join("ann")
    stage.join("ben")
    assert stage.together("ann", "cat")
    assert stage.waits("ben")
    assert stage.sound()


def play_p09(stage: Stage) -> None:
    stage.meet("ann", "ben")
    stage.skip("ann")
    # Heartbeats are not due yet: an answer to one would look at the queue as well.
    stage.wait(4_500)
    assert stage.together("ann", "ben")


def test_p09_the_queue_is_looked_at_without_an_arrival(stage: Stage) -> None:
    """When the reason that kept two apart is over, the pass brings them together without another arrival."""
    play_p09(stage)


def test_p09_control_no_pass(store_server_each: StoreServer) -> None:
    """Without the pass they wait for good."""
    with store_server_each.client() as client:
        stage = Stage(client, passes=False)
        try:
            with pytest.raises(AssertionError):
                play_p09(stage)
        finally:
            stage.close()


def test_p09_two_who_join_at_once(stage: Stage) -> None:
    """Joins at the same instant run one after the other: the second sees the first."""
    stage.attach("ann")
    stage.attach("ben")
    assert stage.join("ann") == Outcome.WAITING
    assert stage.join("ben") == Outcome.MATCHED
    assert stage.together("ann", "ben")


@held_by("not-self")
def test_p15_one_person_on_two_pages(stage: Stage) -> None:
    """Two pages of one person, both pressing Start, are one person who waits."""
    stage.comes("ann")
    stage.attach("ann")
    stage.join("ann")
    assert stage.waits("ann")
    assert stage.sound()


@held_by("media-deadline", "place-kept")
def test_p16_media_never_comes(stage: Stage) -> None:
    """No media within 10 s: both are on, at the places that they had."""
    stage.comes("ann", language="en")
    stage.wait(3_000, "ann")
    stage.comes("ben", language="en")
    assert stage.together("ann", "ben")
    stage.wait(8_000, "ann", "ben")
    stage.comes("eve", language="de")
    stage.wait(2_000, "ann", "ben", "eve")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    # The match itself was no wait: ann has waited three seconds, eve two.
    stage.comes("cat")
    assert stage.together("ann", "cat")


def test_p16_media_says_that_it_cannot(stage: Stage) -> None:
    """``failed`` of both before both were open ends the match at once, and neither loses the place."""
    stage.meet("ann", "ben")
    stage.wait(1_000, "ann", "ben")
    stage.comes("cat")
    stage.says(Media.FAILED, "ben", "ann")
    assert stage.together("ann", "cat")
    assert stage.waits("ben")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"


@held_by("blocks")
def test_p17_each_on_the_others_block_list(stage: Stage) -> None:
    """Two who block each other never meet, and both are served when others come."""
    met = stage.meet("ann", "ben")
    stage.block("ben", met)
    stage.block("ann", met, skip=True)
    stage.wait(20_000, "ann", "ben")
    assert stage.waits("ann")
    assert stage.waits("ben")
    stage.comes("cat", "dan")
    assert stage.together("ben", "cat")
    assert stage.together("ann", "dan")


@held_by("held-row", "arm-match")
def test_p19_a_frozen_person_is_dealt_once(stage: Stage) -> None:
    """B froze with an open socket: skipped before anyone noticed, B is benched, then idle, and matched with
    no one."""
    stage.comes("ben", "ann")
    stage.wait(1_000, "ann")
    stage.skip("ann")
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.wait(1_000, "ann", "cat")
    stage.comes("dan")
    assert stage.waits("dan")
    stage.wait(1_250, "ann", "cat", "dan")
    assert stage.idle("ben") == "you-were-away"
    assert stage.waits("dan")


@held_by("detach-unqueues")
def test_p20_a_ghost_in_the_queue(stage: Stage) -> None:
    """A waiting person who closes the tab is not matched from that moment on."""
    stage.comes("ann")
    stage.closes("ann")
    stage.wait(100)
    stage.comes("ben")
    assert stage.waits("ben")
    assert stage.waits("ann")
    stage.wait(5_250, "ben")
    assert stage.idle("ann") == "you-were-away"


@held_by("pool-move")
def test_p21_two_tabs_two_pools(stage: Stage) -> None:
    """A join of another pool moves the person: one state, one queue."""
    stage.comes("ann")
    stage.attach("ann")
    assert stage.join("ann", pool="de") == Outcome.WAITING
    assert stage.sound()
    stage.comes("ben")
    assert stage.waits("ben")
    stage.comes("cat", pool="de")
    assert stage.together("ann", "cat")


@held_by("wishes-read+strays-go")
def test_p23_the_first_sixteen_speak_other_languages(stage: Stage) -> None:
    """Two who fit, behind more people than one look takes in, meet at once."""
    for n in range(40):
        stage.comes(f"single{n}", language=f"x{n}")
    stage.clock.turn(1)
    stage.comes("ann", language="en")
    assert stage.waits("ann")
    stage.comes("ben", language="en")
    assert stage.together("ann", "ben")
    assert stage.waits("single0")


@held_by("wishes-read+strays-go")
def test_p23_the_first_sixteen_name_other_interests(stage: Stage) -> None:
    """One interest in common is enough. A person without any meets the one who has waited longest."""
    for n in range(40):
        stage.comes(f"single{n}", tags=(f"x{n}",))
    stage.clock.turn(1)
    stage.comes("ann", tags=("chess", "tea"))
    stage.comes("ben", tags=("go", "tea"))
    assert stage.together("ann", "ben")
    stage.comes("cat")
    assert stage.together("cat", "single0")


@held_by("look-goes-on")
def test_p23_the_first_sixteen_are_blocked(stage: Stage) -> None:
    """Ann blocked a device from which 40 people wait; Ben, behind them, is reached by looks that go on."""
    for n in range(40):
        stage.marks[f"bot{n}"] = Marks("farm", "")
        stage.comes(f"bot{n}", language=f"x{n}")
    stage.clock.turn(1)
    stage.comes("ben", language="en")
    stage.client.zadd("{0}blocked:ann", {"d:farm": stage.clock()})
    stage.comes("ann")
    # A join looks at the first 16 only.
    assert stage.waits("ann")
    stage.wait(250)
    assert stage.together("ann", "ben")
    assert stage.waits("bot0")


@held_by("look-goes-on")
def test_p23_people_of_one_place_are_told_apart(stage: Stage) -> None:
    """All 40 came at the same instant, so that their places do not say where a look stopped."""
    for n in range(40):
        stage.marks[f"bot{n}"] = Marks("farm", "")
        stage.comes(f"bot{n}", language=f"x{n}")
    stage.comes("zoe", language="en")
    stage.client.zadd("{0}blocked:ann", {"d:farm": stage.clock()})
    stage.comes("ann")
    assert stage.waits("ann")
    stage.wait(250)
    assert stage.together("ann", "zoe")


@held_by("queued-now")
def test_p23_one_call_frees_two_who_fit(stage: Stage) -> None:
    """Two matches end in one sweep: those of one may not meet again, but one of each meets at once."""
    stage.passes = False
    stage.meet("ann", "ben")
    stage.meet("cat", "dan")
    stage.wait(10_000, "ann", "ben", "cat", "dan")
    assert stage.ended("ann") == stage.ended("dan") == "media-failed"
    assert stage.together("ann", "cat") or stage.together("ann", "dan")
    assert stage.match("ben")


@pytest.mark.timings(strict_tags=True)
@held_by("strict-tags")
def test_p23_strict_tags_never_relax(stage: Stage) -> None:
    """However long they wait; two who fit and met lately meet again as ever."""
    stage.comes("ann", tags=("tea",))
    stage.comes("ben", tags=("go",))
    stage.comes("eve", language="en", pool="de")
    stage.comes("fay", language="de", pool="de")
    stage.wait(20_000, "ann", "ben", "eve", "fay")
    assert stage.waits("ann")
    assert stage.waits("ben")
    assert stage.waits("eve")
    stage.comes("cat", tags=("tea",))
    assert stage.together("ann", "cat")
    stage.answer("ann", "cat")
    stage.skip("ann")
    assert stage.waits("ann")
    stage.wait(4_250, "ann", "ben", "cat", "eve", "fay")
    assert stage.together("ann", "cat")


@held_by("scan-claimed")
def test_p23_one_process_scans(stage: Stage) -> None:
    """Another one has nothing to do until the first has said nothing for 2 s, and then takes over."""
    stage.passes = False
    stage.comes("ann", language="de")
    stage.comes("ben", language="en")
    stage.wait(14_000, "ann", "ben")
    assert stage.scan("s1").held_ms == 0
    stage.clock.turn(1_500)
    stage.work_once()
    assert stage.scan("s2").held_ms == 500
    assert stage.waits("ann")
    stage.clock.turn(500)
    assert stage.scan("s2").held_ms == 0
    assert stage.together("ann", "ben")
    assert stage.scan("s1").held_ms == 2_000


@held_by("sign-pairs")
def test_p24_skipped_before_the_first_pulse(stage: Stage) -> None:
    """A skips 200 ms after the match: B, healthy, answers, and meets the next in that very call."""
    first = stage.meet_unanswered("ann", "ben")
    stage.wait(200)
    stage.skip("ann", first)
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.comes("dan")
    assert stage.waits("ben")
    assert stage.waits("dan")
    assert stage.pulse("ben", first) == Outcome.STALE
    assert stage.waits("ben")
    assert stage.pulse("ben") == Outcome.OK
    assert stage.together("ben", "dan")
    stage.wait(3_000, "ben", "dan")
    assert stage.together("ben", "dan")


@held_by("attach-pairs")
def test_p25_the_join_lands_before_the_stream(stage: Stage) -> None:
    """Held until attached; the attach itself pairs, not the next sweep."""
    assert stage.join("ann") == Outcome.WAITING
    stage.comes("ben")
    assert stage.waits("ben")
    stage.attach("ann")
    assert stage.together("ann", "ben")


@held_by("held-row")
def test_p26_skipped_while_away(stage: Stage) -> None:
    """B is away when A skips: C gets A, not B; B comes back to the place that it had."""
    stage.comes("ben", "ann")
    stage.answer("ann", "ben")
    stage.wait(1_000, "ann", "ben")
    stage.closes("ben")
    stage.skip("ann")
    stage.comes("cat")
    assert stage.together("ann", "cat")
    assert stage.waits("ben")
    stage.comes("dan", language="de")
    stage.attach("ben")
    assert stage.together("ben", "dan")


@held_by("talk-ends-wait")
def test_p28_talk_is_no_wait(stage: Stage) -> None:
    """Forty minutes of talk give no place before people who waited meanwhile."""
    stage.attach("ben")
    stage.join("ben", language="en")
    stage.comes("ann")
    stage.answer("ann", "ben")
    stage.clock.turn(40 * 60_000)
    stage.comes("eve", language="de")
    stage.clock.turn(5_000)
    stage.leave("ann")
    assert stage.waits("ben")
    stage.clock.turn(1_000)
    stage.comes("cat")
    assert stage.together("eve", "cat")


@held_by("relax-unbroken")
def test_p28_a_match_breaks_the_wait_that_relaxes(stage: Stage) -> None:
    """Two are relaxed when both were pairable for 15 s without a break, however long they waited before."""
    stage.comes("ann", language="de")
    stage.comes("ben", language="en")
    stage.wait(15_250, "ann", "ben")
    assert stage.together("ann", "ben")
    stage.wait(10_000, "ann", "ben")
    assert stage.ended("ann") == "media-failed"
    stage.wait(14_500, "ann", "ben")
    assert stage.waits("ann")
    stage.wait(1_000, "ann", "ben")
    assert stage.together("ann", "ben")
