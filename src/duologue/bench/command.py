"""``duologue bench``: loads a running server and says how soon partners are told, and what it costs here."""

import asyncio
import gc
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from duologue.bench import machine
from duologue.bench.crowd import Crowd, Traffic
from duologue.bench.load import Processes, Sample, closed, opened
from duologue.bench.report import markdown, number
from duologue.bench.spread import Spread
from duologue.bench.wire import Target

REACH_S = 5.0


class Unmeasured(Exception):
    """The server did not answer as one of ours does; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured."""

    urls: tuple[str, ...]
    people: int
    rounds: int
    seconds: float
    per_s: float
    at_a_time: int
    traffic: Traffic
    processes: Processes


def run(wanted: Wanted, file: Path | None = None) -> str:
    """Return the table; write the figures to the file. Raises ``Unmeasured``."""
    for url in wanted.urls:
        try:
            Target.parse(url)
        except ValueError as error:
            raise Unmeasured(f"--url: {error}") from error
    gc.freeze()
    try:
        samples = uvloop.run(_measure(wanted))
    except* (RuntimeError, TimeoutError, OSError) as errors:
        raise Unmeasured(f"{wanted.urls[0]}: {_first(errors)}") from errors
    if file is not None:
        kept = [{"load": load, **sample.as_dict()} for load, sample in samples]
        document = {"machine": machine.described(), "people": wanted.people, "samples": kept}
        file.write_text(json.dumps(document, indent=1) + "\n")
    return table(samples)


def _first(errors: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or f"no answer in time ({type(error).__name__})"


async def _measure(wanted: Wanted) -> list[tuple[str, Sample]]:
    samples = []
    processes = Processes(wanted.processes.server, wanted.processes.store, [os.getpid()])
    for url in wanted.urls:
        await _reach(url)
    async with Crowd(wanted.urls, traffic=wanted.traffic) as crowd:
        await crowd.come(wanted.people)
        await crowd.settle()
        for _ in range(wanted.rounds):
            light = await opened(crowd, processes, per_s=wanted.per_s, seconds=wanted.seconds)
            full = await closed(crowd, processes, at_a_time=wanted.at_a_time, seconds=wanted.seconds)
            samples += [(f"{wanted.per_s:g} skips/s", light), (f"{wanted.at_a_time} at a time", full)]
    return samples


async def _reach(url: str) -> None:
    """Connect once, since people of a crowd ask a busy server again for a minute. Raises ``RuntimeError``."""
    target = Target.parse(url)
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except OSError as error:  # TimeoutError is one too
        raise RuntimeError(f"no server answers at {url}: is it running?") from error
    writer.close()


def table(samples: Sequence[tuple[str, Sample]]) -> str:
    """Return a table: one line per figure, one column per load, each the median and the spread."""
    loads = [*dict.fromkeys(load for load, _ in samples)]
    by_load = [[dict(_figures(sample)) for name, sample in samples if name == load] for load in loads]
    titles = [*dict.fromkeys(title for each in by_load for found in each for title in found)]
    lines = [
        [title, *(_cell([found[title] for found in each if title in found]) for each in by_load)]
        for title in titles
    ]
    return markdown(["", *loads], lines)


def _figures(sample: Sample) -> Iterator[tuple[str, float]]:
    yield "skips per second", sample.skips / sample.seconds
    for share in (50, 95, 99) if sample.told_ms else ():
        yield f"partner told, p{share}, ms", sample.told_p(share / 100)
    if sample.skips:
        yield "events per skip", sample.events / sample.skips
        yield "pulses per skip", sample.pulses / sample.skips
        yield "generator CPU per skip, µs", 1e6 * sample.generator_s / sample.skips
        if sample.server_s:
            yield "server CPU per skip, µs", sample.server_us
        if sample.store_s:
            yield "store CPU per skip, µs", sample.store_us
    yield "commands refused", sample.refused
    yield "answers that did not come", sample.lost


def _cell(values: Sequence[float]) -> str:
    spread = Spread.of(values)
    if spread is None:
        return "–"
    digits = 2 if spread.median < 100 else 0
    return f"{number(spread.median, digits)} ({number(spread.least, digits)}–{number(spread.most, digits)})"
