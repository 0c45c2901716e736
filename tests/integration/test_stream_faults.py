"""The store forgets, the feed goes deaf, a detach is lost: people are found again, on real stores."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from duologue.delivery.hub import Addresses
from duologue.pairing.machine import Machine
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    Attached,
    Barred,
    ConnectionId,
    Crowded,
    DetachCause,
    Held,
    Marks,
    PersonId,
    ProcessId,
    Reattached,
    TakenOver,
)
from duologue.store.client import StoreUnavailable
from tests.integration.streams import Page, Process, until
from tests.relay import Relay
from tests.servers import StoreServer

ANN, BOB = PersonId("ann"), PersonId("bob")


class Faulty:
    """The real machine, whose calls can be held up on their way back, or fail."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.attach_may_answer = asyncio.Event()
        self.attach_may_answer.set()
        self.attach_ran = asyncio.Event()
        self.detach_fails = False

    async def attach(
        self,
        person: PersonId,
        connection: ConnectionId,
        process: ProcessId,
        page: str,
        alias: str | None,
        after_match: str,
        after_n: int,
        after_at_ms: int,
        marks: Marks,
        /,
    ) -> Attached | TakenOver | Crowded | Barred:
        after = after_match, after_n, after_at_ms
        answer = await self.machine.attach(person, connection, process, page, alias, *after, marks)
        self.attach_ran.set()
        await self.attach_may_answer.wait()
        return answer

    async def detach(self, person: PersonId, connection: ConnectionId, cause: DetachCause, /) -> bool:
        if self.detach_fails:
            raise StoreUnavailable("away")
        return await self.machine.detach(person, connection, cause)

    async def renew(self, person: PersonId, /) -> int:
        return await self.machine.renew(person)

    async def reattach(self, process: ProcessId, held: Sequence[Held], /) -> list[Reattached]:
        return await self.machine.reattach(process, held)

    async def stray(self, process: ProcessId, holds: Callable[[PersonId, ConnectionId], bool], /) -> int:
        return await self.machine.stray(process, holds)


@contextlib.asynccontextmanager
async def faulty(url: str) -> AsyncIterator[tuple[Process, Faulty]]:
    """A process whose machine can fail."""
    made: list[Faulty] = []

    def wrap(machine: Machine) -> Addresses:
        made.append(Faulty(machine))
        return made[0]

    async with Process(url, wrap=wrap).running() as process:
        yield process, made[0]


@contextlib.asynccontextmanager
async def talking(ann_at: Process, bob_at: Process) -> AsyncIterator[tuple[Page, Page, str]]:
    """Ann and Bob in a match, each on a process of their own."""
    async with ann_at.page("ann", "a1") as ann, bob_at.page("bob", "b1") as bob:
        await ann.next("snapshot")
        await bob.next("snapshot")
        await ann_at.join("ann")
        await bob_at.join("bob")
        met = await ann.next("new-match")
        await bob.next("new-match")
        for person in (ANN, BOB):
            await ann_at.machine.pulse(person, met["match"], None)
        yield ann, bob, met["match"]


async def now(process: Process) -> None:
    """The re-attach loop's full round, at once."""
    process.reattach.due()
    await process.reattach.run_once()


async def attached_people(process: Process) -> int:
    """How many the store believes to be connected."""
    return (await process.machine.beat(process.id)).people_online


async def eventually(ask: Callable[[Process], Awaitable[int]], process: Process, answer: int) -> None:
    """Ask until that is the answer."""
    async with asyncio.timeout(5):
        while await ask(process) != answer:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


async def test_what_is_published_during_the_attach_follows_the_snapshot(store_url: str) -> None:
    """Race E5: the attach ran, its answer is on the way, and a partner comes."""
    async with faulty(store_url) as (process, machine):
        machine.attach_may_answer.clear()
        async with process.page("ann", "a1") as ann:
            await machine.attach_ran.wait()
            await process.join("ann")
            await process.machine.message(ANN, "m_none", "k", "x")
            assert ann.frames == []
            machine.attach_may_answer.set()
            await ann.next("waiting")
            assert ann.types() == ["snapshot", "waiting"]


