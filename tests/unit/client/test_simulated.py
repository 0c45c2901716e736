"""Two bots' media: each way in which a connection between two people can be."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from duologue.client.simulated import Exchange, SimulatedMedia
from duologue.client.vocabulary import Match, MediaWord
from tests.unit.client.fakes import FakeClock, matched

OPEN, SILENT, FAILED = MediaWord.OPEN, MediaWord.SILENT, MediaWord.FAILED
MATCH = msgspec.convert(matched()["match"], Match)


class Side:
    """One bot's media, and what it said."""

    def __init__(self, exchange: Exchange, clock: FakeClock) -> None:
        self.media = SimulatedMedia(exchange, clock)
        self.media.bind(self)
        self.said: list[MediaWord | None] = []
        self.vouches = 0

    def media_said(self, match: str, word: MediaWord | None) -> None:
        assert match == "m_1"
        self.said.append(word)

    def vouched(self, match: str) -> None:
        self.vouches += 1

    def signal(self, match: str, data: Mapping[str, Any]) -> None:
        raise AssertionError("nothing needs to be agreed on")


class Call:
    """Two sides whose clock a test turns; each tick is half a second."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.exchange = Exchange()
        self.a, self.b = Side(self.exchange, self.clock), Side(self.exchange, self.clock)

    def ticks(self, count: int, *, seconds: float = 0.5) -> "Call":
        for _ in range(count):
            self.clock.elapsed_s += seconds
            self.a.media.tick()
            self.b.media.tick()
        return self

    def begin(self) -> "Call":
        self.a.media.enter(MATCH)
        self.b.media.enter(MATCH)
        return self.ticks(1)


@pytest.fixture
def call() -> Call:
    return Call()


def test_both_are_open_once_a_ping_of_theirs_was_answered(call: Call) -> None:
    """And nothing more is said."""
    call.begin().ticks(20)
    assert (call.a.said, call.b.said) == ([OPEN], [OPEN])


def test_a_frozen_partner_is_silent_after_two_and_a_half_seconds(call: Call) -> None:
    """And open again when they are back."""
    call.begin()
    call.b.media.frozen = True
    call.ticks(4)
    assert call.a.said == [OPEN]
    call.ticks(1)
    assert call.a.said == [OPEN, SILENT]
    call.b.media.frozen = False
    call.ticks(1)
    assert call.a.said[-1] is OPEN


def test_a_partner_who_never_comes_is_silent_too(call: Call) -> None:
    """The clock starts with the match, not with a channel (race R14)."""
    call.a.media.enter(MATCH)
    call.ticks(5)
    assert call.a.said == [SILENT]


def test_one_who_hears_nothing_is_alone_on_one_side_only(call: Call) -> None:
    """A is not heard; B's pings still come (race R17)."""
    call.begin()
    call.b.media.deaf = True
    call.ticks(8)
    # B's pings reach A, so A does not fall silent; whether B hears A, A cannot know from a ping.
    assert (call.a.said, call.b.said) == ([OPEN], [OPEN, SILENT])


def test_a_network_that_is_down_is_silence_on_both_sides(call: Call) -> None:
    """No browser froze (race R16)."""
    call.begin()
    call.a.media.up = False
    call.ticks(6)
    assert (call.a.said, call.b.said) == ([OPEN, SILENT], [OPEN, SILENT])


def test_a_late_tick_is_no_silence(call: Call) -> None:
    """The page was frozen, or hidden: what was sent meanwhile may be in a queue (race R24)."""
    call.begin()
    call.a.media.tick()
    call.clock.elapsed_s += 60
    call.a.media.tick()
    assert call.a.said == [OPEN]


def test_a_connection_that_will_not_come_says_so_at_once(call: Call) -> None:
    """And nothing else after it."""
    call.a.media.fails = True
    call.begin().ticks(8)
    assert (call.a.said, call.b.said) == ([FAILED], [SILENT])


def test_a_partners_new_page_is_a_new_connection(call: Call) -> None:
    """The server asks both for ``open`` again, so it is sent although nothing changed here."""
    call.begin().ticks(3)
    call.b.media.leave()
    call.ticks(1)
    call.b.media.enter(MATCH)
    call.ticks(1)
    assert (call.a.said, call.b.said) == ([OPEN, OPEN], [OPEN, OPEN])


def test_only_an_answer_to_a_later_ping_vouches(call: Call) -> None:
    """What was answered before the partner went away says nothing of them now."""
    call.begin()
    call.b.media.frozen = True
    call.a.media.ask()
    call.ticks(2)
    assert call.a.vouches == 0
    call.b.media.frozen = False
    call.ticks(1)
    assert call.a.vouches == 1
    call.ticks(5)
    assert call.a.vouches == 1


async def test_it_ticks_by_itself(call: Call) -> None:
    """Twice a second."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(call.a.media.run())
        call.a.media.enter(MATCH)
        await call.clock.turn(2.6)
        assert call.a.said == [SILENT]
        task.cancel()
