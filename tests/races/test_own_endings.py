"""What one side alone brings about costs that side its place; what others or we do does not."""

import pytest

from duologue.pairing.vocabulary import DetachCause, Media, Outcome, PersonId
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Stage

OPEN, SILENT, FAILED = Media.OPEN, Media.SILENT, Media.FAILED


WAITED_MS = 28_000
"""How long Ann has waited: longer than any match here lasts, so that with her place she is before Eve."""


def meet_after_a_wait(stage: Stage) -> str:
    """Match Ann, who has waited, with Ben; both answer. Then Eve comes, and only Cat fits her."""
    stage.comes("ann", language="en")
    stage.wait(WAITED_MS, "ann")
    stage.comes("ben", language="en")
    stage.answer("ann", "ben")
    stage.comes("eve", language="de")
    return stage.match("ann")


def who_is_first(stage: Stage) -> str:
    """Return the person that Cat meets: Ann if she kept her place, else Eve. Ben has left."""
    if stage.state("ben")["state"] != "idle":
        stage.leave("ben")
    stage.comes("cat")
    return stage.partner("cat")


def skip_the_wait(stage: Stage) -> None:
    """What Ann does to look at the next: she says that her media failed."""
    stage.says(FAILED, "ann")
    stage.wait(1_250, "ann", "ben", "eve")


@held_by("failed-waits", "lone-end-skips")
def test_s12_failed_of_one_side_is_its_own_skip(stage: Stage) -> None:
    """Ben sees no trouble: his word is waited for, for a second, and then Ann has lost her place."""
    meet_after_a_wait(stage)
    stage.says(FAILED, "ann")
    assert stage.together("ann", "ben")
    stage.wait(750, "ann", "ben", "eve")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann", "ben", "eve")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert who_is_first(stage) == "eve"


@held_by("place-kept")
def test_s12_the_one_who_saw_no_trouble_keeps_the_place(stage: Stage) -> None:
    """Ben, who has waited, is served before Eve: the stranger's failed media cost him nothing."""
    stage.comes("ben", language="en")
    stage.wait(WAITED_MS, "ben")
    stage.comes("ann", language="en")
    stage.answer("ann", "ben")
    stage.comes("eve", language="de")
    skip_the_wait(stage)
    stage.comes("cat")
    assert stage.together("ben", "cat")
    stage.comes("dan")
    assert stage.together("eve", "dan")


@held_by("failed-waits")
def test_s12_said_again_it_comes_no_sooner_and_no_later(stage: Stage) -> None:
    """Twenty times at once are one word; a second after the first it is over."""
    meet_after_a_wait(stage)
    for _ in range(20):
        stage.says(FAILED, "ann")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann", "ben", "eve")
    stage.says(FAILED, "ann")
    stage.wait(500, "ann", "ben", "eve")
    assert not stage.together("ann", "ben")


@held_by("trouble-shared")
@pytest.mark.parametrize("word", [FAILED, SILENT])
def test_s12_both_see_trouble(stage: Stage, word: Media) -> None:
    """Two whose networks find no way to each other report it within a moment: it ends at once, and neither
    loses."""
    meet_after_a_wait(stage)
    stage.says(FAILED, "ann")
    stage.wait(500, "ann", "ben", "eve")
    stage.says(word, "ben")
    if word is SILENT:
        stage.says(FAILED, "ann")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert who_is_first(stage) == "ann"


@held_by("trouble-shared")
def test_s12_silence_of_the_other_side_before_anything_was_open(stage: Stage) -> None:
    """Ben has heard nothing for 2.5 s, and Ann's connection has failed: that is not her skip."""
    meet_after_a_wait(stage)
    stage.wait(2_500, "ann", "ben", "eve", says={"ben": SILENT})
    stage.says(FAILED, "ann")
    assert stage.ended("ann") == "media-failed"
    assert who_is_first(stage) == "ann"


