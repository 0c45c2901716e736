"""Races of presence: who is gone, who is only quiet, and how soon the other is free (mechanisms 5 and 6)."""

import pytest

from duologue.pairing.vocabulary import DetachCause, Media, Outcome
from tests.races.control import held_by
from tests.races.stage import Stage

OPEN, SILENT, FAILED = Media.OPEN, Media.SILENT, Media.FAILED


@held_by("arm-match", "sign-in-match")
def test_r09_one_never_shows_up(stage: Stage) -> None:
    """B gives no sign: A is free after 3 s, and reads ``no-show``."""
    stage.comes("ann", "ben")
    stage.wait(2_750, "ann")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann")
    assert stage.ended("ann") == "no-show"
    assert stage.waits("ann")
    assert stage.idle("ben") == "you-were-away"


@held_by("sign-names-match")
def test_r09_what_was_sent_before_the_match_is_no_sign_in_it(stage: Stage) -> None:
    """An answer to a heartbeat, and a repeat of the join, that cross the match do not hide a no-show."""
    stage.comes("ann", "ben")
    assert stage.pulse("ben") == Outcome.OK
    assert stage.join("ben", intent=stage.state("ben")["intent"]) == Outcome.MATCHED
    stage.wait(3_250, "ann")
    assert stage.ended("ann") == "no-show"


@held_by("media-deadline", "media-both")
def test_r09_one_never_connects(stage: Stage) -> None:
    """B answers and has no media: A, who has, is free after 10 s."""
    stage.meet("ann", "ben")
    stage.says(OPEN, "ann")
    stage.wait(9_750, "ann", "ben")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann", "ben")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert stage.waits("ann")
    assert stage.waits("ben")


def test_r10_the_answer_comes_just_before_the_deadline(stage: Stage) -> None:
    """A sign of life that ran before the sweep counts, however late the sweep."""
    stage.comes("ann", "ben")
    stage.wait(2_999, "ann")
    stage.answer("ben")
    stage.wait(1_000, "ann")
    assert stage.together("ann", "ben")


def test_r10_the_answer_comes_just_after_the_deadline(stage: Stage) -> None:
    """It is stale, tells B where B is now, and touches no later match of A's."""
    first = stage.meet_unanswered("ann", "ben")
    stage.wait(3_250, "ann")
    stage.comes("cat")
    assert stage.together("ann", "cat")
    assert stage.pulse("ben", first) == Outcome.STALE
    assert stage.idle("ben") == "you-were-away"
    assert stage.together("ann", "cat")


@held_by("owed-in-record")
def test_r10_the_asked_one_is_in_another_match_by_then(stage: Stage) -> None:
    """B skips 0.1 s before what it owes is due: that deadline ends nothing in B's next match."""
    stage.meet_unanswered("ann", "ben")
    stage.answer("ann")
    stage.wait(2_900, "ann")
    stage.skip("ben")
    stage.leave("ann")
    stage.comes("cat")
    assert stage.together("ben", "cat")
    stage.wait(2_000, "cat")
    assert stage.together("ben", "cat")
    stage.answer("ben")
    stage.wait(3_000, "ben", "cat")
    assert stage.together("ben", "cat")


