"""A store that hangs, and is slow afterwards: how long until everybody is back."""

import asyncio
import contextlib
from dataclasses import dataclass
from time import perf_counter

from bench.contestants import REDIS7, ours, running_store
from bench.figures import Figures
from bench.sizes import Size
from bench.slow_store import SlowStore
from bench.speed import OURS
from duologue.bench.crowd import Crowd


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of people after an outage."""

    back: int
    took_s: float
    """From the end of the hang until the last one who came back did."""
    streams: float
    """Opened for each person."""
    endings: int
    """Conversations that ended although nobody ended them."""


async def measure(size: Size, figures: Figures) -> None:
    """Add the time until all are back, for each outage and each cost of a call."""
    for outage_s in size.outages_s:
        for call_ms in size.call_ms:
            aftermath = await _play(size, outage_s, call_ms)
            _note(size, figures, outage_s, call_ms, aftermath)


def _note(size: Size, figures: Figures, outage_s: float, call_ms: float, aftermath: Aftermath) -> None:
    column = f"outage {outage_s:g} s, call {call_ms:g} ms"
    figures.add(column, "work_s", size.overload_people * call_ms / 1000)
    figures.add(column, "back", aftermath.back)
    figures.add(column, "people", size.overload_people)
    figures.add(column, "streams", aftermath.streams)
    figures.add(column, "endings", aftermath.endings)
    words = f"never ({aftermath.back} of {size.overload_people} after {size.watched_s:g} s)"
    is_last = (outage_s, call_ms) == (size.outages_s[-1], size.call_ms[-1])
    for name in (column, *([OURS] if is_last else [])):
        if aftermath.back == size.overload_people:
            figures.add(name, "back_s", aftermath.took_s)
        else:
            figures.note(name, "back_s", words)


async def _play(size: Size, outage_s: float, call_ms: float) -> Aftermath:
    async with contextlib.AsyncExitStack() as stack:
        store = stack.enter_context(running_store(REDIS7))
        slow = await stack.enter_async_context(SlowStore(store.url.removeprefix("unix://")).running())
        server = ours(store=store, store_url=slow.url)
        contestant = await asyncio.to_thread(server.__enter__)
        stack.push_async_callback(asyncio.to_thread, server.__exit__, None, None, None)
        crowd = await stack.enter_async_context(Crowd(contestant.urls))
        await crowd.come(size.overload_people)
        await crowd.settle()
        matches = {person: person.match for person in crowd.people}
        crowd.taken()
        slow.hang()
        await asyncio.sleep(outage_s)
        slow.call_s = call_ms / 1000
        slow.resume()
        resumed = perf_counter()
        await asyncio.sleep(size.watched_s)
        back = [person.back_at for person in crowd.people if not person.is_away]
        return Aftermath(
            back=len(back),
            took_s=max(0.0, max(back, default=0.0) - resumed),
            streams=crowd.taken().opened / size.overload_people,
            endings=sum(person.match != match for person, match in matches.items() if match) // 2,
        )
