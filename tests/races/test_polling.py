"""Races of people who poll, as far as scripts decide: a poll is an attach with its connection's own id."""

import msgspec

from duologue.pairing.vocabulary import Attached, Media, PersonId, ProcessId
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Socket, Stage

OPEN, SILENT = Media.OPEN, Media.SILENT


def polls(stage: Stage, socket: Socket) -> Attached:
    """The page of this connection polls again, at the same process."""
    answer = play(
        stage.machine.attach(
            PersonId(socket.person), socket.connection, ProcessId(socket.process), socket.page, socket.person
        )
    )
    assert isinstance(answer, Attached)
    return answer


def test_a_poll_replaces_nothing(stage: Stage) -> None:
    """No publication, no version, no new address: only a sign of life."""
    stage.meet("ann", "ben", media=OPEN)
    before = stage.state("ben")
    stage.mail()
    answer = polls(stage, stage.socket("ben"))
    assert stage.mail() == []
    assert stage.state("ben") == before == msgspec.json.decode(answer.state)
    assert not answer.anew


def test_a_poll_is_a_sign_of_life(stage: Stage) -> None:
    """A poll answers for a person who owes a sign, in the match that they read."""
    stage.meet_unanswered("ann", "ben")
    assert "probe" in stage.state("ben")
    polls(stage, stage.socket("ben"))
    assert "probe" not in stage.state("ben")


def test_who_polls_keeps_waiting(stage: Stage) -> None:
    """Without a heartbeat to answer; who does not is out of the queue when the lease ends."""
    stage.comes("ann", "ben")
    stage.skip("ann")  # they do not meet again
    for _ in range(4):
        stage.wait(10_000)
        polls(stage, stage.socket("ann"))
    assert stage.idle("ben") == "you-were-away"
    assert stage.waits("ann")


def test_a_poll_pairs(stage: Stage) -> None:
    """Race P25: held because of an owed sign, pairable by the poll that is one, in the same step."""
    stage.comes("ben")
    socket = stage.socket("ben")
    stage.detach(socket)
    stage.comes("ann")
    assert stage.waits("ann")
    again = stage.attach("ben", page=socket.page)
    assert again is not None
    assert stage.together("ann", "ben")


@held_by("attach-anew")
def test_back_after_an_absence_one_begins_anew(stage: Stage) -> None:
    """The media deadline runs again, the version is the same: only who is told says ``open`` in time."""
    stage.meet("ann", "ben", media=OPEN)
    socket = stage.socket("ben")
    version = stage.state("ben")["version"]
    stage.detach(socket)
    back = polls(stage, socket)
    assert back.version == version
    if back.anew:  # its poll is answered, and its page says so
        stage.says(OPEN, "ben")
    stage.wait(11_000, "ann", "ben")
    assert stage.together("ann", "ben")


def test_polls_that_alternate_between_processes_begin_nothing_anew(stage: Stage) -> None:
    """Else each would be answered at once, and the client would poll as fast as it can."""
    stage.meet("ann", "ben", media=OPEN)
    first = stage.socket("ben")
    stage.mail()
    for process in ("s2", "s1", "s2"):
        moved = stage.attach("ben", page=first.page, process=process)
        assert moved is not None
        assert not polls(stage, moved).anew
    assert [line.split()[1] for line in stage.mail()] == ["E", "E", "E"]
    assert stage.away("ann") is None


@held_by("connection-fence")
def test_the_end_of_a_poll_that_moved_on_means_nothing(stage: Stage) -> None:
    """Race E14 with polls: 3 s after its last one here the old process detaches; the page polls elsewhere."""
    stage.meet("ann", "ben", media=OPEN)
    old = stage.socket("ben")
    assert stage.attach("ben", page=old.page, process="s2") is not None
    stage.wait(3_000, "ann", "ben")
    assert not stage.detach(old)
    assert stage.away("ann") is None


def test_a_given_up_poll_lands_late_and_is_found(stage: Stage) -> None:
    """Race E31 with polls: the client hung up here and polls there; the attach here lands last.

    The record names a connection that is not read; the page is told to end (``E``), polls again, and is
    back, or its process detaches after 3 s. In no order does a partner lose a person who still polls.
    """
    stage.meet("ann", "ben", media=OPEN)
    given_up = stage.socket("ben")
    there = stage.attach("ben", page=given_up.page, process="s2")
    assert there is not None
    stage.mail()
    polls(stage, given_up)
    assert stage.mail() == [f"s2 E ben {there.connection}"]
    again = stage.attach("ben", page=given_up.page, process="s2")
    assert again is not None
    stage.wait(3_000, "ann", "ben")
    assert not stage.detach(given_up)
    assert stage.away("ann") is None
    assert stage.together("ann", "ben")


def test_a_poll_of_a_superseded_page_is_refused(stage: Stage) -> None:
    """Race E25: a page that was taken over does not take over again by polling on."""
    stage.comes("ben")
    old = stage.socket("ben")
    assert stage.attach("ben") is not None
    assert stage.attach("ben", page=old.page) is None
    assert stage.attach("ben", page=old.page, process="s2") is None


def test_a_frozen_page_that_polls_no_more_is_given_up(stage: Stage) -> None:
    """Told at 3 s, by its process; free when the bucket is empty, at 8 s."""
    stage.meet("ann", "ben", media=OPEN)
    socket = stage.socket("ben")
    polls(stage, socket)
    stage.wait(3_000, "ann")
    assert stage.away("ann") is None
    stage.detach(socket)
    assert stage.away("ann") == stage.clock() + 5_000
    stage.wait(5_250, "ann", says={"ann": SILENT})
    assert stage.ended("ann") == "partner-lost"
    assert stage.waits("ann")
