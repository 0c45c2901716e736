"""The loops that open rooms and delete them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from duologue.media.livekit.errors import LiveKitUnavailable
from duologue.media.livekit.rooms import LiveKitRooms, Room
from duologue.pairing.rooms import Rooms
from duologue.pairing.vocabulary import Deletion, MatchId, RoomsDue, RoomWork, RoomWorkKind
from duologue.workers.rooms import AT_ONCE, LOOK_S, RoomWorker
from tests.unit.delivery.fakes import FakeClock, settle
from tests.unit.workers.rooms import NAMESPACE, NOW_MS, a_match

OPEN, CLOSE = RoomWorkKind.OPEN, RoomWorkKind.CLOSE
FIRST, SECOND = a_match("A"), a_match("B")


class Work(Rooms):
    """An outbox with things to do, and what became of them."""

    def __init__(self) -> None:
        self.waiting: list[RoomWork] = []
        self.asked: list[int] = []
        """How many each claim wanted."""
        self.told: list[tuple[object, ...]] = []
        self.is_lost = False
        """The store is away."""

    def add(self, kind: RoomWorkKind, *matches: MatchId) -> None:
        self.waiting += [RoomWork(kind, match, "1") for match in matches]

    async def due(self, kind: RoomWorkKind, most: int = AT_ONCE) -> RoomsDue:
        self.asked.append(most)
        if self.is_lost:
            raise ConnectionError
        mine = [work for work in self.waiting if work.kind is kind][:most]
        self.waiting = [work for work in self.waiting if work not in mine]
        return RoomsDue(mine, NOW_MS, any(work.kind is kind for work in self.waiting))

    async def opened(self, match: str, generation: str) -> bool:
        self.told.append(("opened", match, generation))
        return True

    async def failed(self, match: str, generation: str) -> bool:
        self.told.append(("failed", match, generation))
        return True

    async def gone(self, match: str, generation: str, *, found: bool) -> Deletion:
        self.told.append(("gone", match, generation, found))
        return Deletion.GONE


class HeldServer(LiveKitRooms):
    """A LiveKit server whose answers about some rooms do not come, or are errors."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held: dict[str, asyncio.Event] = {}
        self.failing: set[str] = set()
        self.there: set[str] = set()

    def hold(self, *matches: MatchId) -> None:
        self.held |= {NAMESPACE.room(match): asyncio.Event() for match in matches}

    def let_go(self) -> None:
        for answer in self.held.values():
            answer.set()

    async def _asked(self, room: str) -> None:
        self.asked.append(room)
        if room in self.held:
            await self.held[room].wait()
        if room in self.failing:
            raise LiveKitUnavailable("no")

    async def create(self, room: str) -> Room:
        await self._asked(room)
        return Room(room, None, "RM_1", NOW_MS)

    async def delete(self, room: str) -> bool:
        await self._asked(room)
        return room in self.there


class Scene:
    """A worker of one kind on both."""

    def __init__(self, kind: RoomWorkKind) -> None:
        self.clock = FakeClock()
        self.outbox = Work()
        self.server = HeldServer()
        self.worker = RoomWorker(kind, self.outbox, self.server, NAMESPACE, self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """In the middle of a round."""
        task = asyncio.ensure_future(self.worker.run_once())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def wake(self) -> None:
        self.worker.wake()
        await settle()


def many(number: int) -> list[MatchId]:
    return [MatchId(f"m_{at:016d}") for at in range(number)]


async def test_a_room_is_made_and_told() -> None:
    """By its name at the server and by its match in the store; the other kind of work is left alone."""
    it = Scene(OPEN)
    it.outbox.add(CLOSE, SECOND)
    it.outbox.add(OPEN, FIRST)
    async with it.running():
        assert it.server.asked == [NAMESPACE.room(FIRST)]
        assert it.outbox.told == [("opened", FIRST, "1")]
    assert [work.match for work in it.outbox.waiting] == [SECOND]


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_room_is_deleted_and_told(is_there: bool) -> None:
    """With whether there was one: a delete that finds nothing may have been before a create."""
    it = Scene(CLOSE)
    it.outbox.add(CLOSE, FIRST)
    it.server.there = {NAMESPACE.room(FIRST)} if is_there else set()
    async with it.running():
        assert it.outbox.told == [("gone", FIRST, "1", is_there)]


async def test_it_begins_when_it_is_woken() -> None:
    """No time passes between."""
    it = Scene(OPEN)
    async with it.running():
        it.outbox.add(OPEN, FIRST)
        await settle()
        assert it.server.asked == []
        await it.wake()
        assert it.outbox.told == [("opened", FIRST, "1")]


async def test_it_looks_by_itself() -> None:
    """Rooms whose people have not left are due by time alone, and a wake can be lost with its connection."""
    it = Scene(CLOSE)
    async with it.running():
        it.outbox.add(CLOSE, FIRST)
        await it.clock.turn(LOOK_S + 0.05)
        assert it.outbox.told == [("gone", FIRST, "1", False)]


async def test_a_room_that_hangs_holds_up_no_other() -> None:
    """The next ones come and go while its call is under way."""
    it = Scene(OPEN)
    it.server.hold(FIRST)
    it.outbox.add(OPEN, FIRST)
    async with it.running():
        it.outbox.add(OPEN, SECOND)
        await it.wake()
        assert it.outbox.told == [("opened", SECOND, "1")]
        it.server.let_go()
        await settle()
        assert it.outbox.told[1:] == [("opened", FIRST, "1")]


async def test_no_more_is_claimed_than_can_be_begun() -> None:
    """What hangs here is another process's to claim; as one is done, the next is begun at once."""
    matches = many(AT_ONCE + 1)
    it = Scene(OPEN)
    it.server.hold(*matches[:AT_ONCE])
    it.outbox.add(OPEN, *matches)
    async with it.running():
        await it.wake()
        assert len(it.server.asked) == AT_ONCE
        assert [work.match for work in it.outbox.waiting] == matches[AT_ONCE:]
        assert max(it.outbox.asked) == AT_ONCE
        it.server.held[NAMESPACE.room(matches[0])].set()
        await settle()
        assert it.outbox.told == [("opened", matches[0], "1"), ("opened", matches[AT_ONCE], "1")]
        assert it.outbox.asked[-1] <= 1


@pytest.mark.parametrize("kind", [OPEN, CLOSE])
async def test_what_failed_is_told_and_the_rest_goes_on(kind: RoomWorkKind) -> None:
    """When it comes again is the outbox's business."""
    it = Scene(kind)
    it.server.failing = {NAMESPACE.room(FIRST)}
    it.outbox.add(kind, FIRST, SECOND)
    async with it.running():
        assert ("failed", FIRST, "1") in it.outbox.told
        assert [match for _, match, *_ in it.outbox.told] == [FIRST, SECOND]


async def test_a_store_that_is_away_ends_the_round() -> None:
    """It raises, and cuts off what hangs: its claim runs out. The next round has all its places again."""
    matches = many(AT_ONCE)
    it = Scene(OPEN)
    it.server.hold(*matches)
    it.outbox.add(OPEN, *matches[1:])
    it.worker.wake()
    round_ = asyncio.ensure_future(it.worker.run_once())
    await settle()
    it.outbox.is_lost = True
    await it.wake()
    with pytest.raises(ExceptionGroup) as caught:
        await round_
    assert caught.group_contains(ConnectionError)
    assert it.outbox.told == []
    it.outbox.is_lost = False
    async with it.running():
        assert it.outbox.asked[-1] == AT_ONCE
