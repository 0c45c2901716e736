"""Re-attach: what a process does for the people whose sockets it holds (mechanism 2).

It tells the store what was written last to each connection and mends the
difference: a lost address is written again there, a lost newest frame and a
missing message are answered by a snapshot with all that followed, a later
connection by the end of this one. It is never a sign of life. It can be
repeated at any time.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence

from duologue.delivery.connection import Connection, End
from duologue.delivery.hub import Hub
from duologue.pairing.vocabulary import Attached, ConnectionId, PersonId, Reattached, Refused, Seen

BATCH = 50


@contextlib.asynccontextmanager
async def turns(connections: Sequence[Connection]) -> AsyncIterator[list[Connection]]:
    """Those of them for which nothing is under way, theirs until the block is left.

    The others are attaching or detaching right now, or wait to: that does more than a re-attach would. It
    must not be waited for, since the turns of this whole batch would wait as well (race E41).
    """
    mine = []
    try:
        for connection in connections:
            if connection.turn.is_free and connection.attached and connection.ended is None:
                await connection.turn.take()  # free, so it does not wait
                mine.append(connection)
        yield mine
    finally:
        for connection in mine:
            connection.turn.give_back()


def crossed(before: Seen, now: Seen, answer: Attached) -> bool:
    """Whether what was written since the call was sent is not older than its answer.

    Such an answer would turn the page back, or repeat what was only under way.
    """
    if now == before:
        return False  # older or not: the store says so, and it may have fallen back
    said = Seen(answer.version, answer.match, answer.message_n, answer.signal_n)
    if now.version > said.version or now._replace(message_at_ms=0, signal_at_ms=0) == said:
        return True
    return now.match == said.match and (now.message_n > said.message_n or now.signal_n > said.signal_n)


class Resync:
    """The rounds of one process; one at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._machine = hub.machine

    async def everybody(self) -> None:
        """Run one round, matched and owing people first. Raises ``StoreError``; people who were reached
        stay re-attached."""
        live = self._hub.connections()
        for start in range(0, len(live), BATCH):
            await self.some(live[start : start + BATCH])

    async def some(self, connections: Sequence[Connection]) -> None:
        """Re-attach these (at most ``BATCH``), and mend what differs. Those passed over are doubtful."""
        suspicions = self._hub.contact.suspicions
        async with turns(connections) as mine:
            for one in set(connections).difference(mine):
                if one.ended is None:
                    self._hub.doubt(one)
            if not mine:
                return
            generation = self._hub.contact.generation
            before = [one.seen for one in mine]
            held = [one.as_held() for one in mine]
            answers = await self._machine.reattach(self._hub.process, held)
            for one, seen, answer in zip(mine, before, answers, strict=True):
                self._mend(one, seen, answer, generation)
        if suspicions != self._hub.contact.suspicions:
            for one in mine:
                self._hub.doubt(one)  # a round for everybody may have passed them over meanwhile

    async def compare(self) -> tuple[int, int]:
        """Hold the store's list of our people against ours: detach strays, re-attach those who are missing.

        Return how many strays, and how many missing ones, there were. Raises ``StoreError``.
        """
        missing = {one.id: one for one in self._hub.connections()}

        def holds(person: PersonId, connection: ConnectionId) -> bool:
            missing.pop(connection, None)
            return self._hub.holds(person, connection)

        strays = await self._machine.stray(self._hub.process, holds)
        live = [one for one in missing.values() if one.ended is None]
        for start in range(0, len(live), BATCH):
            await self.some(live[start : start + BATCH])
        self._hub.metrics.lists_mended(strays, len(live))
        return strays, len(live)

    async def strays(self) -> int:
        """Detach whom the store lists as ours and we do not hold; how many they were."""
        strays = await self._machine.stray(self._hub.process, self._hub.holds)
        self._hub.metrics.lists_mended(strays, 0)
        return strays

    def _mend(self, one: Connection, before: Seen, answer: Reattached, generation: int) -> None:
        if isinstance(answer, Refused):
            one.end(End.REFUSED)
        elif isinstance(answer, Attached):
            if crossed(before, one.seen, answer):
                self._hub.doubt(one)  # the next round asks again
            else:
                one.attach_answered(answer, "resync", generation)
