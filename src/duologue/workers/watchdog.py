"""The watchdog: no person of a live match is alone in a room for longer than 8 s, and people in the room
count as there.

It looks (``ListParticipants``) only with a reason: a webhook, a listing with fewer than two people, or a
match whose media is due and whose page reports nothing about it (an app with its own video components).
Reports are never taken as facts: if they come late, twice or in the wrong order, they cost one look (race
R7).
"""

import asyncio
from collections.abc import Mapping, Sequence

from duologue.delivery.clock import Clock
from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms, Participant
from duologue.media.livekit.webhooks import Fact, FactKind
from duologue.pairing.rooms import Rooms
from duologue.pairing.vocabulary import MatchId, ParticipantFact, RoomLoss, Side
from duologue.workers.suspects import Suspects

PERIOD_S = 2.0
SOON_S = 0.2
"""Between rounds while there is news: what LiveKit says of one match in that time is one look."""
A_ROUND = 150
ALONE_A_ROUND = 50
"""Of these, at least so many for those who were alone, however many webhooks there are."""
A_PAGE = 100
PAGES_A_ROUND = 10
"""Of matches whose media is due: with ten processes, 5,000 a second."""
AT_ONCE = 16
COMING = (FactKind.ROOM_STARTED, FactKind.PARTICIPANT_JOINED)
"""Where joining makes rooms, the room is there before its first person is."""
LEAVING = (FactKind.PARTICIPANT_LEFT, FactKind.PARTICIPANT_CONNECTION_ABORTED)
GONE = (*LEAVING, FactKind.ROOM_FINISHED)


class Watchdog:
    """One round: what was told, what is due, and those who were alone at the last look."""

    name = "watchdog"

    def __init__(
        self, rooms: LiveKitRooms, matches: Rooms, namespace: Namespace, suspects: Suspects, clock: Clock
    ) -> None:
        self._rooms = rooms
        self._matches = matches
        self._namespace = namespace
        self._suspects = suspects
        self._clock = clock
        self._alone_since_ms: dict[str, int] = {}
        self._more = False

    async def run_once(self) -> None:
        """Raises the store's errors, and at last ``LiveKitError``: who was not seen was not alone."""
        self._more = False
        alone = self._next_alone()
        told = self._suspects.take(A_ROUND - len(alone))
        asked = [*dict.fromkeys((*told, *alone))]
        seen = await self._matches.look(asked, A_PAGE)
        live, awaited = set(seen.live), set(seen.awaited)
        for match in set(asked) - live:
            self._alone_since_ms.pop(match, None)
        await self._strays([m for m, facts in told.items() if m not in live and _came(facts)])
        due = awaited | set(self._alone_since_ms)
        wanted = [m for m in asked if m in live and (m in due or not _only_came(told.get(m, [])))]
        await self._look_at([*dict.fromkeys((*wanted, *seen.awaited))], told, awaited, seen.now_ms)
        for _ in range(PAGES_A_ROUND - 1):
            if not seen.more:
                break
            seen = await self._matches.look((), A_PAGE)
            await self._look_at(seen.awaited, {}, set(seen.awaited), seen.now_ms)
        self._more = seen.more or len(self._alone_since_ms) > A_ROUND

    def _next_alone(self) -> list[str]:
        """Those who were alone at their last look, in turn: the next round takes those after these."""
        room = max(A_ROUND - self._suspects.count, ALONE_A_ROUND)
        alone = [*self._alone_since_ms][:room]
        for match in alone:
            self._alone_since_ms[match] = self._alone_since_ms.pop(match)
        return alone

    async def _strays(self, matches: Sequence[str]) -> None:
        """Find a person in the room of no live match: they came with an old grant (``auto_create``)."""
        if matches:
            names = [self._namespace.room(MatchId(match)) for match in matches]
            for room in await self._rooms.list_rooms(names):
                if room.match:
                    await self._matches.stray(room.match)

    async def _look_at(
        self, matches: Sequence[str], told: Mapping[str, list[Fact]], awaited: set[str], now_ms: int
    ) -> None:
        failed: LiveKitError | None = None
        for at in range(0, len(matches), AT_ONCE):
            async with asyncio.TaskGroup() as group:
                looks = {
                    match: group.create_task(self._people(match)) for match in matches[at : at + AT_ONCE]
                }
            for match, look in looks.items():
                if isinstance(people := look.result(), LiveKitError):
                    self._alone_since_ms.pop(match, None)
                    failed = people
                else:
                    await self._judge(match, people, told.get(match, []), match in awaited, now_ms)
        if failed:
            raise failed

    async def _people(self, match: str) -> list[Participant] | LiveKitError:
        try:
            return await self._rooms.participants(self._namespace.room(MatchId(match)))
        except LiveKitError as error:
            return error

    async def _judge(
        self, match: str, people: list[Participant], facts: list[Fact], is_awaited: bool, now_ms: int
    ) -> None:
        there = {each.side for each in people if each.side and (each.is_active or each.is_publishing)}
        if len(there) == len(Side):
            self._alone_since_ms.pop(match, None)
            if is_awaited:
                for side in Side:
                    await self._matches.hint(match, side, ParticipantFact.JOINED)
            return
        for fact in facts:
            if fact.kind in LEAVING and fact.side and fact.side not in there:
                await self._matches.hint(match, fact.side, ParticipantFact.LEFT, fact.id)
        since_ms = self._alone_since_ms.setdefault(match, now_ms)
        if await self._lost(match, people, since_ms, now_ms) is not RoomLoss.OK:
            del self._alone_since_ms[match]

    async def _lost(self, match: str, people: list[Participant], since_ms: int, now_ms: int) -> RoomLoss:
        if not people and not await self._rooms.list_rooms([self._namespace.room(MatchId(match))]):
            loss = await self._matches.vanished(match, now_ms)
            if loss is not RoomLoss.OK:
                return loss
        return await self._matches.solo(match, since_ms)

    async def pause(self) -> None:
        """Two seconds, or until there is news; only a moment if one round was not enough."""
        await self._clock.sleep(SOON_S)
        if not self._more:
            await self._clock.wait(self._suspects.attention, PERIOD_S - SOON_S)


def _came(facts: Sequence[Fact]) -> bool:
    return any(fact.kind in COMING for fact in facts)


def _only_came(facts: Sequence[Fact]) -> bool:
    """Return whether all reports say only that a person came: then no one is alone."""
    return bool(facts) and not any(fact.kind in GONE for fact in facts)
