"""Text that ran out is in no file of the embedded store any more; what was reported is."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import redis

from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    Attached,
    ConnectionId,
    Outcome,
    PageId,
    PersonId,
    ProcessId,
    ReportReason,
    Sent,
)
from duologue.store.client import Store, StoreUnavailable
from duologue.store.embedded import Embedded, socket_path
from duologue.store.errors import StoreError
from duologue.store.rewriting import RewriteError, Rewriting
from tests.serving import data_folder, serving

OFTEN_S, NEVER_S = 0.4, 3_600.0
SHORT = Timings(recent_ttl_ms=900, rematch_ms=500)
GONE, KEPT = "meet me at the old bridge", "I know where you live"
PATIENCE_S = 30


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder whose store must be gone at the end."""
    with data_folder() as folder:
        yield folder


def holds(folder: Path, text: str) -> bool:
    """Whether any file of the folder has this text in it."""
    for file in folder.rglob("*"):
        try:
            if file.is_file() and text.encode() in file.read_bytes():
                return True
        except FileNotFoundError:  # a rewrite has just replaced it
            continue
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.to_thread(os.sched_yield)


async def come(machine: Machine, name: str) -> PersonId:
    """Return an attached person who presses Start."""
    person = PersonId(f"{name}_{fresh_ids(1)}"[:16])
    connection, page = ConnectionId(f"c_{fresh_ids(1)}"), PageId(fresh_ids(1))
    assert isinstance(await machine.attach(person, connection, ProcessId("s_test"), page, name), Attached)
    await machine.join(person, intent=1, pool="main")
    return person


async def talk(machine: Machine, text: str, *, report: bool) -> None:
    """Two meet; one says this; it may be reported; the conversation ends."""
    one, other = await come(machine, "eve"), await come(machine, "ann")
    match = msgspec.json.decode(await machine.read(one))["match"]["match"]
    sent = await machine.message(one, match, "k1", text)
    assert isinstance(sent, Sent)
    assert sent.outcome == Outcome.SENT
    if report:
        await machine.report(other, match, "k1", ReportReason.VIOLENCE)
    for person in (one, other):
        await machine.leave(person, 2)


@asynccontextmanager
async def talking(data: Path, rewrite_s: float) -> AsyncIterator[tuple[Embedded, Machine]]:
    """An embedded store in which nothing is written but what the test writes."""
    async with (
        Embedded(data, rewrite_s=rewrite_s).running() as own,
        Store(own.url).running() as store,
    ):
        yield own, Machine(store, SHORT)


def keys(own: Embedded, pattern: str) -> int:
    with redis.Redis.from_url(own.url) as plain:
        return len(plain.keys(pattern))


def rewrites(data: Path) -> int:
    """How many there were: the number in the base file's name counts them, from 1."""
    return max(int(base.name.split(".")[2]) for base in (data / "store" / "appendonlydir").glob("*.base.*"))


async def test_text_that_ran_out_leaves_the_files(data: Path) -> None:
    """And nothing else is written meanwhile. What was reported stays."""
    async with talking(data, OFTEN_S) as (_, machine):
        await talk(machine, KEPT, report=True)
        await talk(machine, GONE, report=False)
        assert holds(data, GONE), "else this test would find nothing to be gone"
        await until(lambda: not holds(data, GONE))
        assert holds(data, KEPT)
    assert holds(data, KEPT)


async def test_without_a_rewrite_it_stays(data: Path) -> None:
    """Control: the store has forgotten the text, and its file has not."""
    async with talking(data, NEVER_S) as (own, machine):
        await talk(machine, GONE, report=False)
        await until(lambda: keys(own, "*said:*") == 0)
        assert holds(data, GONE)


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_text_from_before_a_restart(data: Path, how: str) -> None:
    """Restart the store after any ending: the time of the last rewrite is known."""
    async with talking(data, NEVER_S) as (own, machine):
        await talk(machine, KEPT, report=True)
        await talk(machine, GONE, report=False)
        if how == "killed":
            killed = own.pid
            os.kill(killed, signal.SIGKILL)
            await until(lambda: own.pid not in (0, killed))
    assert holds(data, GONE)
    async with talking(data, OFTEN_S):
        await until(lambda: not holds(data, GONE))
        assert holds(data, KEPT)


