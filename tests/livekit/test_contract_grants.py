"""Grants: whom they let in, where, and for how long; on the real server and on the fake."""

import asyncio
import time
from dataclasses import replace

import jwt
import pytest

from duologue.media.livekit.grants import TTL_S, Grants
from duologue.media.livekit.limits import RoomLimits
from duologue.media.livekit.namespace import identity
from duologue.media.livekit.project import Project
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.vocabulary import MatchId
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import Ground, JoinRefused

MATCH = MatchId("m_0123456789abcdef")
ROOM = NAMESPACE.room(MATCH)
MAKES_ROOMS = pytest.mark.parametrize("auto_create", [True])


def grant(
    project: Project, who: str = "polite", *, ttl_s: int = TTL_S, limits: RoomLimits | None = None
) -> str:
    """One for the room of the match."""
    return Grants(project, NAMESPACE, ttl_s=ttl_s, joining_makes_rooms=limits).mint(ROOM, f"{MATCH}.{who}")


async def test_two_people_meet(server: Ground, rooms: LiveKitRooms) -> None:
    """With the grants that their states carry."""
    await rooms.create(ROOM)
    grants = Grants(server.project, NAMESPACE)
    for role in ("polite", "impolite"):
        media = grants.dress({"kind": "livekit", "role": role, "ready": True}, MATCH)
        assert media["url"] == server.project.url
        await server.join(media["token"])
    assert {each.identity for each in await rooms.participants(ROOM)} == {
        identity(MATCH, "polite"),
        identity(MATCH, "impolite"),
    }


async def test_a_third_one_is_refused(server: Ground, rooms: LiveKitRooms) -> None:
    """Our rooms have two places, whoever signed the grant."""
    await rooms.create(ROOM)
    for who in ("polite", "impolite"):
        await server.join(grant(server.project, who))
    with pytest.raises(JoinRefused):
        await server.join(grant(server.project, "third"))
    assert len(await rooms.participants(ROOM)) == 2


async def test_a_reload_takes_its_own_place(server: Ground, rooms: LiveKitRooms) -> None:
    """The same identity again puts its ghost out, also when the room is full."""
    await rooms.create(ROOM)
    ghost = await server.join(grant(server.project, "polite"))
    await server.join(grant(server.project, "impolite"))
    await server.join(grant(server.project, "polite"))
    assert await _sent(ghost.sent_away)
    assert len(await rooms.participants(ROOM)) == 2


async def test_a_room_that_does_not_exist(server: Ground, rooms: LiveKitRooms) -> None:
    """Is not made by joining it: before it was made, and after it was deleted (races R1, R6)."""
    token = grant(server.project)
    with pytest.raises(JoinRefused):
        await server.join(token)
    await rooms.create(ROOM)
    await rooms.delete(ROOM)
    with pytest.raises(JoinRefused):
        await server.join(token)
    assert await rooms.list_rooms() == []


@MAKES_ROOMS
async def test_where_joining_makes_rooms(server: Ground, rooms: LiveKitRooms) -> None:
    """A late grant makes the deleted room again: why the docs say ``auto_create: false``. Deleting still
    works."""
    await rooms.create(ROOM)
    await rooms.delete(ROOM)
    guest = await server.join(grant(server.project))
    assert [each.name for each in await rooms.list_rooms()] == [ROOM]
    await rooms.delete(ROOM)
    assert await _sent(guest.sent_away)
    assert await rooms.list_rooms() == []


@MAKES_ROOMS
async def test_a_room_made_by_joining_has_our_limits(server: Ground, rooms: LiveKitRooms) -> None:
    """The limits are in the grant: two places, also without a call to make the room."""
    for who in ("polite", "impolite"):
        await server.join(grant(server.project, who, limits=RoomLimits()))
    with pytest.raises(JoinRefused):
        await server.join(grant(server.project, "third", limits=RoomLimits()))
    assert len(await rooms.participants(ROOM)) == 2


@pytest.mark.parametrize("auto_create", [False, True])
async def test_what_kind_of_server_it_is(rooms: LiveKitRooms, auto_create: bool) -> None:
    """Can be asked, and asking makes no room."""
    assert await rooms.makes_rooms_by_itself() is auto_create
    assert await rooms.list_rooms() == []


async def test_a_grant_that_has_run_out(server: Ground, rooms: LiveKitRooms) -> None:
    """An expired grant lets no one in; LiveKit allows for clocks that are a minute apart."""
    await rooms.create(ROOM)
    with pytest.raises(JoinRefused):
        await server.join(grant(server.project, ttl_s=-90))


async def test_a_grant_of_another_key(server: Ground, rooms: LiveKitRooms) -> None:
    """A grant that another app signed does not either."""
    await rooms.create(ROOM)
    with pytest.raises(JoinRefused):
        await server.join(grant(replace(server.project, secret="another-secret-of-32-characters-or-more")))


async def test_a_grant_is_good_for_its_room_only(server: Ground) -> None:
    """And for nothing but being in it: no listing, no deleting, no looking in (invariant 10)."""
    project = server.project
    claims = jwt.decode(grant(project), project.secret, algorithms=["HS256"], issuer=project.key)
    assert claims["sub"] == f"{MATCH}.polite"
    assert claims["video"] == {
        "roomJoin": True,
        "room": ROOM,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
    }
    assert claims["exp"] - time.time() <= TTL_S
    assert project.secret not in str(claims)


async def _sent(sent_away: asyncio.Event) -> bool:
    async with asyncio.timeout(10):
        return await sent_away.wait()
