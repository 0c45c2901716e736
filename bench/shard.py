"""A shard with very many people who talk and press nothing: what they cost, and the store's longest call.

Their records are written directly (``bench.filling``) and their processes simulated: these beat, and answer
each probe. Beside them one real server process runs, so its workers do what there is to do. Then the same
with skips. At last each kind of call that does much at once is made alone, with the store's processor time
read before and after it.
"""

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Sequence
from time import perf_counter
from typing import Any

import msgspec
import redis

from bench.contestants import REDIS7, binary, ours
from bench.figures import Figures
from bench.filling import Filled, fill
from bench.sizes import Size
from duologue.bench.crowd import State
from duologue.bench.machine import cpu_s
from duologue.delivery.publication import MalformedPublication, StateFrames, parse
from duologue.delivery.resync import BATCH
from duologue.pairing import scripts
from duologue.pairing.machine import Machine
from duologue.pairing.scripts import Script
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    ConnectionId,
    Held,
    Media,
    MediaKind,
    Outcome,
    PageId,
    PersonId,
    ProcessId,
    RoomWorkKind,
    Seen,
)
from duologue.store.client import Store, StoreError
from tests.servers import StoreServer, store_server

PROCESSES = 8
BEAT_S = 0.5
TICK_S = 0.01
UNDER_WAY = 400
"""Skips at once: beyond that the store is too slow for the rate that was asked for."""
NEVER_SAVED = ("--appendonly", "no")
STEP_MS = 250
CROWD = 2_000
"""People who do one thing at once, among all the others."""
ODD_ROOMS = 100


