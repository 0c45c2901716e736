"""People who poll, on real stores: with people who stream, on several processes, and when things fail."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from duologue.delivery.poll import Untold
from duologue.delivery.polls import LINGER_S
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import Comparison, Media, PersonId
from tests.integration.polling import Poller
from tests.integration.streams import Page, Process, until
from tests.relay import Relay
from tests.servers import StoreServer

ANN, BOB = PersonId("ann"), PersonId("bob")


@pytest.fixture
async def process(store_url: str) -> AsyncIterator[Process]:
    """A server process."""
    async with Process(store_url).started() as made:
        yield made


@contextlib.asynccontextmanager
async def talking(ann_at: Process, bob_at: Process) -> AsyncIterator[tuple[Poller, Page, str]]:
    """Ann, who polls from page ``a1``, and Bob, who has a stream, in a match."""
    async with Poller(ann_at, "ann", "a1").keeping_on() as ann, bob_at.page("bob", "b1") as bob:
        await bob.next("snapshot")
        await ann_at.join("ann", alias="Ann")
        await bob_at.join("bob", alias="Bob")
        match = (await bob.next("new-match"))["match"]
        await ann.is_in("matched")
        for person in (ANN, BOB):
            await ann_at.machine.pulse(person, match, Media.OPEN)
        yield ann, bob, match


async def everybody_again(process: Process) -> None:
    """The re-attach loop's full round, at once."""
    process.reattach.due()
    await process.reattach.run_once()


async def test_who_polls_and_who_streams(process: Process) -> None:
    """They meet, talk, signal and skip; each reads the same, whatever way it comes."""
    async with talking(process, process) as (ann, bob, match):
        assert ann.state["match"]["partner"]["alias"] == "Bob"
        assert ann.state["match"]["media"]["ice_servers"] == []
        for n, person in enumerate((ANN, BOB, BOB), 1):
            await process.machine.message(person, match, f"k{n}", f"text {n}")
        await ann.until(lambda page: len(page.texts) == 3)
        assert ann.texts == ["text 1", "text 2", "text 3"]
        assert [(await bob.next("message"))["n"] for _ in range(3)] == [1, 2, 3]
        await process.machine.signal(BOB, match, "s1", {"hello": True}, "b1")
        await process.machine.signal(BOB, match, "s2", {"bye": True}, "b1", "another")
        await process.machine.signal(BOB, match, "s3", {"bye": True}, "b1", "a1")
        await ann.until(lambda page: len(page.signals) == 2)
        assert ann.signals == [1, 3], "none of those addressed to another page"
        await process.machine.skip(BOB, match)
        await ann.is_in("waiting")
        assert ann.state["ended"]["reason"] == "partner-skipped"
        assert ann.reads[-1]["people_online"] == 2
        await until(lambda: process.value("skip_told_seconds_count", source="server") == 1)


async def test_who_streams_is_told_of_who_polls(process: Process) -> None:
    """The skip of a person who polls is one push to the partner."""
    async with talking(process, process) as (_, bob, match):
        await process.machine.skip(ANN, match)
        assert (await bob.next("force-disconnect"))["reason"] == "partner-skipped"


async def test_a_waiting_person_stays_in_the_queue_by_polls_alone(store_url: str) -> None:
    """Each poll renews the lease: no heartbeat is needed."""
    async with Process(store_url, timings=Timings(lease_ms=1_200)).running() as process:
        ann = Poller(process, "ann", "a1")
        await ann.poll()
        await process.join("ann")
        for _ in range(5):
            await ann.poll(wait_s=0.6)
        assert ann.state["state"] == "waiting"
        await until(lambda: process.value("expired_total", what="lease") == 1)


