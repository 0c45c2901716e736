"""The order of what happens to a connection."""

import asyncio
import contextlib
import tracemalloc
from collections import Counter

import pytest

from duologue.delivery import hub
from duologue.delivery.connection import End
from duologue.delivery.resync import Resync
from duologue.delivery.stream import CROWDED_MS, Stream
from duologue.pairing.vocabulary import Crowded, DetachCause, LastRead, PersonId, Same, TakenOver
from duologue.store.client import StoreUnavailable
from tests.unit.delivery.fakes import ANN, PAGE, PROCESS, Scene, attached, frame, frames, said, settle


async def test_registered_before_the_attach_runs(scene: Scene) -> None:
    """Race E5, in the hub: what is published while the attach is under way reaches the connection."""
    answer = asyncio.Event()
    scene.machine.answers["attach"] = [answer, attached(10)]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="Ann", after=LastRead("m_1", 3, 50)) as connection:
            await settle()
            assert scene.machine.named("attach") == [(ANN, connection.id, PROCESS, PAGE, "Ann", "m_1", 3, 50)]
            scene.hub.deliver(said(connection, 11, frame("state")))
            answer.set()
            assert [each["type"] for each in await frames(connection)] == ["snapshot", "state"]


async def test_closed_is_told_at_once(scene: Scene) -> None:
    """The detach names the connection that closed."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
        await settle()
        assert scene.machine.named("detach") == [(ANN, connection.id, DetachCause.CLOSED)]
        assert scene.value("streams_open") == 0
        assert scene.value("streams_ended_total", reason="closed") == 1


async def test_a_detach_waits_for_the_attach_under_way(scene: Scene) -> None:
    """Race E16: a socket that closes during the attach is detached after its answer, never before."""
    answer = asyncio.Event()
    scene.machine.answers["attach"] = [answer, attached(10)]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
        await settle()
        assert scene.machine.named("detach") == []
        assert scene.hub.holds(ANN, connection.id), "stray must leave it alone until then"
        answer.set()
        await settle()
        assert scene.machine.named("detach") == [(ANN, connection.id, DetachCause.CLOSED)]
        assert not scene.hub.holds(ANN, connection.id)


async def test_a_detach_waits_for_the_reattach_under_way(scene: Scene) -> None:
    """Race E34: a re-attach that overtook the detach of its closed socket would make a ghost."""
    answer = asyncio.Event()
    scene.machine.answers["reattach"] = [answer, [Same()]]
    async with scene.hub.running(), asyncio.TaskGroup() as group:
        with scene.hub.open(ANN, PAGE, alias=""):
            await settle()
            group.create_task(Resync(scene.hub).everybody())
            await settle()
        await settle()
        assert scene.machine.named("detach") == []
        answer.set()
        await settle()
        assert len(scene.machine.named("detach")) == 1


async def test_a_closed_connection_is_not_reattached(scene: Scene) -> None:
    """Race E34, the other order: nothing is written for a socket that is gone."""
    detach = asyncio.Event()
    scene.machine.answers["detach"] = [detach]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias=""):
            await settle()
        await Resync(scene.hub).everybody()
        assert scene.machine.named("reattach") == []
        detach.set()


async def test_cancelling_a_stream_does_not_lose_its_detach(scene: Scene) -> None:
    """Race E13: the task that served the stream dies, the hub's own detaches."""

    async def stream() -> None:
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            async for _ in connection:
                pass

    async with scene.hub.running():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(stream())
            await settle()
            task.cancel()
        await settle()
        assert len(scene.machine.named("detach")) == 1


async def test_a_detach_that_fails_is_counted_and_left_to_stray(scene: Scene) -> None:
    """Race E13: the store is away; afterwards the process no longer claims the connection."""
    scene.machine.answers["detach"] = [StoreUnavailable("away")]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
        await settle()
        assert scene.value("detach_failures_total") == 1
        assert not scene.hub.holds(ANN, connection.id)


async def test_a_superseded_page_gets_one_frame(scene: Scene) -> None:
    """Race E25: ``taken-over``, no snapshot, the end, and nothing to detach."""
    scene.machine.answers["attach"] = [TakenOver()]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            assert [each["type"] for each in await frames(connection)] == ["taken-over"]
            assert connection.ended is End.TAKEN_OVER
        await settle()
        assert scene.machine.named("detach") == []


async def test_the_store_is_away_when_a_stream_opens(scene: Scene) -> None:
    """The stream opens, says so, and sends the snapshot when it can (race E24)."""
    scene.machine.answers["attach"] = [StoreUnavailable("away"), StoreUnavailable("away"), attached(10)]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            assert [each["type"] for each in await frames(connection)] == ["unavailable"]
            await scene.clock.turn(3)
            assert [each["type"] for each in await frames(connection)] == ["snapshot"], "said once"
            assert len({call[1] for call in scene.machine.named("attach")}) == 1


