"""What a skip costs, and how soon the partner is told: the limit, the predecessor and ours in turn."""

import asyncio
import contextlib

from bench.contestants import REDIS7, VALKEY9, Contestant, ours, predecessor
from bench.figures import Figures
from bench.limit import Bare, bare, seven_commands_us
from bench.sizes import Size
from duologue.bench.crowd import Crowd
from duologue.bench.load import Sample, closed, opened
from duologue.bench.spread import percentile

LIMIT, PREDECESSOR, OURS = "limit", "predecessor", f"ours, {REDIS7}"
OURS_VALKEY, OURS_TWO = f"ours, {VALKEY9}", "ours, 2 processes"
CALIBRATED_S = 0.5
"""Share of a stretch: how long the rate of half load is measured for."""


class Running:
    """A contestant with its people."""

    def __init__(self, contestant: Contestant, crowd: Crowd) -> None:
        self.contestant = contestant
        self.crowd = crowd
        self.half_per_s = 0.0

    async def full(self, size: Size, seconds: float, at_a_time: int = 0) -> Sample:
        """Return a stretch of a closed loop."""
        return await closed(
            self.crowd,
            self.contestant.processes,
            at_a_time=at_a_time or size.at_a_time,
            seconds=seconds,
        )

    async def at_rate(self, per_s: float, seconds: float) -> Sample:
        """Return a stretch of an open loop."""
        return await opened(self.crowd, self.contestant.processes, per_s=per_s, seconds=seconds)


async def measure(size: Size, figures: Figures) -> None:
    """Add the figures of skips: light, half and full load for each contestant in each round."""
    async with contextlib.AsyncExitStack() as stack:
        contestants = [
            stack.enter_context(each)
            for each in (
                predecessor(),
                ours(REDIS7, name=OURS),
                ours(VALKEY9, name=OURS_VALKEY),
                ours(REDIS7, servers=2, name=OURS_TWO),
            )
        ]
        running = [await begin(stack, each, size.people) for each in contestants]
        store = contestants[1].store
        limit = await stack.enter_async_context(bare(store))
        for each in running:
            sample = await each.full(size, size.seconds * CALIBRATED_S)
            each.half_per_s = max(size.light_per_s, sample.skips / sample.seconds / 2)
        for number in range(size.rounds):
            told_ms = await _limit(limit, size, figures)
            for each in running:
                await _round(each, size, figures, number, told_ms)
            us = await asyncio.to_thread(seven_commands_us, store, batches=size.script_batches)
            figures.add(LIMIT, "seven_us", us)


async def begin(stack: contextlib.AsyncExitStack, contestant: Contestant, people: int) -> Running:
    """Return the contestant with so many people, all of them talking but for the last ones."""
    crowd = await stack.enter_async_context(Crowd(contestant.urls))
    await crowd.come(people)
    await crowd.settle()
    return Running(contestant, crowd)


async def _limit(limit: Bare, size: Size, figures: Figures) -> float:
    took_ms = await limit.publish(per_s=size.light_per_s, seconds=size.seconds)
    p50 = percentile(took_ms, 0.5)
    figures.add(LIMIT, "told_ms", p50)
    figures.add(LIMIT, "told", 1.0)
    return p50


async def _round(each: Running, size: Size, figures: Figures, number: int, limit_ms: float) -> None:
    name = each.contestant.name
    light = await each.at_rate(size.light_per_s, size.seconds)
    half = await each.at_rate(each.half_per_s, size.seconds)
    full = await each.full(size, size.seconds)
    for load, sample in (("light", light), ("half", half), ("full", full)):
        figures.sample(name, load, number, sample)
        figures.add(name, f"told_{load}_ms", sample.told_p(0.5))
    figures.add(name, "told", light.told_p(0.5) / limit_ms)
    costs(figures, name, full)


def costs(figures: Figures, name: str, full: Sample) -> None:
    """Add what a skip cost in a stretch of full load, and what it consisted of."""
    figures.add(name, "per_server_s", full.per_server_s)
    figures.add(name, "server_us", full.server_us)
    figures.add(name, "store_us", full.store_us)
    figures.add(name, "per_s", full.skips / full.seconds)
    figures.add(name, "events", full.events / full.skips)
    figures.add(name, "pulses", full.pulses / full.skips)
    figures.add(name, "generator_us", 1e6 * full.generator_s / full.skips)
    figures.add(name, "generator_busy", full.generator_s / full.seconds)
    figures.add(name, "unanswered", full.lost + full.refused)
