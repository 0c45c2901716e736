"""Two servers behind nginx are restarted one after the other while people talk, and no one notices."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
import uvloop

from tests.chaos.claims import Broken
from tests.chaos.machine import Machine
from tests.e2e.serving import COMMAND, Serving
from tests.proxies.conftest import installed
from tests.proxies.crowd import POOLS, Account, Crowd, crowd
from tests.proxies.front import Front, nginx
from tests.proxies.poller import Poller
from tests.servers import StoreServer

PEOPLE = 500
FEW = 60
RESTARTS = 3
PATIENCE_S = 60
LINES = 10
BACK_MS = 2_000 + 3_000
"""``reconnect`` spreads them over 2 s; the rest is for a busy machine, on which 500 come back at once."""
UNDRAINED = (sys.executable, "-m", "tests.proxies.undrained")

pytestmark = pytest.mark.timeout(300)


@contextmanager
def two(store: StoreServer, folder: Path, program: Sequence[str]) -> Iterator[tuple[list[Serving], Front]]:
    """Two servers on the store, behind nginx as documented."""
    installed("nginx")
    options = ("--pools", POOLS, "--no-page", "--transports", "both", "--compare-percent", "0")
    servers = [
        Serving(folder / name, redis_url=store.url, options=options, program=program) for name in ("1", "2")
    ]
    with ExitStack() as stopping:
        for each in servers:
            stopping.callback(each.stop)
            each.start()
        addresses = [f"127.0.0.1:{each.port}" for each in servers]
        yield servers, stopping.enter_context(nginx(folder / "nginx", addresses, site="http"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one restart; ``excused``: broken in a moment in which the kernel gave some process no core."""

    account: Account
    found: list[str]
    excused: list[str]


def restarted(
    servers: Sequence[Serving],
    front: Front,
    store: StoreServer,
    people: int,
    *,
    stop: Callable[[Serving], None] = Serving.stop,
) -> Verdict:
    """A rolling restart under so many people; ``stop``: how a server ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_restarted(servers, front, store, people, stop))


async def _restarted(
    servers: Sequence[Serving],
    front: Front,
    store: StoreServer,
    people: int,
    stop: Callable[[Serving], None],
) -> Verdict:
    machine = Machine()
    watching = asyncio.create_task(machine.watch([store.pid, front.pid]))
    async with crowd(front.url, people, Random(8)) as all_of_them:
        await until(lambda: all_of_them.matched > 0.9 * people, "nearly all of them talk")
        for each in servers:
            await asyncio.to_thread(stop, each)
            await asyncio.to_thread(each.start)
            await until(lambda: all_of_them.streams == people, "everybody is back")
        all_of_them.be_quiet()
        await settled(all_of_them)
        account = all_of_them.account()
    watching.cancel()
    late = [Broken(f"back after {b - a} ms", a, b) for a, b in account.back if b - a > BACK_MS]
    found: list[str] = []
    excused: list[str] = []
    for broken in (*account.false_endings, *late):
        held_up = machine.was_held_up(broken.from_ms, broken.until_ms)
        (excused if held_up else found).append(broken.what)
    sys.stdout.write(f"\n{people} streams: {account}\n")
    for name, values in machine.rows():
        sys.stdout.write(f"{name}: max {max(values)} ms, {sum(values)} in all\n")
    return Verdict(account, found, excused)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Fails when it takes too long."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 # five hundred clients change it
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S} s: {what}") from None


async def settled(all_of_them: Crowd) -> None:
    """Every screen shows what the server says, messages included."""
    left: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while left := await all_of_them.differing():  # noqa: ASYNC110 # the same
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"{len(left)} differ from the server: {left[:5]}") from None


def test_nobody_notices_a_rolling_restart(redis7: StoreServer, tmp_path: Path) -> None:
    """500 streams: no frame missed, no partner shown away, no conversation ended, no command lost."""
    seen = judged(redis7, tmp_path, PEOPLE, Serving.stop)
    assert len(seen.back) >= PEOPLE, "both servers had people, and each came back"
    assert not seen.failed, "nor was any command or stream refused on the way"
    assert seen.messages > 100
    assert seen.skips > 10


@pytest.mark.whole
def test_killed_servers_lose_nothing_either(redis7: StoreServer, tmp_path: Path) -> None:
    """kill -9, one after the other: a dead process is our own doing, of which no partner is told."""
    seen = judged(redis7, tmp_path, FEW, Serving.kill)
    assert len(seen.back) >= FEW


async def test_people_who_poll_notice_nothing_either(redis7: StoreServer, tmp_path: Path) -> None:
    """Two of them talk: no poll is refused, each line is there once, no one is shown away, nothing ends."""
    with two(redis7, tmp_path, COMMAND) as (servers, front):
        async with front.client() as http, asyncio.TaskGroup() as group:
            a, b = await Poller.come(http, "a"), await Poller.come(http, "b")
            lives = [group.create_task(each.live()) for each in (a, b)]
            await until(lambda: a.match != "" and a.match == b.match, "they meet")
            match, talks = a.match, [group.create_task(each.talk()) for each in (a, b)]
            for each in servers:
                await asyncio.to_thread(each.stop)
                await asyncio.to_thread(each.start)
            await until(lambda: len(a.said) + len(b.said) > LINES, "they have talked before and after")
            a.quiet = b.quiet = True
            await asyncio.gather(*talks)
            said = sorted(a.said + b.said)
            await until(lambda: sorted(a.texts) == sorted(b.texts) == said, "each line is there, once")
            for task in lives:
                task.cancel()
    assert a.texts == b.texts, "in the same order"
    assert (a.match, b.match) == (match, match)
    assert (a.refused, b.refused, a.away, b.away) == ([], [], 0, 0)


def judged(store: StoreServer, folder: Path, people: int, stop: Callable[[Serving], None]) -> Account:
    """Of a restart in which nothing was missed, shown or lost.

    Claims about time are judged as those of the crowds are: in another restart if the machine was too busy.
    """
    excused: list[str] = []
    with two(store, folder, COMMAND) as (servers, front):
        for _ in range(RESTARTS):
            verdict = restarted(servers, front, store, people, stop=stop)
            seen, excused = verdict.account, verdict.excused
            assert not verdict.found
            assert (seen.twice, seen.away, seen.lost) == (0, 0, [])
            if not excused:
                # Who was away when a match ended is not told its last messages: only without such ends.
                assert seen.missed == 0
                return seen
    raise AssertionError(f"too busy a machine, {RESTARTS} times: {excused}")


@pytest.mark.whole
def test_without_the_drain_it_is_noticed(redis7: StoreServer, tmp_path: Path) -> None:
    """The control: were it a closed tab to the store, people would be shown away to their partners."""
    with two(redis7, tmp_path, UNDRAINED) as (servers, front):
        assert restarted(servers, front, redis7, FEW).account.away > 0
