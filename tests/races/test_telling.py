"""Races of telling people, as far as the scripts decide them: connections, processes, a forgetful store."""

from typing import Any

import pytest

from duologue.pairing.vocabulary import (
    Attached,
    DetachCause,
    Media,
    Outcome,
    PersonId,
    ProcessId,
    Refused,
    Same,
    Seen,
)
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import SWEEP_MS, Socket, Stage
from tests.servers import StoreServer

OPEN, SILENT = Media.OPEN, Media.SILENT


def returns(stage: Stage, person: str, *, page: str = "", process: str = "s1") -> Socket:
    """The person's stream opens again and is accepted."""
    socket = stage.attach(person, page=page, process=process)
    assert socket is not None
    return socket


@held_by("connection-fence")
def test_e14_the_old_close_comes_after_the_new_stream(stage: Stage) -> None:
    """B reloads: the close of the old stream, seen late on the same process, marks no one as away."""
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    returns(stage, "ben")
    assert not stage.detach(old)
    assert stage.away("ann") is None
    stage.says(OPEN, "ann", "ben")
    stage.wait(6_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("page-refused")
def test_e15_taken_over_names_the_connection(stage: Stage) -> None:
    """Only the old tab's connection is told, and its page is refused from then on; the new tab stays."""
    stage.comes("ben")
    old = stage.socket("ben")
    stage.mail()
    new = returns(stage, "ben")
    assert stage.mail() == [f"s1 T ben {old.connection}"]
    assert stage.attach("ben", page=old.page) is None
    assert stage.detach(new)


def test_e15_to_take_over_again_is_to_load_anew(stage: Stage) -> None:
    """Four pages later the first is still refused; a new load never is."""
    stage.comes("ben")
    pages = [stage.socket("ben").page]
    pages += [returns(stage, "ben").page for _ in range(4)]
    assert [stage.attach("ben", page=page) for page in pages[:-1]] == [None] * 4
    assert returns(stage, "ben").page not in pages


def play_e16(stage: Stage, *, strays: bool = True) -> None:
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    stage.detach(old)
    # The process gave the attach up; its detach ran first and found nothing, then the attach ran.
    given_up = returns(stage, "ben", page=old.page)
    del stage.sockets[given_up.connection]
    if strays:
        assert stage.stray("s1") == 1
    stage.wait(6_000, "ann")
    assert stage.ended("ann") == "partner-lost"


def test_e16_a_detach_overtakes_its_attach(stage: Stage) -> None:
    """An attach whose caller has gone is found by the process's own loop, and undone."""
    play_e16(stage)


def test_e16_control_nobody_looks(store_server_each: StoreServer) -> None:
    """Without that loop B is attached for good, and A alone."""
    with store_server_each.client() as client:
        stage = Stage(client)
        try:
            with pytest.raises(AssertionError):
                play_e16(stage, strays=False)
        finally:
            stage.close()


@held_by("reattach-writes")
def test_e17_the_attach_was_in_the_lost_tail(stage: Stage) -> None:
    """The store fell back to before B's attach: the re-attach writes the address again, and B is told."""
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    before = stage.save()
    stage.clock.turn(500)
    new = returns(stage, "ben", page=old.page, process="s2")
    stage.fall_back(before)
    stage.clock.turn(1_000)
    assert isinstance(stage.reattach(new)[0], Attached)
    stage.mail()
    stage.skip("ann")
    assert f"s2 S ben {new.connection} force-disconnect waiting" in stage.mail()


@held_by("reattach-writes", "buried-unknown")
def test_e18_the_store_forgot_everything(stage: Stage) -> None:
    """After FLUSHALL the beat is unknown, the re-attach writes addresses, the page's intent heals all."""
    stage.meet("ann", "ben", media=OPEN)
    sockets = [stage.socket("ann"), stage.socket("ben")]
    intents = {person: stage.state(person)["intent"] for person in ("ann", "ben")}
    stage.client.flushall()
    assert not stage.beat("s1").known
    assert all(isinstance(answer, Attached) for answer in stage.reattach(*sockets))
    assert stage.idle("ann") == "never"
    for person, intent in intents.items():
        stage.join(person, intent=intent)
    assert stage.together("ann", "ben")


@held_by("set-back-resent")
def test_e8_the_numbers_of_messages_fall(stage: Stage) -> None:
    """The store fell back, and its numbers stand for other messages now: a page that has read more gets all
    again."""
    match = stage.meet("ann", "ben", media=OPEN)
    play(stage.machine.message(PersonId("ann"), match, "k1", "one"))
    before = stage.save()
    for key in ("k2", "k3"):
        play(stage.machine.message(PersonId("ann"), match, key, "lost"))
    stage.fall_back(before)
    play(stage.machine.message(PersonId("ann"), match, "k4", "two"))
    seen = Seen(0, match, 3, 0)
    [answer] = play(stage.machine.reattach(ProcessId("s1"), [stage.socket("ben").held._replace(seen=seen)]))
    assert isinstance(answer, Attached)
    assert [note.n for note in answer.messages] == [1, 2]


@held_by("set-back-newer")
def test_e8_as_many_messages_are_said_anew_as_were_lost(stage: Stage) -> None:
    """By their numbers nothing happened; their instants show what the other side has not read."""
    match = stage.meet("ann", "ben", media=OPEN)
    ann, ben, page = PersonId("ann"), PersonId("ben"), stage.socket("ann").page
    before = stage.save()
    play(stage.machine.message(ann, match, "k1", "lost"))
    play(stage.machine.signal(ann, match, "k1", {"bye": True}, page))
    seen = Seen(0, match, 1, 1, stage.clock(), stage.clock())
    stage.fall_back(before)
    stage.wait(2_000, "ann", "ben")
    play(stage.machine.message(ann, match, "k2", "anew"))
    play(stage.machine.signal(ann, match, "k2", {"hello": True}, page))
    [answer] = play(stage.machine.reattach(ProcessId("s1"), [stage.socket("ben").held._replace(seen=seen)]))
    assert isinstance(answer, Attached)
    assert b"anew" in b"".join(note.frame for note in answer.messages)
    assert b"hello" in b"".join(note.frame for note in answer.signals)
    old = stage.socket("ben")
    at = old.connection, ProcessId(old.process), old.page
    again = play(stage.machine.attach(ben, *at, after_match=match, after_n=1, after_at_ms=seen.message_at_ms))
    assert isinstance(again, Attached)
    assert [note.n for note in again.messages] == [1]


@held_by("set-back-signals")
def test_e8_the_numbers_of_signals_fall(stage: Stage) -> None:
    """As those of messages do, also to a process that knows no instant."""
    match = stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ann").page
    before = stage.save()
    for key in ("k1", "k2"):
        play(stage.machine.signal(PersonId("ann"), match, key, {"bye": True}, page))
    stage.fall_back(before)
    play(stage.machine.signal(PersonId("ann"), match, "k3", {"hello": True}, page))
    seen = Seen(0, match, 0, 2)
    [answer] = play(stage.machine.reattach(ProcessId("s1"), [stage.socket("ben").held._replace(seen=seen)]))
    assert isinstance(answer, Attached)
    assert [note.n for note in answer.signals] == [1]


@held_by("outage-quiet")
def test_e22_everything_was_away_for_twenty_seconds(stage: Stage) -> None:
    """A deadline has half a second left on return: nothing falls due until all could answer."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    stage.closes("ben")
    stage.wait(4_500, "ann")
    stage.clock.turn(20_000)
    stage.work()
    assert stage.together("ann", "ben")
    stage.wait(2_000, "ann")
    returns(stage, "ben", page=page)
    stage.says(OPEN, "ann", "ben")
    stage.wait(6_000, "ann", "ben")
    assert stage.together("ann", "ben")


def test_e22_nobody_leaves_the_queue_for_it(stage: Stage) -> None:
    """A lease, renewed at heartbeats of 15 s, had 5 s left: it ends only after each could answer one."""
    stage.comes("ann")
    stage.wait(1_000, "ann")
    stage.wait(29_750)
    stage.clock.turn(60_000)
    stage.wait(19_000)
    assert stage.waits("ann")
    stage.wait(2_000)
    assert stage.idle("ann") == "you-were-away"


def test_e22_what_is_still_unmet_then_falls_due(stage: Stage) -> None:
    """The quiet after an outage lasts five seconds; then deadlines without an answer are due."""
    stage.meet_unanswered("ann", "ben")
    stage.wait(1_000, "ann")
    stage.clock.turn(20_000)
    stage.wait(4_750, "ann")
    assert stage.together("ann", "ben")
    stage.wait(750, "ann")
    assert stage.ended("ann") == "no-show"


@held_by("ours-vouched", "ours-asked")
def test_e23_a_partner_who_hears_somebody_vouches_for_them(stage: Stage) -> None:
    """Ben's process is killed and he does not come back for 40 s; Ann, asked after 20 s, hears him."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    returns(stage, "ann", page=stage.socket("ann").page, process="s2")
    stage.beating.discard("s1")
    for _ in range(160):
        stage.wait(SWEEP_MS, "ann")
        if (
            stage.together("ann", "ben") and stage.away("ann") is not None
        ):  # as a page that heard a ping since
            stage.says(OPEN, "ann")
    assert stage.together("ann", "ben")
    returns(stage, "ben", page=page, process="s2")
    stage.says(OPEN, "ann", "ben")
    stage.wait(30_000, "ann", "ben")
    assert stage.together("ann", "ben")


def test_e23_what_a_partner_says_at_any_time_is_enough(stage: Stage) -> None:
    """Ann says ``open`` every 2.5 s throughout: our own crash is not worse for Ben than a closed tab."""
    stage.meet("ann", "ben", media=OPEN)
    stage.detach(stage.socket("ben"), DetachCause.OURS)
    stage.wait(60_000, "ann", says={"ann": OPEN})
    assert stage.together("ann", "ben")


def test_e23_nobody_vouches_for_the_gone(stage: Stage) -> None:
    """Ben is gone with his process: Ann reads ``partner-away`` for the last 5 s of 25, and is free."""
    stage.meet("ann", "ben", media=OPEN)
    stage.detach(stage.socket("ben"), DetachCause.OURS)
    began = stage.clock()
    stage.wait(19_750, "ann")
    assert stage.away("ann") is None
    stage.mail()
    stage.wait(500, "ann")
    assert stage.away("ann") == began + 25_000
    assert [line for line in stage.mail() if " ann " in line and line.endswith("partner-away")]
    stage.wait(4_500, "ann")
    assert stage.together("ann", "ben")
    stage.wait(500, "ann")
    assert stage.ended("ann") == "partner-lost"


def test_e23_who_is_back_in_time_lost_nothing_of_what_they_have(stage: Stage) -> None:
    """Ben is back after 15 s of our doing, and closes: he has his five seconds."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    stage.detach(stage.socket("ben"), DetachCause.OURS)
    stage.wait(15_000, "ann")
    returns(stage, "ben", page=page)
    stage.says(OPEN, "ann", "ben")
    stage.closes("ben")
    assert stage.away("ann") == stage.clock() + 5_000


@held_by("burial-is-ours")
def test_e23_a_process_is_stopped_under_its_calls(stage: Stage) -> None:
    """Its people come back elsewhere within 25 s: the calls go on, and no partner was told anything."""
    stage.meet("ann", "ben", media=OPEN)
    page = stage.socket("ben").page
    returns(stage, "ann", page=stage.socket("ann").page, process="s2")
    stage.beating.discard("s1")
    stage.mail()
    stage.wait(5_000, "ann")
    assert stage.away("ann") is None
    assert not [line for line in stage.mail() if "partner-away" in line]
    stage.wait(15_000, "ann", says={"ann": OPEN})
    returns(stage, "ben", page=page, process="s2")
    stage.says(OPEN, "ben")
    stage.wait(6_000, "ann", "ben")
    assert stage.together("ann", "ben")


@held_by("buried-unknown", "reattach-writes")
def test_e28_a_buried_process_goes_on(stage: Stage) -> None:
    """It was paused for 10 s, sockets and all: its next beat is unknown; it re-attaches, all hear again."""
    stage.meet("ann", "ben", media=OPEN)
    sockets = [stage.socket("ann"), stage.socket("ben")]
    stage.beating.discard("s1")
    stage.wait(10_000)
    stage.beating.add("s1")
    if not stage.beat("s1").known:
        assert all(isinstance(answer, Attached) for answer in stage.reattach(*sockets))
    stage.says(OPEN, "ann", "ben")
    stage.mail()
    stage.skip("ann")
    assert f"s1 S ben {sockets[1].connection} force-disconnect waiting" in stage.mail()


@held_by("buried-unknown")
def test_e28_a_burial_half_done(stage: Stage) -> None:
    """A process of many people beats while it is being buried: it must re-attach all of them."""
    people = [f"person{n}" for n in range(170)]
    for person in people:
        stage.attach(person)
    stage.clock.turn(1_500)
    stage.work()
    stage.clock.turn(1_500)
    stage.work()
    stage.clock.turn(1_500)
    stage.work_once()
    assert 0 < int(stage.client.scard("{0}at:s1")) < len(people)
    if not stage.beat("s1").known:
        for person in people:
            stage.reattach(stage.socket(person))
    assert int(stage.client.scard("{0}at:s1")) == len(people)


def unread(stage: Stage) -> None:
    """Send a beat of s1 that the store takes, and whose answer its process no longer waits for."""
    run, beats = stage.direct.run, stage.machine._beats[ProcessId("s1")]
    before = beats.answered, beats.answered_ms

    async def lost(*args: Any, **lane: Any) -> Any:
        await run(*args, **lane)
        raise TimeoutError

    stage.clock.turn(500)
    stage.direct.run = lost  # type: ignore[method-assign]
    try:
        with pytest.raises(TimeoutError):
            stage.beat("s1")
    finally:
        stage.direct.run = run  # type: ignore[method-assign]
    stage.clock.turn(500)
    assert (beats.answered, beats.answered_ms) == before


@held_by("late-beat")
def test_e40_a_beat_that_is_answered_too_late(stage: Stage) -> None:
    """The next one is still known: a slow store causes no snapshot."""
    stage.attach("ann")
    stage.clock.turn(500)
    assert stage.beat("s1").known
    for _ in range(3):
        unread(stage)
    assert stage.beat("s1").known


@held_by("unknown-kept", "unknown-read")
def test_e40_a_burial_is_told_until_it_is_read(stage: Stage) -> None:
    """The answer that says so is lost; the next beat says it again, and the one after the answer does not."""
    stage.attach("ann")
    stage.beating.discard("s1")
    stage.wait(6_000)
    unread(stage)
    assert not stage.beat("s1").known
    stage.clock.turn(500)
    assert stage.beat("s1").known


def test_e40_a_store_that_was_set_back_forgot_the_process(stage: Stage) -> None:
    """Its last beat there is older than the one that was answered: that is no late answer."""
    stage.attach("ann")
    stage.clock.turn(500)
    then = float(stage.client.zscore("{0}beats", "s1") or 0)
    assert stage.beat("s1").known
    stage.client.zadd("{0}beats", {"s1": then - 1})
    assert not stage.beat("s1").known


@held_by("slow-quiet")
def test_e42_signs_of_life_that_wait_in_a_slow_process(stage: Stage) -> None:
    """Both answered their match in time, and the answers are sent 20 s later: our queue ends no match."""
    match = stage.meet_unanswered("ann", "ben")
    stage.slow.add("s2")
    stage.wait(20_000)
    stage.slow.clear()
    for person in ("ann", "ben"):
        assert stage.pulse(person, match, OPEN) == Outcome.OK
    stage.wait(10_000, "ann", "ben", says={"ann": OPEN, "ben": OPEN})
    assert stage.together("ann", "ben")


@held_by("slow-bounded")
def test_e42_a_process_that_is_slow_without_end(stage: Stage) -> None:
    """After 2 min deadlines count again: no one waits without end for a partner who is gone."""
    stage.meet("ann", "ben", media=OPEN)
    stage.slow.add("s2")
    stage.detach(stage.socket("ben"))
    stage.wait(100_000, "ann")
    assert stage.together("ann", "ben")
    stage.wait(30_000, "ann")
    assert not stage.together("ann", "ben")


def test_e42_a_second_stretch(stage: Stage) -> None:
    """The bound is of one stretch: 10 s without a word of slowness begin another."""
    stage.comes("ann")
    stage.slow.add("s2")
    stage.wait(130_000, "ann")
    stage.slow.clear()
    stage.wait(15_000, "ann")
    stage.comes("ben")
    match = stage.match("ann")
    stage.slow.add("s2")
    stage.wait(20_000)
    assert stage.match("ann") == stage.match("ben") == match != ""


def test_e28_a_re_attach_is_no_sign_of_life(stage: Stage) -> None:
    """Its sockets may be dead too: what its people owe since the burial, they still owe."""
    stage.meet("ann", "ben", media=OPEN)
    socket = stage.socket("ben")
    stage.beating.discard("s1")
    stage.wait(5_000)
    until = stage.state("ben")["probe"]["until_ms"]
    stage.reattach(socket)
    assert stage.state("ben")["probe"]["until_ms"] == until


@held_by("own-page-ends")
def test_e31_a_late_attach_of_the_same_page(stage: Stage) -> None:
    """The attach of s3, given up, runs after that of s4: s4 just ends, and the page comes back at once."""
    stage.comes("ben")
    page = stage.socket("ben").page
    live = returns(stage, "ben", page=page)
    stage.mail()
    late = returns(stage, "ben", page=page)
    assert stage.mail() == [f"s1 E ben {live.connection}"]
    again = returns(stage, "ben", page=page)
    assert stage.mail() == [f"s1 E ben {late.connection}"]
    assert stage.detach(again)


def play_e34(stage: Stage, *, strays: bool = True) -> None:
    stage.meet("ann", "ben", media=OPEN)
    closed = stage.socket("ben")
    stage.detach(closed)
    # This re-attach had listed the socket before it closed, and runs after its detach.
    stage.reattach(closed)
    if strays:
        assert stage.stray("s1") == 1
    stage.wait(6_000, "ann")
    assert stage.ended("ann") == "partner-lost"
    stage.comes("cat")
    assert stage.together("ann", "cat")
    assert stage.idle("ben") == "you-were-away"


def test_e34_a_re_attach_comes_after_the_detach(stage: Stage) -> None:
    """The ghost that it leaves is found by the same loop, and what B owes since the close is still owed."""
    play_e34(stage)


def test_e34_control_nobody_looks(store_server_each: StoreServer) -> None:
    """A connection without a socket is matched when no loop looks for it."""
    with store_server_each.client() as client:
        stage = Stage(client)
        try:
            stage.comes("ben")
            closed = stage.socket("ben")
            stage.detach(closed)
            stage.reattach(closed)
            stage.pulse("ben")
            stage.comes("ann")
            assert stage.together("ann", "ben")
        finally:
            stage.close()


def play_e35(stage: Stage, *, snapshot: bool = True) -> None:
    stage.meet_unanswered("ann", "ben")
    before = stage.save()
    version = stage.state("ben")["version"]
    stage.says(OPEN, "ann", "ben")
    stage.fall_back(before)
    stage.clock.turn(1_000)
    answers = stage.reattach(stage.socket("ann"), stage.socket("ben"))
    assert [type(answer) for answer in answers] == [Same, Same]
    assert stage.state("ben")["version"] == version
    if snapshot:  # a suspicion is answered by one whatever the version, and a page answers each
        stage.says(OPEN, "ann", "ben")
    stage.wait(11_000)
    assert stage.together("ann", "ben")


def test_e35_the_store_falls_back_to_before_an_answer(stage: Stage) -> None:
    """Same version, so no frame; the snapshot of the re-attach is answered, and the call goes on."""
    play_e35(stage)


def test_e35_control_versions_alone(store_server_each: StoreServer) -> None:
    """Pages that act on a higher version only count as absent."""
    with store_server_each.client() as client:
        stage = Stage(client)
        try:
            with pytest.raises(AssertionError):
                play_e35(stage, snapshot=False)
        finally:
            stage.close()


@held_by("last-named")
def test_e38_a_dead_socket_re_attaches(stage: Stage) -> None:
    """B's newer socket closed; the older, dead and unnoticed on another process, does not bring B back."""
    stage.meet("ann", "ben", media=OPEN)
    dead = stage.socket("ben")
    stage.clock.turn(500)
    newer = returns(stage, "ben", page=dead.page, process="s2")
    stage.clock.turn(500)
    stage.detach(newer)
    assert [type(answer) for answer in stage.reattach(dead)] == [Refused]
    assert stage.away("ann") is not None
    stage.wait(5_250, "ann")
    assert stage.ended("ann") == "partner-lost"


@held_by("attached-later")
def test_e38_a_dead_socket_never_replaces_a_live_one(stage: Stage) -> None:
    """The same while the newer is open: the older is refused, and the live tab hears nothing."""
    stage.comes("ben")
    dead = stage.socket("ben")
    stage.clock.turn(500)
    newer = returns(stage, "ben", page=dead.page, process="s2")
    stage.mail()
    assert [type(answer) for answer in stage.reattach(dead)] == [Refused]
    assert stage.mail() == []
    assert stage.detach(newer)


def test_e38_the_same_instant(stage: Stage) -> None:
    """Two sockets of one millisecond do not replace each other again and again: the one in the record
    stays."""
    stage.comes("ben")
    first = stage.socket("ben")
    second = returns(stage, "ben", page=first.page)
    assert [type(answer) for answer in stage.reattach(first)] == [Refused]
    assert stage.pulse("ben") == Outcome.OK
    assert [type(answer) for answer in stage.reattach(second)] == [Same]


def test_e7_the_partner_closes_as_they_meet(stage: Stage) -> None:
    """Each is told of the match by the step that made it: nothing about its end can come before."""
    stage.comes("ann")
    ann = stage.socket("ann")
    stage.mail()
    stage.comes("ben")
    stage.closes("ben")
    told = [line for line in stage.mail() if line.startswith(f"s1 S ann {ann.connection}")]
    assert [line.split()[4:] for line in told] == [["new-match"], ["partner-away"]]


def test_e26_the_stream_comes_back_while_it_is_asked(stage: Stage) -> None:
    """The probe went to the old connection; the attach of the new one is the sign that it asks for."""
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    stage.says(SILENT, "ann")
    assert "probe" in stage.state("ben")
    returns(stage, "ben", page=old.page)
    assert "probe" not in stage.state("ben")
    assert not stage.detach(old)
    stage.says(OPEN, "ann")
    stage.wait(4_000, "ann", "ben")
    assert stage.together("ann", "ben")


def play_e26(stage: Stage, *, reads_the_second: bool = True) -> None:
    stage.meet("ann", "ben", media=OPEN)
    ben = stage.socket("ben")
    stage.mail()
    stage.says(SILENT, "ann")
    stage.wait(1_750, "ann")
    asked = [line for line in stage.mail() if line == f"s1 S ben {ben.connection} probe"]
    assert len(asked) == 2
    if reads_the_second:
        stage.answer("ben")
    stage.wait(2_000, "ann")
    assert stage.together("ann", "ben")


def test_e26_the_frame_that_asks_is_lost(stage: Stage) -> None:
    """It is published once more in time to be answered."""
    play_e26(stage)


def test_e26_control_only_the_first_counts(store_server_each: StoreServer) -> None:
    """A page that could read only the first one, which was lost, is declared lost."""
    with store_server_each.client() as client:
        stage = Stage(client)
        try:
            with pytest.raises(AssertionError):
                play_e26(stage, reads_the_second=False)
        finally:
            stage.close()
