"""A person who cannot have a call: the match is one of text, told to both, and without a room."""

from collections.abc import Iterator

import pytest

from duologue.pairing.timings import RoomRules
from duologue.pairing.vocabulary import Media
from tests.races.control import held_by
from tests.races.rooms import RoomStage
from tests.races.stage import Stage
from tests.servers import StoreServer


def kind(stage: Stage, person: str) -> str:
    """Return the kind of media that the person reads."""
    return str(stage.state(person)["match"]["media"]["kind"])


def comes(stage: Stage, person: str, *, text_only: bool) -> None:
    """Attach the person, who presses Start."""
    stage.attach(person)
    stage.join(person, text_only=text_only)


@held_by("text-kind")
@pytest.mark.parametrize("first", [True, False])
def test_a_match_with_a_person_who_only_writes(stage: Stage, first: bool) -> None:
    """Whichever of the two waited longer: both read the kind, and the word of both meets the deadline."""
    comes(stage, "ann", text_only=first)
    comes(stage, "ben", text_only=not first)
    assert kind(stage, "ann") == kind(stage, "ben") == "text"
    stage.answer("ann", "ben")
    stage.says(Media.OPEN, "ann", "ben")
    stage.wait(30_000, "ann", "ben")
    assert stage.together("ann", "ben")


def test_the_next_match_goes_by_the_next_two(stage: Stage) -> None:
    """The kind is that of one match. A later press of Start says again what the page can do."""
    comes(stage, "ann", text_only=True)
    comes(stage, "ben", text_only=False)
    stage.answer("ann", "ben")
    comes(stage, "cat", text_only=False)
    stage.skip("ann")
    assert stage.together("ben", "cat")
    assert kind(stage, "ben") == "peer"
    stage.join("ann", text_only=False)
    comes(stage, "dan", text_only=False)
    assert stage.together("ann", "dan")
    assert kind(stage, "ann") == "peer"


def test_a_page_that_answers_nothing_is_not_waited_for(stage: Stage) -> None:
    """The media deadline runs as in any match: an older page that does not know the kind says nothing."""
    comes(stage, "ann", text_only=True)
    comes(stage, "ben", text_only=False)
    stage.answer("ann", "ben")
    stage.says(Media.OPEN, "ann")
    stage.wait(10_250, "ann", "ben")
    assert stage.ended("ann") == stage.ended("ben") == "media-failed"


@pytest.fixture
def rooms(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[RoomStage]:
    """An empty store and media server."""
    with store_server_each.client() as client:
        stage = RoomStage(client, getattr(request, "param", ()), rules=RoomRules(namespace="ours"))
        try:
            yield stage
            assert stage.direct.broken() == []
        finally:
            stage.close()


def test_a_text_match_has_no_room(rooms: RoomStage) -> None:
    """Nothing is opened for it and nothing deleted; the next match has one again."""
    rooms.serves = False
    comes(rooms, "ann", text_only=True)
    comes(rooms, "ben", text_only=False)
    assert kind(rooms, "ann") == "text"
    assert rooms.claim() == []
    comes(rooms, "cat", text_only=False)
    rooms.answer("ann", "ben")
    rooms.skip("ann")
    assert rooms.together("ben", "cat")
    assert kind(rooms, "ben") == "livekit"
    assert len(rooms.claim()) == 1
