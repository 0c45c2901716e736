"""What can happen to a call between being asked for and its answer, in each lane, on a simulated store."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis import exceptions as library

from duologue.lane import Lane
from duologue.store import pipe
from duologue.store.client import Store
from duologue.store.errors import StoreFull, StoreUnavailable
from tests.unit.store.simulated import Lua, Server, store_on
from tests.unit.store.virtual import now, play

SAY = Lua("say")
LANES = list(Lane)
IMPATIENT = [Lane.CONTROL, Lane.SIGNS, Lane.INTERACTIVE]


def on_a_store(
    scene: Callable[[Store, Server], Awaitable[None]],
    *,
    cost_s: float = 0.001,
    on_suspicion: Callable[[str], None] = lambda _: None,
) -> None:
    """Play a scene with a store whose connections are open."""

    async def whole() -> None:
        server = Server(cost_s)
        async with server.running(), store_on(server, on_suspicion).running() as store:
            for lane in (Lane.CONTROL, Lane.INTERACTIVE):
                await store.run(SAY, [], ["first"], lane=lane)
            server.ran.clear()
            await scene(store, server)

    play(whole())


async def say(store: Store, lane: Lane, what: str) -> bytes | str:
    """The answer, or the name of what was raised."""
    try:
        answer: bytes = await store.run(SAY, [], [what], lane=lane)
    except StoreUnavailable as error:
        return type(error).__name__
    return answer


@pytest.mark.parametrize("lane", LANES)
def test_answers_keep_the_order_of_their_calls(lane: Lane) -> None:
    """Each caller of several full batches gets the answer to its own call, and they run in order."""

    async def scene(store: Store, server: Server) -> None:
        answers = await asyncio.gather(*(say(store, lane, str(n)) for n in range(300)))
        assert answers == [b"%d" % n for n in range(300)]
        assert server.ran == [str(n) for n in range(300)]

    on_a_store(scene)


@pytest.mark.parametrize("lane", LANES)
def test_a_call_that_is_cancelled_while_it_waits_is_never_sent(lane: Lane) -> None:
    """The store does not see it, and those behind it are answered."""

    async def scene(store: Store, server: Server) -> None:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(say(store, lane, "first"))
            await asyncio.sleep(0.0005)  # it is under way
            given_up = group.create_task(say(store, lane, "given up"))
            last = group.create_task(say(store, lane, "last"))
            await asyncio.sleep(0)
            given_up.cancel()
        assert (first.result(), last.result()) == (b"first", b"last")
        assert server.ran == ["first", "last"]

    on_a_store(scene)


@pytest.mark.parametrize("lane", LANES)
def test_a_call_that_is_cancelled_under_way_spoils_no_other(lane: Lane) -> None:
    """Its answer is taken off the connection and given to nobody."""

    async def scene(store: Store, server: Server) -> None:
        async with asyncio.TaskGroup() as group:
            given_up = group.create_task(say(store, lane, "given up"))
            await asyncio.sleep(0.0005)
            given_up.cancel()
            assert await say(store, lane, "next") == b"next"
        assert server.ran == ["given up", "next"]
        assert server.connections == 2

    on_a_store(scene)


@pytest.mark.parametrize("lane", LANES)
def test_a_connection_lost_in_the_middle_of_a_batch(lane: Lane) -> None:
    """Those that were sent and not answered are interrupted; those that wait go over another connection."""
    causes: list[str] = []

    async def scene(store: Store, server: Server) -> None:
        async with asyncio.TaskGroup() as group:
            sent = [group.create_task(say(store, lane, f"sent {n}")) for n in range(5)]
            await asyncio.sleep(0.0025)
            waiting = [group.create_task(say(store, lane, f"waiting {n}")) for n in range(5)]
            await asyncio.sleep(0)
            server.cut()
        answered = [task.result() for task in sent]
        assert answered == [b"sent 0", b"sent 1", *["StoreInterrupted"] * 3]
        assert [task.result() for task in waiting] == [b"waiting %d" % n for n in range(5)]
        assert causes == ["store"], "only the lane's own connection was used since"

    on_a_store(scene, on_suspicion=causes.append)


@pytest.mark.parametrize("lane", LANES)
def test_a_script_that_the_store_forgot_is_loaded_again(lane: Lane) -> None:
    """The callers do not notice, and each call runs once."""

    async def scene(store: Store, server: Server) -> None:
        server.knows = set()
        answers = await asyncio.gather(*(say(store, lane, str(n)) for n in range(4)))
        assert answers == [b"0", b"1", b"2", b"3"]
        assert server.ran == ["0", "1", "2", "3"]
        assert server.knows == {"say"}

    on_a_store(scene)


@pytest.mark.parametrize("lane", LANES)
def test_a_full_store_refuses_one_call_and_keeps_the_connection(lane: Lane) -> None:
    """Its neighbours in the batch are answered."""

    async def scene(store: Store, server: Server) -> None:
        server.answers["full"] = library.OutOfMemoryError("OOM command not allowed")
        answers = await asyncio.gather(
            *(store.run(SAY, [], [what], lane=lane) for what in ("a", "full", "b")), return_exceptions=True
        )
        assert (answers[0], type(answers[1]), answers[2]) == (b"a", StoreFull, b"b")
        assert server.connections == 2

    on_a_store(scene)


@pytest.mark.parametrize("lane", LANES)
def test_closing_refuses_the_calls_that_wait_and_those_under_way(lane: Lane) -> None:
    """None of them hangs, and both connections are closed."""

    async def scene() -> None:
        server = Server()
        async with server.running(), asyncio.TaskGroup() as group:
            async with store_on(server).running() as store:
                await say(store, Lane.CONTROL, "open")
                await say(store, Lane.INTERACTIVE, "open")
                server.hang(60)
                sent = group.create_task(say(store, lane, "sent"))
                await asyncio.sleep(0.5)
                waits = group.create_task(say(store, lane, "waits"))
                await asyncio.sleep(0)
            assert await waits == "StoreUnavailable"
            assert await sent == "StoreInterrupted"
            assert [wire.is_closed for wire in server.links] == [True, True]
            assert await say(store, lane, "late") == "StoreUnavailable"

    play(scene())


@pytest.mark.parametrize("lane", IMPATIENT)
def test_an_impatient_call_has_two_seconds_from_being_asked_for(lane: Lane) -> None:
    """Sent by then it may have run; not sent, it has not and will not."""

    async def scene(store: Store, server: Server) -> None:
        server.hang(60)
        began = now()
        async with asyncio.TaskGroup() as group:
            sent = group.create_task(say(store, lane, "sent"))
            await asyncio.sleep(0.5)
            waits = group.create_task(say(store, lane, "waits"))
            assert await sent == "StoreInterrupted"
            assert now() - began == pytest.approx(2)
            server.refuses = True
            assert await waits == "StoreUnavailable"
        assert server.ran == []

    on_a_store(scene)


def test_a_bulk_call_waits_while_the_store_is_away() -> None:
    """A minute without a connection, and it is answered when there is one, by few attempts."""

    async def scene(store: Store, server: Server) -> None:
        server.refuses = True
        server.cut()
        async with asyncio.TaskGroup() as group:
            lost = group.create_task(say(store, Lane.BULK, "lost"))
            await asyncio.sleep(0)
            waits = group.create_task(say(store, Lane.BULK, "waits"))
            await asyncio.sleep(60)
            server.refuses = False
            assert await lost == "StoreInterrupted"
            assert await waits == b"waits"
        assert server.ran == ["waits"]

    on_a_store(scene)


def connections_while_loading() -> int:
    """How many a process opens in 20 s, with 1,000 streams that wait: each call ends one."""
    found = []

    async def scene(store: Store, server: Server) -> None:
        server.answers["early"] = library.BusyLoadingError("LOADING the dataset")
        early = [asyncio.ensure_future(say(store, Lane.BULK, "early")) for _ in range(1000)]
        await asyncio.sleep(20)
        found.append(server.connections)
        server.answers.clear()
        await asyncio.wait(early)
        assert await say(store, Lane.BULK, "late") == b"late"

    on_a_store(scene)
    return found[0]


def test_a_server_that_takes_no_calls_is_not_asked_all_the_time() -> None:
    """While it loads its data, a process tries about once a second."""
    assert connections_while_loading() < 40


def test_without_a_pause_it_is_asked_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: as fast as connections open, until all streams have failed."""
    monkeypatch.setattr(pipe, "AGAIN_S", (0.0, 0.0))
    assert connections_while_loading() > 100


