"""The sweep: every 0.25 s, whatever is due happens, each pool is looked through, the dead are buried.

Every process sweeps; the scripts decide what is due, so no leader is needed and
a second sweeper finds the work done.
"""

from collections.abc import Sequence
from typing import Protocol

from duologue.delivery.clock import Clock
from duologue.workers.supervisor import jittered

PERIOD_S = 0.25
CALLS_A_ROUND = 100
"""Calls of one kind in a round: a backlog is worked off over several, so that none is put off for good."""


class Sweeper(Protocol):
    """The part of ``pairing.machine.Machine`` that runs at intervals; see there."""

    async def sweep(self) -> bool:
        """Whatever is due happens; whether there is more."""

    async def bury(self) -> bool:
        """A process without a beat is dead; whether there is more."""

    async def scan(self, pool: str, /) -> None:
        """One step of the pass over a pool."""


class Sweep:
    """One round: deadlines, then the pass of each pool, then burials."""

    name = "sweep"

    def __init__(self, machine: Sweeper, pools: Sequence[str], clock: Clock) -> None:
        self._machine = machine
        self._pools = tuple(pools)
        self._clock = clock

    async def run_once(self) -> None:
        """Raises the store's errors; whatever was done by then stays done."""
        for _ in range(CALLS_A_ROUND):
            if not await self._machine.sweep():
                break
        for pool in self._pools:
            await self._machine.scan(pool)
        for _ in range(CALLS_A_ROUND):
            if not await self._machine.bury():
                break

    async def pause(self) -> None:
        """A quarter of a second."""
        await jittered(self._clock, PERIOD_S)
