"""A store that lost single records: no script fails, and its people are in a queue or in a match again."""

import pytest

from duologue.pairing.vocabulary import Media
from tests.races.control import held_by
from tests.races.losses import SEEDS, SEEDS_WHOLE, losses
from tests.races.rooms import RoomStage
from tests.races.stage import Stage
from tests.servers import StoreServer

OPEN, SILENT = Media.OPEN, Media.SILENT


@held_by("strays-go")
def test_a_scan_meets_lost_records(stage: Stage) -> None:
    """It pairs two, and takes those whose records were lost out of each set."""
    stage.passes = False
    stage.comes("ann", language="de")
    for lost, language in (("cat", "fr"), ("dan", "it")):
        stage.clock.turn(1)
        stage.comes(lost, language=language)
        assert stage.waits(lost)
    stage.clock.turn(1)
    stage.comes("ben", language="en")
    assert stage.waits("ben")
    for lost in ("cat", "dan"):
        stage.client.delete("{0}p:" + lost)
        stage.client.srem("{0}at:s1", lost)
        stage.client.zrem("{0}lease", lost)
    stage.clock.turn(16_000)
    stage.scan()
    assert stage.together("ann", "ben")
    for _ in range(50):
        stage.scan()
    assert stage.client.keys("{0}q:*") == []
    assert stage.client.keys("{0}seek") == []


@held_by("partner-made-again", "orphan-adopted")
def test_a_partner_whose_record_was_lost_and_made_again(stage: Stage) -> None:
    """Ben's page attaches, idle now: Ann, whose partner is missing, waits, is told, and meets Cat."""
    stage.meet("ann", "ben", media=OPEN)
    stage.client.delete("{0}p:ben")
    stage.attach("ben")
    stage.mail()
    stage.pulse("ann", None)
    assert stage.waits("ann")
    assert [line for line in stage.mail() if " ann " in line and line.endswith("waiting")]
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.wait(300_250, "ann", "cat", "ben")


@held_by("made-unlisted")
def test_the_record_of_an_open_connection_is_lost(stage: Stage) -> None:
    """Her page joins again; its process sees that its list is too short, and names her."""
    stage.comes("ann")
    socket = stage.socket("ann")
    assert stage.beat("s1").listed == 1
    stage.client.delete("{0}p:ann")
    stage.join("ann")
    assert stage.beat("s1").listed == 0
    stage.reattach(socket)
    stage.comes("ben")
    assert stage.together("ann", "ben")


@held_by("requeued")
def test_the_queue_is_lost(stage: Stage) -> None:
    """Ann's record says that she is in it: with her next sign of life she is."""
    stage.comes("ann")
    stage.client.delete(*stage.client.keys("{0}q:*"))
    stage.pulse("ann")
    stage.comes("ben")
    assert stage.together("ann", "ben")


@held_by("owed-again")
def test_the_signs_that_are_owed_are_lost(stage: Stage) -> None:
    """Ben closes his tab, and his deadline is lost: Ann's page hears nothing, and that sets it again."""
    stage.meet("ann", "ben", media=OPEN)
    stage.closes("ben")
    stage.wait(3_000, "ann")
    stage.client.delete("{0}owed")
    stage.says(SILENT, "ann")
    stage.wait(3_250, "ann")
    assert stage.waits("ann")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [Stage, RoomStage], ids=["peer", "rooms"])
def test_any_record_is_lost(kind: type[Stage], valkey9: StoreServer, whole: bool) -> None:
    """Between any two steps anything may be gone: no script raises, and 45 s later no one is stuck."""
    assert losses(kind, valkey9, range(SEEDS_WHOLE if whole else SEEDS)) == []
