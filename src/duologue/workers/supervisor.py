"""Keeps loops going: a round that raises is counted, the next one comes all the same.

Example::

    async with asyncio.TaskGroup() as group:
        workers = group.create_task(run([Beat(...), Sweep(...), Reattach(...)], metrics))
        ...
        workers.cancel()  # ends them all; rounds can be repeated, so none need be finished
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Protocol

import structlog

from duologue.delivery.clock import Clock
from duologue.metrics import Metrics

log = structlog.get_logger(__name__, ours=True)


class Loop(Protocol):
    """A loop: rounds, and pauses between them."""

    @property
    def name(self) -> str:
        """The ``worker`` label of ``duologue_worker_failures_total``."""

    async def run_once(self) -> None:
        """One round. May raise anything; can be cancelled anywhere."""

    async def pause(self) -> None:
        """Until the next round."""


async def run(loops: Sequence[Loop], metrics: Metrics) -> None:
    """Run all of them until cancelled."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(repeat(loop, metrics), name=loop.name)


async def repeat(loop: Loop, metrics: Metrics) -> None:
    """Run one of them until cancelled; only that ends it."""
    failing = False
    while True:
        try:
            await loop.run_once()
        except Exception as error:  # noqa: BLE001 # the loop goes on after any error of one round
            metrics.worker_failed(loop.name)
            if not failing:  # the metric counts them all; the log tells where a row of them begins and ends
                log.warning("a round failed", worker=loop.name, error=f"{type(error).__name__}: {error}")
            failing = True
        else:
            if failing:
                log.info("rounds succeed again", worker=loop.name)
            failing = False
        await loop.pause()


async def jittered(clock: Clock, seconds: float, by: float = 0.2) -> None:
    """Pause so long, give or take a fifth: loops of several processes must not fall into step."""
    await clock.sleep(seconds * random.uniform(1 - by, 1 + by))
