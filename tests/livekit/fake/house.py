"""The fake's rooms and who is in them: what LiveKit would do, without a picture ever flowing."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from livekit import api

Event = dict[str, Any]

FULL = 500
"""What LiveKit answers a third person: a failed handshake, and no reason."""


class Refused(Exception):
    """What the server answers in place of what was asked."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def no_room() -> Refused:
    """LiveKit's words."""
    return Refused(404, "not_found", "requested room does not exist")


@dataclass(eq=False)
class Person:
    """A person in a room."""

    sid: str
    identity: str
    joined_at_ms: int
    track: str = ""
    sent_away: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class FakeRoom:
    """A room."""

    info: api.Room
    people: dict[str, Person] = field(default_factory=dict)
    closing: asyncio.TimerHandle | None = None


class House:
    """All rooms of one server."""

    def __init__(self, tell: Callable[[Event], None], *, auto_create: bool) -> None:
        """``tell``: what becomes a webhook."""
        self.auto_create = auto_create
        self._rooms: dict[str, FakeRoom] = {}
        self._tell = tell
        self._numbers = itertools.count(1)

    def create(self, wanted: api.CreateRoomRequest) -> api.Room:
        """The room, with these limits; the same one if it is there already."""
        room = self._rooms.get(wanted.name)
        if room is None:
            now_ms = round(time.time() * 1000)
            info = api.Room(
                sid=self._fresh("RM"),
                name=wanted.name,
                creation_time=now_ms // 1000,
                creation_time_ms=now_ms,
                empty_timeout=300,
                departure_timeout=20,
            )
            room = self._rooms[wanted.name] = FakeRoom(info)
            self._say("room_started", room)
        for limit in ("max_participants", "empty_timeout", "departure_timeout"):
            if value := getattr(wanted, limit):
                setattr(room.info, limit, value)
        if not room.people:
            self._close_after(room, room.info.empty_timeout)
        return room.info

    def delete(self, name: str) -> None:
        """Remove all people. Raises ``Refused``."""
        if name not in self._rooms:
            raise no_room()
        self._close(self._rooms[name])

    def rooms(self, names: tuple[str, ...]) -> list[api.Room]:
        """Those named, or all."""
        for room in self._rooms.values():
            room.info.num_participants = len(room.people)
        return [room.info for name, room in self._rooms.items() if not names or name in names]

    def participants(self, name: str) -> list[api.ParticipantInfo]:
        """Return the people; none if there is no such room."""
        room = self._rooms.get(name)
        return [_info(each) for each in room.people.values()] if room else []

    def remove(self, name: str, identity: str) -> None:
        """They are sent away. Raises ``Refused``."""
        room = self._rooms.get(name)
        if room is None or identity not in room.people:
            raise Refused(404, "not_found", "participant does not exist")
        person = room.people[identity]
        self.leave(name, person)
        person.sent_away.set()

    def admit(self, name: str) -> None:
        """Whether a valid grant for this room would be looked at. Raises ``Refused``."""
        if name not in self._rooms and not self.auto_create:
            raise no_room()

    def join(self, name: str, identity: str, limits: api.RoomConfiguration) -> Person:
        """Let a person in, and remove an earlier one with the same identity. Raises ``Refused``."""
        self.admit(name)
        if name not in self._rooms:
            self.create(
                api.CreateRoomRequest(
                    name=name,
                    max_participants=limits.max_participants,
                    empty_timeout=limits.empty_timeout,
                    departure_timeout=limits.departure_timeout,
                )
            )
        room = self._rooms[name]
        if identity in room.people:
            self.remove(name, identity)
        if room.info.max_participants and len(room.people) >= room.info.max_participants:
            raise Refused(FULL, "internal", "")
        if room.closing is not None:
            room.closing.cancel()
        person = room.people[identity] = Person(self._fresh("PA"), identity, round(time.time() * 1000))
        self._say("participant_joined", room, person)
        return person

    def publish(self, name: str, person: Person) -> None:
        """They show a picture."""
        person.track = self._fresh("TR")
        self._say("track_published", self._rooms[name], person)

    def leave(self, name: str, person: Person) -> None:
        """They are out; can be repeated."""
        room = self._rooms.get(name)
        if room is None or room.people.get(person.identity) is not person:
            return
        self._out(room, person)
        if not room.people:
            self._close_after(room, room.info.departure_timeout)

    def forget(self) -> None:
        """Forget everything, as a server that was killed: no rooms, and no notice to anyone."""
        for room in self._rooms.values():
            if room.closing is not None:
                room.closing.cancel()
            for person in room.people.values():
                person.sent_away.set()
        self._rooms.clear()

    def _close_after(self, room: FakeRoom, seconds: float) -> None:
        if room.closing is not None:
            room.closing.cancel()
        room.closing = asyncio.get_running_loop().call_later(seconds, self._close, room)

    def _close(self, room: FakeRoom) -> None:
        if room.closing is not None:
            room.closing.cancel()
        for person in [*room.people.values()]:
            self._out(room, person)
            person.sent_away.set()
        del self._rooms[room.info.name]
        self._say("room_finished", room)

    def _out(self, room: FakeRoom, person: Person) -> None:
        if person.track:
            self._say("track_unpublished", room, person)
        del room.people[person.identity]
        self._say("participant_left", room, person)

    def _say(self, kind: str, room: FakeRoom, person: Person | None = None) -> None:
        event: Event = {"event": kind, "room": {"sid": room.info.sid, "name": room.info.name}}
        if person is not None:
            event["participant"] = {"sid": person.sid, "identity": person.identity}
        if person is not None and kind.startswith("track"):
            event["track"] = {"sid": person.track, "type": "VIDEO", "source": "CAMERA"}
        self._tell({**event, "id": self._fresh("EV"), "createdAt": str(int(time.time()))})

    def _fresh(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"


def _info(person: Person) -> api.ParticipantInfo:
    return api.ParticipantInfo(
        sid=person.sid,
        identity=person.identity,
        state=api.ParticipantInfo.State.ACTIVE,
        joined_at=person.joined_at_ms // 1000,
        joined_at_ms=person.joined_at_ms,
        tracks=[api.TrackInfo(sid=person.track)] if person.track else [],
    )
