"""Re-attach: what a process does for the people whose sockets it holds (mechanism 2).

It asks the store what it knows of each connection and mends the difference: a
lost address is written again, a lost newest frame is answered by a snapshot, a
missing message by a replay, a later connection by the end of this one. It is
never a sign of life. It can be repeated at any time.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import structlog

from duologue.delivery.connection import Connection, End, Numbers, state_head
from duologue.delivery.hub import Hub, new_connection_id
from duologue.pairing.vocabulary import Attached, Reattached, Refused, Same
from duologue.store.client import StoreError, StoreUnavailable

BATCH = 200
READS_AGAIN = 5
"""How often a state that was overtaken while it was read is read again, before the next round has to."""

log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def turns(connections: Sequence[Connection]) -> AsyncIterator[list[Connection]]:
    """Those of them for which nothing is under way, theirs until the block is left.

    The others are attaching or detaching right now: that does more than a re-attach would.
    """
    mine = []
    try:
        for connection in connections:
            if not connection.turn.locked() and connection.ended is None:
                await connection.turn.acquire()  # free, so it does not wait
                mine.append(connection)
        yield mine
    finally:
        for connection in mine:
            connection.turn.release()


class Resync:
    """The rounds of one process; one at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._machine = hub.machine

    async def everybody(self) -> None:
        """One round, matched or owing first. Raises ``StoreError``; whoever was reached stays mended."""
        live = self._hub.connections()
        for start in range(0, len(live), BATCH):
            await self.some(live[start : start + BATCH])

    async def some(self, connections: Sequence[Connection]) -> None:
        """Re-attach these (at most ``BATCH``), and mend what differs."""
        async with turns(connections) as mine:
            if not mine:
                return
            generation = self._hub.contact.generation
            before = [one.numbers() for one in mine]
            held = [one.as_held() for one in mine]
            answers = await self._machine.reattach(self._hub.process, held)
            try:
                async with asyncio.TaskGroup() as group:
                    for one, numbers, answer in zip(mine, before, answers, strict=True):
                        group.create_task(self._mend(one, numbers, answer, generation))
            except* StoreError as errors:
                raise StoreUnavailable(f"{len(errors.exceptions)} states could not be read") from errors

    async def strays(self) -> int:
        """Detach whom the store lists as ours and we do not hold; how many they were."""
        return await self._machine.stray(self._hub.process, self._hub.holds)

    async def _mend(self, one: Connection, before: Numbers, answer: Reattached, generation: int) -> None:
        match answer:
            case Refused():
                one.end(End.REFUSED)
            case Attached():
                await self._restored(one, before, answer, generation)
            case Same():
                await self._compare(one, before, answer)

    async def _restored(self, one: Connection, before: Numbers, answer: Attached, generation: int) -> None:
        if one.version in (before.version, answer.version) or one.version < answer.version:
            one.attach_answered(answer, "resync", generation)
        else:
            # A newer frame came first: the answer, taken as a snapshot, would turn the page back.
            one.attached_at_ms = answer.attached_at_ms
            await self._snapshot(one, owed=True)

    async def _compare(self, one: Connection, before: Numbers, answer: Same) -> None:
        owed = one.snapshot_of < self._hub.contact.generation
        if owed or answer.version != one.version or answer.match != one.match:
            await self._snapshot(one, owed=owed)
        elif (answer.message_n, answer.signal_n) != (one.message_n, one.signal_n):
            # Perhaps they are only under way: a round trip later they are here.
            await self._machine.read(one.person)
        if one.match != answer.match:
            return
        if answer.message_n > one.message_n or answer.signal_n > one.signal_n:
            await self._replay(one)
        elif one.numbers() == before and answer.match == before.match:
            # A store that fell back gives the same numbers out again, to other messages.
            one.message_n, one.signal_n = answer.message_n, answer.signal_n

    async def _snapshot(self, one: Connection, *, owed: bool) -> None:
        """Read the state and write it, unless (not ``owed``) its frame came while we read.

        A frame that is newer than what we read came while we read: then read again, for a
        snapshot counts as the newest whatever its version.
        """
        for _ in range(READS_AGAIN):
            generation, before = self._hub.contact.generation, one.version
            state = await self._machine.read(one.person)
            version = state_head(state).version
            if version == one.version and not owed:
                return
            if one.version == before or version >= one.version:
                one.snapshot(state, "resync", generation)
                return
        self._hub.doubt(one)

    async def _replay(self, one: Connection) -> None:
        """Fetch what was missed, by a re-attach under a new id: that one the store must write.

        Not by an attach: that would be a sign of life, which only the person can give.
        """
        generation, before = self._hub.contact.generation, one.numbers()
        self._hub.rename(one, new_connection_id())
        one.attached_at_ms += 1  # an equal one would be refused: the record names the former id
        (answer,) = await self._machine.reattach(self._hub.process, [one.as_held()])
        if isinstance(answer, Refused):
            one.end(End.REFUSED)
        elif isinstance(answer, Attached):
            await self._restored(one, before, answer, generation)
