"""A crowd at half load for 30 minutes: the memory of the server and of the store stays as it is.

`--minutes 3` tries it: `pytest tests/chaos/test_long_run.py --whole --minutes 3`. A sixth of the time is for
what a server and a store fill once: caches, buckets, the last matches of each person.
"""

import asyncio
import random
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest
import uvloop

from duologue.bench.crowd import Crowd, Person
from duologue.bench.load import PATIENCE_S, Processes, closed, opened
from duologue.bench.machine import memory_kb
from tests.servers import StoreServer
from tests.serving import COMMAND, Serving

PEOPLE = 300
RELOADS = 10
"""How many streams are opened between two looks at the memory."""
AT_A_TIME = 24
TRIAL_S = 3.0
LOOKS = 60
WARM = 1 / 6
"""5 of 30 minutes."""
MAY_GROW, MAY_GROW_KB = 0.04, 1_500
"""Between the first and the last quarter after that. 30 minutes at 60 skips a second are 108,000 skips:
48 bytes for each of them are found."""
CONTROL_S = 30.0
LEAKY = (sys.executable, "-m", "tests.chaos.leaky", "serve")


@dataclass(slots=True)
class Memory:
    """What a server and its store held at each look, in kB."""

    server: list[float] = field(default_factory=list)
    store: list[float] = field(default_factory=list)
    skips: int = 0

    def said(self) -> str:
        """Return each tenth look, for people to read."""
        step = max(1, len(self.server) // 10)
        return f"server {self.server[::step]}, store {self.store[::step]}, {self.skips} skips"


def growth_kb(looks: Sequence[float]) -> float:
    """How much more there was in the last quarter than in the first one, without the time to warm up."""
    steady = looks[int(len(looks) * WARM) :]
    quarter = max(1, len(steady) // 4)
    return median(steady[-quarter:]) - median(steady[:quarter])


def grows(looks: Sequence[float]) -> bool:
    """Whether that is more than chance."""
    return growth_kb(looks) > max(MAY_GROW_KB, MAY_GROW * median(looks))


async def watched(server: Serving, store: StoreServer, seconds: float, looks: int) -> Memory:
    """What happens to the memory of both while a crowd skips at half of what they can do."""
    found = Memory()
    processes = Processes(server=[server.pid], store=[store.pid])
    async with Crowd([server.url]) as crowd:
        await crowd.come(PEOPLE)
        await crowd.settle()
        trial = await closed(crowd, processes, at_a_time=AT_A_TIME, seconds=TRIAL_S)
        # One person may skip once a second in the long run.
        per_s = min(trial.skips / trial.seconds / 2, PEOPLE / 4)
        for _ in range(looks):
            sample = await opened(crowd, processes, per_s=per_s, seconds=seconds / looks)
            found.skips += sample.skips
            await asyncio.gather(*map(reload, random.sample(crowd.people, RELOADS)))
            found.server.append(memory_kb([server.pid]))
            found.store.append(used_kb(store))
    return found


async def reload(person: Person) -> None:
    """Close the stream, and return when another one has brought the state.

    A person without a stream could not be told of a partner's skip, and the test would wait for it.
    """
    back = asyncio.Event()
    person.close()
    person.on_state = lambda _: back.set()
    person._return()
    async with asyncio.timeout(PATIENCE_S):
        await back.wait()
    person.on_state = None


def used_kb(store: StoreServer) -> float:
    """What the store's data takes: its process never gives back what it had once."""
    with store.client() as client:
        info: Any = client.info("memory")
    return float(info["used_memory"]) / 1024


@contextmanager
def running(store: StoreServer, command: Sequence[str] = COMMAND) -> Iterator[Serving]:
    """A server in its shipped configuration."""
    options = ("--port", "0", "--no-page", "--redis-url", store.url)
    server = Serving(*options, command=command, DUOLOGUE_SECRET=secrets.token_urlsafe(32))
    try:
        yield server.ready()
    finally:
        server.kill()


@pytest.mark.whole
@pytest.mark.timeout(3_000)
def test_half_load_for_half_an_hour(
    store_server_each: StoreServer, minutes: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the server nor the store grows after the first sixth of the time."""
    with running(store_server_each) as server:
        found = uvloop.run(watched(server, store_server_each, minutes * 60, LOOKS))
    with capsys.disabled():
        sys.stdout.write(f"\n{store_server_each.kind}, {minutes:g} min, kB: {found.said()}\n")
    assert found.skips > 10 * minutes * 60, "a crowd that skips"
    assert not grows(found.server), found.said()
    assert not grows(found.store), found.said()


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_a_leak_of_the_server_is_found(redis7: StoreServer) -> None:
    """Control: 4 KiB for each skip, within half a minute."""
    with running(redis7, LEAKY) as server:
        found = uvloop.run(watched(server, redis7, CONTROL_S, LOOKS // 3))
    assert grows(found.server), found.said()


def test_what_counts_as_growth() -> None:
    """Controls: a step at the beginning and noise do not; 48 bytes for each of 108,000 skips do."""
    noise = random.Random(1)
    flat = [60_000 + noise.uniform(-800, 800) for _ in range(LOOKS)]
    assert not grows(flat)
    assert not grows([40_000.0] * 5 + flat)
    assert grows([each + 84 * n for n, each in enumerate(flat)])
    assert grows([1_000 + 108_000 / LOOKS * n * 48 / 1024 for n in range(LOOKS)])
