"""A LiveKit server and an outbox that say what a test says."""

from collections.abc import Iterable, Mapping, Sequence

from duologue.media.livekit.errors import LiveKitUnavailable
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms, Participant, Room
from duologue.pairing.rooms import Rooms
from duologue.pairing.vocabulary import (
    Audit,
    MatchId,
    ParticipantFact,
    RoomLoss,
    RoomRound,
    RoomsKnown,
    RoomsSeen,
    Side,
)

NAMESPACE = Namespace("ours")
NOW_MS = 1_000_000


def a_match(letter: str) -> MatchId:
    return MatchId("m_" + letter * 16)


def a_room(match: MatchId, *, age_ms: int = 60_000, people: int = 2) -> Room:
    return Room(NAMESPACE.room(match), match, "RM_1", NOW_MS - age_ms, people)


def somebody(side: Side | None, *, is_active: bool = True, is_publishing: bool = False) -> Participant:
    return Participant("x", side, is_active, is_publishing, NOW_MS)


class ScriptedLiveKit(LiveKitRooms):
    """Rooms by listing and by name apart, so that a listing can be short."""

    def __init__(self) -> None:
        self.listed: list[Room] = []
        self.by_name: list[Room] = []
        self.people: dict[str, list[Participant]] = {}
        self.away: set[str] = set()
        """Calls that fail: ``create``, ``delete``, ``list``, or a room's name to look into it."""
        self.calls: list[tuple[str, object]] = []

    def _called(self, what: str, about: object) -> None:
        self.calls.append((what, about))
        if what in self.away or about in self.away:
            raise LiveKitUnavailable(what)

    async def list_rooms(self, names: Iterable[str] = ()) -> list[Room]:
        wanted = [*names]
        self._called("list", tuple(wanted))
        return [room for room in self.by_name if room.name in wanted] if wanted else self.listed

    async def participants(self, room: str) -> list[Participant]:
        self._called("look", room)
        return self.people.get(room, [])

    async def create(self, room: str) -> Room:
        self._called("create", room)
        return Room(room, None, "RM_1", NOW_MS)

    async def delete(self, room: str) -> bool:
        self._called("delete", room)
        return True


class ScriptedOutbox(Rooms):
    """What the store would say, and what it was told."""

    def __init__(self) -> None:
        self.seen = RoomsSeen(NOW_MS, NOW_MS, is_video_down=False, owned=0, closing=0, live=[], awaited=[])
        self.open_now: list[str] = []
        self.loss = RoomLoss.OK
        self.told: list[tuple[object, ...]] = []
        self.asked: list[list[str]] = []
        self.in_pages = False
        """Whether matches that wait for a look come page by page, as the store tells them."""
        self.is_ours = True
        """Whether the reconciler's round is this process's."""
        self.seen_by_others = 0
        self.rounds: list[tuple[object, ...]] = []

    async def look(self, asked: Sequence[str] = (), most: int = 0) -> RoomsSeen:
        self.asked.append([*asked])
        live = [match for match in self.seen.live if match in asked]
        if not self.in_pages:
            return self.seen._replace(live=live)
        page = self.seen.awaited[:most]
        del self.seen.awaited[:most]
        return self.seen._replace(live=live, awaited=page, more=bool(self.seen.awaited))

    async def begin_round(self, last: str = "") -> RoomRound:
        self.rounds.append(("begin", last))
        about = (self.seen.now_ms, self.seen.wall_ms, self.seen.owned, self.seen.closing, self.seen_by_others)
        return RoomRound(
            f"r_{len(self.rounds)}" if self.is_ours else "", 0 if self.is_ours else 3_000, *about
        )

    async def keep_round(self, generation: str) -> bool:
        self.rounds.append(("keep", generation))
        return self.is_ours

    async def end_round(self, generation: str, listed: int | None) -> None:
        self.rounds.append(("end", generation, listed))

    async def known(self) -> RoomsKnown:
        return RoomsKnown([*self.open_now], [])

    async def reconcile(
        self, began_ms: int, listed: Mapping[str, int], known: RoomsKnown | None = None, *, round_: str = ""
    ) -> Audit | None:
        assert known is not None
        assert round_
        if not self.is_ours:
            return None
        self.told.append(("reconcile", began_ms, dict(listed)))
        return Audit(0, 0)

    async def hint(self, match: str, side: Side, fact: ParticipantFact, event: str = "") -> bool:
        self.told.append(("hint", match, side, fact, event))
        return True

    async def solo(self, match: str, since_ms: int) -> RoomLoss:
        self.told.append(("solo", match, since_ms))
        return self.loss

    async def vanished(self, match: str, began_ms: int) -> RoomLoss:
        self.told.append(("vanished", match, began_ms))
        return self.loss

    async def stray(self, match: str) -> None:
        self.told.append(("stray", match))

    async def media_down(self, since_ms: int) -> bool:
        self.told.append(("down", since_ms))
        return True

    async def media_up(self, since_ms: int) -> bool:
        self.told.append(("up", since_ms))
        return True
