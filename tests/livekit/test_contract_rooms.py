"""LiveKitRooms: made, deleted, listed and looked into; the same claims on the real server and on the fake."""

import asyncio
import secrets
import time
from dataclasses import replace

import aiohttp
import pytest
from livekit import api
from livekit.api.room_service import RoomService

from duologue.media.livekit.errors import ForeignRoom, LiveKitDenied, LiveKitError, LiveKitUnavailable
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.limits import RoomLimits
from duologue.media.livekit.namespace import Namespace, identity
from duologue.media.livekit.project import Project
from duologue.media.livekit.rooms import LiveKitRooms, Participant
from duologue.pairing.vocabulary import MatchId, Side
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import Ground
from tests.livekit.mailbox import Mailbox
from tests.livekit.waiting import until


def fresh_match() -> MatchId:
    """As the scripts name them."""
    return MatchId("m_" + secrets.token_urlsafe(12))


@pytest.fixture
def match() -> MatchId:
    """A match of this test's own."""
    return fresh_match()


@pytest.fixture
def room(match: MatchId) -> str:
    """Its room."""
    return NAMESPACE.room(match)


@pytest.fixture
def grants(server: Ground) -> Grants:
    """Grants for rooms of the server."""
    return Grants(server.project, NAMESPACE)


class TestMaking:
    async def test_a_made_room_is_listed(self, rooms: LiveKitRooms, match: MatchId, room: str) -> None:
        """With its match, and made just now."""
        made = await rooms.create(room)
        assert await rooms.list_rooms() == [made]
        assert (made.name, made.match) == (room, match)
        assert abs(made.created_at_ms - time.time() * 1000) < 5_000

    async def test_twice_is_once(self, rooms: LiveKitRooms, room: str) -> None:
        """It is the same room, and a repeated call removes no one."""
        first = await rooms.create(room)
        assert await rooms.create(room) == first
        assert len(await rooms.list_rooms()) == 1

    async def test_making_it_again_leaves_people_in_it(
        self, server: Ground, rooms: LiveKitRooms, grants: Grants, match: MatchId, room: str
    ) -> None:
        """So it may be repeated whenever it is not known whether it was done."""
        await rooms.create(room)
        await server.join(grants.mint(room, identity(match, "polite")))
        await rooms.create(room)
        assert [each.side for each in await rooms.participants(room)] == [Side.POLITE]

    async def test_nobody_comes(self, server: Ground, mailbox: Mailbox, room: str) -> None:
        """LiveKit itself ends a room that no one joined, after the limit that it was made with."""
        async with LiveKitRooms(server.project, NAMESPACE, limits=RoomLimits(empty_s=1)).running() as rooms:
            await rooms.create(room)
            await mailbox.first("room_finished", room)
            assert await rooms.list_rooms() == []

    async def test_everybody_leaves(
        self, server: Ground, mailbox: Mailbox, grants: Grants, match: MatchId, room: str
    ) -> None:
        """The same after the last one left."""
        async with LiveKitRooms(
            server.project, NAMESPACE, limits=RoomLimits(departure_s=1)
        ).running() as rooms:
            await rooms.create(room)
            guest = await server.join(grants.mint(room, identity(match, "polite")))
            await guest.leave()
            await mailbox.first("room_finished", room)
            assert await rooms.list_rooms() == []


class TestDeleting:
    async def test_a_deleted_room_is_gone(
        self, server: Ground, rooms: LiveKitRooms, grants: Grants, match: MatchId, room: str
    ) -> None:
        """The people in it are removed."""
        await rooms.create(room)
        guest = await server.join(grants.mint(room, identity(match, "polite")))
        assert await rooms.delete(room)
        assert await rooms.list_rooms() == []
        await until(lambda: _value(guest.sent_away.is_set()), "the guest is sent away")

    async def test_a_room_that_is_not_there_is_gone(self, rooms: LiveKitRooms, room: str) -> None:
        """An answer, no error: that is what was wanted."""
        assert not await rooms.delete(room)

    async def test_it_can_be_repeated(self, rooms: LiveKitRooms, room: str) -> None:
        """The second time says so."""
        await rooms.create(room)
        assert [await rooms.delete(room) for _ in range(2)] == [True, False]