def test_what_cannot_wait_fails_at_once_while_bulk_calls_wait() -> None:
    """A person's command is not put off until the next attempt to connect."""

    async def scene(store: Store, server: Server) -> None:
        server.refuses = True
        server.cut()
        async with asyncio.TaskGroup() as group:
            waits = group.create_task(say(store, Lane.BULK, "waits"))
            await asyncio.sleep(30)  # the pauses between attempts are long by now
            began = now()
            assert await say(store, Lane.INTERACTIVE, "a") == "StoreUnavailable"
            assert await say(store, Lane.INTERACTIVE, "b") == "StoreUnavailable"
            assert now() - began < 0.01
            server.refuses = False
            assert await waits in (b"waits", "StoreInterrupted")

    on_a_store(scene)


def test_calls_behind_a_lost_batch_do_not_wait_for_a_pause() -> None:
    """More than fit into a batch, and the connection ends again and again: the next one is opened at once."""

    async def scene(store: Store, server: Server) -> None:
        store_failures = [asyncio.ensure_future(say(store, Lane.BULK, "early")) for _ in range(20)]
        server.answers["early"] = library.BusyLoadingError("LOADING the dataset")
        await asyncio.sleep(10)  # the pauses are long by now
        began = now()
        calls = [asyncio.ensure_future(say(store, Lane.INTERACTIVE, "early")) for _ in range(300)]
        await asyncio.wait([*calls, *store_failures])
        assert now() - began < 0.5
        assert {call.result() for call in calls} == {"StoreInterrupted"}

    on_a_store(scene)


