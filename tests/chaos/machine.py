"""How busy the machine is: people who are all held up at once say nothing about the servers."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from tests.chaos.gate import now_ms

TICK_S = 0.05
PROBE_S = 0.25
HELD_UP_MS = 400
"""This process, or a server that only has to say that it lives, is late by this much: no core for it."""


class Machine:
    """Watches this process's own event loop, and how long servers take for the least that they do."""

    def __init__(self) -> None:
        self.lags_ms: list[int] = []
        self.answers_ms: list[int] = []
        self._held_up: list[tuple[int, int]] = []
        self._began_ms = self._ended_ms = now_ms()

    async def watch(self, session: aiohttp.ClientSession, urls: Sequence[str]) -> None:
        """Until cancelled."""
        self._began_ms = now_ms()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            for url in urls:
                group.create_task(self._ask(session, f"{url}/healthz"))

    def was_held_up(self, from_ms: int, until_ms: int) -> bool:
        """Within that time."""
        return any(begin <= until_ms and end >= from_ms for begin, end in self._held_up)

    @property
    def share_held_up(self) -> float:
        """Of all the time that was watched."""
        covered = reached = 0
        for begin, end in sorted(self._held_up):
            covered += max(0, end - max(begin, reached))
            reached = max(reached, end)
        return covered / max(1, self._ended_ms - self._began_ms)

    def rows(self) -> list[tuple[str, Sequence[int]]]:
        """For the table."""
        return [("this process late by", self.lags_ms), ("server answers /healthz", self.answers_ms)]

    async def _tick(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_S)
            self._took(self.lags_ms, time.monotonic() - before - TICK_S)

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        while True:
            before = time.monotonic()
            async with session.get(url) as answer:
                await answer.read()
            self._took(self.answers_ms, time.monotonic() - before)
            await asyncio.sleep(PROBE_S)

    def _took(self, notes: list[int], seconds: float) -> None:
        took_ms = round(seconds * 1000)
        notes.append(took_ms)
        self._ended_ms = now_ms()
        if took_ms > HELD_UP_MS:
            self._held_up.append((now_ms() - took_ms, now_ms()))
