"""What LiveKit itself holds about a room, for the case that nobody of ours is left to delete it."""

from dataclasses import dataclass

from livekit import api


@dataclass(frozen=True, slots=True)
class Limits:
    """Two people, and how long a room without people lives.

    Deleting rooms is ours; this is the net below it.
    """

    empty_s: int = 30
    """Nobody came: as long as a match may wait for its media at most."""
    departure_s: int = 10
    """Everybody left: longer than two reloads at the same moment."""
    people: int = 2

    def of_a_made_room(self, name: str) -> api.CreateRoomRequest:
        """For a room that we make."""
        return api.CreateRoomRequest(
            name=name,
            max_participants=self.people,
            empty_timeout=self.empty_s,
            departure_timeout=self.departure_s,
        )

    def of_a_joined_room(self) -> api.RoomConfiguration:
        """For a room that the first person makes by joining."""
        return api.RoomConfiguration(
            max_participants=self.people, empty_timeout=self.empty_s, departure_timeout=self.departure_s
        )


LIMITS = Limits()
