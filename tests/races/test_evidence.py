"""Reports and messages: evidence cannot be pushed out, overwritten or outlasted."""

import json
import random
from collections.abc import Iterable
from typing import Any

import pytest

from duologue.pairing.vocabulary import Media, Outcome, ReportReason
from tests.races.control import held_by
from tests.races.stage import Stage

OPEN = Media.OPEN
THREAT = "I know where you live"
LONG = "x" * 2_000
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


def kept(stage: Stage, match: str) -> list[tuple[str, str]]:
    """What the operator reads of a match: who said what, in order."""
    rows: Any = stage.client.lrange(f"{{0}}said:{match}", 0, -1)
    return [(person, text) for _, _, person, text in map(json.loads, rows)]


def record(stage: Stage, match: str) -> dict[str, str]:
    """All that is known of the reports about a match, but for what was said."""
    found: Any = stage.client.hgetall(f"{{0}}report:{match}")
    return {name.decode(): value.decode() for name, value in found.items()}


def report_of(stage: Stage, person: str, match: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record(stage, match)[f"by:{person}"])
    return found


def bytes_of(stage: Stage) -> int:
    """What all reports are counted as."""
    found: Any = stage.client.get("{0}report_bytes")
    return int(found or 0)


def says(stage: Stage, person: str, match: str, texts: Iterable[str]) -> list[Outcome | None]:
    return [stage.say(person, match, text) for text in texts]


def flood(stage: Stage, person: str, match: str) -> None:
    """Long lines until the server takes no more, and then short ones; 50 long ones are too many."""
    for text in (LONG, "x" * 400):
        sent = 0
        while stage.say(person, match, text) == Outcome.SENT:
            sent += 1
            assert sent < 50, "nothing bounds it"


@pytest.mark.parametrize(
    "before", [[], [LONG] * 9, ["ha"] * 64, [LONG] * 40, ["ha"] * 1_000], ids=lambda texts: f"{len(texts)}"
)
def test_what_was_said_before_the_report_is_kept(stage: Stage, before: list[str]) -> None:
    """Eve threatens and then writes much, so that a short list of last messages would no longer hold it."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("ann", match, "hello")
    stage.say("eve", match, THREAT)
    says(stage, "eve", match, before)
    assert stage.report("ann", match) == Outcome.REPORTED
    assert kept(stage, match) == [("ann", "hello"), ("eve", THREAT), *(("eve", text) for text in before)]


@held_by("side-bytes")
@pytest.mark.timings(side_bytes=16_384)
def test_a_side_pushes_out_neither_side(stage: Stage) -> None:
    """Eve floods before the report and after it: all that was said is there, and what she adds is bounded."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    stage.say("ann", match, "stop it")
    flood(stage, "eve", match)
    assert stage.report("ann", match) == Outcome.REPORTED
    assert stage.say("eve", match, "x" * 400) is None
    assert stage.say("ann", match, "I reported you") == Outcome.SENT, "each side has its own bound"
    flood(stage, "ann", match)
    said = kept(stage, match)
    assert said[:2] == [("eve", THREAT), ("ann", "stop it")]
    assert ("ann", "I reported you") in said
    assert bytes_of(stage) < 3 * 16_384


def test_a_side_has_its_first_16_and_its_last_48(stage: Stage) -> None:
    """Each as long as a message may be, from both sides, in the default room."""
    match = stage.meet("eve", "ann", media=OPEN)
    for n in range(64):
        for person in ("eve", "ann"):
            assert stage.say(person, match, f"{n:04}{LONG[4:]}") == Outcome.SENT
    assert stage.report("ann", match) == Outcome.REPORTED
    for person in ("eve", "ann"):
        assert [int(text[:4]) for who, text in kept(stage, match) if who == person] == list(range(64))


