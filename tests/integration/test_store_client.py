"""The store client on both real servers: answers, refusals, suspicion, and what a lost connection costs."""

import asyncio
import contextlib
import hashlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
import redis
import uvloop

from duologue.lane import Lane
from duologue.store import lanes
from duologue.store.client import (
    Store,
    StoreError,
    StoreFull,
    StoreInterrupted,
    StoreRefused,
    StoreUnavailable,
)
from tests.relay import Relay, Weather
from tests.servers import StoreServer


@dataclass(frozen=True)
class Lua:
    """A script as the machine hands it over."""

    source: bytes
    name: str = "probe"
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha1", hashlib.sha1(self.source, usedforsecurity=False).hexdigest())


ECHO = Lua(b"#!lua flags=no-writes\nreturn ARGV[1]")
COUNT = Lua(b"#!lua\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])")
BROKEN = Lua(b"#!lua\nreturn nothing.here")
UNREADABLE = Lua(b"#!lua\nreturn (")


@contextlib.asynccontextmanager
async def opened(url: str, *, answer_s: float = 5) -> AsyncIterator[tuple[Store, list[str]]]:
    """A running store and the suspicions that it told."""
    causes: list[str] = []
    async with Store(url, on_suspicion=causes.append, answer_s=answer_s).running() as store:
        yield store, causes


def stat(server: StoreServer, name: str) -> int:
    """One number of the server's own statistics."""
    with server.client() as plain:
        return int(cast("dict[str, int]", plain.info("stats"))[name])


def kill_connections(server: StoreServer, kind: str) -> None:
    """Let the server drop all connections but the one that asks."""
    with server.client() as plain:
        plain.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


async def test_a_reply_comes_back_undecoded(store_url: str) -> None:
    """Bytes stay bytes, integers are integers, and keys and arguments arrive as they were given."""
    async with opened(store_url) as (store, causes):
        assert await store.run(ECHO, [], ["ä\r\n"]) == "ä\r\n".encode()
        assert await store.run(COUNT, ["{0}n"], [2]) == 2
        assert causes == []


async def test_a_script_that_the_store_forgot_is_loaded_again(store_server_each: StoreServer) -> None:
    """A restart and SCRIPT FLUSH lose scripts; the caller does not notice, and it runs once."""
    async with opened(store_server_each.url) as (store, _):
        await store.run(COUNT, ["n"], [1])
        with store_server_each.client() as plain:
            plain.script_flush()
        calls = [store.run(COUNT, ["n"], [1]) for _ in range(3)]
        assert sorted(await asyncio.gather(*calls)) == [2, 3, 4]


async def test_concurrent_calls_share_a_pipeline(store_server_each: StoreServer) -> None:
    """300 calls of one moment reach the server in a few reads, in order, each with its own answer."""
    async with opened(store_server_each.url) as (store, _):
        await store.run(COUNT, ["n"], [0])
        before = stat(store_server_each, "total_reads_processed")
        answers = await asyncio.gather(*(store.run(COUNT, ["n"], [1]) for _ in range(300)))
        reads = stat(store_server_each, "total_reads_processed") - before
    assert answers == list(range(1, 301))
    assert reads < 30


async def test_a_failing_script_fails_its_own_caller_only(store_url: str) -> None:
    """The neighbours in the same pipeline get their answers, and the connection stays."""
    async with opened(store_url) as (store, causes):
        answers: list[object] = await asyncio.gather(
            store.run(ECHO, [], ["a"]),
            store.run(BROKEN, [], []),
            store.run(UNREADABLE, [], []),
            store.run(ECHO, [], ["b"]),
            return_exceptions=True,
        )
        assert (answers[0], answers[3]) == (b"a", b"b")
        assert [type(answer) for answer in answers[1:3]] == [StoreError, StoreError]
        assert causes == []


