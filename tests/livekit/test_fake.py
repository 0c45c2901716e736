"""What only the fake does on request; each fault really happens, and ends when it is told to."""

import pytest

from duologue.media.livekit.errors import LiveKitError, LiveKitUnavailable
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.media.livekit.webhooks import Webhooks
from duologue.pairing.vocabulary import MatchId
from tests.livekit.conftest import NAMESPACE
from tests.livekit.fake.server import FakeServer
from tests.livekit.mailbox import Mailbox
from tests.livekit.waiting import until

ROOM = NAMESPACE.room(MatchId("m_0123456789abcdef"))


async def test_a_create_lands_after_the_delete_found_nothing(fake: FakeServer) -> None:
    """Race R18: who believes the first answer leaves an orphan."""
    async with LiveKitRooms(fake.project, NAMESPACE, answer_s=0.2).running() as rooms:
        fake.hold_creates()
        with pytest.raises(LiveKitUnavailable):
            await rooms.create(ROOM)
        assert not await rooms.delete(ROOM)
        fake.land_creates()
        await until(rooms.list_rooms, "the room came after all")
        assert await rooms.delete(ROOM)


async def test_a_failing_server(fake: FakeServer) -> None:
    """Each call is answered by the status; the two that mean *later* are typed so."""
    async with LiveKitRooms(fake.project, NAMESPACE).running() as rooms:
        for status, error in (
            (500, LiveKitUnavailable),
            (503, LiveKitUnavailable),
            (429, LiveKitUnavailable),
        ):
            fake.failing = status
            with pytest.raises(error):
                await rooms.create(ROOM)
        fake.failing = 400
        with pytest.raises(LiveKitError) as caught:
            await rooms.create(ROOM)
        assert type(caught.value) is LiveKitError
        fake.failing = 0
        await rooms.create(ROOM)
        assert fake.calls == ["CreateRoom"] * 5  # nothing was repeated behind our back


async def test_a_restart_forgets_all_rooms(fake: FakeServer, mailbox: Mailbox) -> None:
    """Race R20: and no webhook tells."""
    async with LiveKitRooms(fake.project, NAMESPACE).running() as rooms:
        await rooms.create(ROOM)
        guest = await fake.join(Grants(fake.project, NAMESPACE).mint(ROOM, "somebody"))
        await mailbox.first("participant_joined", ROOM)
        await fake.restart()
        assert guest.sent_away.is_set()
        assert await rooms.list_rooms() == []
        await rooms.create(ROOM)
        await mailbox.until(lambda letters: len(letters) == 3, "is the third letter")
        assert [each.event["event"] for each in mailbox.letters[1:]] == ["participant_joined", "room_started"]


async def test_webhooks_get_lost(fake: FakeServer, mailbox: Mailbox) -> None:
    """Those of the time in which they do."""
    async with LiveKitRooms(fake.project, NAMESPACE).running() as rooms:
        fake.post.is_losing = True
        await rooms.create(ROOM)
        fake.post.is_losing = False
        await rooms.delete(ROOM)
        await mailbox.first("room_finished", ROOM)
        assert len(mailbox.letters) == 1


async def test_webhooks_come_twice_and_backwards(fake: FakeServer, mailbox: Mailbox) -> None:
    """All genuine: only their ids and their times tell (race R7)."""
    async with LiveKitRooms(fake.project, NAMESPACE).running() as rooms:
        fake.post.is_doubling = True
        fake.post.hold()
        await rooms.create(ROOM)
        await rooms.delete(ROOM)
        fake.post.release(reverse=True)
        await mailbox.until(lambda letters: len(letters) == 4, "came four times")
    webhooks = Webhooks(fake.project, NAMESPACE)
    facts = [webhooks.read(*each) for each in mailbox.letters]
    assert [fact and fact.kind for fact in facts] == ["room_finished"] * 2 + ["room_started"] * 2
    assert len({fact and fact.id for fact in facts}) == 2