def test_s12_trouble_that_has_passed_is_none(stage: Stage) -> None:
    """Ben was silent for Ann, then open: he sees no trouble any more, so the failure is Ann's alone."""
    meet_after_a_wait(stage)
    stage.says(SILENT, "ben")
    stage.says(OPEN, "ben")
    stage.says(FAILED, "ann")
    assert stage.together("ann", "ben")
    stage.wait(1_250, "ann", "ben", "eve")
    assert who_is_first(stage) == "eve"


def test_s12_a_partner_who_is_away_is_trouble(stage: Stage) -> None:
    """Ben's connection is closed, so the failed media are not Ann's doing."""
    meet_after_a_wait(stage)
    stage.closes("ben")
    stage.says(FAILED, "ann")
    assert stage.ended("ann") == "media-failed"
    assert who_is_first(stage) == "ann"


def test_s12_failed_and_then_open(stage: Stage) -> None:
    """A connection that is found after all goes on, and so does the deadline of before: ten seconds."""
    meet_after_a_wait(stage)
    stage.says(FAILED, "ann")
    stage.wait(750, "ann", "ben", "eve")
    stage.says(OPEN, "ann")
    stage.wait(3_000, "ann", "ben", "eve")
    assert stage.together("ann", "ben")
    stage.says(OPEN, "ben")
    stage.wait(12_000, "ann", "ben", "eve")
    assert stage.together("ann", "ben")


@held_by("never-opened-pays")
def test_s12_one_side_never_says_open(stage: Stage) -> None:
    """Ben's media are up; Ann looks for ten seconds and says nothing: the end is hers."""
    meet_after_a_wait(stage)
    stage.says(OPEN, "ben")
    stage.wait(10_250, "ann", "ben", "eve", says={"ben": OPEN})
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert who_is_first(stage) == "eve"


@held_by("ours-spared")
def test_s12_one_side_never_says_open_for_its_server_died(stage: Stage) -> None:
    """If a dead server process kept Ann from answering, it costs her nothing."""
    meet_after_a_wait(stage)
    stage.says(OPEN, "ben")
    stage.detach(stage.socket("ann"), DetachCause.OURS)
    stage.wait(10_250, "ben", "eve", says={"ben": OPEN})
    assert stage.ended("ben") == "media-failed"
    stage.attach("ann")
    assert who_is_first(stage) == "ann"


def test_s12_neither_side_was_ever_open(stage: Stage) -> None:
    """Neither of them alone prevented it, so both keep their places."""
    meet_after_a_wait(stage)
    stage.wait(10_250, "ann", "ben", "eve")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert who_is_first(stage) == "ann"


@held_by("lapse-costs")
def test_s12_a_sign_that_lapses_in_a_match(stage: Stage) -> None:
    """Ann gives no sign, is thrown out, and is back at once: behind those who came meanwhile."""
    stage.comes("ann", language="en")
    stage.wait(WAITED_MS, "ann")
    stage.comes("ben", language="en")
    stage.answer("ben")
    stage.comes("eve", language="de")
    stage.wait(3_250, "ben", "eve")
    assert stage.ended("ben") == "no-show"
    assert stage.idle("ann") == "you-were-away"
    stage.join("ann", language="en")
    assert who_is_first(stage) == "eve"


@held_by("lapse-costs")
def test_s12_a_socket_that_closes_in_a_match(stage: Stage) -> None:
    """The same by closing it and coming back when the bucket is empty."""
    meet_after_a_wait(stage)
    stage.closes("ann")
    stage.wait(5_250, "ben", "eve")
    assert stage.ended("ben") == "partner-lost"
    stage.comes("ann", language="en")
    assert who_is_first(stage) == "eve"


def test_s12_a_wait_that_lapses_costs_nothing(stage: Stage) -> None:
    """Ann kept no one waiting: within a minute she has her place again."""
    stage.comes("ann", language="en")
    stage.wait(3_000, "ann")
    stage.closes("ann")
    stage.wait(5_250)
    assert stage.idle("ann") == "you-were-away"
    stage.comes("eve", language="de")
    stage.wait(1_000, "eve")
    stage.comes("ann", language="en")
    stage.comes("cat")
    assert stage.together("ann", "cat")


