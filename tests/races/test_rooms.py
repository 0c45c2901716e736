"""Races of rooms: opened in time, only for the living, and always deleted (mechanism 8).

What the scripts decide; what a LiveKit server does with rooms (R5, R6, R8) is played on one.
"""

from collections.abc import Iterator

import pytest

from duologue.pairing.timings import RoomRules
from duologue.pairing.vocabulary import Deletion, Media, Outcome, ParticipantFact, RoomLoss, Side
from tests.races.control import held_by, timings_of
from tests.races.direct import play
from tests.races.rooms import CLOSE, OPEN, RoomStage
from tests.servers import StoreServer

JOINED, LEFT = ParticipantFact.JOINED, ParticipantFact.LEFT


@pytest.fixture
def rules() -> RoomRules:
    """As the docs recommend: the LiveKit server makes no room on joining."""
    return RoomRules(namespace="ours")


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, store_server_each: StoreServer, rules: RoomRules
) -> Iterator[RoomStage]:
    """An empty store and media server; afterwards the invariants hold."""
    without: tuple[str, ...] = getattr(request, "param", ())
    with store_server_each.client() as client:
        stage = RoomStage(client, without, rules=rules, timings=timings_of(request))
        try:
            yield stage
            assert without or stage.direct.broken() == []
        finally:
            stage.close()


def meet_by_hand(stage: RoomStage) -> str:
    """Match Ann and Ben, and let both answer; their room is not worked on yet."""
    stage.serves = False
    match = stage.meet_unanswered("ann", "ben")
    stage.answer("ann", "ben")
    return match


# Opening


def test_a_room_opens_and_both_are_told(stage: RoomStage) -> None:
    """No grant before the room is there: ``ready`` is false until then, and then both get ``media``."""
    meet_by_hand(stage)
    assert not stage.ready("ann")
    stage.mail()
    (work,) = stage.claim()
    assert work.kind is OPEN
    assert not stage.ready("ann")
    stage.do(work)
    assert stage.ready("ann")
    assert stage.ready("ben")
    assert sum(line.endswith(" media") for line in stage.mail()) == 2
    assert not stage.opened(work) or stage.mail() == [], "told once"


@held_by("media-from-open")
@pytest.mark.timings(relax_alone_ms=15_000)
def test_r22_a_slow_server_costs_nobody_their_media_time(stage: RoomStage) -> None:
    """The room opens after 8 s: both have 10 s from there."""
    meet_by_hand(stage)
    (work,) = stage.claim()
    stage.wait(8_000, "ann", "ben")
    stage.do(work)
    stage.wait(9_750, "ann", "ben")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann", "ben")
    assert stage.ended("ann") == "media-failed"


@held_by("room-before-media")
def test_r22_who_reloads_meanwhile_puts_the_room_off_no_further(stage: RoomStage) -> None:
    """Without a room within 10 s of the match, also with reconnects: ``media-unavailable``."""
    meet_by_hand(stage)
    stage.wait(7_500, "ann", "ben")
    stage.attach("ann")
    stage.wait(2_750, "ann", "ben")
    assert stage.ended("ann") == stage.ended("ben") == "media-unavailable"


@held_by("room-before-open")
def test_nobody_is_connected_in_a_room_that_is_not_open(stage: RoomStage) -> None:
    """Two pages that wrongly say ``open`` do not get a match without a room."""
    meet_by_hand(stage)
    stage.says(Media.OPEN, "ann", "ben")
    stage.wait(10_250, "ann", "ben")
    assert stage.ended("ann") == "media-unavailable"


@held_by("claim-runs-out")
def test_a_worker_dies_while_it_opens_a_room(stage: RoomStage) -> None:
    """Its claim runs out after 3 s, another's create follows, and the conversation has its room."""
    match = meet_by_hand(stage)
    stage.claim()
    stage.wait(2_750, "ann", "ben")
    assert stage.claim() == []
    stage.wait(250, "ann", "ben")
    stage.work_on_rooms()
    assert stage.ready("ann")
    assert list(stage.rooms) == [match]