async def test_a_stream_cut_during_its_attach_leaves_no_ghost(store_url: str) -> None:
    """Races E4, E16: the attach took effect, its answer is not read, and its detach comes after it."""
    async with faulty(store_url) as (process, machine):
        machine.attach_may_answer.clear()
        async with process.page("ann", "a1"):
            await machine.attach_ran.wait()
        assert await attached_people(process) == 1
        machine.attach_may_answer.set()
        await eventually(attached_people, process, 0)
        assert process.value("streams_open") == 0


async def test_a_lost_detach_is_found(store_url: str) -> None:
    """Race E13: the detach fails; the re-attach loop detaches listed people without a connection."""
    async with faulty(store_url) as (process, machine), talking(process, process) as (ann, bob, _):
        machine.detach_fails = True
        bob.close()
        await bob.ended.wait()
        await until(lambda: process.value("detach_failures_total") == 1)
        assert "partner-away" not in ann.types()
        await now(process)
        await ann.next("partner-away")


async def test_nobody_who_is_attaching_is_a_stray(store_url: str) -> None:
    """The attach ran, its answer is on the way: listed by the store, and held."""
    async with faulty(store_url) as (process, machine):
        machine.attach_may_answer.clear()
        async with process.page("ann", "a1") as ann:
            await machine.attach_ran.wait()
            await now(process)
            assert await attached_people(process) == 1
            machine.attach_may_answer.set()
            await ann.next("snapshot")


async def test_a_store_that_forgot_everything_learns_again(store_server_each: StoreServer) -> None:
    """Race E18: FLUSHALL, no disconnect. All people are re-attached, and a snapshot says idle."""
    async with (
        Process(store_server_each.url).running() as process,
        talking(process, process) as (ann, bob, _),
    ):
        store_server_each.flush()
        for page in (ann, bob):
            snapshot = await page.next("snapshot")
            assert snapshot["reason"] == "resync"
            assert snapshot["state"]["state"] == "idle"
            assert snapshot["state"]["intent"] == 0, "the page joins again with its own number"
        await process.join("ann")
        await process.join("bob")
        await ann.next("new-match")
        await bob.next("new-match")


async def test_a_lost_address_is_written_again(store_server_each: StoreServer) -> None:
    """Race E17: the attach was in the tail that a failover lost; healthy heartbeats, no event ever."""
    async with Process(store_server_each.url).running() as process, process.page("ann", "a1") as ann:
        await ann.next("snapshot")
        with store_server_each.client() as plain:
            plain.delete("{0}p:ann", f"{{0}}at:{process.id}")
        await process.join("ann")
        assert "waiting" not in ann.types()
        await now(process)
        snapshot = await ann.next("snapshot")
        assert (snapshot["reason"], snapshot["state"]["state"]) == ("resync", "waiting")
        await process.machine.leave(ANN, 2)
        await ann.next("idle")


async def test_a_deaf_process_tells_its_people_all_the_same(store_server_each: StoreServer) -> None:
    """Race E29: the subscription stalls in silence; re-attaching tells of the match before 3 s are over."""
    async with Relay(store_server_each.url).running() as relay:
        deaf = Process(store_server_each.url, feed_url=relay.url)
        async with deaf.running(), deaf.page("ann", "a1") as ann:
            await ann.next("snapshot")
            await deaf.join("ann")
            await ann.next("waiting")
            relay.stall()
            async with Process(store_server_each.url).running() as other, other.page("bob", "b1") as bob:
                await bob.next("snapshot")
                before = asyncio.get_running_loop().time()
                await other.join("bob")
                await bob.next("new-match")
                while (await ann.next("snapshot"))["state"]["state"] != "matched":
                    pass
                assert asyncio.get_running_loop().time() - before < 2.5
                assert deaf.contact.suspicious
                relay.flow()
                await until(lambda: not deaf.contact.suspicious)


