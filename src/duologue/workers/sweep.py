"""The sweep: every 0.25 s, whatever is due happens, the queue is scanned, the dead are buried.

Every process sweeps; the scripts decide what is due, so no leader is needed and
a second sweeper finds the work done. The scan of the queue is claimed: of all processes
one does it, and the others ask again when the claim may have run out.
"""

from collections.abc import Awaitable, Callable, Sequence

from duologue.delivery.clock import Clock
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import ProcessId
from duologue.workers.supervisor import jittered

PERIOD_S = 0.25
BACKLOG_PERIOD_S = 0.01
"""The same while more is due than one round does. Other calls of this process get their turn meanwhile."""
CALLS_A_ROUND = 100
"""Calls of one kind in a round: a backlog is worked off over several, so that none is put off for good."""
SCANS_A_ROUND = 10
"""The same of the scan: what people who fit nobody can take of the store stays below a tenth of its core."""
TELLS_A_ROUND = 20
"""Calls, of 64 people each, that tell pools of video. Heartbeats tell everybody within 15 s in any case."""


class Sweep:
    """One round: deadlines, then the queue, then burials."""

    name = "sweep"

    def __init__(self, machine: Machine, process: ProcessId, pools: Sequence[str], clock: Clock) -> None:
        self._machine = machine
        self._process = process
        self._pools = tuple(pools)
        self._clock = clock
        self._has_backlog = False
        """More was due, or more people of dead processes were left, than the last round did."""
        self._scans_at_s = 0.0
        """By the clock; not before: another process scans."""
        self._told_at_ms = 0
        """The change of video that the pools are told of, or were."""
        self._untold: list[str] = []

    async def run_once(self) -> None:
        """Raises the store's errors; whatever was done by then stays done."""
        self._has_backlog = False  # also if the store fails now: it is asked again at the usual pace
        overdue = await _goes_on(self._machine.sweep)
        if self._clock.monotonic() >= self._scans_at_s:
            await self._scan()
        unburied = await _goes_on(self._machine.bury)
        self._has_backlog = overdue or unburied

    async def _scan(self) -> None:
        scanned = await self._machine.scan(self._process)
        for _ in range(SCANS_A_ROUND - 1):
            if not scanned.more:
                break
            scanned = await self._machine.scan(self._process)
        self._scans_at_s = self._clock.monotonic() + scanned.held_ms / 1000
        if scanned.video_at_ms not in (0, self._told_at_ms):
            self._told_at_ms, self._untold = scanned.video_at_ms, [*self._pools]
        for _ in range(TELLS_A_ROUND):
            if not self._untold:
                break
            if not await self._machine.tell(self._untold[0]):
                del self._untold[0]

    async def pause(self) -> None:
        """A quarter of a second, or a hundredth while there is a backlog."""
        await jittered(self._clock, BACKLOG_PERIOD_S if self._has_backlog else PERIOD_S)


async def _goes_on(call: Callable[[], Awaitable[bool]]) -> bool:
    """Call until it says that nothing is left, up to ``CALLS_A_ROUND`` times; whether something is left."""
    for _ in range(CALLS_A_ROUND):
        if not await call():
            return False
    return True