@held_by("failed-again")
def test_a_create_that_fails_is_tried_again(stage: RoomStage) -> None:
    """LiveKit is away for 5 s: the room is open soon after, in the same match."""
    match = meet_by_hand(stage)
    stage.serves, stage.media_server_is_up = True, False
    stage.wait(5_000, "ann", "ben")
    stage.media_server_is_up = True
    stage.wait(2_000, "ann", "ben")
    assert stage.ready("ann")
    assert stage.match("ann") == match


def test_a_create_that_is_slower_than_its_claim_counts(stage: RoomStage) -> None:
    """Two creates of one room, the first answers after its claim ran out: the room is there, hence open."""
    match = meet_by_hand(stage)
    (slow,) = stage.claim()
    stage.wait(3_000, "ann", "ben")
    (second,) = stage.claim()
    stage.create(match)
    assert stage.opened(slow)
    assert stage.ready("ann")
    assert stage.opened(second)
    stage.skip("ann")
    stage.wait(2_000, "ann", "ben")
    stage.serves = True
    stage.work()
    assert stage.outbox() == [match], "the second create may still be under way"
    stage.wait(10_000, "ann", "ben")
    assert match not in stage.outbox()


@held_by("unopened-stays-closed+opens-for-the-living")
def test_a_match_that_ended_before_its_room_opened_never_opens_it(stage: RoomStage) -> None:
    """A skip within the same moment: nothing is created, nothing is left in the outbox."""
    match = meet_by_hand(stage)
    stage.skip("ann")
    assert stage.match("ann") == ""
    stage.serves = True
    stage.work()
    assert match not in stage.outbox()
    assert match not in stage.rooms
    assert match not in stage.deleted


@held_by("outbox")
def test_no_match_without_an_entry(stage: RoomStage) -> None:
    """The transition that makes the match writes it, so a crash in between leaves no room unowned."""
    stage.comes("ann", "ben")
    assert stage.ready("ann")


# Closing


def test_r01_the_match_ends_first_and_its_room_afterwards(stage: RoomStage) -> None:
    """A person who is thrown out of a room finds no match that names it; a live match's room is never
    deleted."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.wait(60_000, "ann", "ben")
    assert stage.deleted == []
    stage.skip("ann")
    assert stage.ended("ann") == "skipped"
    assert stage.ended("ben") == "partner-skipped"
    assert match in stage.rooms
    stage.wait(750)
    assert match in stage.rooms
    stage.wait(500)
    assert match not in stage.rooms
    assert stage.outbox() == []


def test_r01_both_are_told_in_order(stage: RoomStage) -> None:
    """What became of the conversation, that the room closes, and where they are now: one version each."""
    stage.meet("ann", "ben", media=Media.OPEN)
    stage.mail()
    stage.skip("ann")
    told = {line.split()[2]: line.split()[4:] for line in stage.mail() if " S " in line}
    assert told["ann"] == ["skip-confirmed", "room-closing", "waiting"]
    assert told["ben"] == ["force-disconnect", "room-closing", "waiting"]


def test_r01_who_leaves_is_told_too(stage: RoomStage) -> None:
    """Another tab's Stop: this one is still in the room."""
    stage.meet("ann", "ben", media=Media.OPEN)
    stage.mail()
    stage.leave("ann")
    told = {line.split()[2]: line.split()[4:] for line in stage.mail() if " S " in line}
    assert told["ann"] == ["room-closing", "idle"]


@held_by("acked-by-both")
def test_r02_an_ack_counts_for_its_person_and_its_room(stage: RoomStage) -> None:
    """Ann's, said twice, is not Ben's; theirs of the first room are not of the second."""
    first = stage.meet("ann", "ben", media=Media.OPEN)
    stage.comes("cat")
    stage.skip("ann")
    assert stage.together("ben", "cat")
    second = stage.match("ben")
    assert stage.ack("ann", first) == stage.ack("ann", first) == Outcome.OK
    assert first in stage.rooms
    assert stage.ack("ben", first) == Outcome.OK
    assert first not in stage.rooms, "both have left: nothing to wait for"
    stage.skip("ben", second)
    assert second in stage.rooms
    assert stage.ack("ben", second) == Outcome.OK
    assert second in stage.rooms


