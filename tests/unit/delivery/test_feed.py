"""The subscription that opens itself again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from duologue.delivery.feed import Feed, Subscription
from duologue.metrics import Metrics
from duologue.store.client import StoreUnavailable
from duologue.workers.supervisor import repeat
from tests.unit.delivery.fakes import FakeClock, settle


class Lines:
    """Subscriptions that a test feeds: bytes are published, an exception ends the connection."""

    def __init__(self) -> None:
        self.opened = 0
        self.open_now = 0
        self.refuse = False
        self.run_id = "run1"
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def subscribe(self, channel: str, /) -> AsyncIterator[Subscription]:
        assert channel == "{0}f:s_1"
        if self.refuse:
            raise StoreUnavailable("away")
        self.opened += 1
        self.open_now += 1
        try:
            yield self
        finally:
            self.open_now -= 1

    async def next(self) -> bytes:
        line = await self.queue.get()
        if isinstance(line, Exception):
            raise line
        return line


@contextlib.asynccontextmanager
async def running(lines: Lines, clock: FakeClock) -> AsyncIterator[tuple[Feed, list[bytes], list[str]]]:
    """A feed at work: itself, what it delivered, and when it said that it opened."""
    delivered: list[bytes] = []
    opened: list[str] = []
    feed = Feed(
        lines.subscribe,
        "{0}f:s_1",
        clock,
        deliver=delivered.append,
        opened=opened.append,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(repeat(feed, Metrics()))
        await settle()
        yield feed, delivered, opened
        task.cancel()


async def test_hands_on_what_is_published() -> None:
    """In order."""
    lines = Lines()
    async with running(lines, FakeClock()) as (_, delivered, opened):
        lines.queue.put_nowait(b"P 1")
        lines.queue.put_nowait(b"P 2")
        await settle()
        assert delivered == [b"P 1", b"P 2"]
        assert opened == ["run1"]
    assert lines.open_now == 0


async def test_every_opening_is_told() -> None:
    """Race E10: what was published in between is lost, so it must not stay unseen."""
    lines, clock = Lines(), FakeClock()
    async with running(lines, clock) as (_, delivered, opened):
        lines.refuse = True
        lines.queue.put_nowait(StoreUnavailable("the connection ended"))
        await clock.turn(2)
        assert opened == ["run1"]
        lines.refuse = False
        await clock.turn(1)
        assert opened == ["run1", "run1"]
        lines.queue.put_nowait(b"P 3")
        await settle()
        assert delivered == [b"P 3"]


async def test_a_deaf_one_can_be_left() -> None:
    """Race E9: it looks healthy; the beat knows better."""
    lines, clock = Lines(), FakeClock()
    async with running(lines, clock) as (feed, _, opened):
        feed.reopen()
        feed.reopen()
        await clock.turn(1)
        assert lines.opened == 2
        assert lines.open_now == 1
        assert opened == ["run1", "run1"]