async def measure(size: Size, figures: Figures) -> None:
    """Add what a shard of each number of people costs; each call alone only among the first number."""
    for people in size.shard_people:
        column = f"shard, {people:,} people"
        with (
            store_server(REDIS7, binary(REDIS7), *NEVER_SAVED) as server,
            contextlib.closing(server.client()) as client,
        ):
            async with Store(server.url).running() as store:
                filled = await fill(client, Machine(store), people, PROCESSES)
            figures.add(column, "person_kb", filled.kb_a_person)
            await _busy(server, client, filled, size, figures, column)
            if people == size.shard_people[0]:
                await _calls(server, client, filled, figures, column)
    await _rooms(size.shard_people[0] // 4, figures)


# --- one server beside them --------------------------------------------------------------


async def _busy(
    server: StoreServer, client: redis.Redis, filled: Filled, size: Size, figures: Figures, column: str
) -> None:
    people = len(filled.pairs) * 2
    with contextlib.ExitStack() as stack:
        async with _Processes(server.url, filled).running() as simulated:
            # They beat already: a server that finds processes without a beat buries them.
            await asyncio.to_thread(stack.enter_context, ours(store=server))
            await asyncio.sleep(size.shard_s / 4)
            with _Watched(server, client) as idle:
                await asyncio.sleep(size.shard_s)
            figures.add(column, "idle_us", 1e6 * idle.cpu_s / idle.took_s / people)
            figures.add(column, "store_busy", idle.cpu_s / idle.took_s)
            figures.add(column, "longest_ms", idle.longest_ms)
            figures.note(f"{column}: idle", "longest_call", idle.longest_name)
            for rate in size.shard_skips_per_s:
                with _Watched(server, client) as busy:
                    done = await simulated.skip(rate, size.shard_s)
                load = f"{column}, {rate:g} skips/s"
                figures.add(load, "per_s", done / busy.took_s)
                figures.add(load, "store_busy", busy.cpu_s / busy.took_s)
                figures.add(load, "longest_ms", busy.longest_ms)
                figures.note(f"{load}", "longest_call", busy.longest_name)
                figures.add(load, "unanswered", simulated.refused)
            figures.add(column, "endings", simulated.endings)


class _Watched:
    """The store's processor time and its longest call, within the block."""

    def __init__(self, server: StoreServer, client: redis.Redis) -> None:
        self._server, self._client = server, client
        self.cpu_s = self.took_s = self.longest_ms = 0.0
        self.longest_name = ""

    def __enter__(self) -> "_Watched":
        self._client.config_set("slowlog-log-slower-than", 500)
        self._client.config_set("slowlog-max-len", 1000)
        self._client.slowlog_reset()
        self.cpu_s, self.took_s = cpu_s([self._server.pid]), perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_s = cpu_s([self._server.pid]) - self.cpu_s
        self.took_s = perf_counter() - self.took_s
        slow: Any = self._client.slowlog_get(1000)
        if slow:
            longest = max(slow, key=lambda each: each["duration"])
            self.longest_ms = longest["duration"] / 1000
            self.longest_name = _name_of(longest["command"])


def _name_of(command: bytes) -> str:
    """The script's name, as far as it is ours in its shipped configuration."""
    names = {
        each.sha1: each.name
        for media in MediaKind
        for each in scripts.load(Timings(), media, "main").values()
    }
    words = command.decode(errors="replace").split(" ")
    return names.get(words[1], words[1][:8]) if len(words) > 1 and words[0] == "EVALSHA" else words[0]


class _Processes:
    """The processes that hold the people: they beat, answer probes, and skip where that is asked for."""

    def __init__(self, url: str, filled: Filled) -> None:
        self._store = Store(url)
        self._machine = Machine(self._store)
        self._processes = filled.processes
        self._matches: dict[PersonId, str] = {}
        for one, other, match in filled.pairs:
            self._matches[one] = self._matches[other] = match
        self._people = [*self._matches]
        self._under_way: set[asyncio.Task[None]] = set()
        self._skipped = 0
        self.refused = 0
        self.endings = 0
        """Conversations that ended though nobody pressed anything, counted for each of the two."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["_Processes"]:
        async with self._store.running(), asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._beat())]
            tasks += [group.create_task(self._hear(each)) for each in self._processes]
            try:
                yield self
            finally:
                for task in (*tasks, *self._under_way):
                    task.cancel()

    async def skip(self, rate: float, seconds: float) -> int:
        """Skip so often, at fixed instants; return how many skips were done."""
        self._skipped = self.refused = 0
        start, due = perf_counter(), 0
        while (now := perf_counter() - start) < seconds:
            while due < now * rate and len(self._under_way) < UNDER_WAY:
                person = random.choice(self._people)
                if match := self._matches.get(person, ""):
                    self._spawn(self._skip(person, match))
                due += 1
            due = max(due, int(now * rate))
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*self._under_way)
        return self._skipped

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _skip(self, person: PersonId, match: str) -> None:
        try:
            reply = await self._machine.skip(person, match)
        except StoreError:
            self.refused += 1
        else:
            self._skipped += reply.outcome is Outcome.SKIPPED

    async def _pulse(self, person: PersonId, match: str) -> None:
        with contextlib.suppress(StoreError):
            await self._machine.pulse(person, match, Media.OPEN)

    async def _beat(self) -> None:
        while True:
            for process in self._processes:
                with contextlib.suppress(StoreError):
                    await self._machine.beat(process)
            await asyncio.sleep(BEAT_S)

    async def _hear(self, process: ProcessId) -> None:
        async with self._store.subscribe(self._machine.channel(process)) as subscription:
            while True:
                raw = await subscription.next()
                with contextlib.suppress(MalformedPublication):
                    self._heard(raw)

    def _heard(self, raw: bytes) -> None:
        publication = parse(raw)
        if not isinstance(publication, StateFrames):
            return
        person = PersonId(raw.split(b" ", 2)[1].decode())
        state = msgspec.json.decode(publication.state, type=State)
        known, match = self._matches.get(person, ""), state.match.match if state.match else ""
        self._matches[person] = match
        self.endings += any(_is_ours(frame) for frame in publication.frames)
        is_asked = any(b'"type":"probe"' in frame for frame in publication.frames)
        if match and (match != known or is_asked):
            self._spawn(self._pulse(person, match))


def _is_ours(frame: bytes) -> bool:
    return b'"force-disconnect"' in frame and b'"partner-skipped"' not in frame


# --- each call alone ---------------------------------------------------------------------


class _Timed:
    """Runs one script at a time, and notes the store's processor time for each."""

    def __init__(self, server: StoreServer, client: redis.Redis) -> None:
        self._server, self._client = server, client
        self.ms: dict[str, list[float]] = defaultdict(list)

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes], **_lane: object
    ) -> Any:
        if script.name not in self.ms:
            self._client.script_load(script.source)
        before = cpu_s([self._server.pid])
        reply = self._client.evalsha(script.sha1, len(keys), *keys, *args)
        self.ms[script.name].append(1e3 * (cpu_s([self._server.pid]) - before))
        return reply

    def note(self, figures: Figures, column: str) -> None:
        for name, spent in self.ms.items():
            figures.add(f"{column}: {name}", "call_ms", max(spent))
            figures.add(f"{column}: {name}", "call_median_ms", sorted(spent)[len(spent) // 2])
            figures.add(f"{column}: {name}", "calls", len(spent))


class _Clock:
    def __init__(self, client: redis.Redis) -> None:
        seconds, micros = client.time()
        self.now_ms = seconds * 1000 + micros // 1000

    def __call__(self) -> int:
        return self.now_ms


async def _calls(
    server: StoreServer, client: redis.Redis, filled: Filled, figures: Figures, column: str
) -> None:
    """What comes all at once: a process that names its people, one that dies, and all that is due then."""
    timed, clock = _Timed(server, client), _Clock(client)
    machine = Machine(timed, now_ms=clock)
    dead, alive = filled.processes[0], [*filled.processes]
    held: list[tuple[PersonId, ConnectionId]] = []

    def holds(person: PersonId, connection: ConnectionId) -> bool:
        held.append((person, connection))
        return True

    async def let_pass(ms: int) -> None:
        for _ in range(ms // STEP_MS):
            clock.now_ms += STEP_MS
            for process in alive:
                await machine.beat(process)
            while await machine.sweep():
                pass
            while await machine.bury():
                pass
            await machine.scan(alive[0])

    await let_pass(10_000)  # nobody swept since the server ended
    await machine.stray(dead, holds)
    for seen in (None, Seen(0, "", 0, 0, 0, 0)):
        for start in range(0, min(CROWD, len(held)), BATCH):
            some = [
                Held(person, connection, PageId("page"), clock.now_ms, '""', seen)
                for person, connection in held[start : start + BATCH]
            ]
            await machine.reattach(dead, some)
    alive.remove(dead)
    await let_pass(6_000)  # the process that does not beat is buried
    await let_pass(40_000)  # and nobody of its people comes back
    timed.note(figures, column)


async def _rooms(rooms: int, figures: Figures) -> None:
    """The calls that grow with open rooms."""
    column = f"shard, {rooms:,} rooms"
    with (
        store_server(REDIS7, binary(REDIS7), *NEVER_SAVED) as server,
        contextlib.closing(server.client()) as client,
    ):
        async with Store(server.url).running() as store:
            filled = await fill(client, Machine(store, media=MediaKind.LIVEKIT), rooms * 2, PROCESSES)
        timed = _Timed(server, client)
        rooms_of = Machine(timed, media=MediaKind.LIVEKIT).rooms
        turn = await rooms_of.begin_round()
        listed = {match: 60_000 for _, _, match in filled.pairs}
        odd = {f"m_{n:016d}": 60_000 for n in range(ODD_ROOMS)}
        before = cpu_s([server.pid])
        known = await rooms_of.known()
        assert await rooms_of.reconcile(turn.now_ms, listed | odd, known, round_=turn.generation) is not None
        figures.add(column, "round_ms", 1e3 * (cpu_s([server.pid]) - before))
        await rooms_of.end_round(turn.generation, len(listed))
        await rooms_of.look([match for _, _, match in filled.pairs[:150]], 100)
        for work in (await rooms_of.due(RoomWorkKind.CLOSE)).works:
            await rooms_of.gone(work.match, work.generation, found=True)
        timed.note(figures, column)
