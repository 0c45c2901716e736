"""What a skip and a pulse cost the store alone: 64 calls in a pipeline, through the store's one client."""

import asyncio
import contextlib

import msgspec

from bench.contestants import REDIS7, VALKEY9, binary
from bench.figures import Figures
from bench.sizes import Size
from duologue.bench.crowd import State
from duologue.bench.machine import cpu_s
from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.vocabulary import ConnectionId, Media, PageId, PersonId, ProcessId
from duologue.store.client import Store
from tests.servers import StoreServer, store_server

PIPELINED = 64
PEOPLE = 12 * PIPELINED
INTENT = 1_764_000_000_000


async def measure(size: Size, figures: Figures) -> None:
    """Add the store's processor time for one ``skip`` and one ``pulse``, on both stores in turn."""
    async with contextlib.AsyncExitStack() as stack:
        stages = []
        for kind in (REDIS7, VALKEY9):
            server = stack.enter_context(store_server(kind, binary(kind)))
            store = await stack.enter_async_context(Store(server.url).running())
            stages.append(stage := _Stage(server, Machine(store)))
            await stage.begin()
        for number in range(max(size.rounds, size.script_batches)):
            for stage in stages:
                skip_us, pulse_us = await stage.batch()
                if number:  # the first one loads the scripts
                    figures.add(f"ours, {stage.server.kind}", "skip_script_us", skip_us)
                    figures.add(f"ours, {stage.server.kind}", "pulse_script_us", pulse_us)


class _Stage:
    """People on one store, without a server before it."""

    def __init__(self, server: StoreServer, machine: Machine) -> None:
        self.server = server
        self._machine = machine
        self._people = [PersonId(fresh_ids(1)) for _ in range(PEOPLE)]
        self._matches: dict[PersonId, str] = {}
        self._next = 0

    async def begin(self) -> None:
        process = ProcessId("s_" + fresh_ids(1))
        await self._machine.beat(process)
        for person in self._people:
            await self._machine.attach(
                person, ConnectionId("c_" + fresh_ids(1)), process, PageId(fresh_ids(1))
            )
        for person in self._people:
            await self._machine.join(person, intent=INTENT, pool="main")
        await self._pulse()

    async def batch(self) -> tuple[float, float]:
        """Return the store's microseconds for one skip, and for one pulse in a new match."""
        skippers = self._skippers()
        calls = [self._machine.skip(person, self._matches[person]) for person in skippers]
        before = cpu_s([self.server.pid])
        replies = await asyncio.gather(*calls)
        skip_s = cpu_s([self.server.pid]) - before
        done = sum(reply.outcome.value == "skipped" for reply in replies)
        return 1e6 * skip_s / done, await self._pulse()

    def _skippers(self) -> list[PersonId]:
        """Return people of 64 different matches in turn, so that no two recent partners are paired again."""
        found: dict[str, PersonId] = {}
        for _ in self._people:
            person = self._people[self._next % PEOPLE]
            self._next += 1
            if match := self._matches.get(person, ""):
                found.setdefault(match, person)
            if len(found) == PIPELINED:
                break
        return [*found.values()]

    async def _pulse(self) -> float:
        """Pulse for all who are in a new match, and return what one cost."""
        known = self._matches
        states = await asyncio.gather(*map(self._machine.read, self._people))
        read = [msgspec.json.decode(state, type=State) for state in states]
        self._matches = {
            person: state.match.match
            for person, state in zip(self._people, read, strict=True)
            if state.match is not None
        }
        new = [person for person, match in self._matches.items() if known.get(person) != match]
        used = 0.0
        for start in range(0, len(new), PIPELINED):
            calls = [
                self._machine.pulse(person, self._matches[person], Media.OPEN)
                for person in new[start : start + PIPELINED]
            ]
            before = cpu_s([self.server.pid])
            await asyncio.gather(*calls)
            used += cpu_s([self.server.pid]) - before
        return 1e6 * used / max(1, len(new))