async def test_polls_on_two_processes_are_one_connection(store_url: str) -> None:
    """A proxy sends each poll anywhere: no one reads ``partner-away``, and nothing is lost."""
    here, there = Process(store_url), Process(store_url)
    async with here.running(), there.running(), there.page("bob", "b1") as bob:
        ann = Poller(here, "ann", "a1")
        await ann.poll()
        await bob.next("snapshot")
        await here.join("ann")
        await there.join("bob")
        match = (await bob.next("new-match"))["match"]
        await ann.poll()
        for n in range(1, 9):
            ann.process = (there, here)[n % 2]
            await there.machine.message(BOB, match, f"k{n}", f"text {n}")
            await ann.poll(wait_s=5)
            assert (await bob.next("message"))["n"] == n
        assert ann.texts == [f"text {n}" for n in range(1, 9)]
        assert ann.state["match"]["match"] == match
        assert (await here.machine.beat(here.id)).people_online == 2
        await until(lambda: here.contact.polls_here + there.contact.polls_here == 1)
        assert "partner-away" not in bob.types()


async def test_to_and_fro_as_quickly_as_it_goes(store_url: str) -> None:
    """A poll may come before what the other process did is heard: no store is away, none is refused."""
    here, there = Process(store_url), Process(store_url)
    async with here.running(), there.running():
        ann = Poller(here, "ann", "a1")
        for n in range(1500):
            ann.process = (there, here)[n % 2]
            await ann.poll()
        assert set(ann.refused) <= {Untold.NOT_HELD}
        assert len(ann.reads) > 1400


async def test_a_poll_elsewhere_answers_the_one_that_waits_here(store_url: str) -> None:
    """At once, and undetached: the record names the newer one."""
    here, there = Process(store_url), Process(store_url)
    async with here.running(), there.running(), talking(there, there) as (_, bob, match):
        older, newer = Poller(here, "ann", "a1"), Poller(there, "ann", "a1")
        await older.poll()
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waits = group.create_task(older.poll(wait_s=15))
            await until(lambda: here.contact.polls_here == 1)
            await newer.poll()
            assert not isinstance(await waits, Untold)
        assert older.state["match"]["match"] == match
        await until(lambda: here.contact.people_here == 0)
        assert "partner-away" not in bob.types()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_the_same_page_on_both_transports(store_url: str, elsewhere: bool) -> None:
    """The newer connection replaces the older, which just ends; no partner is told, no message lost."""
    here, there = Process(store_url), Process(store_url)
    async with here.running(), there.running(), talking(here, here) as (ann, bob, match):
        other = there if elsewhere else here
        async with other.page("ann", "a1") as stream:
            assert (await stream.next("snapshot"))["transports"] == "both"
            # Her client, that polls on, takes the place back; the stream is ended without a word.
            await stream.ended.wait()
            assert "taken-over" not in stream.types()
        await here.machine.message(BOB, match, "k1", "still there?")
        await ann.until(lambda page: page.texts == ["still there?"])
        assert Untold.TAKEN_OVER not in ann.refused
        assert "partner-away" not in bob.types()


async def test_another_page_takes_over(process: Process) -> None:
    """The page that polls is told, and from then on refused; a second page that polls reads on."""
    async with talking(process, process) as (ann, bob, match):
        second = Poller(process, "ann", "a2")
        async with second.keeping_on():
            await until(lambda: Untold.TAKEN_OVER in ann.refused)
            assert await Poller(process, "ann", "a1").poll() is Untold.TAKEN_OVER
            await process.machine.message(BOB, match, "k1", "who is there?")
            await second.until(lambda page: page.texts == ["who is there?"])
        assert "partner-away" not in bob.types()


async def test_who_counted_as_away_reads_that_they_begin_anew(store_url: str) -> None:
    """The version is the same, and the poll is answered at once: the media deadline runs, ``open`` is due."""
    # No deadline of the match or of the absence is near: only the poll that does not come makes Ann away.
    process = Process(store_url, timings=Timings(owed_ms=60_000, away_bucket_ms=60_000))
    async with process.running(), process.page("bob", "b1") as bob:
        async with Poller(process, "ann", "a1").keeping_on() as ann:
            await bob.next("snapshot")
            await process.join("ann", alias="Ann")
            await process.join("bob", alias="Bob")
            await ann.is_in("matched")
        await bob.next("partner-away")
        version = ann.version
        async with asyncio.timeout(10):
            await ann.poll(wait_s=25)
        assert ann.version == version
        await bob.next("partner-back")


