"""Loops outlive their rounds."""

import asyncio

from duologue.workers.supervisor import repeat, run
from tests.unit.delivery.fakes import FakeClock, Scene, settle


class Flaky:
    """A loop whose first rounds raise."""

    name = "flaky"

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.rounds = 0

    async def run_once(self) -> None:
        self.rounds += 1
        if self.rounds <= 2:
            raise RuntimeError("no luck")

    async def pause(self) -> None:
        await self.clock.sleep(1)


async def test_a_round_that_raises_is_counted_and_the_next_one_comes(scene: Scene) -> None:
    """Only cancellation ends a loop."""
    loop = Flaky(scene.clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(repeat(loop, scene.metrics))
        await scene.clock.turn(3.5, step=0.5)
        task.cancel()
    assert loop.rounds == 4
    assert scene.value("worker_failures_total", worker="flaky") == 2


async def test_run_ends_all_of_them_when_cancelled(scene: Scene) -> None:
    """And none of them alone."""
    loops = [Flaky(scene.clock), Flaky(scene.clock)]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(loops, scene.metrics))
        await settle()
        await scene.clock.turn(5.2, step=0.2)
        task.cancel()
    assert [loop.rounds for loop in loops] == [6, 6]