@held_by("connection-fence")
def test_r11_back_on_another_process_as_the_deadline_falls_due(stage: Stage) -> None:
    """B's socket dropped and B is back elsewhere; neither the deadline nor the old process ends the match."""
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    stage.detach(old)
    assert stage.away("ann") == stage.clock() + 5_000
    stage.wait(4_999, "ann")
    stage.attach("ben", page=old.page, process="s2")
    stage.says(OPEN, "ben")
    stage.work()
    stage.wait(1, "ann")
    assert not stage.detach(old)
    assert stage.away("ann") is None
    stage.wait(6_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("media-attach-anew")
@pytest.mark.timings(relax_alone_ms=15_000)
def test_r11_media_begins_anew_when_one_is_back(stage: Stage) -> None:
    """B was away while its media came up: it has ten seconds again."""
    stage.meet("ann", "ben")
    stage.wait(4_000, "ann", "ben")
    page = stage.socket("ben").page
    stage.closes("ben")
    stage.wait(4_000, "ann")
    stage.attach("ben", page=page)
    stage.wait(9_500, "ann", "ben")
    assert stage.together("ann", "ben")
    stage.wait(750, "ann", "ben")
    assert stage.ended("ann") == "media-failed"


@held_by("media-most")
def test_r11_whoever_comes_and_goes_puts_media_off_only_so_far(stage: Stage) -> None:
    """B reloads every 8 s and never opens: A is free 30 s after the match began."""
    stage.meet("ann", "ben")
    for _ in range(4):
        stage.wait(7_500, "ann", "ben")
        stage.attach("ben")
    stage.wait(500, "ann", "ben")
    assert stage.ended("ann") == "media-failed"
    assert stage.waits("ann")


@held_by("silent-arms")
def test_r12_one_freezes_and_the_other_reloads(stage: Stage) -> None:
    """A's new page, whose media was never open, reports silence; B owes a sign, and A is free."""
    stage.meet("ann", "ben", media=OPEN)
    stage.attach("ann")
    stage.answer("ann")
    stage.wait(2_500, "ann")
    stage.says(SILENT, "ann")
    stage.wait(3_250, "ann")
    assert stage.ended("ann") == "partner-lost"
    assert stage.waits("ann")


@held_by("silent-arms")
def test_r13_the_answer_was_under_way(stage: Stage) -> None:
    """B's answer to one probe arrives after B froze: A's next ``silent`` asks again."""
    stage.meet("ann", "ben", media=OPEN)
    stage.says(SILENT, "ann")
    stage.wait(2_500, "ann", says={"ann": SILENT})
    stage.answer("ben")
    stage.wait(2_500, "ann", says={"ann": SILENT})
    assert stage.together("ann", "ben")
    stage.wait(3_250, "ann")
    assert stage.ended("ann") == "partner-lost"


@held_by("never-lengthen")
def test_r13_asking_again_gives_no_more_time(stage: Stage) -> None:
    """``silent``, repeated every 2.5 s, never puts the deadline off."""
    stage.meet("ann", "ben", media=OPEN)
    stage.says(SILENT, "ann")
    stage.wait(3_250, "ann", says={"ann": SILENT})
    assert stage.ended("ann") == "partner-lost"


@held_by("silent-arms")
def test_r14_frozen_between_the_first_sign_and_media(stage: Stage) -> None:
    """Silence counts from the match on, not from an open channel: A is free after 5.5 s, not 10."""
    stage.meet("ann", "ben")
    stage.wait(2_500, "ann", says={"ann": SILENT})
    stage.wait(3_250, "ann")
    assert stage.ended("ann") == "partner-lost"
    assert stage.waits("ann")


@held_by("quiet-check")
def test_r15_both_freeze(stage: Stage) -> None:
    """No one is left to report: after five minutes without a report both are asked, and both become idle."""
    stage.meet("ann", "ben", media=OPEN)
    stage.wait(299_000)
    assert stage.together("ann", "ben")
    stage.wait(4_500)
    assert stage.idle("ann") == stage.idle("ben") == "you-were-away"


def test_r15_a_quiet_call_goes_on(stage: Stage) -> None:
    """Two who talk and say nothing to us are asked, answer, and go on."""
    stage.meet("ann", "ben", media=OPEN)
    stage.wait(299_000)
    stage.wait(8_000, "ann", "ben")
    assert stage.together("ann", "ben")


def test_r15_both_go_with_their_process(stage: Stage) -> None:
    """Their process is dead: buried after 4 s, both have 25 s to come back, then the match is over."""
    stage.meet("ann", "ben", media=OPEN)
    stage.beating.discard("s1")
    stage.wait(28_000)
    assert stage.together("ann", "ben")
    stage.wait(1_750)
    assert stage.idle("ann") == stage.idle("ben") == "you-were-away"
    assert stage.client.zscore("{0}beats", "s1") is None


@held_by("drained-keeps")
def test_e43_the_partner_hears_nothing_of_a_drained_person(stage: Stage) -> None:
    """B's server drains, and A reports silence meanwhile: B has 25 s to come back, not 3 s."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    stage.detach(stage.socket("ben"), DetachCause.OURS)
    stage.says(SILENT, "ann")
    stage.wait(8_000, "ann")
    stage.attach("ben", page=page)
    stage.says(OPEN, "ann", "ben")
    stage.wait(12_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("drained-keeps")
def test_e43_a_drained_person_who_does_not_come_back(stage: Stage) -> None:
    """Silence for 10 s ends the conversation, and nobody is left alone for the whole 25 s."""
    stage.meet("ann", "ben", media=OPEN)
    stage.detach(stage.socket("ben"), DetachCause.OURS)
    stage.wait(9_000, "ann", says={"ann": SILENT})
    assert stage.together("ann", "ben")
    stage.wait(4_000, "ann", says={"ann": SILENT})
    assert stage.waits("ann")


@held_by("owed-until-attached")
def test_e44_a_command_overtakes_the_end_of_its_connection(stage: Stage) -> None:
    """B closes the tab, and a last pulse arrives after that: A is free within 5 s."""
    match = stage.meet("ann", "ben", media=OPEN)
    stage.closes("ben")
    stage.pulse("ben", match)
    stage.wait(6_000, "ann")
    assert stage.waits("ann")


@held_by("silence")
def test_r16_only_the_connection_between_them_broke(stage: Stage) -> None:
    """Both report silence and both answer: neither is lost, and after 10 s both go on, and neither loses
    the place."""
    stage.comes("ann", language="en")
    stage.wait(3_000, "ann")
    stage.comes("ben", language="en")
    stage.says(OPEN, "ann", "ben")
    stage.says(SILENT, "ann", "ben")
    stage.wait(9_750, "ann", "ben", says={"ann": SILENT, "ben": SILENT})
    assert stage.together("ann", "ben")
    stage.comes("eve", language="de")
    stage.wait(500, "ann", "ben", "eve")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    stage.comes("cat")
    assert stage.together("ann", "cat")


@held_by("silence", "silence-by-reporter")
def test_r17_one_sees_the_other_does_not(stage: Stage) -> None:
    """A's ``open`` does not speak for B, who sees nothing: after 10 s B is free."""
    stage.meet("ann", "ben", media=OPEN)
    stage.says(SILENT, "ben")
    stage.wait(9_750, "ann", "ben", says={"ann": OPEN, "ben": SILENT})
    assert stage.together("ann", "ben")
    stage.wait(500, "ann", "ben", says={"ann": OPEN, "ben": SILENT})
    assert stage.ended("ben") == "media-failed"
    assert stage.waits("ben")


@held_by("open-vouches")
def test_r24_wifi_to_mobile(stage: Stage) -> None:
    """B's socket is lost, its media back after 4 s: A's ``open`` vouches for B, and the call goes on."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    stage.closes("ben")
    stage.wait(4_000, "ann")
    stage.says(OPEN, "ann")
    stage.wait(3_000, "ann", says={"ann": OPEN})
    stage.attach("ben", page=page)
    stage.says(OPEN, "ben")
    stage.wait(12_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("silence-stale")
def test_r24_one_late_report_of_silence(stage: Stage) -> None:
    """A hidden tab's late timer says ``silent`` once: B answers, and nothing ends ten seconds later."""
    stage.meet("ann", "ben", media=OPEN)
    stage.says(SILENT, "ann")
    stage.wait(12_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("bucket")
def test_e27_a_line_that_flaps(stage: Stage) -> None:
    """Away 3 s, back 1 s, and again: what B may be away is used up, and A is free within the third time."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    for _ in range(3):
        stage.closes("ben")
        stage.wait(3_000, "ann")
        stage.attach("ben", page=page)
        stage.pulse("ben", stage.match("ben") or None, OPEN)
        stage.wait(1_000, "ann", "ben")
    assert not stage.together("ann", "ben")
    assert stage.ended("ann") == "partner-lost"


@held_by("lone-end-skips")
def test_s11_a_silence_that_only_one_saw(stage: Stage) -> None:
    """To end a good call by reporting silence is one's own skip: the place is gone."""
    stage.comes("ben", language="en")
    stage.wait(3_000, "ben")
    stage.comes("ann", language="en")
    stage.says(OPEN, "ann", "ben")
    stage.says(SILENT, "ben")
    stage.wait(9_000, "ann", "ben", says={"ann": OPEN, "ben": SILENT})
    stage.comes("eve", language="de")
    stage.wait(1_250, "ann", "ben", "eve", says={"ben": SILENT})
    assert stage.ended("ben") == "media-failed"
    stage.leave("ann")
    stage.comes("cat")
    assert stage.together("eve", "cat")


@held_by("failed-after-open")
def test_s11_failed_after_both_were_open(stage: Stage) -> None:
    """``failed`` in a call that was open is a silence, and ends nothing within a second."""
    stage.meet("ann", "ben", media=OPEN)
    stage.says(FAILED, "ann")
    stage.wait(2_000, "ann", "ben")
    assert stage.together("ann", "ben")