async def test_an_attach_that_we_cannot_read_ends_its_stream(scene: Scene) -> None:
    """A defect of ours: the page comes back, and other pages notice nothing."""
    scene.machine.answers["attach"] = [RuntimeError("a defect")]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
            assert connection.ended is End.DEFECT
        assert scene.value("worker_failures_total", worker="hub") == 1


async def test_an_attach_whose_fate_is_unknown_is_detached(scene: Scene) -> None:
    """It failed, it may have happened, and its socket is gone: detach."""
    scene.machine.answers["attach"] = [StoreUnavailable("away")]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await settle()
        await scene.clock.turn(2)
        assert scene.machine.named("detach") == [(ANN, connection.id, DetachCause.CLOSED)]
        assert len(scene.machine.named("attach")) == 1


async def test_publications_for_others_are_dropped(scene: Scene) -> None:
    """Races E14, E15: addressed by connection, not by person."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await frames(connection)
            scene.hub.deliver(b"T ann c_other")
            scene.hub.deliver(b"S ann c_other 99\n{}\n{}")
            assert await frames(connection) == []
            assert connection.ended is None


async def test_a_publication_that_cannot_be_read_is_a_suspicion(scene: Scene) -> None:
    """One bad publication ends nothing: all people are checked instead."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias=""):
            scene.hub.deliver(b"nonsense")
            assert scene.contact.suspicious


async def test_work_on_rooms_wakes_whoever_does_it(scene: Scene) -> None:
    """It is about no connection, and not a suspicion."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await frames(connection)
            scene.hub.deliver(b"R")
            assert len(scene.wakes) == 1
            assert await frames(connection) == []
            assert not scene.contact.suspicious


async def test_what_one_person_cannot_be_told_silences_nobody_else(scene: Scene) -> None:
    """A state that we cannot read ends that stream (it comes back for a snapshot), not the feed of all."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await frames(connection)
            scene.hub.deliver(f"S ann {connection.id} 11\nno json\n{{}}".encode())
            assert connection.ended is End.DEFECT
        await settle()
        assert [call[2] for call in scene.machine.named("detach")] == [DetachCause.OURS]
        assert scene.value("worker_failures_total", worker="hub") == 1


async def test_drain(scene: Scene) -> None:
    """Each stream gets ``reconnect`` and ends, each person is detached as our doing, and new people are
    refused."""
    async with scene.hub.running(), asyncio.TaskGroup() as group:
        told: list[bytes] = []

        async def stream() -> None:
            with scene.hub.open(ANN, PAGE, alias="") as connection:
                told.extend([data async for data in connection])

        group.create_task(stream())
        await settle()
        await scene.hub.drain()
        assert b'"type":"reconnect"' in told[-1]
        assert [call[2] for call in scene.machine.named("detach")] == [DetachCause.OURS]
        with scene.hub.open(ANN, PAGE, alias="") as late:
            assert [each["type"] for each in await frames(late)] == ["reconnect"]
        assert len(scene.machine.named("attach")) == 1
        assert not scene.contact.ready()


async def test_streams_of_an_outage_leave_nothing_behind(scene: Scene) -> None:
    """A stream that was never attached is forgotten when it closes, however long real detaches wait."""
    scene.machine.answers["detach"] = [asyncio.Event()]
    scene.hub._detaching = asyncio.Semaphore(1)
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias=""):
            await settle()
        await settle()
        under_way = len(scene.hub._under_way)
        scene.hub.tell_unavailable()
        for n in range(20):
            with scene.hub.open(PersonId(f"person_{n}"), PAGE, alias=""):
                await settle()
        await settle()
        assert len(scene.hub._under_way) == under_way == 1
        assert not scene.hub._by_id
        for task in scene.hub._under_way:
            task.cancel()


async def test_a_drain_detaches_people_who_wait_first(scene: Scene) -> None:
    """Until then they can be paired, and their partner would sit alone. A conversation can wait a moment."""
    talks, waits = ANN, PersonId("bob")
    scene.machine.answers["attach"] = [attached(10, "m_1"), attached(11)]
    async with scene.hub.running(), asyncio.TaskGroup() as group:

        async def stream(person: PersonId) -> None:
            with scene.hub.open(person, PAGE, alias="") as connection:
                async for _ in connection:
                    pass

        group.create_task(stream(talks))
        await settle()
        group.create_task(stream(waits))
        await settle()
        await scene.hub.drain()
    assert [call[0] for call in scene.machine.named("detach")] == [waits, talks]


async def test_somebody_new_from_a_full_network_is_told_so(scene: Scene) -> None:
    """A refused attach is told why, and when to come back; a drain's ``reconnect`` has no reason."""
    scene.machine.answers["attach"] = [Crowded()]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            (told,) = await frames(connection)
        assert (told["type"], told["reason"]) == ("reconnect", "network-full")
        assert told["after_ms"] >= CROWDED_MS
        await scene.hub.drain()
        with scene.hub.open(ANN, PAGE, alias="") as late:
            assert ["reason" in each for each in await frames(late)] == [False]