def test_s12_of_two_who_lapse_at_once_neither_pays(stage: Stage) -> None:
    """Both were gone: neither cost the other a conversation."""
    stage.comes("ann", language="en")
    stage.wait(WAITED_MS, "ann")
    stage.comes("ben", language="en")
    stage.comes("eve", language="de")
    stage.wait(3_250, "eve")
    assert stage.idle("ann") == stage.idle("ben") == "you-were-away"
    stage.join("ann", language="en")
    assert who_is_first(stage) == "ann"


def drained(stage: Stage) -> None:
    """In mid-conversation Ann's server sends her away, and she does not find another in time."""
    stage.says(OPEN, "ann", "ben")
    stage.detach(stage.socket("ann"), DetachCause.OURS)
    stage.wait(25_250, "ben", "eve")


def is_mute(stage: Stage) -> None:
    """Ann's process is stopped: it brings her no probe, and is not buried yet."""
    stage.attach("ann", page="a2", process="s2")
    stage.answer("ann")
    stage.beating.discard("s2")
    stage.wait(250, "ben", "eve")
    stage.says(SILENT, "ben")
    stage.wait(3_250, "ben", "eve")


def outage(stage: Stage) -> None:
    """The store is away while Ann owes a sign, and she is not back when all begins again."""
    stage.says(SILENT, "ben")
    stage.clock.turn(4_000)
    stage.wait(5_500, "ben", "eve")


@held_by("ours-spared")
@pytest.mark.parametrize("happens", [drained, is_mute, outage])
def test_s12_what_we_did_costs_nobody_a_place(stage: Stage, happens: object) -> None:
    """A drain, a process without a beat, a store that was away: Ann comes back to her place."""
    assert callable(happens)
    meet_after_a_wait(stage)
    happens(stage)
    assert stage.idle("ann") == "you-were-away"
    stage.comes("ann", language="en")
    assert who_is_first(stage) == "ann"


@held_by("page-changes")
def test_s12_a_page_that_changes_for_ever(stage: Stage) -> None:
    """Six reloads are a bad evening; the seventh is Ann's own end of it, and costs her the place."""
    meet_after_a_wait(stage)
    stage.says(OPEN, "ann", "ben")
    for _ in range(6):
        stage.attach("ann")
        stage.answer("ann")
        assert stage.together("ann", "ben")
    stage.attach("ann")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert who_is_first(stage) == "eve"


def test_s12_the_same_page_may_come_back_as_often_as_it_likes(stage: Stage) -> None:
    """A line that drops is not a change of page, and reloads of one match do not count in the next."""
    meet_after_a_wait(stage)
    stage.says(OPEN, "ann", "ben")
    page = stage.socket("ann").page
    for _ in range(10):
        stage.attach("ann", page=page)
    for _ in range(6):
        stage.attach("ann")
    assert stage.together("ann", "ben")
    stage.skip("ben")
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.attach("ann")
    assert stage.together("ann", "cat")


@held_by("signal-names-page")
def test_s12_signals_of_pages_that_are_not_there(stage: Stage) -> None:
    """Of 560 hellos, each from another page, none reaches Ben; those of Ann's page and of it alone do."""
    match, ann = meet_after_a_wait(stage), PersonId("ann")
    page = stage.socket("ann").page
    stage.mail()
    for n in range(560):
        sent = play(stage.machine.signal(ann, match, f"k{n}", {"hello": True}, f"p{n}"))
        assert sent.outcome == Outcome.STALE
    assert stage.mail() == []
    assert play(stage.machine.signal(ann, match, "k", {"hello": True}, page)).outcome == Outcome.SENT
    stage.attach("ann")
    assert play(stage.machine.signal(ann, match, "late", {"hello": True}, page)).outcome == Outcome.STALE


def test_s12_a_signal_while_the_stream_is_down(stage: Stage) -> None:
    """The page that had the connection last may still be heard: its stream is coming back."""
    match = meet_after_a_wait(stage)
    page = stage.socket("ann").page
    stage.closes("ann")
    sent = play(stage.machine.signal(PersonId("ann"), match, "k", {"hello": True}, page))
    assert sent.outcome == Outcome.SENT
