"""How busy the machine is with other work: a person without a processor says nothing about the servers.

The kernel counts how long each process was ready to run and had to wait. A server that blocks itself waits
for nothing, so this does not excuse it.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.gate import now_ms

SAMPLE_S = 0.25
HELD_UP_MS = 1_000
"""Waited for a core in all, within the time of a claim: as much as most of the slack that claims have."""


class Machine:
    """Watches the processes of a test, this one among them. Without Linux's count nothing is ever excused."""

    def __init__(self) -> None:
        self.lags_ms: list[int] = []
        self._waited: dict[int, list[tuple[int, int]]] = {}

    async def watch(self, pids: Sequence[int]) -> None:
        """Until cancelled."""
        before = {pid: waited_ms(pid) for pid in (os.getpid(), *pids)}
        while True:
            asleep = time.monotonic()
            await asyncio.sleep(SAMPLE_S)
            self.lags_ms.append(round((time.monotonic() - asleep - SAMPLE_S) * 1000))
            for pid, last in before.items():
                before[pid] = waited_ms(pid)
                self._waited.setdefault(pid, []).append((now_ms(), before[pid] - last))

    def was_held_up(self, from_ms: int, until_ms: int) -> bool:
        """One of them, within that time, for long enough to be the cause."""
        return any(
            sum(ms for at, ms in samples if from_ms <= at <= until_ms) >= HELD_UP_MS
            for samples in self._waited.values()
        )

    def rows(self) -> list[tuple[str, Sequence[int]]]:
        """For the table."""
        waits = [ms for samples in self._waited.values() for _, ms in samples]
        return [("this process late by", self.lags_ms), ("waited for a core, in 250 ms", waits)]


def waited_ms(pid: int) -> int:
    """How long it was ready to run and did not: ``schedstat`` of Linux's proc(5), second field, in ns."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) // 1_000_000
    except OSError:
        return 0