@held_by("pinned-once")
def test_the_reported_one_reports_too(stage: Stage) -> None:
    """Eve floods after Ann's report and reports the same match: it is evidence of one match, written once."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    assert stage.report("ann", match, reason=ReportReason.HARASSMENT, text="threats") == Outcome.REPORTED
    says(stage, "eve", match, ["ha"] * 64)
    assert stage.report("eve", match, reason=ReportReason.SPAM, text="she lies") == Outcome.REPORTED
    assert report_of(stage, "ann", match)["text"] == "threats"
    assert report_of(stage, "eve", match)["about"] == "ann"
    assert kept(stage, match)[0] == ("eve", THREAT)
    assert len(kept(stage, match)) == 65
    assert stage.direct.broken() == []


@held_by("report-key")
def test_a_report_again_is_the_same_report(stage: Stage) -> None:
    """The reason and the text are the latest, the time is the first; a repeat counts as nothing."""
    match = stage.meet("eve", "ann", media=OPEN)
    first_ms = stage.clock()
    stage.report("ann", match, "k1", reason=ReportReason.SPAM, text="an advert")
    stage.clock.turn(MINUTE_MS)
    stage.report("ann", match, "k2", reason=ReportReason.VIOLENCE, text='he said "I come"\n')
    stage.report("ann", match, "k1", reason=ReportReason.SPAM, text="an advert")
    found = report_of(stage, "ann", match)
    assert (found["reason"], found["text"], found["amended"]) == ("violence", 'he said "I come"\n', 1)
    assert (found["at_ms"], found["amended_at_ms"]) == (first_ms, first_ms + MINUTE_MS)
    assert stage.client.zcard("{0}reports") == 1


@held_by("amendments")
def test_amendments_end(stage: Stage) -> None:
    """One report again and again with new keys is one record of bounded size."""
    match = stage.meet("eve", "ann", media=OPEN)
    for n in range(100):
        assert stage.report("ann", match, f"k{n}", text=LONG) == Outcome.REPORTED
    assert report_of(stage, "ann", match)["amended"] == 10
    assert bytes_of(stage) < 4_096


@held_by("reported-stays")
def test_evidence_outlives_its_match(stage: Stage) -> None:
    """Reported while it lived, then left: what was said is there when all that runs out has run out."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    stage.report("ann", match)
    stage.say("eve", match, "I find you", key="k9")
    stage.say("eve", match, "I find you", key="k9")
    stage.skip("eve")
    stage.let_expire()
    assert kept(stage, match) == [("eve", THREAT), ("eve", "I find you")]


@held_by("said-persists")
def test_a_report_after_the_end(stage: Stage) -> None:
    """Within 15 min of it; then too what was said stays as long as the report."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    stage.skip("eve")
    stage.clock.turn(14 * MINUTE_MS)
    assert stage.report("ann", match) == Outcome.REPORTED
    stage.let_expire()
    assert kept(stage, match) == [("eve", THREAT)]


def test_what_nobody_reported_runs_out(stage: Stage) -> None:
    """No text of a conversation is left once what runs out has run out, in no key."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    ttl: Any = stage.client.pttl(f"{{0}}said:{match}")
    assert ttl > 0, "also of a match whose record is lost"
    stage.skip("eve")
    ttl = stage.client.pttl(f"{{0}}said:{match}")
    assert 0 < ttl <= 15 * MINUTE_MS
    stage.let_expire()
    assert not [key for key, (dump, _) in stage.save().items() if THREAT.encode() in dump]


@held_by("said-lives-on")
@pytest.mark.timings(quiet_check_ms=4_000)
def test_a_long_silence_in_a_live_match_loses_no_word(stage: Stage) -> None:
    """What was said an hour ago can still be reported: the check for a word renews its time to live."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    stage.client.pexpire(f"{{0}}said:{match}", 10 * MINUTE_MS)
    stage.wait(5_000, "eve", "ann")
    left: Any = stage.client.pttl(f"{{0}}said:{match}")
    assert left > 30 * MINUTE_MS


def test_a_store_that_was_set_back(stage: Stage) -> None:
    """To before the report: sent again, it is whole. To just after it: it is the same report."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    before = stage.save()
    stage.report("ann", match, "k1", text="first")
    after = stage.save()
    stage.say("eve", match, "ha")
    stage.report("ann", match, "k2", text="second")
    stage.fall_back(after)
    stage.say("eve", match, "ha ha")
    stage.report("ann", match, "k2", text="second")
    assert kept(stage, match) == [("eve", THREAT), ("eve", "ha ha")]
    assert report_of(stage, "ann", match)["amended"] == 1
    assert stage.sound()
    stage.fall_back(before)
    stage.report("ann", match, "k2", text="second")
    assert kept(stage, match) == [("eve", THREAT)]
    assert report_of(stage, "ann", match)["text"] == "second"
    assert stage.sound()