@held_by("ack-of-own")
def test_s02_nobody_acks_for_others(stage: RoomStage) -> None:
    """A stranger, and a person of an earlier match, read ``stale``, and nothing is deleted sooner."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.comes("cat")
    stage.skip("ann", match)
    assert stage.ack("cat", match) == Outcome.STALE
    assert stage.ack("nobody", match) == Outcome.STALE
    assert match in stage.rooms


def test_r03_nobody_acks(stage: RoomStage) -> None:
    """A skip is one call and waits for no ack: the next match has its room while the old one closes."""
    first = stage.meet("ann", "ben", media=Media.OPEN)
    stage.comes("cat")
    stage.serves = False
    before = stage.direct.calls
    assert stage.skip("ann", first) == Outcome.SKIPPED
    assert stage.direct.calls == before + 1
    assert stage.together("ben", "cat")
    stage.work_on_rooms()
    assert stage.ready("ben")
    assert first in stage.rooms


@held_by("failed-again")
def test_r04_a_deletion_fails(stage: RoomStage) -> None:
    """LiveKit is away for a minute: tried again, more and more rarely, until it is done."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.media_server_is_up = False
    stage.skip("ann")
    stage.leave("ann")
    stage.wait(60_000)
    assert 5 < stage.facts.count("room failed") < 12
    assert match in stage.outbox()
    stage.media_server_is_up = True
    stage.wait(15_250)
    assert match not in stage.rooms
    assert match not in stage.outbox()


@held_by("claim-runs-out")
@pytest.mark.timings(relax_alone_ms=15_000)
def test_r04_the_process_dies_while_it_deletes(stage: RoomStage) -> None:
    """The entry outlives it: another process deletes the room."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.serves = False
    stage.skip("ann")
    stage.wait(1_000)
    (work,) = stage.claim()
    assert work.kind is CLOSE
    stage.serves = True
    stage.wait(3_250)
    assert match not in stage.rooms
    assert stage.outbox() == []


@pytest.mark.timings(relax_alone_ms=15_000)
def test_r05_a_name_is_used_once(stage: RoomStage) -> None:
    """The same two meet again while their old room closes late: another room, and it stays."""
    first = stage.meet("ann", "ben", media=Media.OPEN)
    stage.serves = False
    stage.skip("ann")
    stage.wait(16_000, "ann", "ben")
    assert stage.together("ann", "ben")
    second = stage.match("ann")
    assert second != first
    stage.serves = True
    stage.work()
    assert list(stage.rooms) == [second]


@held_by("late-create")
def test_r18_a_create_lands_after_the_deletion(stage: RoomStage) -> None:
    """CreateRoom hangs, the match ends, DeleteRoom finds nothing, then the room is there: it goes as well."""
    match = meet_by_hand(stage)
    stage.claim()
    stage.skip("ann")
    stage.serves = True
    stage.wait(2_000)
    assert match in stage.deleted
    stage.create(match)
    stage.wait(9_000)
    assert match not in stage.rooms
    assert stage.outbox() == []


@held_by("claim-fence")
def test_r18_an_old_deletion_reports_late(stage: RoomStage) -> None:
    """Its answer is from before the create landed: only a deletion that began afterwards counts."""
    match = meet_by_hand(stage)
    stage.claim()
    stage.skip("ann")
    stage.wait(9_500)
    (early,) = stage.claim()
    assert not stage.delete(match)
    stage.wait(250)
    stage.create(match)
    stage.wait(3_000)
    stage.claim()  # of a process that dies now
    assert stage.gone(early, found=False) is Deletion.STALE
    stage.serves = True
    stage.wait(3_250)
    assert match not in stage.rooms


@held_by("late-create-adopted")
def test_r18_a_create_lands_when_nobody_expects_it_any_more(stage: RoomStage) -> None:
    """Its own caller says so: the room is in the outbox again."""
    match = meet_by_hand(stage)
    (work,) = stage.claim()
    stage.skip("ann")
    stage.serves = True
    stage.wait(12_000)
    assert stage.outbox() == []
    stage.create(match)
    assert not stage.opened(work)
    stage.work()
    assert match not in stage.rooms
    assert stage.outbox() == []


@pytest.mark.timings(relax_alone_ms=15_000)
def test_r18_a_create_that_was_heard_of_delays_nothing(stage: RoomStage) -> None:
    """Its room was deleted once: no repeats for 10 s after an ordinary quick skip."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.skip("ann")
    stage.wait(12_000)
    assert stage.deleted == [match]


