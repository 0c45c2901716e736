"""The store or a server fails under many people and is slow afterwards: when is everybody back?"""

import asyncio
import contextlib
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.contestants import REDIS7, binary
from bench.figures import Figures
from bench.sizes import Size
from bench.slow_store import SlowStore
from bench.speed import OURS
from duologue.bench.crowd import Crowd
from duologue.bench.report import markdown, number
from tests.serving import Serving

KINDS = ("hang", "killed", "cold", "rolling", "stopped")
TITLES = {
    "hang": "outage {outage:g} s",
    "killed": "store killed, away {outage:g} s",
    "cold": "server killed, all come at once",
    "rolling": "rolling restart of two under load",
    "stopped": "one of two stopped for {outage:g} s",
}
STOPPED_S = 20.0
DOWN_S = 3.0
"""How long a killed store stays down."""
SKIPS = 20
"""Of so many people one skips each second in a rolling restart."""
MORE_S = 4.0
LOOK_S = 0.1
SETTLED_S = 10.0
"""Deadlines that were held back fall due after 5 s: conversations that end falsely do so within this."""
READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Case:
    """One fault."""

    kind: str
    people: int
    call_ms: float
    outage_s: float

    @property
    def title(self) -> str:
        """The column."""
        what = TITLES[self.kind].format(outage=self.outage_s)
        return f"{what}, call {self.call_ms:g} ms, {self.people:,} people"

    @property
    def work_s(self) -> float:
        """What one call for each of the people takes."""
        return self.people * self.call_ms / 1000

    @property
    def bound_s(self) -> float:
        """Until when all must be back."""
        return 2 * self.work_s + 8


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of people after a fault."""

    back: int
    took_s: float
    """From the end of the fault until the last one who came back did."""
    streams: float
    """Opened for each person."""
    endings: int
    """Conversations that ended although nobody ended them."""
    told_in_vain: int
    held_back: int


class Store:
    """A Redis that keeps everything on disk, so that it can be killed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "s"
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        command = [binary(REDIS7), "--port", "0", "--unixsocket", str(self.path), "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxclients", "15000"]
        self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + READY_S
        ping = ["redis-cli", "-s", str(self.path), "ping"]
        while subprocess.run(ping, capture_output=True, check=False).stdout.strip() != b"PONG":
            if time.monotonic() > until:
                raise TimeoutError("the store does not answer")
            time.sleep(LOOK_S)

    def kill(self) -> None:
        """Kill -9; can be repeated."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        self.path.unlink(missing_ok=True)


class Site:
    """Two servers at most, on a store that can be slow."""

    def __init__(self, store: Store, slow: SlowStore, servers: list[Serving]) -> None:
        self.store = store
        self.slow = slow
        self.servers = servers
        self._settings = {"DUOLOGUE_SECRET": secrets.token_urlsafe(32), "DUOLOGUE_RELAX_DRAWN": "1"}

    def start(self, port: int = 0) -> Serving:
        """Start a server and return it when it serves."""
        options = ("--port", str(port), "--no-page", "--redis-url", self.slow.url)
        return Serving(*options, **self._settings).ready()

    def end(self) -> None:
        """Kill all servers."""
        for each in self.servers:
            each.kill()

    async def restart(self, place: int, *, kill: bool) -> None:
        """End a server and start it again on its port."""
        server = self.servers[place]
        await asyncio.to_thread(server.kill if kill else server.stop)
        self.servers[place] = await asyncio.to_thread(self.start, server.port)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="duo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def site(servers: int) -> AsyncIterator[Site]:
    """Run everything for one case."""
    async with contextlib.AsyncExitStack() as stack:
        store = Store(stack.enter_context(_folder()))
        stack.callback(store.kill)
        await asyncio.to_thread(store.start)
        slow = await stack.enter_async_context(SlowStore(str(store.path)).running())
        made = Site(store, slow, [])
        stack.callback(made.end)
        for _ in range(servers):
            made.servers.append(await asyncio.to_thread(made.start))
        yield made


async def measure(size: Size, figures: Figures) -> None:
    """Add what became of everybody in each case."""
    for case in cases(size):
        _note(figures, case, await play(case))
    main = [case for case in cases(size) if case.kind == "hang"]
    if main:
        _note_goal(figures, main[-1])


def cases(size: Size) -> list[Case]:
    """Return the cases, the one with a goal last among the outages."""
    found = []
    for people in size.overload_crowds or (size.overload_people,):
        for call_ms in size.call_ms:
            for kind in size.overload_kinds:
                outages = size.outages_s if kind == "hang" else (_lasts_s(kind),)
                found += [Case(kind, people, call_ms, outage_s) for outage_s in outages]
    return sorted(found, key=lambda case: KINDS.index(case.kind))


def _lasts_s(kind: str) -> float:
    return {"killed": DOWN_S, "stopped": STOPPED_S}.get(kind, 0.0)


def _note(figures: Figures, case: Case, aftermath: Aftermath) -> None:
    column = case.title
    figures.add(column, "work_s", case.work_s)
    figures.add(column, "bound_s", case.bound_s)
    figures.add(column, "back", aftermath.back)
    figures.add(column, "people", case.people)
    figures.add(column, "streams", aftermath.streams)
    figures.add(column, "endings", aftermath.endings)
    figures.add(column, "told_in_vain", aftermath.told_in_vain)
    figures.add(column, "held_back", aftermath.held_back)
    if aftermath.back == case.people:
        figures.add(column, "back_s", aftermath.took_s)
    else:
        figures.note(column, "back_s", f"never ({aftermath.back} of {case.people})")


def _note_goal(figures: Figures, case: Case) -> None:
    note = figures.notes.get(f"{case.title}/back_s")
    if note:
        figures.note(OURS, "back_s", note)
    else:
        figures.add(OURS, "back_s", figures.values[case.title]["back_s"][-1])


async def play(case: Case) -> Aftermath:
    """Bring people, let the fault happen, and watch until everybody is back and no deadline is left."""
    async with contextlib.AsyncExitStack() as stack:
        here = await stack.enter_async_context(site(2 if case.kind in ("rolling", "stopped") else 1))
        crowd = await stack.enter_async_context(Crowd([each.url for each in here.servers]))
        await crowd.come(case.people)
        await crowd.settle()
        crowd.spawn(crowd.watch())
        matches = {person: person.match for person in crowd.people}
        crowd.taken()
        skips = case.kind == "rolling"
        ended = await FAULTS[case.kind](case, here, crowd)
        await _until_back(crowd, ended + case.bound_s + MORE_S)
        back = [person.back_at for person in crowd.people if not person.is_away]
        await asyncio.sleep(SETTLED_S)
        counts = crowd.taken()
        parted = sum(person.match != match for person, match in matches.items() if match)
        return Aftermath(
            back=len(back),
            took_s=max(0.0, max(back, default=0.0) - ended),
            streams=counts.opened / case.people,
            endings=counts.endings if skips else max(counts.endings, parted // 2),
            told_in_vain=counts.told_in_vain,
            held_back=counts.held_back,
        )


async def _until_back(crowd: Crowd, until: float) -> None:
    while any(person.is_away for person in crowd.people) and perf_counter() < until:  # noqa: ASYNC110 # polled
        await asyncio.sleep(LOOK_S)


async def _hang(case: Case, here: Site, crowd: Crowd) -> float:
    crowd.is_outage = True
    here.slow.hang()
    await asyncio.sleep(case.outage_s)
    here.slow.call_s = case.call_ms / 1000
    here.slow.resume()
    return _over(crowd)


async def _killed(case: Case, here: Site, crowd: Crowd) -> float:
    crowd.is_outage = True
    await asyncio.to_thread(here.store.kill)
    await asyncio.sleep(case.outage_s)
    here.slow.call_s = case.call_ms / 1000
    await asyncio.to_thread(here.store.start)
    return _over(crowd)


async def _cold(case: Case, here: Site, crowd: Crowd) -> float:
    crowd.is_outage = True
    here.slow.call_s = case.call_ms / 1000
    await here.restart(0, kill=True)
    return _over(crowd)


async def _rolling(case: Case, here: Site, crowd: Crowd) -> float:
    here.slow.call_s = case.call_ms / 1000
    load: asyncio.Task[Any] = asyncio.get_running_loop().create_task(_skipping(crowd, case.people / SKIPS))
    for place in range(len(here.servers)):
        await here.restart(place, kill=False)
        await _until_back(crowd, perf_counter() + case.bound_s + MORE_S)
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    crowd.unwant()
    return perf_counter()


async def _skipping(crowd: Crowd, per_s: float) -> None:
    while True:
        crowd.unwant()
        crowd.want(lambda person: person.skip(perf_counter(), lambda _: None))
        await asyncio.sleep(1 / per_s)


async def _stopped(case: Case, here: Site, _crowd: Crowd) -> float:
    here.slow.call_s = case.call_ms / 1000
    here.servers[0].signal(signal.SIGSTOP)
    await asyncio.sleep(case.outage_s)
    here.servers[0].signal(signal.SIGCONT)
    return perf_counter()


def _over(crowd: Crowd) -> float:
    """Note that the outage is over; the word of it that is on its way still counts as one."""
    loop = asyncio.get_running_loop()
    loop.call_later(ON_THE_WAY_S, lambda: setattr(crowd, "is_outage", False))
    return perf_counter()


ON_THE_WAY_S = 1.0
FAULTS = {"hang": _hang, "killed": _killed, "cold": _cold, "rolling": _rolling, "stopped": _stopped}

HEAD = (
    "fault",
    "work, s",
    "all back after, s",
    "bound, s",
    "streams per person",
    "false endings",
    "told unavailable, not affected",
    "streams that brought nothing in 6 s",
)


def table(figures: Figures) -> str:
    """Return the table of all cases that were measured; empty for none."""
    columns = [name for name, values in figures.values.items() if "told_in_vain" in values]
    return markdown(HEAD, [_row(figures, column) for column in columns]) if columns else ""


def _row(figures: Figures, column: str) -> list[str]:
    def cell(name: str, digits: int = 0) -> str:
        note = figures.notes.get(f"{column}/{name}")
        return note or number(figures.values[column][name][-1], digits)

    return [
        column,
        cell("work_s", 1),
        cell("back_s", 1),
        cell("bound_s", 1),
        cell("streams", 2),
        cell("endings"),
        cell("told_in_vain"),
        cell("held_back"),
    ]
