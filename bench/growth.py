"""Whether a skip costs the same among more people."""

import contextlib

from bench.contestants import ours
from bench.figures import Figures
from bench.sizes import Size
from bench.speed import begin, costs


def column(people: int) -> str:
    """Return the name of a crowd of this size."""
    return f"ours, {people} people"


async def measure(size: Size, figures: Figures) -> None:
    """Add what a skip costs at full load in crowds of different sizes, each with servers of its own."""
    async with contextlib.AsyncExitStack() as stack:
        running = [
            await begin(stack, stack.enter_context(ours(name=column(people))), people)
            for people in size.growth
        ]
        for number in range(size.rounds):
            for each in running:
                sample = await each.full(size, size.seconds)
                figures.sample(each.contestant.name, "full", number, sample)
                costs(figures, each.contestant.name, sample)
                total = sample.server_us + sample.store_us
                figures.add(each.contestant.name, "total_us", total)
        small, large = column(size.growth[-2]), column(size.growth[-1])
        for figure, name in (
            ("total_us", "growth"),
            ("server_us", "growth_server"),
            ("store_us", "growth_store"),
        ):
            for few, many in zip(figures.values[small][figure], figures.values[large][figure], strict=True):
                figures.add("ours", name, 100 * (many / few - 1))
        figures.note("ours", "growth_of", f"{size.growth[-2]:,} → {size.growth[-1]:,}")