async def test_messages_lost_with_the_subscription_are_fetched(store_server_each: StoreServer) -> None:
    """Race E10: the feed is cut and opens again; what was said meanwhile comes in order, once."""
    async with Relay(store_server_each.url).running() as relay:
        process = Process(store_server_each.url, feed_url=relay.url)
        async with process.running(), talking(process, process) as (ann, bob, match):
            await process.machine.message(ANN, match, "k1", "text 1")
            await bob.next("message")
            relay.stall()
            await process.machine.message(ANN, match, "k2", "text 2")
            await process.machine.message(ANN, match, "k3", "text 3")
            await relay.stalled_bytes.wait()
            relay.cut()
            relay.flow()
            assert [(await bob.next("message"))["n"] for _ in range(2)] == [2, 3]
            await process.machine.message(ANN, match, "k4", "text 4")
            assert (await bob.next("message"))["n"] == 4
            assert [each["n"] for each in bob.frames if each["type"] == "message"] == [1, 2, 3, 4]
            assert not bob.ended.is_set()
            assert "partner-away" not in ann.types()


async def test_what_a_slow_feed_brings_after_the_reattach_is_not_repeated(
    store_server_each: StoreServer,
) -> None:
    """Race E39, no suspicion: what the feed did not bring is found, and written once if it comes late."""
    async with Relay(store_server_each.url).running() as relay:
        process = Process(store_server_each.url, feed_url=relay.url)
        async with process.running(), talking(process, process) as (ann, bob, match):
            process.stop_beating()  # it would notice within a second
            generation = process.contact.generation
            relay.stall()
            await process.machine.message(ANN, match, "k1", "text 1")
            await process.machine.signal(ANN, match, "g1", {"hello": True}, "a1")
            await now(process)
            assert (await bob.next("snapshot"))["reason"] == "resync"
            assert (await bob.next("message"))["n"] == 1
            assert (await bob.next("peer-signal"))["n"] == 1
            assert (await ann.next("message"))["n"] == 1
            await process.machine.skip(ANN, match)
            await now(process)
            while (await bob.next("snapshot"))["state"]["state"] != "waiting":
                pass
            assert process.contact.generation == generation
            relay.flow()
            await process.machine.leave(BOB, 2)
            await bob.next("idle")
            assert "force-disconnect" not in bob.types()
            assert bob.types().count("peer-signal") == 1
            for page in (ann, bob):
                assert page.types().count("message") == 1


async def test_a_buried_process_that_lives_is_back(store_url: str) -> None:
    """Races E23, E28: paused, buried by another, going on: no partner reads anything, no match ends."""
    timings = Timings(process_dead_ms=300, outage_ms=100_000)
    paused, other = Process(store_url, timings=timings), Process(store_url, timings=timings)
    async with (
        paused.running(sweeps=False),
        other.running(sweeps=False),
        talking(paused, other) as (ann, bob, m),
    ):
        paused.stop_beating()
        await other.machine.sweep()
        await until(lambda: paused.contact.away_s() > 0.4)
        await other.machine.bury()
        assert await attached_people(other) == 1
        paused.start_beating()
        await ann.next("snapshot")
        assert await attached_people(other) == 2
        await other.machine.message(BOB, m, "k1", "hello")
        await ann.next("message")
        assert "partner-away" not in bob.types()


async def test_a_dead_socket_never_comes_back_over_a_newer_one(store_server_each: StoreServer) -> None:
    """Race E38: the page moved to another process and closed there; the old one, deaf, heard of neither."""
    url = store_server_each.url
    async with Relay(url).running() as relay, Process(url).running() as new:
        old = Process(url, feed_url=relay.url)
        async with old.running(), talking(old, new) as (ann, bob, _):
            relay.stall()
            async with new.page("ann", "a1") as moved:
                await moved.next("snapshot")
            await bob.next("partner-away")
            await now(old)
            await ann.ended.wait()
            assert old.value("streams_ended_total", reason="refused") == 1
            assert "partner-back" not in bob.types()
            assert (await attached_people(new)) == 1
            relay.flow()


