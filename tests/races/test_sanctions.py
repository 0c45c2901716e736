"""Races of sanctions: what a moderator decides holds from that instant on, whatever else happens."""

import json

import pytest

from duologue.admin.audit import verified, written
from duologue.pairing.moderation import Done, Entry, Moved, Sanction
from duologue.pairing.vocabulary import Marks, Outcome, PersonId, Refused, SanctionKind
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import MODERATOR, Stage

LAPTOP = "device_laptop___"
HOUR_MS = 3_600_000
WARN, PAUSE, BAN, KICK = SanctionKind.WARN, SanctionKind.PAUSE, SanctionKind.BAN, SanctionKind.KICK


@pytest.mark.parametrize("kind", [PAUSE, BAN, KICK])
def test_the_partner_reads_that_they_left(stage: Stage, kind: SanctionKind) -> None:
    """S13: and is in the queue in the same step. Nothing says why."""
    stage.meet("ann", "ben")
    stage.mail()
    stage.sanction("ben", kind)
    assert stage.ended("ann") == "partner-left"
    assert stage.waits("ann")
    told = [line for line in stage.mail() if line.split()[2] == "ann"]
    assert [line.split()[4:] for line in told] == [["force-disconnect", "waiting"]]
    assert "sanction" not in stage.state("ann")


def test_the_partner_is_paired_in_the_same_step(stage: Stage) -> None:
    """S13: the next one who fits is there already."""
    stage.meet("ann", "ben")
    stage.comes("cat")
    stage.sanction("ben")
    assert stage.together("ann", "cat")


@held_by("ban-ends-match")
def test_a_ban_ends_the_conversation(stage: Stage) -> None:
    """S13: at once; the person reads what was decided, and the audit has it."""
    stage.meet("ann", "ben")
    stage.sanction("ben")
    assert stage.idle("ben") == "banned"
    assert stage.state("ben")["sanction"]["why"] == "why"
    rows, head = play(stage.machine.moderation.audit())
    assert [json.loads(each.text)["act"] for each in rows] == ["ban"]
    assert verified(rows, "") == (1, head, None)


@held_by("ban-unqueues")
def test_a_ban_takes_out_of_the_queue(stage: Stage) -> None:
    """S13: who comes a moment later does not meet them."""
    stage.comes("ben")
    stage.sanction("ben")
    stage.comes("ann")
    assert stage.waits("ann")


@held_by("ban-ends-stream")
def test_a_ban_ends_the_stream(stage: Stage) -> None:
    """S13: its process is told, whichever it is."""
    stage.comes("ben")
    socket = stage.socket("ben")
    stage.mail()
    stage.sanction("ben")
    assert f"s1 B ben {socket.connection}" in [" ".join(each.split()[:4]) for each in stage.mail()]


@held_by("ban-join")
@pytest.mark.parametrize("comes", ["before", "after"])
def test_a_join_under_way(stage: Stage, comes: str) -> None:
    """S13: the press of Start is read before the ban or after it. They do not wait in either case."""
    stage.attach("ben")
    press = stage.press("ben")
    if comes == "before":
        stage.join("ben", intent=press)
    stage.sanction("ben")
    stage.join("ben", intent=press if comes == "after" else 0)
    assert stage.idle("ben") == "banned"


@held_by("ban-attach")
def test_a_new_page(stage: Stage) -> None:
    """S13: a reload brings no stream, and the state still says why."""
    stage.meet("ann", "ben")
    stage.sanction("ben")
    stage.closes("ben")
    assert stage.attach("ben") is None
    assert stage.state("ben")["sanction"]["kind"] == "ban"


@held_by("ban-reattach")
@pytest.mark.parametrize("lost", ["end", "record"])
def test_a_process_names_them_again(stage: Stage, lost: str) -> None:
    """S13: the end of the stream was lost on the way, or the store lost the person's record: it ends."""
    stage.meet("ann", "ben")
    socket = stage.socket("ben")
    stage.sanction("ben")
    if lost == "record":
        stage.client.delete("{0}p:ben")
    (answer,) = stage.reattach(socket)
    stage.sockets.clear()
    stage.stray("s1")
    assert isinstance(answer, Refused)  # compared, one empty tuple would be as good as another


@held_by("ban-device")
def test_another_person_on_the_device(stage: Stage) -> None:
    """S13: a private window keeps no device; cookies that were kept do."""
    stage.marks = {"ben": Marks(LAPTOP, ""), "bob": Marks(LAPTOP, ""), "cat": Marks("device_cat______", "")}
    stage.meet("ann", "ben")
    stage.sanction("ben", device=True)
    assert stage.attach("bob") is None
    assert stage.attach("cat") is not None


@held_by("barred-told")
def test_a_device_that_is_kept_out_meanwhile(stage: Stage) -> None:
    """S13: a guest who is here reads with their next press why it is refused, on their stream, too."""
    stage.marks = {"ben": Marks(LAPTOP, ""), "bob": Marks(LAPTOP, "")}
    stage.attach("bob")
    stage.meet("ann", "ben")
    stage.sanction("ben", device=True)
    stage.mail()
    assert stage.join("bob") is None
    assert [each.split()[4:] for each in stage.mail()] == [["state"]]
    assert stage.state("bob")["sanction"]["kind"] == "ban"


def test_without_the_device_only_the_person(stage: Stage) -> None:
    """S13: a family that shares one browser is not taken for one person, unless a moderator says so."""
    stage.marks = {"ben": Marks(LAPTOP, ""), "bob": Marks(LAPTOP, "")}
    stage.meet("ann", "ben")
    stage.sanction("ben")
    assert stage.attach("bob") is not None


