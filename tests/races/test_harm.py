"""People who mean harm, against the scripts: what they try changes nothing that is not theirs."""

import pytest

from duologue.pairing.vocabulary import Media, Outcome, PersonId, ReportReason
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Stage

OPEN, SILENT, FAILED = Media.OPEN, Media.SILENT, Media.FAILED


def contents(stage: Stage) -> dict[bytes, bytes]:
    """All that the store holds."""
    return {key: dump for key, (dump, _) in stage.save().items()}


@held_by("match-fence")
def test_s02_a_match_that_is_somebody_elses(stage: Stage) -> None:
    """Eve, in a match of her own, names that of Ann and Ben in every command: not a byte changes."""
    theirs = stage.meet("ann", "ben", media=OPEN)
    stage.meet("eve", "dan", media=OPEN)
    before = contents(stage)
    eve, hello = PersonId("eve"), {"hello": True}
    said = [
        stage.skip("eve", theirs),
        stage.pulse("eve", theirs, FAILED),
        stage.pulse("eve", theirs, SILENT),
        stage.block("eve", theirs, skip=True),
        stage.report("eve", theirs, reason=ReportReason.SPAM, skip=True),
        play(stage.machine.ack(eve, theirs)).outcome,
        stage.say("eve", theirs, "who is this?"),
        play(stage.machine.signal(eve, theirs, "k", hello, stage.socket("eve").page)).outcome,
    ]
    assert set(said) == {Outcome.STALE, Outcome.UNKNOWN_MATCH}
    assert contents(stage) == before


@pytest.mark.parametrize("match", ["", "m_", "m_0", "*", "m_" + "A" * 16, "{0}m:x", "m_\r\n"])
def test_s02_a_match_that_is_guessed(stage: Stage, match: str) -> None:
    """A person without a match finds nothing, and no key is made."""
    stage.meet("ann", "ben", media=OPEN)
    stage.comes("eve")
    before = contents(stage)
    said = play(stage.machine.skip(PersonId("eve"), match)).outcome
    assert said == Outcome.STALE
    assert play(stage.machine.block(PersonId("eve"), match, skip=True)).outcome == Outcome.UNKNOWN_MATCH
    assert stage.say("eve", match, "x") == Outcome.STALE
    assert contents(stage) == before


@held_by("never-lengthen")
def test_s07_silence_cried_again_and_again(stage: Stage) -> None:
    """Of a partner who is fine: one probe at a time, and a probe is all that Ben is ever told."""
    match = stage.meet("ann", "ben", media=OPEN)
    for _ in range(3):
        stage.mail()
        for _ in range(20):
            assert stage.pulse("ann", match, SILENT) == Outcome.OK
        told = [line.split() for line in stage.mail() if " ben " in f" {line} "]
        assert [line[4:] for line in told] == [["probe"]]
        stage.says(OPEN, "ben")
        stage.says(OPEN, "ann")
        stage.wait(1_000, "ann", "ben")
    assert stage.together("ann", "ben")
    assert stage.away("ben") is None


def test_s07_it_costs_the_partner_no_place(stage: Stage) -> None:
    """Ben, who waited first, keeps his turn, whatever Ann says of him before she skips."""
    stage.comes("ben", language="en")
    stage.wait(5_000, "ben")
    stage.comes("ann", language="en")
    stage.says(OPEN, "ann", "ben")
    stage.comes("eve", language="de")
    stage.wait(2_000, "ann", "ben", "eve", says={"ann": SILENT})
    stage.skip("ann")
    stage.comes("cat", language="en")
    assert stage.together("ben", "cat")


def test_s07_answers_to_probes_are_no_media(stage: Stage) -> None:
    """Eve answers every probe and never shows a picture: Ann is free after the time that media has."""
    stage.meet("ann", "eve")
    stage.says(OPEN, "ann")
    stage.wait(10_250, "ann", "eve")
    assert stage.ended("ann") == "media-failed"
    assert stage.waits("ann")


@held_by("blocks")
@pytest.mark.timings(relax_alone_ms=15_000)
def test_s08_who_does_harm_and_skips_first(stage: Stage) -> None:
    """Ann can report Eve, with what was said; Eve is told nothing, and the two never meet again."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, "something nasty")
    assert stage.skip("eve") == Outcome.SKIPPED
    stage.wait(5_000, "eve", "ann")
    stage.mail()
    before = stage.state("eve")
    said = stage.report("ann", match, reason=ReportReason.HARASSMENT, text="she was nasty")
    assert said == Outcome.REPORTED
    assert [line for line in stage.mail() if " eve " in f" {line} "] == []
    assert stage.state("eve") == before
    assert before["ended"]["reason"] == "skipped"
    kept = stage.client.lrange(f"{{0}}said:{match}", 0, -1)
    assert b"something nasty" in b"".join(kept)  # type: ignore[arg-type] # of a blocking client
    stage.wait(60_000, "eve", "ann")
    assert not stage.together("eve", "ann")


def test_s08_after_a_quarter_of_an_hour(stage: Stage) -> None:
    """Until then the match can be reported; after it, it is forgotten."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.skip("eve")
    stage.clock.turn(14 * 60_000)
    said = stage.report("ann", match, "k1", reason=ReportReason.SPAM)
    assert said == Outcome.REPORTED
    stage.clock.turn(2 * 60_000)
    stage.let_expire()
    said = stage.report("ann", match, "k", reason=ReportReason.SPAM)
    assert said == Outcome.UNKNOWN_MATCH