# Finding what was lost


@held_by("audit-owned")
def test_r19_a_room_that_somebody_owns_is_nobodys_orphan(stage: RoomStage) -> None:
    """Of a live match, or in the outbox: the reconciler leaves both alone."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.wait(20_000, "ann", "ben")
    assert stage.reconcile().orphaned == 0
    assert stage.match("ann") == match
    stage.skip("ann")
    assert stage.reconcile().orphaned == 0


@held_by("audit-spares")
def test_r19_a_young_room_is_spared(stage: RoomStage) -> None:
    """Its owner is not known: for 5 s an owner may still be reported."""
    stage.create("m_nobodys_________")
    stage.wait(4_750)
    assert stage.reconcile().orphaned == 0
    stage.wait(250)
    assert stage.reconcile().orphaned == 1
    stage.work()
    assert stage.rooms == {}


@held_by("listed-first")
def test_r19_a_room_that_opened_after_the_listing_is_not_missed(stage: RoomStage) -> None:
    """The listing took 7 s; the match began meanwhile, and goes on."""
    began, listed = stage.clock(), stage.list_rooms()
    stage.wait(1_000)
    stage.meet("ann", "ben", media=Media.OPEN)
    stage.wait(6_000, "ann", "ben")
    assert stage.reconcile(began_ms=began, listed=listed).vanished == 0
    assert stage.together("ann", "ben")


def test_r20_the_media_server_restarts(stage: RoomStage) -> None:
    """Two people in a match without a room are both on, and keep their place: neither's doing."""
    stage.comes("ann")
    stage.wait(3_000, "ann")
    stage.comes("ben")
    stage.says(Media.OPEN, "ann", "ben")
    stage.wait(6_000, "ann", "ben")
    stage.rooms.clear()
    stage.comes("eve", language="en")
    assert stage.reconcile().vanished == 1
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"
    assert stage.together("ann", "eve"), "before Ben, who came later"


@pytest.mark.parametrize("before", ["the claim", "the report", "the end", "the deletion"])
def test_a_failover_that_lost_the_tail(stage: RoomStage, before: str) -> None:
    """Whatever the store lost of a room, no one is stuck, and in the end no room is left without an owner."""
    match = meet_by_hand(stage)
    saved = stage.save()
    (work,) = stage.claim()
    if before == "the report":
        saved = stage.save()
    stage.do(work)
    stage.says(Media.OPEN, "ann", "ben")
    if before == "the end":
        saved = stage.save()
    stage.skip("ann", match)
    if before == "the deletion":
        saved = stage.save()
    stage.serves = True
    stage.wait(1_250, "ann", "ben")
    assert stage.rooms == {}
    stage.fall_back(saved)
    for _ in range(6):
        stage.wait(5_000, "ann", "ben")
        stage.reconcile()
    for person in ("ann", "ben"):
        assert stage.waits(person) or stage.ready(person)
    assert set(stage.rooms) <= set(stage.outbox())
    stage.leave("ann")
    stage.leave("ben")
    stage.wait(2_000)
    assert stage.rooms == {}
    assert stage.outbox() == []


def test_r19_a_store_has_one_namespace(stage: RoomStage) -> None:
    """Whichever process proposes one first: the others' rooms must be found under the same name."""
    assert play(stage.machine.rooms.namespace("first")) == "first"
    assert play(stage.machine.rooms.namespace("second")) == "first"