async def test_a_wrong_argument_is_the_callers_own_mistake(store_url: str) -> None:
    """It is raised where it was made, and the calls of others go on."""
    async with opened(store_url) as (store, _):
        with pytest.raises(TypeError):
            await store.run(ECHO, [], [None])  # type: ignore[list-item]  # the point of the test
        assert await store.run(ECHO, [], ["a"]) == b"a"


async def test_a_full_store_refuses_by_a_name_of_its_own(store_server_each: StoreServer) -> None:
    """OOM, also for a script that the full store has not seen yet."""
    with store_server_each.client() as plain:
        plain.config_set("maxmemory", 1)
    async with opened(store_server_each.url) as (store, causes):
        with pytest.raises(StoreFull):
            await store.run(COUNT, ["n"], [1])
        assert causes == []


async def test_a_replica_is_left_and_suspected(store_server_each: StoreServer) -> None:
    """READONLY: this server no longer owns the data. The next call opens another connection."""
    async with opened(store_server_each.url) as (store, causes):
        await store.run(COUNT, ["n"], [1])
        with store_server_each.client() as plain:
            plain.execute_command("REPLICAOF", "127.0.0.1", "1")
            try:
                with pytest.raises(StoreUnavailable):
                    await store.run(COUNT, ["n"], [1])
            finally:
                plain.execute_command("REPLICAOF", "NO", "ONE")
        assert causes == ["readonly"]
        assert await store.run(COUNT, ["n"], [1]) == 2
        assert causes == ["readonly", "store"]


async def test_a_lost_connection_is_opened_again_and_told(store_server_each: StoreServer) -> None:
    """The call under way is interrupted (it may have run), the next one works, and suspicion is told once."""
    async with opened(store_server_each.url) as (store, causes):
        await store.run(ECHO, [], ["a"])
        kill_connections(store_server_each, "normal")
        with pytest.raises(StoreInterrupted):
            await store.run(ECHO, [], ["b"])
        assert await store.run(ECHO, [], ["c"]) == b"c"
        assert causes == ["store"]


async def test_a_lost_reply_is_an_interruption_and_not_repeated(valkey9: StoreServer) -> None:
    """The script ran once though its reply was lost: no retry happens behind the caller's back."""
    async with Relay(valkey9.url).running() as relay, opened(relay.url) as (store, _):
        await store.run(COUNT, ["n"], [1])
        relay.stall()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(interrupted(store))
            await relay.stalled_bytes.wait()
            relay.cut()
            relay.flow()
        assert call.result()
        with valkey9.client() as plain:
            assert plain.get("n") in (b"1", b"2")
        again = await store.run(COUNT, ["n"], [0])
        assert again in (1, 2)


async def interrupted(store: Store) -> bool:
    """Whether one call is interrupted."""
    try:
        await store.run(COUNT, ["n"], [1])
    except StoreInterrupted:
        return True
    return False


async def test_another_server_behind_the_same_address_is_suspected(
    redis7: StoreServer, valkey9: StoreServer
) -> None:
    """A restart, or a failover to another server: the run id differs."""
    async with Relay(redis7.url).running() as relay, opened(relay.url) as (store, causes):
        assert (await store.info()).kind == "Redis"
        relay.target = valkey9.url
        relay.cut()
        with pytest.raises(StoreInterrupted):
            await store.run(ECHO, [], ["a"])
        assert (await store.info()).kind == "Valkey"
        assert (await store.info()).major == 9
        assert causes == ["run-id"]


async def test_a_store_that_stalls_fails_the_call_in_time_and_heals(valkey9: StoreServer) -> None:
    """No answer within the bound: unavailable; as soon as bytes flow again calls are answered rightly.

    The late reply of the first call must not be taken for the second one's.
    """
    async with Relay(valkey9.url).running() as relay, opened(relay.url, answer_s=0.05) as (store, causes):
        await store.run(ECHO, [], ["before"])
        relay.stall()
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await store.run(ECHO, [], ["late"])
        relay.flow()
        assert await until_answered(store, "after") == b"after"
        assert causes == ["store"]