async def test_a_drain_is_bounded_when_the_store_hangs(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is still under way then is given up: another process buries these people."""
    monkeypatch.setattr(hub, "FLUSH_S", 0.05)
    monkeypatch.setattr(hub, "DETACH_S", 0.05)
    never = asyncio.Event()
    scene.machine.answers["attach"] = [attached(10), never]
    scene.machine.answers["detach"] = [never]
    async with asyncio.timeout(20), scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias=""), scene.hub.open(PersonId("bob"), PAGE, alias=""):
            await settle()
    assert len(scene.machine.named("attach")) == 2
    assert len(scene.machine.named("detach")) == 1


async def test_heartbeats_come_every_15_s_whatever_else_was_sent(scene: Scene) -> None:
    """A client tells a dead stream from a quiet one by them."""
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as connection:
            await frames(connection)
            for second in range(46):
                scene.hub.deliver(said(connection, 100 + second, frame("state")))
                await scene.clock.turn(1, step=0.25)
            types = [each["type"] for each in await frames(connection)]
            assert types.count("heartbeat") == 3


@pytest.mark.parametrize(
    "golden",
    [
        pytest.param(hub.GOLDEN, id="spread"),
        pytest.param(
            0.0,
            id="at-once",
            marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control"),
        ),
    ],
)
async def test_heartbeats_of_one_instant_are_spread(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, golden: float
) -> None:
    """1,000 streams open at once: a tick of 0.25 s has 30 heartbeats at most, and each stream one in 15 s."""
    monkeypatch.setattr(hub, "GOLDEN", golden)
    beats: list[float] = []
    monkeypatch.setattr(Stream, "heartbeat", lambda _stream: beats.append(scene.clock.now))
    async with scene.hub.running():
        with contextlib.ExitStack() as stack:
            for n in range(1_000):
                stack.enter_context(scene.hub.open(PersonId(f"p{n}"), PAGE, alias=""))
            for periods in (1, 2):
                for _ in range(round(hub.HEARTBEAT_S / hub.TICK_S)):
                    scene.clock.now += hub.TICK_S
                    scene.hub.beat_hearts()
                assert len(beats) == 1_000 * periods
    assert max(Counter(beats).values()) <= 30


@pytest.mark.parametrize(
    "hoards",
    [
        False,
        pytest.param(
            True,
            id="in-the-queue",
            marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control"),
        ),
    ],
)
async def test_a_closed_stream_keeps_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, hoards: bool
) -> None:
    """What waited for 50 slow readers (10 MB) is given back when they close, not at their next heartbeat.

    The control keeps the streams until then, as the queue of heartbeats once did.
    """
    queue: list[Stream] = []

    def hoard(stream: Stream) -> None:
        queue.append(stream)

    if hoards:
        monkeypatch.setattr(Stream, "drop_waiting", hoard)
    async with scene.hub.running():
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for n in range(50):
            with scene.hub.open(PersonId(f"p{n}"), PAGE, alias="") as stream:
                await settle()
                stream._push(b"x" * 200 * 1024)
        await settle()
        del stream  # type: ignore[possibly-undefined]  # 50 is not 0
        kept = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert kept < 1_000_000


async def test_a_closed_stream_is_empty_while_its_detach_waits(scene: Scene) -> None:
    """The store is slow: the stream has to stay until it is detached, what it would have said need not."""
    detach = asyncio.Event()
    scene.machine.answers["detach"] = [detach]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as stream:
            await settle()
            stream._push(b"x" * 1024)
        await settle()
        assert len(scene.machine.named("detach")) == 1
        assert not stream.has_waiting
        detach.set()


async def test_a_person_cannot_hoard_connections(scene: Scene) -> None:
    """Race S5: with the store away nothing supersedes them, so the hub bounds them itself."""
    scene.machine.answers["attach"] = [StoreUnavailable("away")] * 6
    async with scene.hub.running():
        opened = [scene.hub.open(ANN, PAGE, alias="") for _ in range(6)]
        connections = [each.__enter__() for each in opened]
        assert [each.ended for each in connections] == [End.REPLACED, End.REPLACED, None, None, None, None]
        for each in opened:
            each.__exit__(None, None, None)


async def test_a_token_that_was_renewed_ends_nothing(scene: Scene) -> None:
    """At its end the store is asked: while it is away nothing is decided; then the renewal counts."""
    scene.machine.answers["renew"] = [StoreUnavailable("away"), int(scene.clock.wall_ms()) + 60_000]
    soon_ms = int(scene.clock.wall_ms()) + 1_000
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="", expires_at_ms=soon_ms) as stream:
            await scene.clock.turn(hub.HEARTBEAT_S + 1)
            assert scene.machine.named("renew") == [(ANN,)]
            assert stream.ended is None
            await scene.clock.turn(hub.HEARTBEAT_S)
            await scene.clock.turn(hub.HEARTBEAT_S)
            assert len(scene.machine.named("renew")) == 2
            assert stream.ended is None
            await scene.clock.turn(60)
            assert (await frames(stream))[-1]["type"] == "session-ended"
    assert scene.value("streams_ended_total", reason="session-ended") == 1
    assert scene.machine.named("detach")[0][2] is DetachCause.CLOSED
