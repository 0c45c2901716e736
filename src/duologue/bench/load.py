"""Makes people skip: as fast as the server allows (closed loop), or at a given rate (open loop)."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from duologue.bench.crowd import SKIPPED, Crowd, Person
from duologue.bench.machine import cpu_s
from duologue.bench.spread import percentile

LOOK_S = 0.01
LEAST_SKIPS = 5
PATIENCE_S = 30.0
SETTLED_S = 10.0
"""How long the last events of a stretch are waited for."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Whose processor time is counted, by process id."""

    server: Sequence[int] = ()
    store: Sequence[int] = ()
    generator: Sequence[int] = ()


@dataclass(slots=True)
class Sample:
    """What one stretch of load brought."""

    seconds: float
    outcomes: dict[str, int]
    events: int
    pulses: int
    signals: int
    lost: int
    """Answers that did not come."""
    refused: int
    """Answers other than 200."""
    told_ms: list[float] = field(default_factory=list)
    replied_ms: list[float] = field(default_factory=list)
    server_s: float = 0.0
    store_s: float = 0.0
    generator_s: float = 0.0

    @property
    def skips(self) -> int:
        """Skips that took effect."""
        return self.outcomes.get(SKIPPED, 0)

    @property
    def server_us(self) -> float:
        """The servers' processor time for one skip, in microseconds."""
        return 1e6 * self.server_s / self.skips

    @property
    def store_us(self) -> float:
        """The store's processor time for one skip, in microseconds."""
        return 1e6 * self.store_s / self.skips

    @property
    def per_server_s(self) -> float:
        """Skips for one second of the servers' processor time."""
        return self.skips / self.server_s

    def told_p(self, share: float) -> float:
        """Return a percentile of the times until partners were told, in milliseconds."""
        return percentile(self.told_ms, share)

    def as_dict(self) -> dict[str, float | dict[str, int]]:
        """Return it for a JSON file: percentiles in place of the single values."""
        shown: dict[str, float | dict[str, int]] = {
            name: getattr(self, name)
            for name in ("seconds", "outcomes", "events", "pulses", "signals", "lost", "refused")
        }
        shown |= {"server_s": self.server_s, "store_s": self.store_s, "generator_s": self.generator_s}
        for name, values in (("told", self.told_ms), ("replied", self.replied_ms)):
            if values:
                shown |= {f"{name}_p{share}_ms": percentile(values, share / 100) for share in (50, 95, 99)}
        return shown


class _Run:
    """One stretch: its skips and when it is over."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.outcomes: Counter[str] = Counter()
        self.replied_ms: list[float] = []
        self.under_way = 0
        self.over = False

    def skip(self, person: Person, due_at: float) -> None:
        self.under_way += 1

        def done(outcome: str) -> None:
            self.under_way -= 1
            self.replied_ms.append(1000 * (perf_counter() - due_at))
            if not self.over:
                self.outcomes[outcome] += 1
                self.answered()

        person.skip(due_at, done)

    def answered(self) -> None:
        """Do what follows an answer."""

    async def last(self, seconds: float) -> None:
        """Go on for so long."""
        await asyncio.sleep(seconds)


class _Closed(_Run):
    """So many skips are under way at any time."""

    def __init__(self, crowd: Crowd, at_a_time: int) -> None:
        super().__init__(crowd)
        self._at_a_time = at_a_time

    async def last(self, seconds: float) -> None:
        for _ in range(self._at_a_time):
            self.answered()
        await asyncio.sleep(seconds)

    def answered(self) -> None:
        self.crowd.want(lambda person: None if self.over else self.skip(person, perf_counter()))


class _Open(_Run):
    """Skips are due at even distances, whatever became of those before; each counts from when it was due."""

    def __init__(self, crowd: Crowd, per_s: float) -> None:
        super().__init__(crowd)
        self._per_s = per_s

    async def last(self, seconds: float) -> None:
        start, number = perf_counter(), 0
        while (now := perf_counter() - start) < seconds:
            while (due_s := number / self._per_s) <= now:
                self._due(start + due_s)
                number += 1
            await asyncio.sleep(max(0.0, start + due_s - perf_counter()))

    def _due(self, due_at: float) -> None:
        self.crowd.want(lambda person: None if self.over else self.skip(person, due_at))


async def closed(crowd: Crowd, processes: Processes, *, at_a_time: int, seconds: float) -> Sample:
    """Return what came of ``at_a_time`` skips under way for so long."""
    return await _measured(_Closed(crowd, at_a_time), crowd, processes, seconds)


async def opened(crowd: Crowd, processes: Processes, *, per_s: float, seconds: float) -> Sample:
    """Return what came of so many skips a second."""
    return await _measured(_Open(crowd, per_s), crowd, processes, seconds)


async def _measured(run: _Run, crowd: Crowd, processes: Processes, seconds: float) -> Sample:
    crowd.taken()
    groups = (processes.server, processes.store, processes.generator)
    before, start = [cpu_s(pids) for pids in groups], perf_counter()
    await run.last(seconds)
    await _enough(run)
    took, after = perf_counter() - start, [cpu_s(pids) for pids in groups]
    run.over = True
    crowd.unwant()
    counts, outcomes = crowd.taken(), dict(run.outcomes)
    await _settled(run)
    # A skip that was due within the stretch counts for the times, however late its partner was told.
    told_s = [*counts.told_s, *crowd.taken().told_s]
    server_s, store_s, generator_s = (b - a for a, b in zip(before, after, strict=True))
    return Sample(
        seconds=took,
        outcomes=outcomes,
        events=counts.events,
        pulses=counts.pulses,
        signals=counts.signals,
        lost=counts.answers[0],
        refused=sum(counts.answers.values()) - counts.answers[0] - counts.answers[200],
        told_ms=[1000 * each for each in told_s],
        replied_ms=run.replied_ms,
        server_s=server_s,
        store_s=store_s,
        generator_s=generator_s,
    )


async def _enough(run: _Run) -> None:
    """Go on until there is something to divide by: on a busy machine a short stretch brings nothing.

    Raises ``RuntimeError`` if that takes too long.
    """
    for _ in range(round(PATIENCE_S / LOOK_S)):
        if run.outcomes[SKIPPED] >= LEAST_SKIPS:
            return
        await asyncio.sleep(LOOK_S)
    raise RuntimeError(f"of the last skips these came to something: {dict(run.outcomes)}")


async def _settled(run: _Run) -> None:
    """Wait for the last answers and events, so that the next stretch begins with nothing under way."""
    for _ in range(round(SETTLED_S / LOOK_S)):
        if not run.under_way and not run.crowd.skips:
            break
        await asyncio.sleep(LOOK_S)
    run.crowd.skips.clear()