async def test_what_the_feed_lost_is_found(store_server_each: StoreServer) -> None:
    """Race E39 and its like: neither the newest state nor a message that nothing follows stays untold."""
    async with Relay(store_server_each.url).running() as relay:
        process = Process(store_server_each.url, feed_url=relay.url)
        async with process.running(), talking(process, process) as (ann, _, match):
            process.stop_beating()  # it would notice within a second
            relay.stall()
            await process.machine.message(BOB, match, "k1", "text 1")
            await everybody_again(process)
            await ann.until(lambda page: page.texts == ["text 1"])
            await process.machine.skip(BOB, match)
            await everybody_again(process)
            await ann.is_in("waiting")
            relay.flow()


async def test_a_deaf_process_tells_who_polls_all_the_same(store_server_each: StoreServer) -> None:
    """Race E29: the subscription stalls in silence; re-attaching tells of the match before 3 s are over."""
    async with Relay(store_server_each.url).running() as relay:
        deaf, other = Process(store_server_each.url, feed_url=relay.url), Process(store_server_each.url)
        async with deaf.running(), other.running(), Poller(deaf, "ann", "a1").keeping_on() as ann:
            await deaf.join("ann")
            await ann.is_in("waiting")
            relay.stall()
            async with other.page("bob", "b1") as bob:
                await bob.next("snapshot")
                before = asyncio.get_running_loop().time()
                await other.join("bob")
                await ann.is_in("matched")
                assert asyncio.get_running_loop().time() - before < 2.5
            relay.flow()


async def test_a_store_that_forgot_everything(store_server_each: StoreServer) -> None:
    """Race E18: FLUSHALL, no disconnect. The poll that waits is answered: idle; its client joins again."""
    async with (
        Process(store_server_each.url).running() as process,
        talking(process, process) as (ann, bob, _),
    ):
        store_server_each.flush()
        await ann.is_in("idle")
        assert ann.state["intent"] == 0
        await process.join("ann")
        await process.join("bob")
        await ann.is_in("matched")
        await bob.next("new-match")


async def test_a_store_that_falls_back_to_before_an_open(store_server_each: StoreServer) -> None:
    """Race E35: at the same version the poll is still answered, so that the page says ``open``."""
    async with (
        Process(store_server_each.url).running() as process,
        talking(process, process) as (ann, _, _),
    ):
        reads = len(ann.reads)
        process.contact.suspect("run-id")
        await ann.until(lambda page: len(page.reads) > reads)
        assert ann.reads[-1]["state"] == ann.reads[-2]["state"]


async def test_the_store_is_away(store_server_each: StoreServer) -> None:
    """Refused within 2 s while it waits, then at each try; when the store is back so is the conversation."""
    async with Relay(store_server_each.url).running() as relay:
        process = Process(relay.url)
        async with process.running(), talking(process, process) as (ann, bob, match):
            relay.cut()
            relay.stall()
            await until(lambda: Untold.AWAY in ann.refused)
            relay.cut()
            relay.flow()
            reads = len(ann.reads)
            await ann.until(lambda page: len(page.reads) > reads)
            assert ann.state["match"]["match"] == match
            await process.machine.message(BOB, match, "k1", "back?")
            await ann.until(lambda page: page.texts == ["back?"])
            assert "partner-away" not in bob.types()


async def test_drain(store_url: str) -> None:
    """Race R23: the poll that waits is answered, no partner is told anything, the next one goes elsewhere."""
    async with Process(store_url).running() as stays:
        leaves = Process(store_url)
        async with leaves.running(), talking(leaves, stays) as (ann, bob, match):
            reads = len(ann.reads)
            ann.process = stays  # where the proxy sends whatever comes from now on
            await leaves.hub.drain()
            await ann.until(lambda page: len(page.reads) > reads)
            await until(lambda: stays.contact.polls_here == 1)
            assert "probe" not in ann.state
            await stays.machine.message(BOB, match, "k1", "hello")
            await ann.until(lambda page: page.texts == ["hello"])
            assert ann.refused == []
            assert "partner-away" not in bob.types()


