"""The rest of what may go wrong with time and records, as rows: lost records, our own crash, heartbeats."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass

import pytest

from duologue.delivery import hub
from duologue.delivery.stream import Stream
from duologue.pairing.vocabulary import LastRead, PageId, PersonId
from tests.faults import clock_steps
from tests.races.losses import SEEDS, SEEDS_WHOLE, STEPS, losses
from tests.races.rooms import RoomStage
from tests.races.stage import Stage
from tests.servers import store_server, valkey9_binary
from tests.unit.delivery.fakes import Scene

STREAMS = 1_000
AT_ONCE_MOST = 30
"""Heartbeats of so many streams in one tick of 0.25 s; evenly spread over 13 s they are 19."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """One row: what was played, what came of it."""

    what: str
    measured: str
    is_good: bool

    def line(self) -> str:
        """Of the table."""
        return f"| {self.what} | {self.measured} | {'' if self.is_good else '**not so**'} |"


def markdown(rows: list[Upkeep]) -> str:
    """The table."""
    return "\n".join(
        ["| time and records | measured | |", "|---|---|---|", *(row.line() for row in rows), ""]
    )


async def rows(*, whole: bool) -> list[Upkeep]:
    """Each of them."""
    seeds = SEEDS_WHOLE // 10 if whole else SEEDS
    stuck = await asyncio.to_thread(_lost_records, seeds)
    wrong = await clock_steps.crash()
    most = await heartbeats_at_once()
    return [
        Upkeep(
            "a record, a key or a member lost between any two steps",
            f"{2 * seeds} plays of {STEPS} steps, scripts that failed 0, people stuck {len(stuck)}",
            not stuck,
        ),
        Upkeep(
            "one of two servers killed, its person away for 40 s, media flowing",
            wrong[0] if wrong else "the conversation went on",
            not wrong,
        ),
        Upkeep(
            f"heartbeats of {STREAMS} streams that opened in one instant",
            f"{most} in a tick of {hub.TICK_S} s",
            most <= AT_ONCE_MOST,
        ),
    ]


def _lost_records(seeds: int) -> list[str]:
    with store_server("valkey9", valkey9_binary()) as server:
        return [each for kind in (Stage, RoomStage) for each in losses(kind, server, range(seeds))]


async def heartbeats_at_once() -> int:
    """Open all streams in one instant of a turned clock; return the most heartbeats in one tick of 30 s."""
    scene, beats = Scene(), list[float]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stream, "heartbeat", lambda _stream: beats.append(scene.clock.now))
        async with scene.hub.running():
            with contextlib.ExitStack() as stack:
                for n in range(STREAMS):
                    page = PageId("a page of sixteen")
                    stack.enter_context(scene.hub.open(PersonId(f"p{n}"), page, alias="", after=LastRead()))
                for _ in range(round(2 * hub.HEARTBEAT_S / hub.TICK_S)):
                    scene.clock.now += hub.TICK_S
                    scene.hub.beat_hearts()
    assert len(beats) == 2 * STREAMS
    return max(Counter(beats).values())
