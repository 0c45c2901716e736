"""The rooms of a namespace on a LiveKit server: make, delete, list, look into, and remove people.

Each call is one request with its own deadline. Only the caller repeats it: the library would repeat calls
silently on LiveKit Cloud, and code that deletes a room must know what was tried. Names of other namespaces
are neither sent nor returned.
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
from duologue.media.livekit.limits import LIMITS, RoomLimits
from duologue.media.livekit.namespace import Namespace, side_of
from duologue.media.livekit.project import Project
from duologue.pairing.vocabulary import MatchId, Side

ANSWER_S = 5.0
"""Deadline of a call. A server on the same network answers within 1 ms."""


class Room(NamedTuple):
    """A room that exists."""

    name: str
    match: MatchId | None
    """The match; ``None``: a canary."""
    sid: str
    created_at_ms: int
    people_said: int = 0
    """How many people LiveKit says are in it. The number lags (race R7), so it is only a reason to look."""


class Participant(NamedTuple):
    """A participant of a room."""

    identity: str
    side: Side | None
    """The side of the match; ``None``: a participant whom we did not let in, such as a recorder."""
    is_active: bool
    """Whether the media connection is up; if not, the person is joining or leaving."""
    is_publishing: bool
    joined_at_ms: int


class LiveKitRooms:
    """One process's access to the rooms, usable inside of ``running``."""

    def __init__(
        self,
        project: Project,
        namespace: Namespace,
        *,
        limits: RoomLimits = LIMITS,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._project = project
        self._namespace = namespace
        self._limits = limits
        self._answer_s = answer_s
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["LiveKitRooms"]:
        """Keep connections open inside the block, and close them at its end."""
        # The library's own deadline would cover one attempt only; ours covers the wait for a connection too.
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    async def create(self, room: str) -> Room:
        """Make the room. This can be repeated: it returns the same room with the same people in it.

        Raises ``LiveKitError``. After ``LiveKitUnavailable``, and after a cancellation, the room may still
        be made.
        """
        self._own(room)
        async with self._call("create a room") as service:
            made = await service.create_room(self._limits.of_a_made_room(room))
        return self._room(made)

    async def delete(self, room: str) -> bool:
        """Delete the room and remove all people in it; return whether there was a room. This can be
        repeated.

        False proves nothing while a create may be running, because the room may still be made (race R18).
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
        """Return all our rooms, also canaries; with ``names``, those of them that exist.

        Raises ``LiveKitError``.
        """
        wanted = [*names]
        for name in wanted:
            self._own(name)
        async with self._call("list rooms") as service:
            answer = await service.list_rooms(api.ListRoomsRequest(names=wanted))
        return [self._room(room) for room in answer.rooms if self._namespace.owns(room.name)]

    async def participants(self, room: str) -> list[Participant]:
        """Return the participants of the room; empty if there is no room. Raises ``LiveKitError``."""
        self._own(room)
        match = self._namespace.match_of(room)
        try:
            async with self._call("list participants") as service:
                answer = await service.list_participants(api.ListParticipantsRequest(room=room))
        except _NotFound:
            return []
        return [_participant(each, match) for each in answer.participants]

    async def remove(self, room: str, identity: str) -> bool:
        """Remove a person from the room; their grant still lets them join. Returns False if they were not
        there.

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
        """Return whether a valid grant is enough to make a room (``auto_create``). Asking does not make
        one.

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
    """The room or the person does not exist."""


def _participant(each: api.ParticipantInfo, match: MatchId | None) -> Participant:
    return Participant(
        identity=each.identity,
        side=side_of(each.identity, match) if match else None,
        is_active=each.state == api.ParticipantInfo.State.ACTIVE,
        is_publishing=bool(each.tracks),
        joined_at_ms=each.joined_at_ms or each.joined_at * 1000,
    )