async def test_a_call_that_was_sent_and_not_answered_in_time_may_have_run(valkey9: StoreServer) -> None:
    """An interruption, which the machine repeats; a call that was never sent is none."""
    async with Relay(valkey9.url).running() as relay, opened(relay.url, answer_s=0.2) as (store, _):
        await store.run(COUNT, ["n"], [1])
        relay.stall()
        async with asyncio.TaskGroup() as group:
            sent = group.create_task(outcome(store))
            await relay.stalled_bytes.wait()
            never_sent = group.create_task(outcome(store))
        assert sent.result() is StoreInterrupted
        assert never_sent.result() is StoreUnavailable


async def outcome(store: Store) -> type[BaseException] | None:
    """What one call raises."""
    try:
        await store.run(COUNT, ["n"], [1])
    except StoreUnavailable as error:
        return type(error)
    return None


async def until_answered(store: Store, text: str) -> object:
    """The first answer; each failure before it is a bounded wait of its own."""
    while True:
        with contextlib.suppress(StoreUnavailable):
            return await store.run(ECHO, [], [text])


async def test_nobody_listens(tmp_path: object) -> None:
    """An address without a server fails each call at once, and names the address."""
    async with opened(f"unix://{tmp_path}/none") as (store, causes):
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="none"):
                await store.run(ECHO, [], ["a"])
        assert causes == []


async def test_a_caller_who_gave_up_is_not_sent(valkey9: StoreServer) -> None:
    """What waits behind a stalled pipeline and is cancelled there never runs."""
    async with Relay(valkey9.url).running() as relay, opened(relay.url) as (store, _):
        await store.run(COUNT, ["n"], [0])
        relay.stall()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(store.run(COUNT, ["n"], [1]))
            await relay.stalled_bytes.wait()
            second = group.create_task(store.run(COUNT, ["n"], [10]))
            await asyncio.wait([second], timeout=0)
            second.cancel()
            await asyncio.wait([second])
            relay.flow()
        assert first.result() == 1
        assert await store.run(COUNT, ["n"], [0]) == 1