@held_by("ban-ends")
def test_every_ban_ends(stage: Stage) -> None:
    """S13: at the instant that its person reads, and no later; their state says nothing of it then."""
    stage.meet("ann", "ben")
    stage.sanction("ben", hours=1)
    stage.closes("ben")
    stage.clock.turn(HOUR_MS - 1)
    assert stage.attach("ben") is None
    stage.clock.turn(1)
    assert stage.attach("ben") is not None
    assert stage.join("ben") in (Outcome.WAITING, Outcome.MATCHED)
    assert "sanction" not in stage.state("ben")


def test_a_ban_that_is_lifted(stage: Stage) -> None:
    """S13: all of its marks go; moderators still read that it was there."""
    stage.marks = {"ben": Marks(LAPTOP, ""), "bob": Marks(LAPTOP, "")}
    stage.meet("ann", "ben")
    sanction = stage.sanction("ben", device=True)
    assert stage.lift("ben", sanction)
    assert stage.attach("ben") is not None
    assert stage.attach("bob") is not None
    assert "sanction" not in stage.state("ben")
    facts = play(stage.machine.moderation.facts(PersonId("ben")))
    (kept,) = play(stage.machine.moderation.kept(*facts.history))
    assert kept is not None
    assert kept.lifted_at_ms > 0


@held_by("later-ban-stays")
def test_two_moderators_decide(stage: Stage) -> None:
    """S14: one lifts the first ban while the other one bans once more: the second ban stays."""
    stage.attach("ben")
    first = stage.sanction("ben", hours=1)
    stage.sanction("ben")
    assert stage.lift("ben", first)
    assert stage.attach("ben") is None


@held_by("warned-waits")
def test_a_warning_is_read_before_the_next_talk(stage: Stage) -> None:
    """S15: the conversation goes on; after it the person waits for nobody until they have confirmed."""
    match = stage.meet("ann", "ben")
    warning = stage.sanction("ben", WARN)
    assert stage.together("ann", "ben")
    stage.skip("ann", match)
    assert stage.idle("ben") == "warned"
    assert stage.join("ben") is None
    assert stage.confirm("ben", warning) is Outcome.OK
    assert stage.join("ben") in (Outcome.WAITING, Outcome.MATCHED)


@held_by("warning-named")
def test_a_second_warning_is_confirmed_on_its_own(stage: Stage) -> None:
    """S15: a confirmation of the first one that comes late confirms no other."""
    stage.attach("ben")
    first = stage.sanction("ben", WARN)
    stage.sanction("ben", WARN)
    assert stage.confirm("ben", first) is Outcome.STALE
    assert stage.join("ben") is None


@held_by("warning-hides-no-ban")
def test_a_warning_does_not_hide_a_ban(stage: Stage) -> None:
    """S15: whoever is banned and warned reads of the ban."""
    stage.attach("ben")
    stage.sanction("ben")
    stage.sanction("ben", WARN)
    assert stage.state("ben")["sanction"]["kind"] == "ban"


def test_a_warning_outlives_the_record(stage: Stage) -> None:
    """S15: who comes back a day later still reads it first."""
    stage.attach("ben")
    stage.sanction("ben", WARN)
    stage.client.delete("{0}p:ben")
    stage.attach("ben")
    assert stage.state("ben")["sanction"]["kind"] == "warn"
    assert stage.join("ben") is None


def by_hand(stage: Stage, before: str, **request: str) -> object:
    """A ban by a moderator who knows this last entry of the audit."""
    text, hash_ = written(before, stage.clock(), *MODERATOR, "ban", {"person": "ben"})
    read = json.dumps(
        {"sanction": "x_1", "kind": "ban", "until_ms": stage.clock() + 1000}, separators=(",", ":")
    )
    sanction = Sanction("x_1", PersonId("ben"), BAN, stage.clock() + 1000, False, read, read)
    return play(stage.machine.moderation.act(sanction, Entry(before, text, hash_, **request)))


@held_by("audit-chain")
def test_two_moderators_write_at_once(stage: Stage) -> None:
    """S14: the second act names an entry that is no longer the last: nothing happens, and it is repeated."""
    stage.sanction("ann")
    assert isinstance(by_hand(stage, ""), Moved)
    assert stage.attach("ben") is not None
    rows, head = play(stage.machine.moderation.audit())
    assert verified(rows, "") == (1, head, None)


@held_by("request-repeated")
def test_a_request_that_is_sent_again(stage: Stage) -> None:
    """S14: its answer was lost. It is done once, and answered as the first time."""
    first = by_hand(stage, "", request="k1", digest="d")
    assert isinstance(first, Done)
    assert by_hand(stage, "", request="k1", digest="d") == first
    assert len(play(stage.machine.moderation.audit())[0]) == 1


@held_by("ban-event")
def test_the_host_application_hears_of_it(stage: Stage) -> None:
    """S13: the event is there if the ban is, once, however often the answer is lost and asked for again."""
    stage.attach("ben")
    stage.sanction("ben", WARN)
    sanction = stage.sanction("ben")
    stage.lift("ben", sanction)
    stage.lift("ben", sanction)
    events = play(stage.machine.events.read(0)).events
    assert [each.kind for each in events] == ["person.warned", "person.banned", "person.unbanned"]
    assert events[1].fields["sanction"] == sanction
