"""The workers of the outbox: they make the rooms that are to open, and delete those that are to close.

There are two loops, because opening must not wait behind deletions. A round lasts as long as the store
answers. Each piece of work has its own task, and no more are claimed than can begin at once, so a LiveKit
server that hangs delays only the rooms that it was asked for. Work that is cut off is claimed again by
another process.
"""

import asyncio

import structlog

from duologue.delivery.clock import Clock
from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.rooms import Rooms
from duologue.pairing.vocabulary import MatchId, RoomWork, RoomWorkKind
from duologue.workers.supervisor import jittered

AT_ONCE = 32
"""Calls to LiveKit under way for one kind of work: at 1 ms each far more than there are matches."""
LOOK_S = 0.25
"""A room whose people have not left is due by time alone, without an event that wakes us."""

log = structlog.get_logger(__name__, ours=True)


class RoomWorker:
    """One kind of work.

    Example::

        opener = RoomWorker(RoomWorkKind.OPEN, machine.rooms, rooms, namespace, clock)
        Hub(..., wake_rooms=opener.wake)
    """

    def __init__(
        self, kind: RoomWorkKind, outbox: Rooms, server: LiveKitRooms, namespace: Namespace, clock: Clock
    ) -> None:
        self.name = f"rooms-{kind}"
        self._kind = kind
        self._outbox = outbox
        self._server = server
        self._namespace = namespace
        self._clock = clock
        self._woken = asyncio.Event()
        self._under_way = 0
        self._failing = False

    def wake(self) -> None:
        """There is work. May be called at any time, again and again."""
        self._woken.set()

    async def run_once(self) -> None:
        """Works until the store fails (its errors are raised) or it is cancelled."""
        self._under_way = 0
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                if await self._begin(group):
                    self._woken.set()
                await self._clock.wait(self._woken, LOOK_S)

    async def _begin(self, group: asyncio.TaskGroup) -> bool:
        """Whether there is more that could be begun now."""
        free = AT_ONCE - self._under_way
        if free == 0:
            return False  # whoever is done wakes us
        due = await self._outbox.due(self._kind, free)
        for work in due.works:
            self._under_way += 1
            group.create_task(self._do(work))
        return due.more and self._under_way < AT_ONCE

    async def _do(self, work: RoomWork) -> None:
        room = self._namespace.room(MatchId(work.match))
        try:
            await (self._open(work, room) if work.kind is RoomWorkKind.OPEN else self._delete(work, room))
            self._failing = False
        except LiveKitError as error:
            if not self._failing:  # the metric of rooms counts them all
                log.warning("LiveKit does not do as it is asked", work=work.kind, error=str(error))
            self._failing = True
            await self._outbox.failed(work.match, work.generation)
        finally:
            if self._under_way == AT_ONCE:
                self._woken.set()
            self._under_way -= 1

    async def _open(self, work: RoomWork, room: str) -> None:
        await self._server.create(room)
        await self._outbox.opened(work.match, work.generation)

    async def _delete(self, work: RoomWork, room: str) -> None:
        found = await self._server.delete(room)
        await self._outbox.gone(work.match, work.generation, found=found)

    async def pause(self) -> None:
        """After the store failed."""
        await jittered(self._clock, LOOK_S)