async def test_who_goes_is_told_and_given_up_in_time(store_url: str) -> None:
    """Invariant 7, with a short bucket: told 3 s after the last poll, free when the bucket is empty."""
    timings = Timings(away_bucket_ms=1_500)
    async with Process(store_url, timings=timings).running() as process:
        loop = asyncio.get_running_loop()
        async with process.page("bob", "b1") as bob:
            async with Poller(process, "ann", "a1").keeping_on() as ann:
                await bob.next("snapshot")
                await process.join("ann")
                await process.join("bob")
                match = (await bob.next("new-match"))["match"]
                await ann.is_in("matched")
                for person in (ANN, BOB):
                    await process.machine.pulse(person, match, Media.OPEN)
            gone_at = loop.time()
            await bob.next("partner-away")
            told_s = loop.time() - gone_at
            assert (await bob.next("force-disconnect"))["reason"] == "partner-lost"
            free_s = loop.time() - gone_at
        assert told_s == pytest.approx(LINGER_S, abs=0.3)
        assert free_s == pytest.approx(LINGER_S + 1.5, abs=0.6)


async def test_people_by_transport(store_url: str) -> None:
    """As the beats say, for all processes together; a buried process has no people."""
    timings = Timings(process_dead_ms=300, outage_ms=100_000)
    here, there = Process(store_url, timings=timings), Process(store_url, timings=timings)

    async def held(on_sse: int, on_poll: int) -> None:
        async with asyncio.timeout(10):
            while (await here.machine.usage())[:2] != (on_sse, on_poll):  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.02)

    async with here.running(sweeps=False), there.running(sweeps=False):
        async with talking(there, here):
            await held(1, 1)
            there.stop_beating()
            await here.machine.sweep()
            # Long after it is due: the last beat may still have been under way when it was stopped.
            await until(lambda: there.contact.away_s() > 1.5)
            assert (await here.machine.usage())[:2] == (1, 1)
            while await here.machine.bury():  # this one too, if it has not beaten for so long
                pass
            await held(1, 0)
            there.start_beating()
            await held(1, 1)
        await held(0, 0)


async def test_comparisons_add_up_by_utc_day(store_server_each: StoreServer) -> None:
    """Today's and yesterday's; a day later today's is yesterday's, and after three days it is forgotten."""
    day_ms = 86_400_000
    now = [1_764_000_000_000]
    async with Process(store_server_each.url).running() as process:
        machine = process.machine
        machine._now_ms = lambda: now[0]
        for found in (Comparison(same=5, stream_first=1), Comparison(same=2, missed=3), Comparison()):
            reply = await machine.compare(ANN, found)
            assert reply.outcome == "noted"
            assert msgspec.json.decode(reply.state)["state"] == "idle"
        assert (await machine.usage()).today == Comparison(same=7, stream_first=1, missed=3)
        assert process.value("comparisons_total", result="same") == 7
        now[0] += day_ms
        await machine.compare(ANN, Comparison(differ=1))
        usage = await machine.usage()
        assert (usage.today, usage.yesterday) == (
            Comparison(differ=1),
            Comparison(same=7, stream_first=1, missed=3),
        )
        now[0] += day_ms
        assert (await machine.usage()).yesterday == Comparison(differ=1)
        with store_server_each.client() as plain:
            first: Any = plain.pttl(f"{{0}}compared:{1_764_000_000_000 // day_ms}")
        assert 2 * day_ms < first <= 3 * day_ms


async def test_a_comparison_is_no_sign_of_life(process: Process) -> None:
    """A person who owes a sign still does."""
    async with talking(process, process) as (_, bob, match):
        bob.close()
        await until(lambda: process.value("streams_open") == 0)
        await process.machine.compare(BOB, Comparison(same=1))
        assert "probe" in msgspec.json.decode(await process.machine.read(BOB))
        assert match