async def test_too_many_waiting_calls_are_refused_at_once(
    valkey9: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is bounded: a call that does not fit is refused, and other calls are not affected."""
    monkeypatch.setattr(lanes, "WAITING_MAX", 3)
    async with opened(valkey9.url) as (store, _):
        answers = await asyncio.gather(
            *(store.run(ECHO, [], [str(n)]) for n in range(5)), return_exceptions=True
        )
    assert answers[:3] == [b"0", b"1", b"2"]
    assert all(isinstance(answer, StoreUnavailable) for answer in answers[3:])


async def test_a_store_that_is_far_away_refuses_no_call(valkey9: StoreServer) -> None:
    """200 ms there and back, and 60 callers at once: no overload, and each call is answered in time."""
    async with Relay(valkey9.url, Weather(delay_ms=100)).running() as relay, opened(relay.url) as (store, _):
        await store.run(ECHO, [], ["alone"])
        for _ in range(2):
            answers = await asyncio.gather(*(store.run(ECHO, [], [str(n)]) for n in range(60)))
            assert answers == [b"%d" % n for n in range(60)]


async def test_a_closed_store_refuses() -> None:
    """Before and after `running`, and for calls that still wait when it ends."""
    store = Store("redis://localhost")
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.run(ECHO, [], ["a"])


async def test_leaving_refuses_who_waits_and_closes_the_connection(valkey9: StoreServer) -> None:
    """No call hangs, and the server sees the connection go."""
    async with Relay(valkey9.url).running() as relay, asyncio.TaskGroup() as group:
        async with opened(relay.url) as (store, _):
            await store.run(COUNT, ["n"], [1])
            relay.stall()
            call = group.create_task(interrupted(store))
            await relay.stalled_bytes.wait()
        assert await call


async def test_a_wrong_password_is_told_apart(store_server_each: StoreServer) -> None:
    """Refused is not away: no waiting will help. The password is not shown."""
    with store_server_each.client() as plain:
        plain.acl_setuser("ann", enabled=True, passwords=["+right"], commands=["+ping"], keys=["*"])
    path = store_server_each.url.removeprefix("unix://")
    async with opened(f"unix://ann:wrong@{path}") as (store, _):
        with pytest.raises(StoreRefused) as caught:
            await store.info()
        assert "wrong" not in str(caught.value).replace("WRONGPASS", "")
    async with opened(f"unix://ann:right@{path}") as (store, _):
        assert (await store.info()).version == ""  # INFO is refused to ann, and not needed
        with pytest.raises(StoreRefused):
            await store.run(ECHO, [], ["a"])


async def test_a_subscription_hears_in_order(store_server_each: StoreServer) -> None:
    """Whatever is published after the context was entered is heard."""
    async with opened(store_server_each.url) as (store, _), store.subscribe("{0}f:s_1") as subscription:
        with store_server_each.client() as plain:
            for n in range(3):
                plain.publish("{0}f:s_1", b"\x00%d" % n)
        assert [await subscription.next() for _ in range(3)] == [b"\x000", b"\x001", b"\x002"]


async def test_a_lost_subscription_says_so(store_server_each: StoreServer) -> None:
    """It is never renewed in silence: what was published meanwhile is lost."""
    async with opened(store_server_each.url) as (store, _), store.subscribe("c") as subscription:
        kill_connections(store_server_each, "pubsub")
        with pytest.raises(StoreUnavailable):
            await subscription.next()


async def test_leaving_a_subscription_closes_its_connection(valkey9: StoreServer) -> None:
    """Also when its reader is cancelled in the middle of waiting."""
    async with opened(valkey9.url) as (store, _):
        ready = asyncio.Event()

        async def read() -> None:
            async with store.subscribe("c") as subscription:
                ready.set()
                await subscription.next()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(read())
            await ready.wait()
            task.cancel()
        await until_unsubscribed(valkey9)


async def until_unsubscribed(server: StoreServer) -> None:
    """Until the server counts no subscriber."""
    with server.client() as plain:
        while cast("list[tuple[bytes, int]]", plain.pubsub_numsub("c"))[0][1]:
            await asyncio.to_thread(plain.ping)


def test_the_library_that_we_rely_on_is_the_one_we_read() -> None:
    """Its connections are used without its client; a new major version has to be read first."""
    assert redis.__version__.split(".")[0] == "8"


async def reset_while_idle(target: str) -> int:
    """Reset every connection of a store that has nothing to do; return what the next call answers."""
    far: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_unix_connection(target)
        far.append(writer)

        async def copy(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            try:
                while data := await one.read(65_536):
                    other.write(data)
                    await other.drain()
            except (ConnectionError, RuntimeError):  # it was reset
                pass
            finally:
                other.close()

        await asyncio.gather(copy(reader, to), copy(there, writer))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with opened(f"redis://127.0.0.1:{port}") as (store, causes):
            for lane in Lane:
                await store.run(COUNT, ["n"], [1], lane=lane)
            for writer in far:
                its = writer.get_extra_info("socket")
                its.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            count = 0
            for lane in Lane:
                with contextlib.suppress(StoreInterrupted):  # the call that finds out
                    await store.run(COUNT, ["n"], [0], lane=lane)
                count = await store.run(COUNT, ["n"], [1], lane=lane)
            assert "store" in causes
            return count


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_idle_connections_are_reset(
    store_server_each: StoreServer, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """A failover behind a proxy does that. uvloop, which the server runs on, tells it as a RuntimeError."""
    with asyncio.Runner(loop_factory=loop) as runner:
        count = runner.run(reset_while_idle(store_server_each.url.removeprefix("unix://")))
    assert count == 2 * len(Lane)
