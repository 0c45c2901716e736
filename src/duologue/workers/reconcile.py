"""The reconciler: every 5 s it compares the rooms that exist with those that should.

Rooms are listed first, and the store is read after that: a room that was made in between is in the store
(race R19). A room without an owner is put into the outbox, and the workers of rooms delete it; a live match
without a room ends. A failed listing proves nothing. One process at a time has the round, so its cost does
not grow with processes (docs/decisions/0025). If that process dies or stalls, its claim ends, and what it
reports later is refused.
"""

from collections.abc import Mapping, Sequence

import structlog

from duologue.delivery.clock import Clock
from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms, Room
from duologue.metrics import Metrics
from duologue.pairing.rooms import Rooms
from duologue.pairing.vocabulary import MatchId, RoomRound, RoomsKnown
from duologue.workers.supervisor import jittered
from duologue.workers.suspects import Suspects

PERIOD_S = 5.0
SOONEST_S = 0.5
"""Between two questions for the round."""
CANARY_MS = 15_000
"""A canary lives for one create and one delete, 5 s each at most: an older one was left behind."""
NAMES_A_CALL = 200
SOLO_MS = 8_000
"""Younger rooms with fewer than two people are not suspicious yet."""
LEFT_OVERS = 20
"""Canaries deleted in a round."""

log = structlog.get_logger(__name__, ours=True)


class Reconcile:
    """One round, if it is ours: list, confirm what is missing by name, tell the store, hand on what looks
    lonely."""

    name = "reconcile"

    def __init__(
        self,
        rooms: LiveKitRooms,
        owners: Rooms,
        namespace: Namespace,
        suspects: Suspects,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._rooms = rooms
        self._owners = owners
        self._namespace = namespace
        self._suspects = suspects
        self._metrics = metrics
        self._clock = clock
        self._first_seen_ms: dict[str, int] = {}
        self._last = ""
        self._pause_s = PERIOD_S

    async def run_once(self) -> None:
        """Raises ``LiveKitError``, before anything is told, and the store's errors; can be repeated."""
        self._pause_s = PERIOD_S
        seen = await self._owners.begin_round(self._last)
        self._metrics.rooms_seen(listed=seen.listed, owned=seen.owned, closing=seen.closing)
        if not seen.generation:
            self._pause_s = max(seen.wait_ms / 1000, SOONEST_S)
            return
        self._last = seen.generation
        try:
            listed = await self._rooms.list_rooms()
            confirmed = await self._held_against(listed, seen)
        except LiveKitError:
            await self._owners.end_round(seen.generation, None)
            raise
        if confirmed:
            self._metrics.rooms_seen(listed=len(listed), owned=seen.owned, closing=seen.closing)
            await self._sweep_canaries(listed, seen)
            await self._owners.end_round(seen.generation, len(listed))
        else:
            log.warning("the round of rooms took too long, and another process has it")

    async def _held_against(self, listed: Sequence[Room], seen: RoomRound) -> bool:
        """Whether the store was told. False: the round is not ours any more."""
        ages = self._ages(listed, seen)
        known = await self._owners.known()
        confirmed = await self._confirmed(ages, known, seen.generation)
        if confirmed is None:
            return False
        audit = await self._owners.reconcile(seen.now_ms, confirmed, known, round_=seen.generation)
        if audit is None:
            return False
        if audit != (0, 0):
            log.warning("rooms reconciled", orphaned=audit.orphaned, vanished=audit.vanished)
        for room in listed:
            if room.match and room.people_said < 2 and ages[room.match] >= SOLO_MS:
                self._suspects.add(room.match)
        return True

    async def _confirmed(
        self, ages: Mapping[str, int], known: RoomsKnown, generation: str
    ) -> Mapping[str, int] | None:
        """The listing, and what it lacks, though it is there when asked for by name.

        A list that is short ends conversations, so it is asked twice. ``None``: another has the round.
        """
        missing = [self._namespace.room(MatchId(match)) for match in known.open if match not in ages]
        found = dict(ages)
        for at in range(0, len(missing), NAMES_A_CALL):
            if not await self._owners.keep_round(generation):
                return None
            for room in await self._rooms.list_rooms(missing[at : at + NAMES_A_CALL]):
                if room.match:
                    found[room.match] = 0
        return found

    def _ages(self, listed: Sequence[Room], seen: RoomRound) -> dict[str, int]:
        """By LiveKit's clock; where it is ahead of the store's, at least since we saw it first."""
        first = self._first_seen_ms
        self._first_seen_ms = {room.name: first.get(room.name, seen.now_ms) for room in listed}
        return {room.match: self._age(room, seen) for room in listed if room.match}

    def _age(self, room: Room, seen: RoomRound) -> int:
        return max(seen.wall_ms - room.created_at_ms, seen.now_ms - self._first_seen_ms[room.name], 0)

    async def _sweep_canaries(self, listed: Sequence[Room], seen: RoomRound) -> None:
        old = [room for room in listed if room.match is None and self._age(room, seen) >= CANARY_MS]
        for room in old[:LEFT_OVERS]:
            try:
                await self._rooms.delete(room.name)
            except LiveKitError:
                return  # they are in the next listing too

    async def pause(self) -> None:
        """Five seconds, or until the round may be ours."""
        await jittered(self._clock, self._pause_s)