async def test_drain(store_url: str) -> None:
    """Race R23: each stream is told to come back, no partner is told anything, the conversation goes on."""
    async with Process(store_url).running() as stays:
        leaves = Process(store_url)
        async with leaves.running(), talking(leaves, stays) as (ann, bob, match):
            await leaves.hub.drain()
            told = await ann.next("reconnect")
            assert told["after_ms"] == int(told["sse"]["retry"]) <= 2000
            await ann.ended.wait()
            assert not leaves.contact.ready()
            async with stays.page("ann", "a1") as again:
                snapshot = await again.next("snapshot")
                assert snapshot["state"]["match"]["match"] == match
                assert "probe" not in snapshot["state"]
                await stays.machine.message(ANN, match, "k1", "hello")
                await bob.next("message")
        assert "partner-away" not in bob.types()
        assert leaves.value("streams_ended_total", reason="drain") == 1


async def test_a_store_that_is_away_when_a_stream_opens(store_server_each: StoreServer) -> None:
    """Race E24: status 200, ``unavailable``, and the snapshot when it can be."""
    async with Relay(store_server_each.url).running() as relay:
        process = Process(relay.url)
        async with process.running():
            relay.stall()
            await until(lambda: process.contact.away_s() > 2)
            async with process.page("ann", "a1") as ann:
                await ann.next("unavailable")
                assert ann.status == 200
                assert ann.types() == ["unavailable"] * len(ann.types())
                relay.flow()
                await ann.next("snapshot")


async def test_unavailable_on_every_stream_and_a_snapshot_afterwards(store_server_each: StoreServer) -> None:
    """Mechanism 6: no beat possible for 2 s; this stream goes on."""
    async with Relay(store_server_each.url).running() as relay:
        process = Process(relay.url)
        async with process.running(), process.page("ann", "a1") as ann:
            await ann.next("snapshot")
            relay.stall()
            await ann.next("unavailable")
            relay.cut()
            relay.flow()
            assert (await ann.next("snapshot"))["reason"] == "resync"
            assert not ann.ended.is_set()


@pytest.mark.parametrize("page", ["a1", "a2"])
async def test_own_page_and_another_across_processes(store_url: str, page: str) -> None:
    """Races E15, E31: the same rules when the older connection is elsewhere."""
    here, there = Process(store_url), Process(store_url)
    async with here.running(), there.running(), here.page("ann", "a1") as old:
        await old.next("snapshot")
        async with there.page("ann", page) as new:
            await new.next("snapshot")
            await old.ended.wait()
            assert ("taken-over" in old.types()) is (page == "a2")
            assert not new.ended.is_set()
            assert await attached_people(here) == 1


async def test_control_of_the_strays(store_url: str) -> None:
    """Control: if the hub did not hold it from before the attach, a live person would be detached."""
    async with faulty(store_url) as (process, machine):
        machine.attach_may_answer.clear()
        async with process.page("ann", "a1"):
            await machine.attach_ran.wait()
            await process.machine.stray(process.id, lambda _person, _connection: False)
            assert await attached_people(process) == 0
            machine.attach_may_answer.set()


async def test_many_streams_take_three_connections_to_the_store(store_server_each: StoreServer) -> None:
    """Race E6: two for calls and one for the subscription, however many people read."""
    async with Process(store_server_each.url).running() as process, contextlib.AsyncExitStack() as open_pages:
        for n in range(40):
            page = await open_pages.enter_async_context(process.page(f"p{n}", "a1"))
            await page.next("snapshot")
        with store_server_each.client() as plain:
            own = [each for each in plain.client_list() if each["id"] != str(plain.client_id())]
        assert len(own) == 3
        assert sum(int(each["sub"]) for each in own) == 1