def test_bulk_calls_that_nobody_waits_for_are_never_sent() -> None:
    """A thousand streams came and went during an outage: nothing of it is left."""

    async def scene(store: Store, server: Server) -> None:
        server.refuses = True
        server.cut()
        calls = [asyncio.ensure_future(say(store, Lane.BULK, str(n))) for n in range(1000)]
        await asyncio.sleep(5)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        server.refuses = False
        assert await say(store, Lane.BULK, "present") == b"present"
        assert server.ran == ["present"]
        assert store.behind_s == 0.0

    on_a_store(scene)


def test_a_slow_store_keeps_its_connection() -> None:
    """Each answer takes most of the patience: the batch takes longer than that, and nothing is lost.

    Bulk calls are all answered. The callers of the others give up after 2 s, on the same connection.
    """
    causes: list[str] = []

    async def scene(store: Store, server: Server) -> None:
        server.cost_s = 1.5
        answers = await asyncio.gather(*(say(store, Lane.BULK, str(n)) for n in range(4)))
        assert answers == [b"0", b"1", b"2", b"3"]
        late = await asyncio.gather(*(say(store, Lane.INTERACTIVE, str(n)) for n in range(2)))
        assert late == [b"0", "StoreInterrupted"]
        assert server.connections == 2
        assert causes == []

    on_a_store(scene, on_suspicion=causes.append)


def test_the_time_of_the_last_answer_tells_slow_from_away() -> None:
    """It moves while a slow store answers anything, and stands still while nothing does."""

    async def scene(store: Store, server: Server) -> None:
        server.cost_s = 1.0
        await say(store, Lane.BULK, "slow")
        assert store.answered_at == now()
        answered = now()
        server.hang(60)
        assert await say(store, Lane.INTERACTIVE, "lost") == "StoreInterrupted"
        assert store.answered_at == answered

    on_a_store(scene)


def test_a_server_that_takes_no_calls_has_not_answered() -> None:
    """A refusal of that kind is no answer; a full store has answered."""

    async def scene(store: Store, server: Server) -> None:
        answered = store.answered_at
        server.answers["no disk"] = library.ResponseError("MISCONF cannot write to disk")
        server.answers["full"] = library.OutOfMemoryError("OOM command not allowed")
        assert await say(store, Lane.INTERACTIVE, "no disk") == "StoreUnavailable"
        assert store.answered_at == answered
        with pytest.raises(StoreFull):
            await store.run(SAY, [], ["full"])
        assert store.answered_at == now()

    on_a_store(scene)


def test_another_server_is_told_once_and_asked_by_both_connections() -> None:
    """The connection that finds it first makes the other one leave the old server."""
    causes: list[str] = []

    async def scene(store: Store, server: Server) -> None:
        server.run_id = "b"
        server.links[1].break_off()
        assert await say(store, Lane.INTERACTIVE, "lost") == "StoreInterrupted"
        assert await say(store, Lane.INTERACTIVE, "again") == b"again"
        assert causes == ["run-id"]
        assert await say(store, Lane.CONTROL, "control") == b"control"
        assert causes == ["run-id"]
        assert server.connections == 4
        assert server.links[0].is_closed

    on_a_store(scene, on_suspicion=causes.append)


def test_no_call_leaves_anything_behind() -> None:
    """Answered, failed, cancelled: afterwards no queue and no timer holds a call."""

    async def scene(store: Store, server: Server) -> None:
        server.hang(3)
        calls = [asyncio.ensure_future(say(store, lane, "x")) for lane in LANES for _ in range(50)]
        await asyncio.sleep(0.1)
        for call in calls[::3]:
            call.cancel()
        await asyncio.wait(calls)
        for lane in LANES:
            await say(store, lane, "after")
        await asyncio.sleep(5)
        assert [len(queue) for queue in store._queues.values()] == [0, 0, 0, 0]
        assert [len(patience) for patience in store._patience.values()] == [0, 0, 0]

    on_a_store(scene)
