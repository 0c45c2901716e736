"""What people cost who do nothing: a stream's memory in the server, a conversation's time in the store."""

import asyncio
import contextlib
from time import perf_counter

from bench.contestants import ours, predecessor
from bench.figures import Figures
from bench.sizes import Size
from bench.speed import OURS, PREDECESSOR
from duologue.bench.crowd import Crowd
from duologue.bench.machine import cpu_s, memory_kb

MEMORY_ROUNDS = 3
LEAST_US = 0.001
"""What is less than this cannot be told from the noise of two stores."""
WARM = 100
"""Streams that are open before memory is measured, so that what a server needs once is not counted."""


async def measure(size: Size, figures: Figures) -> None:
    """Add the memory of a quiet stream and what a matched person who does nothing costs the store."""
    await _memory(size, figures)
    await _idle(size, figures)


async def _memory(size: Size, figures: Figures) -> None:
    """Each round adds as many people to both; what the servers grow by is theirs."""
    async with contextlib.AsyncExitStack() as stack:
        both = []
        for name, made in ((PREDECESSOR, predecessor()), (OURS, ours())):
            contestant = stack.enter_context(made)
            crowd = await stack.enter_async_context(Crowd(contestant.urls))
            await crowd.come(min(WARM, size.streams))
            both.append((name, contestant.processes.server, crowd))
        for _ in range(min(size.rounds, MEMORY_ROUNDS)):
            for name, pids, crowd in both:
                before = memory_kb(pids)
                await crowd.come(size.streams)
                figures.add(name, "stream_kb", (memory_kb(pids) - before) / size.streams)


async def _idle(size: Size, figures: Figures) -> None:
    """Two servers side by side: what the one with people uses more is theirs."""
    with contextlib.ExitStack() as stack:
        empty, full = stack.enter_context(ours()), stack.enter_context(ours())
        async with Crowd(full.urls) as crowd:
            await crowd.come(size.idle_people)
            await crowd.settle()
            for _ in range(size.rounds):
                before, start = [cpu_s(each.processes.store) for each in (empty, full)], perf_counter()
                served = cpu_s(full.processes.server)
                await asyncio.sleep(size.idle_s)
                took = perf_counter() - start
                idle, used = (
                    cpu_s(each.processes.store) - b for each, b in zip((empty, full), before, strict=True)
                )
                served = cpu_s(full.processes.server) - served
                us = max(LEAST_US, 1e6 * (used - idle) / size.idle_people / took)
                figures.add(OURS, "idle_us", us)
                figures.add(OURS, "idle_server_us", 1e6 * served / size.idle_people / took)
                figures.add(OURS, "idle_people", 1e6 / us)