def test_the_reported_one_is_told_nothing(stage: Stage) -> None:
    """Neither of a report, nor of an amendment, nor of a decision."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.mail()
    before = stage.state("eve")
    stage.report("ann", match)
    stage.report("ann", match, "k2")
    stage.decide(match)
    assert [line for line in stage.mail() if " eve " in f" {line} "] == []
    assert stage.state("eve") == before


# The room for all of them

ROOM = 65_536


def fill(stage: Stage, *, decide: bool = False, most: int = 200) -> list[str]:
    """Reported conversations, until one is kept without what was said; the matches."""
    made: list[str] = []
    for n in range(most):
        one, other = f"a{n}", f"b{n}"
        match = stage.meet(one, other, media=OPEN)
        says(stage, one, match, [f"{n}", *[LONG] * 4])
        stage.report(other, match)
        made.append(match)
        for person in (one, other):
            stage.leave(person)
        if decide:
            stage.clock.turn(1_000)
            stage.decide(match)
        elif record(stage, match).get("evidence") == "refused":
            return made
    return made


@held_by("evidence-cap")
@pytest.mark.timings(evidence_bytes=ROOM)
def test_when_the_room_is_full_new_evidence_is_refused(stage: Stage) -> None:
    """What was kept first is whole; the newest report stays, and says that its messages had no room."""
    *whole, late = fill(stage, most=20)
    assert 3 < len(whole) < 10
    for n, match in enumerate(whole):
        assert kept(stage, match)[0] == (f"a{n}", f"{n}")
    assert report_of(stage, f"b{len(whole)}", late)["reason"] == "other"
    assert record(stage, late)["evidence"] == "refused"
    assert stage.facts.count("report without-evidence") == 1
    assert bytes_of(stage) <= ROOM
    stage.let_expire()
    assert kept(stage, late) == []
    assert stage.sound()


@held_by("report-cap")
@pytest.mark.timings(evidence_bytes=ROOM)
def test_when_there_is_no_room_even_for_a_report(stage: Stage) -> None:
    """Evidence leaves an eighth of the room to reports; when that is full too, a report is refused."""
    genuine = fill(stage)[0]
    said: list[Outcome | None] = []
    for n in range(40):
        match = stage.meet(f"c{n}", f"d{n}", media=OPEN)
        said.append(stage.report(f"c{n}", match))
        stage.skip(f"c{n}")
        for person in (f"c{n}", f"d{n}"):
            stage.leave(person)
    assert said[:5] == [Outcome.REPORTED] * 5
    assert said[-1] is None
    assert stage.client.zscore("{0}blocked:c39", "d39") is not None, "the block holds even then"
    assert bytes_of(stage) <= ROOM
    assert kept(stage, genuine)[0] == ("a0", "0")
    assert report_of(stage, "b0", genuine)["about"] == "a0"


@held_by("said-cap")
@pytest.mark.timings(evidence_bytes=ROOM)
def test_a_reported_match_that_goes_on_takes_no_more_than_there_is(stage: Stage) -> None:
    """Messages are delivered as before. Those that had no room are counted, for the operator to know."""
    match = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", match, THREAT)
    stage.report("ann", match)
    assert set(says(stage, "eve", match, [LONG] * 50)) == {Outcome.SENT}
    assert bytes_of(stage) <= ROOM
    assert kept(stage, match)[0] == ("eve", THREAT)
    assert int(record(stage, match)["left_out"]) == 51 - len(kept(stage, match)) > 0
    assert stage.sound()


@pytest.mark.timings(evidence_bytes=ROOM)
def test_those_decided_first_give_way_first(stage: Stage) -> None:
    """Reports without a decision are never deleted for others."""
    genuine = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", genuine, THREAT)
    stage.report("ann", genuine)
    made = fill(stage, decide=True, most=20)
    left = [match for match in made if record(stage, match)]
    assert left == made[-len(left) :]
    assert 3 < len(left) < 10
    assert all(record(stage, match)["evidence"] == "kept" for match in left)
    assert stage.facts.count("report gave-way") == 20 - len(left)
    assert kept(stage, genuine) == [("eve", THREAT)]
    assert bytes_of(stage) <= ROOM
    stage.let_expire()
    assert kept(stage, made[0]) == []


def test_a_decision(stage: Stage) -> None:
    """Made twice, it is one; about nothing, it is none; a report that comes later is undecided again."""
    match = stage.meet("eve", "ann", media=OPEN)
    assert not stage.decide(match)
    stage.report("ann", match)
    assert stage.decide(match)
    assert stage.decide(match)
    assert stage.client.zcard("{0}decided") == 1
    assert stage.sound()
    stage.report("ann", match, "k2", text="and again")
    assert "decided_at_ms" not in record(stage, match)
    assert stage.client.zcard("{0}decided") == 0


@held_by("reports-expire", "bytes-given-back")
def test_reports_run_out_and_give_their_room_back(stage: Stage) -> None:
    """After 30 days, with what was said; the sum is what the others take."""
    first = stage.meet("eve", "ann", media=OPEN)
    stage.say("eve", first, THREAT)
    stage.report("ann", first)
    stage.skip("ann")
    stage.leave("ann")
    stage.leave("eve")
    only = bytes_of(stage)
    stage.clock.turn(DAY_MS)
    second = stage.meet("eve", "ben", media=OPEN)
    stage.report("ben", second)
    other = bytes_of(stage) - only
    stage.leave("eve")
    stage.wait(10_000)
    stage.clock.turn(29 * DAY_MS - 20_000)
    stage.wait(60_000)
    assert (kept(stage, first), record(stage, first)) == ([], {})
    assert bytes_of(stage) == other
    assert stage.facts.count("report unseen") == 1
    stage.clock.turn(DAY_MS)
    stage.wait(60_000)
    assert bytes_of(stage) == 0
    assert stage.client.zcard("{0}reports") == 0


@pytest.mark.timings(evidence_bytes=ROOM // 4, side_bytes=4_096)
@pytest.mark.parametrize("seed", range(3))
def test_the_sum_is_exact(stage: Stage, seed: int) -> None:
    """After anything in any order: the invariants compare it with what the keys really hold."""
    dice, people = random.Random(seed), [f"p{n}" for n in range(24)]
    met: list[tuple[str, str]] = []
    """Person and match, of the last that there were."""
    stage.comes(*people)
    for step in range(600):
        person = dice.choice(people)
        match = stage.match(person)
        if match:
            met = [*met, (person, match)][-12:]
        reporter, about = dice.choice(met or [("nobody", "m_none")])
        match dice.randrange(10):
            case 0 | 1 | 2:
                stage.say(person, match, "é" * dice.choice((1, 40, 1_000)), key=dice.choice(("", "k")))
            case 3 | 4 | 5:
                stage.report(reporter, about, f"k{dice.randrange(4)}", text="y" * dice.choice((0, 9, 900)))
            case 6 | 7:
                stage.skip(person) if match else stage.join(person)
            case 8:
                stage.decide(about)
            case _:
                stage.clock.turn(DAY_MS if dice.random() < 0.1 else 0)
                stage.wait(250, *people)
        assert bytes_of(stage) <= ROOM // 4
        if step % 20 == 0:
            assert stage.direct.broken() == []
    counted = {what: stage.facts.count(f"report {what}") for what in ("filed", "amended", "gave-way")}
    assert min(counted.values()) > 2, counted
