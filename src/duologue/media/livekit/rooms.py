"""The rooms of a namespace on a LiveKit server: make, delete, list, look in, send away.

Each call is one request with a deadline of its own, repeated by nobody but the
caller: the library would do it in silence on LiveKit Cloud, and whoever deletes a room
must know what was tried. Names outside the namespace are neither sent nor returned.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.api.room_service import RoomService

from duologue.media.livekit.errors import (
    ForeignRoom,
    LiveKitError,
    from_answer,
    from_connection,
)
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.limits import LIMITS, Limits
from duologue.media.livekit.namespace import Namespace, side_of
from duologue.media.livekit.project import Project
from duologue.pairing.vocabulary import MatchId, Side

ANSWER_S = 5.0
"""A call, from being asked for to its answer. A server of one's own takes 1 ms."""


class Room(NamedTuple):
    """A room that there is."""

    name: str
    match: MatchId | None
    """``None``: a canary."""
    sid: str
    created_at_ms: int
    people_said: int = 0
    """How many are in it, as LiveKit says: it lags (race R7), and is a reason to look, no more."""


class Participant(NamedTuple):
    """Somebody in a room."""

    identity: str
    side: Side | None
    """``None``: nobody whom we let in, such as a recorder."""
    is_active: bool
    """Their media connection is up; else they are still joining, or already leaving."""
    is_publishing: bool
    joined_at_ms: int


class Rooms:
    """One process's access to the rooms. Not usable outside of ``running``."""

    def __init__(
        self,
        project: Project,
        namespace: Namespace,
        *,
        limits: Limits = LIMITS,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._project = project
        self._namespace = namespace
        self._limits = limits
        self._answer_s = answer_s
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Rooms"]:
        """Connections are kept open within it, and closed at its end."""
        # The library's own deadline would cover one attempt only; ours covers the wait for a connection too.
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    async def create(self, room: str) -> Room:
        """There is the room now. Can be repeated: the same room, with the same people in it.

        Raises ``LiveKitError``; after ``LiveKitUnavailable``, and when cancelled, the room may come yet.
        """
        self._own(room)
        async with self._call("create a room") as service:
            made = await service.create_room(self._limits.of_a_made_room(room))
        return self._room(made)

    async def delete(self, room: str) -> bool:
        """The room is gone and so is everybody in it; whether there was one. Can be repeated.

        False proves nothing while a create may be under way: it may bring the room yet (race R18).
        Raises ``LiveKitError``.
        """
        self._own(room)
        try:
            async with self._call("delete a room") as service:
                await service.delete_room(api.DeleteRoomRequest(room=room))
        except _NotFound:
            return False
        return True

    async def list_rooms(self, names: Iterable[str] = ()) -> list[Room]:
        """All rooms of ours that there are, canaries too; with ``names``, those of them that there are.

        Raises ``LiveKitError``.
        """
        wanted = [*names]
        for name in wanted:
            self._own(name)
        async with self._call("list rooms") as service:
            answer = await service.list_rooms(api.ListRoomsRequest(names=wanted))
        return [self._room(room) for room in answer.rooms if self._namespace.owns(room.name)]

    async def participants(self, room: str) -> list[Participant]:
        """Who is in the room; nobody if there is none. Raises ``LiveKitError``."""
        self._own(room)
        match = self._namespace.match_of(room)
        try:
            async with self._call("list participants") as service:
                answer = await service.list_participants(api.ListParticipantsRequest(room=room))
        except _NotFound:
            return []
        return [_participant(each, match) for each in answer.participants]

    async def remove(self, room: str, identity: str) -> bool:
        """That person is sent out of the room; their grant still opens it. False: they were not there.

        Raises ``LiveKitError``.
        """
        self._own(room)
        try:
            async with self._call("remove a participant") as service:
                await service.remove_participant(api.RoomParticipantIdentity(room=room, identity=identity))
        except _NotFound:
            return False
        return True

    async def makes_rooms_by_itself(self) -> bool:
        """Whether a valid grant is enough to make a room (``auto_create``). Nothing is made by asking.

        Raises ``LiveKitError``.
        """
        grant = Grants(self._project, self._namespace).mint(self._namespace.fresh_canary(), "canary")
        url, headers = f"{self._project.http_url}/rtc/validate", {"Authorization": f"Bearer {grant}"}
        async with self._call("ask about auto_create"), self._open.get(url, headers=headers) as answer:
            if answer.status == 200:
                return True
            said = await answer.text()
            if answer.status == 404 and "room does not exist" in said:
                return False
            raise api.ServerError("unknown", said[:200], status=answer.status)

    @property
    def _open(self) -> aiohttp.ClientSession:
        assert self._session is not None, "not running"
        return self._session

    @contextlib.asynccontextmanager
    async def _call(self, what: str) -> AsyncIterator[RoomService]:
        project = self._project
        url = project.http_url
        service = RoomService(self._open, url, project.key, project.secret, failover=False)
        try:
            async with asyncio.timeout(self._answer_s):
                yield service
        except api.ServerError as error:
            if error.status == 404 and error.code == api.ServerErrorCode.NOT_FOUND:
                raise _NotFound(what) from error
            raise from_answer(error, what) from error
        except (aiohttp.ClientError, OSError) as error:
            raise from_connection(error, what) from error
        except DecodeError as error:
            raise LiveKitError(f"{what}: {url} answers, but it is no LiveKit server") from error

    def _own(self, room: str) -> None:
        if not self._namespace.owns(room):
            raise ForeignRoom(f"{room} is no room of {self._namespace.name}")

    def _room(self, room: api.Room) -> Room:
        at_ms = room.creation_time_ms or room.creation_time * 1000
        return Room(room.name, self._namespace.match_of(room.name), room.sid, at_ms, room.num_participants)


class _NotFound(LiveKitError):
    """There is no such room or person."""


def _participant(each: api.ParticipantInfo, match: MatchId | None) -> Participant:
    return Participant(
        identity=each.identity,
        side=side_of(each.identity, match) if match else None,
        is_active=each.state == api.ParticipantInfo.State.ACTIVE,
        is_publishing=bool(each.tracks),
        joined_at_ms=each.joined_at_ms or each.joined_at * 1000,
    )
