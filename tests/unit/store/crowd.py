"""People who all want to be back after an outage, as the hub asks for them; and what became of it."""

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from duologue.lane import Lane
from duologue.store.call import Script
from duologue.store.errors import StoreError
from tests.unit.store.simulated import Lua, Server
from tests.unit.store.virtual import now

SPEND, CROWD, ATTACH, DETACH, PULSE, ECHO = map(Lua, ("spend", "crowd", "attach", "detach", "pulse", "echo"))
SHARES = {"spend": 0.05, "crowd": 0.05, "detach": 0.5, "pulse": 0.25, "echo": 0.05}
"""What they take of the store, as a share of an attach, about as on a real one."""
AGAIN_S = (0.5, 1.0)
"""As the hub does after an attach that failed."""
OPEN_AFTER_S = 1.0
"""As ``api.door``: a stream opens without its limits if they cannot be asked in that time."""
CALL_S = 1.0
ELSEWHERE_S = 10.0
"""As the beat of the first edition: without one for so long, everybody is told to connect again."""


class Client(Protocol):
    """``Store``, or what is compared with it."""

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes], *, lane: Lane
    ) -> object: ...


@dataclass
class Crowd:
    """So many people, with a page each, and the process that holds them."""

    store: Client
    server: Server
    people: int
    seed: int = 1
    gives_up_s: float = 1e9
    """How long a page waits for its snapshot before it opens another stream."""
    pulses_per_s: float = 20.0
    over_at: float = 0.0
    """When the outage is over."""
    back: set[int] = field(default_factory=set)
    back_at: float = 0.0
    """When the last of them was."""
    answered: set[str] = field(default_factory=set)
    failed: int = 0
    late_echoes: int = 0
    """Echoes not answered in time though the outage was over: a slow store is taken for a lost one."""
    streams: int = 0
    """Streams that were opened."""
    _all_back: asyncio.Event = field(default_factory=asyncio.Event)
    _elsewhere: asyncio.Event = field(default_factory=asyncio.Event)
    _n: int = 0

    async def play(self, seconds: float) -> None:
        """Until everybody is back, or so long."""
        draw = random.Random(self.seed)
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                echo = group.create_task(self._echo())
                pulses = group.create_task(self._pulses(draw))
                people = [group.create_task(self._person(one, draw)) for one in range(self.people)]
                await self._all_back.wait()
                for task in (echo, pulses, *people):
                    task.cancel()
        except TimeoutError:
            pass

    def wasted(self) -> int:
        """How many calls the store ran for nobody."""
        return len(self.server.ran) - len(self.answered)

    async def ask(self, script: Lua, lane: Lane) -> None:
        """One call, noted when it was answered. Raises what the store client raises."""
        self._n += 1
        name = f"{script.name} {self._n}"
        await self.store.run(script, [], [name], lane=lane)
        self.answered.add(name)

    async def _person(self, one: int, draw: random.Random) -> None:
        while True:
            self.streams += 1
            elsewhere = self._elsewhere
            await self._limits(SPEND)
            await self._limits(CROWD)
            if await self._unless(elsewhere, self._attach(draw)):
                self.back.add(one)
                self.back_at = now()
                if len(self.back) == self.people:
                    self._all_back.set()
                await elsewhere.wait()
                self.back.discard(one)
            with contextlib.suppress(StoreError):
                await self.ask(DETACH, Lane.BULK)

    async def _limits(self, script: Lua) -> None:
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(OPEN_AFTER_S):
                await self.ask(script, Lane.BULK)

    async def _unless(self, left: asyncio.Event, attach: Coroutine[None, None, bool]) -> bool:
        """Attach, unless the page leaves before: then nobody waits for it any more."""
        attaching, leaving = asyncio.ensure_future(attach), asyncio.ensure_future(left.wait())
        try:
            await asyncio.wait([attaching, leaving], return_when=asyncio.FIRST_COMPLETED)
            return attaching.done() and attaching.result()
        finally:
            attaching.cancel()
            leaving.cancel()

    async def _attach(self, draw: random.Random) -> bool:
        try:
            async with asyncio.timeout(self.gives_up_s):
                while True:
                    try:
                        await self.ask(ATTACH, Lane.BULK)
                    except StoreError:
                        self.failed += 1
                        await asyncio.sleep(draw.uniform(*AGAIN_S))
                    else:
                        return True
        except TimeoutError:
            return False

    async def _pulses(self, draw: random.Random) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(draw.expovariate(self.pulses_per_s))
                group.create_task(self._pulse())

    async def _pulse(self) -> None:
        try:
            await self.ask(PULSE, Lane.INTERACTIVE)
        except StoreError:
            self.failed += 1

    async def _echo(self) -> None:
        heard_at = told_at = now()
        while True:
            await asyncio.sleep(0.5)
            try:
                async with asyncio.timeout(CALL_S):
                    await self.ask(ECHO, Lane.CONTROL)
                heard_at = now()
            except (StoreError, TimeoutError):
                self.late_echoes += now() > self.over_at + 2 * CALL_S
            if now() - max(heard_at, told_at) >= ELSEWHERE_S:
                told_at = now()
                self._elsewhere.set()
                self._elsewhere = asyncio.Event()
