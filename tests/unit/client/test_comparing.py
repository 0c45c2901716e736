"""Reads of the state held against the stream: what each interleaving counts as, and what is told of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from duologue.client.client import Client
from duologue.client.transport import Answer
from tests.unit.client.fakes import FakeClock, FakeServer, matched, probed, problem, settle, state


class Seat:
    """A client whose server asks it to compare; ``random`` is the middle, so each read comes after 2 s."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.client = Client(self.server, clock=self.clock, random=lambda: 0.5)
        self.read: dict[str, Any] = state(version=4)
        self.server.answers.insert(0, self._answer)

    def _answer(self, path: str, _: dict[str, Any]) -> Answer | None:
        return Answer(200, msgspec.json.encode({"state": self.read})) if path == "state" else None

    async def frame(self, kind: str, found: dict[str, Any], **more: Any) -> None:
        self.server.streams[-1].frame(kind, state=found, **more)
        await settle()

    def beat(self) -> None:
        """Else the stream counts as dead after 20 s."""
        self.server.streams[-1].frame("heartbeat", version=1)

    async def reports(self) -> list[dict[str, Any]]:
        """Once it has told what it counted."""
        self.server.replies("comparisons", "noted", self.read)
        await self.clock.turn(10)
        self.beat()
        return self.server.said("comparisons")


@pytest.fixture
async def seat() -> AsyncIterator[Seat]:
    made = Seat()
    async with made.client.running("p_1"):
        await settle()
        await made.frame("snapshot", state(version=4), transports="both", compare_ms=2000)
        yield made


Play = Callable[[Seat], Any]


async def alike(seat: Seat) -> None:
    await seat.clock.turn(2)


async def stream_is_ahead(seat: Seat) -> None:
    hanging = asyncio.Event()
    transport: Any = seat.server
    request = transport.request

    async def late(method: str, path: str, **more: Any) -> Answer:
        answer: Answer = await request(method, path, **more)
        if path == "/v1/state":
            await hanging.wait()
        return answer

    transport.request = late
    await seat.clock.turn(2)
    await seat.frame("state", state(version=5))
    hanging.set()
    await settle()
    transport.request = request
    seat.read = state(version=5)


async def stream_is_behind(seat: Seat) -> None:
    seat.read = state(version=5)
    await seat.clock.turn(2)
    await seat.frame("state", state(version=5))


async def stream_lost_it(seat: Seat) -> None:
    seat.read = state(version=5)
    await seat.clock.turn(2)
    seat.read = state(version=4)
    await seat.clock.turn(6)
    await seat.frame("state", state(version=5))
    seat.read = state(version=5)


async def read_is_old(seat: Seat) -> None:
    seat.read = state(version=3)
    await seat.clock.turn(2)
    seat.read = state(version=4)


async def read_says_otherwise(seat: Seat) -> None:
    seat.read = state(version=4, pool="de")
    await seat.clock.turn(2)
    seat.read = state(version=4)


@pytest.mark.parametrize(
    ("play", "result"),
    [
        (stream_is_ahead, "stream_first"),
        (stream_is_behind, "poll_first"),
        (stream_lost_it, "missed"),
        (read_is_old, "differ"),
        (read_says_otherwise, "differ"),
    ],
)
async def test_what_a_read_counts_as(seat: Seat, play: Play, result: str) -> None:
    """Once; all other reads of these ten seconds are the same."""
    await play(seat)
    [report, *_] = await seat.reports()
    assert (report.pop(result), set(report)) == (1, {"same"})


async def test_alike_is_the_same(seat: Seat) -> None:
    """It is reported every 10 s, and counted from zero then."""
    assert await seat.reports() == [{"same": 4}]
    assert (await seat.reports())[1] == {"same": 5}


async def test_what_no_version_stands_for_is_not_compared(seat: Seat) -> None:
    """A sign that is owed, numbers of messages, servers for the media."""
    await seat.frame("state", matched(version=5))
    seat.read = matched(version=5, last=3, probe=probed())
    seat.read["match"]["media"]["ice_servers"] = [{"urls": "turn:x"}]
    assert await seat.reports() == [{"same": 4}]


async def test_counts_that_did_not_arrive_go_with_the_next(seat: Seat) -> None:
    """And the server says when to come again."""
    answers = [problem(429, "too-many", **{"retry-after": "5"})]
    seat.server.answers.insert(
        0, lambda path, _: answers.pop() if answers and path == "comparisons" else None
    )
    await seat.clock.turn(10)
    seat.server.replies("comparisons", "noted", seat.read)
    seat.beat()
    await seat.clock.turn(14.9)
    assert len(seat.server.said("comparisons")) == 1
    await seat.clock.turn(0.1)
    assert seat.server.said("comparisons")[1] == {"same": 12}


async def test_nothing_is_compared_unasked(seat: Seat) -> None:
    """Nor after a snapshot that asks no more, nor while the stream is away."""
    await seat.clock.turn(2)
    await seat.frame("snapshot", state(version=4), transports="sse")
    reads = len(seat.server.said("state"))
    await seat.clock.turn(10)
    await seat.frame("snapshot", state(version=4), transports="both", compare_ms=2000)
    seat.server.streams[-1].end()
    await seat.clock.turn(10)
    assert (reads, len(seat.server.said("state"))) == (1, reads)


async def test_nobody_is_alone_because_of_what_was_missed(seat: Seat) -> None:
    """The client reads the state itself then, and acts on that."""
    seat.read = matched(version=5)
    await seat.clock.turn(8)
    assert seat.client.model.match_id == "m_1"