class TestListing:
    async def test_by_name(self, rooms: LiveKitRooms) -> None:
        """Those of them that there are."""
        names = [NAMESPACE.room(fresh_match()) for _ in range(3)]
        for name in names[:2]:
            await rooms.create(name)
        assert {each.name for each in await rooms.list_rooms(names[1:])} == {names[1]}

    async def test_canaries_are_rooms_without_a_match(self, rooms: LiveKitRooms) -> None:
        """They can be found and deleted like all our rooms."""
        canary = NAMESPACE.fresh_canary()
        await rooms.create(canary)
        assert [(each.name, each.match) for each in await rooms.list_rooms()] == [(canary, None)]
        assert await rooms.delete(canary)

    async def test_foreign_rooms_are_neither_seen_nor_touched(
        self, server: Ground, rooms: LiveKitRooms, match: MatchId, room: str
    ) -> None:
        """Another app's, and another Duologue's on the same project, even where its name begins like ours."""
        await rooms.create(room)
        twin = Namespace(NAMESPACE.name + "-2")
        foreign = ["lobby", f"{NAMESPACE.name}_lobby", f"{NAMESPACE.name}_{match}_2", twin.room(match)]
        async with aiohttp.ClientSession() as session:
            project = server.project
            other = RoomService(session, project.http_url, project.key, project.secret)
            for name in foreign:
                await other.create_room(api.CreateRoomRequest(name=name))
            assert [each.name for each in await rooms.list_rooms()] == [room]
            for name in foreign:
                for call in (rooms.create, rooms.delete, rooms.participants):
                    with pytest.raises(ForeignRoom):
                        await call(name)
                with pytest.raises(ForeignRoom):
                    await rooms.remove(name, "somebody")
                with pytest.raises(ForeignRoom):
                    await rooms.list_rooms([name])
            async with LiveKitRooms(project, twin).running() as theirs:
                assert [each.name for each in await theirs.list_rooms()] == [twin.room(match)]
            await rooms.delete(room)
            left = await other.list_rooms(api.ListRoomsRequest())
            assert {each.name for each in left.rooms} == {*foreign}


class TestPeople:
    async def test_who_is_in_a_room(
        self, server: Ground, rooms: LiveKitRooms, grants: Grants, match: MatchId, room: str
    ) -> None:
        """By their side; and whether they show anything."""
        await rooms.create(room)
        first = await server.join(grants.mint(room, identity(match, "polite")))
        await server.join(grants.mint(room, identity(match, "impolite")))
        await first.publish()
        people = await until(lambda: _publishing(rooms, room), "somebody publishes")
        assert set(people) == {*Side}
        assert all(each.is_active for each in people.values())
        assert not people[Side.IMPOLITE].is_publishing
        assert abs(people[Side.POLITE].joined_at_ms - time.time() * 1000) < 10_000

    async def test_somebody_whom_we_did_not_let_in(
        self, server: Ground, rooms: LiveKitRooms, grants: Grants, room: str
    ) -> None:
        """Is there, and is on no side: neither a name of their own nor that of another match."""
        await rooms.create(room)
        await server.join(grants.mint(room, "recorder"))
        await server.join(grants.mint(room, identity(fresh_match(), "polite")))
        assert [each.side for each in await rooms.participants(room)] == [None, None]

    async def test_nobody_in_a_room_that_is_not_there(self, rooms: LiveKitRooms, room: str) -> None:
        """No error: it may have ended a moment ago."""
        assert await rooms.participants(room) == []

    async def test_sending_somebody_away(
        self, server: Ground, rooms: LiveKitRooms, grants: Grants, match: MatchId, room: str
    ) -> None:
        """The person is out; a second time there is no one to remove."""
        await rooms.create(room)
        guest = await server.join(grants.mint(room, identity(match, "polite")))
        assert await rooms.remove(room, identity(match, "polite"))
        await until(lambda: _value(guest.sent_away.is_set()), "the guest is sent away")
        assert not await rooms.remove(room, identity(match, "polite"))
        assert await rooms.participants(room) == []