async def test_a_rewrite_that_was_killed_leaves_no_copy(data: Path) -> None:
    """The file that it had begun is removed by the next one; a file of one that runs is not."""
    async with talking(data, NEVER_S) as (own, machine):
        left = data / "store" / "temp-rewriteaof-bg-1.aof"
        left.write_text(GONE)
        os.utime(left, (1, 1))
        running = data / "store" / "temp-rewriteaof-bg-2.aof"
        running.touch()
        os.utime(running, (2**32, 2**32))
        await talk(machine, KEPT, report=True)
        await Rewriting(data / "store", own.url, period_s=1).rewrite()
        assert not left.exists()
        assert running.exists()
        running.unlink()


async def test_servers_that_share_a_folder(data: Path) -> None:
    """Three of them: the text is gone, and files are rewritten no more often than by one."""
    loop = asyncio.get_running_loop()
    async with talking(data, OFTEN_S) as (_, machine), talking(data, OFTEN_S), talking(data, OFTEN_S):
        began_s, before = loop.time(), rewrites(data)
        await talk(machine, GONE, report=False)
        await until(lambda: not holds(data, GONE))
        for _ in range(5):
            seen = rewrites(data)
            await talk(machine, KEPT, report=True)
            await until(lambda seen=seen: rewrites(data) > seen)  # type: ignore[misc]
        # Two may look at the same instant; the later one asks in vain, or has nothing to write.
        assert rewrites(data) - before <= 2 * ((loop.time() - began_s) / OFTEN_S + 1)


async def test_what_nobody_wrote_is_not_rewritten(data: Path) -> None:
    """A store in which nothing happens is left alone, and one that was just rewritten."""
    async with talking(data, NEVER_S) as (own, machine):
        now_s = [0.0]
        (base,) = (data / "store" / "appendonlydir").glob("*.base.*")
        now_s[0] = base.stat().st_mtime + 100
        rewriting = Rewriting(data / "store", own.url, period_s=60, now_s=lambda: now_s[0])
        assert not rewriting.is_due(), "nothing was written"
        await talk(machine, GONE, report=False)
        assert rewriting.is_due()
        await rewriting.rewrite()
        (base,) = (data / "store" / "appendonlydir").glob("*.base.*")
        now_s[0] = base.stat().st_mtime + 59
        await talk(machine, GONE, report=False)
        assert not rewriting.is_due(), "it was a moment ago"
        now_s[0] += 2
        assert rewriting.is_due()
        now_s[0] = base.stat().st_mtime - 10
        assert rewriting.is_due(), "the clock was set back"


async def test_a_store_that_is_away(data: Path) -> None:
    """Fail the rewrite once: the next look tries again."""
    async with talking(data, NEVER_S):
        pass
    with pytest.raises(StoreUnavailable):
        await Rewriting(data / "store", f"unix://{socket_path(data / 'store')}", period_s=1).rewrite()
    assert issubclass(RewriteError, StoreError)
    assert not Rewriting(data / "nowhere", "unix:///nowhere", period_s=1).is_due()


async def test_the_command_does_it(data: Path) -> None:
    """``--rewrite-s`` reaches the store that ``duologue serve`` starts; two servers share it."""
    options = ("--no-page", "--data", str(data), "--rewrite-s", str(OFTEN_S))
    with serving(*options) as first, serving(*options) as second:
        async with Store(f"unix://{socket_path(data / 'store')}").running() as store:
            machine = Machine(store, SHORT)
            await talk(machine, KEPT, report=True)
            await talk(machine, GONE, report=False)
            assert first.stop() == 0
            await until(lambda: not holds(data / "store", GONE))
            assert holds(data / "store", KEPT)
        assert second.stop() == 0
