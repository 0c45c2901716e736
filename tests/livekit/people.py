"""Pairs who meet and part on a LiveKit server, and the workers of their rooms."""

import time

import msgspec

from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.timings import RoomRules
from duologue.pairing.vocabulary import (
    ConnectionId,
    Deletion,
    MatchId,
    MediaKind,
    PersonId,
    ProcessId,
    RoomWork,
    RoomWorkKind,
)
from duologue.store.client import Store
from tests.livekit.conftest import NAMESPACE

PROCESS = ProcessId("s_AAAAAAAAAAAAAAAA")
RULES = RoomRules(namespace=NAMESPACE.name, close_ms=50, retry_ms=20, open_retry_most_ms=50)


class People:
    """All that happens in the state machine is asked for here, step by step."""

    def __init__(self, store: Store, rooms: LiveKitRooms, rules: RoomRules = RULES) -> None:
        self.machine = Machine(store, media=MediaKind.LIVEKIT, room_rules=rules)
        self._rooms = rooms
        self._deleted = Deletion.AGAIN if rules.auto_create else Deletion.GONE

    async def meet(self) -> tuple[PersonId, PersonId, MatchId]:
        """Let two people meet each other and no one else."""
        one, other = PersonId(fresh_ids(1)), PersonId(fresh_ids(1))
        for person in (one, other):
            await self.machine.attach(person, ConnectionId(f"c_{fresh_ids(1)}"), PROCESS, fresh_ids(1))
            await self.machine.join(person, intent=1, pool="main", tags=[one])
        match = MatchId(await self.match(one))
        for person in (one, other):
            await self.machine.pulse(person, match)
        return one, other, match

    async def state(self, person: PersonId) -> dict[str, object]:
        state: dict[str, object] = msgspec.json.decode(await self.machine.read(person))
        return state

    async def match(self, person: PersonId) -> str:
        return str(msgspec.json.decode(await self.machine.read(person))["match"]["match"])

    async def ready(self, person: PersonId) -> bool:
        return bool(msgspec.json.decode(await self.machine.read(person))["match"]["media"]["ready"])

    async def work(self) -> None:
        """What is due now, done and told."""
        for kind in RoomWorkKind:
            for work in (await self.machine.rooms.due(kind)).works:
                await self._do(work)

    async def _do(self, work: RoomWork) -> None:
        outbox, room = self.machine.rooms, NAMESPACE.room(MatchId(work.match))
        try:
            if work.kind is RoomWorkKind.OPEN:
                await self._rooms.create(room)
                await outbox.opened(work.match, work.generation)
            else:
                found = await self._rooms.delete(room)
                assert await outbox.gone(work.match, work.generation, found=found) is self._deleted
        except LiveKitError:
            await outbox.failed(work.match, work.generation)

    async def names(self) -> list[str]:
        return [room.name for room in await self._rooms.list_rooms()]

    async def nothing_is_left(self) -> bool:
        await self.work()
        return await self.names() == []

    async def now_ms(self) -> int:
        """The store's time."""
        return (await self.machine.rooms.due(RoomWorkKind.CLOSE)).now_ms

    async def listed(self) -> dict[str, int]:
        now_ms = time.time() * 1000
        rooms = await self._rooms.list_rooms()
        return {room.match: int(now_ms - room.created_at_ms) for room in rooms if room.match}
