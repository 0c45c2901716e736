"""Twenty thousand people on two server processes: half of them in a second generator process."""

import contextlib
from dataclasses import replace

from bench.contestants import ours
from bench.figures import Figures
from bench.hold import held
from bench.sizes import Size
from bench.speed import begin, costs


async def measure(size: Size, figures: Figures) -> None:
    """Add what a skip costs among so many."""
    half = size.great // 2
    name = f"ours, {size.great} people, 2 processes"
    async with contextlib.AsyncExitStack() as stack:
        contestant = stack.enter_context(ours(servers=2, name=name))
        others = await stack.enter_async_context(held(contestant.urls, half, first_number=half))
        running = await begin(stack, contestant, half)
        processes = replace(contestant.processes, generator=[*contestant.processes.generator, others.pid])
        running.contestant = replace(contestant, processes=processes)
        for number in range(size.rounds):
            others.taken()
            sample = await running.full(size, size.seconds)
            theirs = others.taken()
            sample.events += theirs["events"]
            sample.pulses += theirs["pulses"]
            figures.sample(name, "full", number, sample)
            costs(figures, name, sample)