class TestFaults:
    async def test_a_wrong_secret(self, server: Ground, room: str) -> None:
        """Has an error of its own: waiting does not help."""
        project = replace(server.project, secret="another-secret-of-32-characters-or-more")
        await self._fails(project, room, LiveKitDenied)

    async def test_a_key_that_there_is_not(self, server: Ground, room: str) -> None:
        """The same."""
        await self._fails(replace(server.project, key="nobody"), room, LiveKitDenied)

    async def test_a_frozen_server(self, server: Ground, room: str) -> None:
        """Is unavailable when the time is over, not before and not much later."""
        server.freeze()
        begun = time.monotonic()
        await self._fails(server.project, room, LiveKitUnavailable, answer_s=0.2)
        server.thaw()
        # Five calls; the upper bound is for a machine that is busy with other things.
        assert 1.0 <= time.monotonic() - begun < 10

    async def test_a_server_that_is_away(self, server: Ground, rooms: LiveKitRooms, room: str) -> None:
        """Is unavailable, and is found again by the same client; its rooms are lost."""
        await rooms.create(room)
        await server.stop()
        await self._fails(server.project, room, LiveKitUnavailable)
        with pytest.raises(LiveKitUnavailable):
            await rooms.delete(room)
        await server.start()
        assert await rooms.list_rooms() == []
        await rooms.create(room)

    async def test_a_server_that_was_away_in_between(
        self, server: Ground, rooms: LiveKitRooms, room: str
    ) -> None:
        """The next call notices nothing: a connection that ended meanwhile is not used again."""
        await rooms.create(room)
        await server.stop()
        await server.start()
        await rooms.create(room)

    async def test_what_becomes_of_a_create_that_was_given_up(
        self, server: Ground, rooms: LiveKitRooms, room: str
    ) -> None:
        """No one knows, and on a real server it mostly still takes effect (race R18).

        Whether it timed out or was cancelled, the same client goes on, and deleting wins in the end.
        """
        async with LiveKitRooms(server.project, NAMESPACE, answer_s=0.2).running() as hurried:
            server.freeze()
            cancelled = asyncio.create_task(rooms.create(room))
            with pytest.raises(LiveKitUnavailable):
                await hurried.create(room)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            server.thaw()
            assert (await rooms.create(room)).name == room
            await until(lambda: _deleted_for_good(rooms, room), "the room stays gone")
            await hurried.create(room)

    async def test_something_else_at_the_address(self, mailbox: Mailbox, room: str) -> None:
        """A web server that is not LiveKit is an error that repeating does not help."""
        address = mailbox.url.removesuffix("/v1/livekit/webhook")
        await self._fails(Project(address, "key", "s" * 32), room, LiveKitError)

    async def _fails(
        self, project: Project, room: str, error: type[LiveKitError], *, answer_s: float = 5.0
    ) -> None:
        """Every call does, with exactly this error."""
        async with LiveKitRooms(project, NAMESPACE, answer_s=answer_s).running() as rooms:
            for call in (
                lambda: rooms.create(room),
                rooms.list_rooms,
                lambda: rooms.participants(room),
                lambda: rooms.remove(room, "somebody"),
                rooms.makes_rooms_by_itself,
            ):
                with pytest.raises(LiveKitError) as caught:
                    await call()
                assert type(caught.value) is error
                assert project.secret not in str(caught.value)


async def _publishing(rooms: LiveKitRooms, room: str) -> dict[Side | None, Participant]:
    """Who is in it, once the polite one's picture is known of: LiveKit's list may lag."""
    people = {each.side: each for each in await rooms.participants(room)}
    return people if people[Side.POLITE].is_publishing else {}


async def _deleted_for_good(rooms: LiveKitRooms, room: str) -> bool:
    return not await rooms.delete(room) and not await rooms.delete(room)


async def _value(it: bool) -> bool:
    return it
