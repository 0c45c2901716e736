"""What LiveKit itself does with a room, in case no process of ours is left to delete it."""

from dataclasses import dataclass

from livekit import api


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How many people a room has, and how long it lasts without people.

    We delete rooms ourselves; these limits are for the case that we cannot.
    """

    empty_s: int = 30
    """How long a room lasts that no person joined: as long as a match may wait for its media."""
    departure_s: int = 10
    """How long a room lasts after all people left: longer than two reloads at the same moment."""
    people: int = 2

    def of_a_made_room(self, name: str) -> api.CreateRoomRequest:
        """Return the limits of a room that we make."""
        return api.CreateRoomRequest(
            name=name,
            max_participants=self.people,
            empty_timeout=self.empty_s,
            departure_timeout=self.departure_s,
        )

    def of_a_joined_room(self) -> api.RoomConfiguration:
        """Return the limits of a room that its first person makes by joining."""
        return api.RoomConfiguration(
            max_participants=self.people, empty_timeout=self.empty_s, departure_timeout=self.departure_s
        )


LIMITS = RoomLimits()