def test_a_store_that_forgot_everything(stage: RoomStage) -> None:
    """After FLUSHALL our rooms have no owner: the reconciler finds each once it is old enough."""
    stage.meet("ann", "ben", media=Media.OPEN)
    stage.wait(6_000, "ann", "ben")
    stage.client.flushall()
    stage.sockets.clear()
    assert stage.reconcile().orphaned == 1
    stage.work()
    assert stage.rooms == {}
    assert stage.outbox() == []


# What LiveKit says of participants


@held_by("hint-once")
def test_r07_a_webhook_comes_twice(stage: RoomStage) -> None:
    """The second changes nothing: Ben, who has answered, owes nothing again."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    ben = stage.side("ben")
    assert stage.hint(match, ben, LEFT, "EV_1")
    assert "probe" in stage.state("ben")
    stage.answer("ben")
    assert not stage.hint(match, ben, LEFT, "EV_1")
    assert "probe" not in stage.state("ben")


def test_r07_webhooks_out_of_order_or_of_another_match(stage: RoomStage) -> None:
    """``joined`` after ``left``, and both for a match that is over: at worst one owed sign, answered."""
    first = stage.meet("ann", "ben", media=Media.OPEN)
    ann = stage.side("ann")
    for event, fact in (("EV_2", LEFT), ("EV_1", JOINED), ("EV_3", LEFT)):
        stage.hint(first, ann, fact, event)
    stage.wait(5_000, "ann", "ben")
    assert stage.together("ann", "ben")
    stage.comes("cat")
    stage.skip("ben")
    assert not stage.hint(first, ann, LEFT, "EV_4")
    assert not stage.hint(stage.match("ann"), stage.side("ann"), LEFT, "EV_3"), "heard already"
    assert not stage.hint("m_guessed_________", ann, LEFT, "EV_5")


@held_by("hint-arms")
def test_r08_livekit_says_that_one_left(stage: RoomStage) -> None:
    """Nothing is attached that pings: Ben, frozen, owes a sign from then on, and Ann is free 3 s later."""
    match = stage.meet("ann", "ben")
    for side in Side:
        stage.hint(match, side, JOINED)
    stage.hint(match, stage.side("ben"), LEFT, "EV_1")
    stage.wait(3_250, "ann")
    assert stage.ended("ann") == "partner-lost"
    assert stage.waits("ann")


def test_facts_stand_for_open_where_the_page_says_nothing(stage: RoomStage) -> None:
    """A host's own video: both are in the room, so the media deadline is met."""
    match = stage.meet("ann", "ben")
    stage.hint(match, stage.side("ann"), JOINED)
    stage.wait(5_000, "ann", "ben")
    stage.hint(match, stage.side("ben"), JOINED)
    stage.wait(60_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("page-before-fact")
def test_facts_do_not_speak_for_a_page_that_does(stage: RoomStage) -> None:
    """Ben's page pings, and hears nothing: that both are in the room does not make it ``open``."""
    match = stage.meet("ann", "ben")
    stage.says(Media.SILENT, "ben")
    for side in Side:
        stage.hint(match, side, JOINED)
    stage.wait(10_250, "ann", "ben")
    assert stage.ended("ann") == "media-failed"


@held_by("fact-outlives-blip")
def test_a_blip_of_the_socket_is_no_new_media(stage: RoomStage) -> None:
    """Ben's stream comes back, Ben never left the room, and it is not reported again: they go on."""
    match = stage.meet("ann", "ben")
    for side in Side:
        stage.hint(match, side, JOINED)
    page = stage.socket("ben").page
    stage.closes("ben")
    stage.wait(1_000, "ann")
    stage.attach("ben", page=page)
    stage.wait(12_000, "ann", "ben")
    assert stage.together("ann", "ben")


def test_a_reload_must_join_again(stage: RoomStage) -> None:
    """Ben's new page is in no room until LiveKit says so: what it said of the old page does not count."""
    match = stage.meet("ann", "ben")
    for side in Side:
        stage.hint(match, side, JOINED)
    stage.attach("ben")
    stage.hint(match, stage.side("ann"), JOINED)
    stage.wait(9_750, "ann", "ben")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann", "ben")
    assert stage.ended("ann") == "media-failed"


@held_by("solo-bound")
def test_one_is_alone_in_a_room(stage: RoomStage) -> None:
    """Ben's page says ``open`` from outside the room: Ann is free after 8 s."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.wait(20_000, "ann", "ben")
    since = stage.clock()
    stage.wait(7_750, "ann", "ben")
    assert stage.solo(match, since) is RoomLoss.OK
    stage.wait(250, "ann", "ben")
    assert stage.solo(match, since) is RoomLoss.ENDED
    assert stage.ended("ann") == "media-failed"
    assert stage.solo(match, since) is RoomLoss.STALE


@held_by("solo-after-media")
def test_who_just_came_back_has_their_time(stage: RoomStage) -> None:
    """Ben was away 4 s and has 10 s from there on for media, however long Ann was alone in the room."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    since, page = stage.clock(), stage.socket("ben").page
    stage.closes("ben")
    stage.wait(4_000, "ann")
    stage.attach("ben", page=page)
    stage.wait(6_000, "ann", "ben")
    assert stage.solo(match, since) is RoomLoss.OK
    stage.says(Media.OPEN, "ben")
    assert stage.together("ann", "ben")


# Video away, and back


def go_without_rooms(stage: RoomStage) -> None:
    """LiveKit is away, and Ann and Ben find out."""
    stage.media_server_is_up = False
    stage.comes("ann", "ben")
    stage.answer("ann", "ben")
    stage.wait(10_250, "ann", "ben")


@held_by("video-off")
def test_r22_no_room_and_nobody_is_paired(stage: RoomStage) -> None:
    """Both keep their place and read that there is no video; no one goes from match to match."""
    go_without_rooms(stage)
    assert stage.ended("ann") == stage.ended("ben") == "media-unavailable"
    stage.comes("cat", "dan")
    stage.wait(20_000, "ann", "ben", "cat", "dan")
    for person in ("ann", "ben", "cat", "dan"):
        assert stage.waits(person)
        assert not stage.video(person)


def test_r22_those_who_wait_are_told(stage: RoomStage) -> None:
    """Cat, who waited before it went away, reads so with the next pass, and is matched once it is back."""
    stage.comes("cat", language="de")
    stage.comes("ann", "ben", language="en")
    since = stage.clock()
    stage.wait(1_000, "cat", "ann", "ben")
    stage.mail()
    assert stage.media_down(since + 1)
    stage.wait(250)
    assert not stage.video("cat")
    assert [line for line in stage.mail() if line.endswith(" waiting")] == ["s1 S cat c_1 waiting"]
    stage.comes("eve", language="de")
    assert stage.waits("eve")
    assert stage.media_up(stage.clock())
    assert stage.media_up(stage.clock()), "repeated, nothing changes"
    stage.wait(250)
    assert stage.together("cat", "eve")


def test_r22_three_hundred_wait_while_it_is_away(stage: RoomStage) -> None:
    """All are told, and once it is back paired within a few passes, the longest wait first."""
    people = [f"p{n:03d}" for n in range(300)]
    stage.media_down(stage.clock())
    stage.comes(*people)
    assert stage.media_up(stage.clock())
    for _ in range(10):
        stage.work()
    assert not [person for person in people if stage.waits(person)]
    assert stage.together("p000", "p001")


def test_r22_who_is_held_reads_it_with_their_next_sign(stage: RoomStage) -> None:
    """Ben's stream was away when video went: he is told as he comes back."""
    stage.comes("ben")
    stage.closes("ben")
    stage.media_down(stage.clock())
    stage.work()
    stage.attach("ben")
    assert not stage.video("ben")


@held_by("video-fence")
def test_what_was_seen_earlier_is_no_news(stage: RoomStage) -> None:
    """Failures from before a room opened do not take video away; an early canary does not bring it back."""
    stage.wait(1_000)
    since = stage.clock()
    stage.wait(1_000)
    stage.comes("ann", "ben")
    assert stage.ready("ann")
    assert not stage.media_down(since)
    canary = stage.clock()
    stage.wait(1_000, "ann", "ben")
    assert stage.media_down(stage.clock())
    assert not stage.media_up(canary)


def test_a_room_that_opens_is_news(stage: RoomStage) -> None:
    """A create that was begun after video went away lands: people are paired again, without a canary."""
    stage.serves = False
    stage.comes("ann", "ben")
    stage.answer("ann", "ben")
    stage.media_down(stage.clock())
    stage.wait(1_000, "ann", "ben")
    stage.work_on_rooms()
    assert stage.ready("ann")
    stage.comes("cat", "dan")
    assert stage.together("cat", "dan")


@pytest.mark.parametrize("rules", [RoomRules(fallback=True)], ids=["fallback"])
def test_peer_media_may_stand_in(stage: RoomStage) -> None:
    """While no room opens, the next matches are browser to browser; afterwards they have rooms again."""
    go_without_rooms(stage)
    stage.comes("cat")
    assert stage.together("ann", "cat")
    assert stage.state("cat")["match"]["media"]["kind"] == "peer"
    stage.media_up(stage.clock())
    stage.comes("eve")
    assert stage.together("ben", "eve")
    assert stage.state("eve")["match"]["media"]["kind"] == "livekit"


# Where the server makes rooms by itself


@pytest.mark.parametrize("rules", [RoomRules(auto_create=True)], ids=["auto-create"])
class TestAutoCreate:
    """The grant comes at once, without a create, and the deletion is repeated until the room stays gone."""

    def test_the_grant_comes_at_once(self, stage: RoomStage) -> None:
        """Ready with the match itself; nothing to claim; media has 10 s."""
        meet_by_hand(stage)
        assert stage.ready("ann")
        assert stage.claim() == []
        stage.wait(10_250, "ann", "ben")
        assert stage.ended("ann") == "media-failed"

    @held_by("late-create")
    def test_r06_an_old_token_brings_the_room_back(self, stage: RoomStage) -> None:
        """Ann's late page joins again after the deletion: the room goes again within 2 s, each time."""
        match = stage.meet("ann", "ben", media=Media.OPEN)
        stage.create(match)
        stage.skip("ann")
        stage.wait(1_250)
        assert match not in stage.rooms
        for _ in range(3):
            stage.create(match)
            stage.wait(2_250)
            assert match not in stage.rooms
        stage.wait(45_000)
        assert stage.outbox() == []

    @held_by("audit-hastens")
    def test_r06_it_is_back_while_deletions_have_become_rare(self, stage: RoomStage) -> None:
        """The next one would be 8 s away; a listing makes it due now."""
        match = stage.meet("ann", "ben", media=Media.OPEN)
        stage.create(match)
        stage.skip("ann")
        stage.wait(8_500)
        stage.create(match)
        stage.reconcile()
        stage.work()
        assert match not in stage.rooms

    def test_to_be_listed_shortens_nobodys_goodbye(self, stage: RoomStage) -> None:
        """Both have the second in which they may leave."""
        match = stage.meet("ann", "ben", media=Media.OPEN)
        stage.create(match)
        stage.skip("ann")
        stage.reconcile()
        stage.work()
        assert match in stage.rooms

    def test_r06_it_comes_back_later_than_anybody_looks(self, stage: RoomStage) -> None:
        """The reconciler finds it."""
        match = stage.meet("ann", "ben", media=Media.OPEN)
        stage.skip("ann")
        stage.wait(60_000)
        assert stage.outbox() == []
        stage.create(match)
        stage.wait(5_000)
        assert stage.reconcile().orphaned == 1
        stage.work()
        assert match not in stage.rooms

    def test_a_room_that_nobody_joined_yet_is_not_missed(self, stage: RoomStage) -> None:
        """It does not exist before: the media deadline is about it."""
        stage.meet("ann", "ben")
        stage.wait(6_000, "ann", "ben")
        assert stage.reconcile().vanished == 0
        assert stage.together("ann", "ben")
