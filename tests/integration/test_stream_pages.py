"""One person, several pages and reloads: who is told what, on real stores."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from duologue.pairing.vocabulary import PersonId
from tests.integration.streams import Page, Process, until

ANN, BOB = PersonId("ann"), PersonId("bob")


@pytest.fixture
async def process(store_url: str) -> AsyncIterator[Process]:
    """A server process."""
    async with Process(store_url).started() as made:
        yield made


@contextlib.asynccontextmanager
async def talking(process: Process) -> AsyncIterator[tuple[Page, Page, str]]:
    """Ann and Bob in a match, each on one page: ``a1`` and ``b1``."""
    async with process.page("ann", "a1") as ann, process.page("bob", "b1") as bob:
        await ann.next("snapshot")
        await bob.next("snapshot")
        await process.join("ann")
        await process.join("bob")
        met = await ann.next("new-match")
        await bob.next("new-match")
        for person in (ANN, BOB):
            await process.machine.pulse(person, met["match"], None)
        yield ann, bob, met["match"]


async def test_snapshot_first(process: Process) -> None:
    """With ``retry:`` in its block, and the headers that keep proxies from touching it."""
    async with process.page("ann", "a1") as page:
        first = await page.next("snapshot")
    assert page.frames[0] is first
    assert first["reason"] == "connected"
    assert 500 <= int(first["sse"]["retry"]) <= 1000
    assert first["state"]["state"] == "idle"
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/event-stream")
    assert page.headers["cache-control"] == "no-store, no-transform"
    assert page.headers["x-accel-buffering"] == "no"


async def test_two_meet_and_talk_and_one_skips(process: Process) -> None:
    """Every frame comes by the stream, and *told* is measured."""
    async with talking(process) as (ann, bob, match):
        media = bob.frames[-1]["state"]["match"]["media"]
        assert media["ice_servers"] == []
        await process.machine.message(ANN, match, "k1", "hello\r\ndata: {}")
        said = await bob.next("message")
        assert (said["text"], said["from"], said["sse"]["id"]) == (
            "hello\r\ndata: {}",
            "partner",
            f"{match}:1:{said['at_ms']}",
        )
        assert (await ann.next("message"))["from"] == "me"
        await process.machine.skip(ANN, match)
        assert (await ann.next("skip-confirmed"))["state"]["state"] == "waiting"
        told = await bob.next("force-disconnect")
        assert told["reason"] == "partner-skipped"
        assert (await bob.next("waiting"))["people_online"] == 2
        await until(lambda: process.value("skip_told_seconds_count", source="server") == 1)
        assert process.value("skip_told_seconds_sum", source="server") < 1


async def test_a_reload_resumes_the_messages(process: Process) -> None:
    """After ``Last-Event-ID`` those after it follow the snapshot, in order, once."""
    async with talking(process) as (_, bob, match):
        for n in (1, 2, 3):
            await process.machine.message(ANN, match, f"k{n}", f"text {n}")
            await bob.next("message")
        bob.close()
        await bob.ended.wait()
        async with process.page("bob", "b2", last_event_id=f"{match}:1") as again:
            await process.machine.message(ANN, match, "k4", "text 4")
            texts = [(await again.next("message"))["text"] for _ in range(3)]
            assert texts == ["text 2", "text 3", "text 4"]
            assert again.types()[0] == "snapshot"
            assert again.frames[0]["state"]["match"]["match"] == match


@pytest.mark.parametrize("last_event_id", ["", "m_other:2", "nonsense", "m_other:-1\x0b"])
async def test_without_a_number_of_this_match_all_kept_messages_come(
    process: Process, last_event_id: str
) -> None:
    """A header that says nothing of this match means none."""
    async with talking(process) as (_, bob, match):
        await process.machine.message(ANN, match, "k1", "text 1")
        await bob.next("message")
        async with process.page("bob", "b2", last_event_id=last_event_id) as again:
            assert (await again.next("message"))["n"] == 1


async def test_another_page_takes_over(process: Process) -> None:
    """Race E15: on the same process; the old page alone is told, and a superseded one is refused (E25)."""
    async with talking(process) as (ann, bob, match):
        async with process.page("bob", "b2") as second:
            await second.next("snapshot")
            await bob.next("taken-over")
            await bob.ended.wait()
            async with process.page("bob", "b1") as refused:
                await refused.ended.wait()
                assert refused.types() == ["taken-over"]
            await process.machine.message(ANN, match, "k1", "still there?")
            await second.next("message")
            assert not second.ended.is_set()
        assert "partner-away" not in ann.types()


async def test_a_reload_is_not_a_way_out(process: Process) -> None:
    """Race E14: the new stream attaches before the old one's close is seen; that close means nothing."""
    async with talking(process) as (ann, bob, match):
        async with process.page("bob", "b2") as reloaded:
            await reloaded.next("snapshot")
            bob.close()
            await bob.ended.wait()
            await process.machine.message(BOB, match, "k1", "back")
            await ann.next("message")
            assert "partner-away" not in ann.types()
            held = await process.machine.reattach(process.id, [])
            assert held == []
        away = await ann.next("partner-away")
        assert away["state"]["match"]["partner"]["away_until_ms"] == away["until_ms"]


async def test_the_same_page_replaces_its_own_connection(process: Process) -> None:
    """Race E31: the old one just ends; the page is not told that another has the connection."""
    async with talking(process) as (ann, bob, match):
        async with process.page("bob", "b1") as again:
            await again.next("snapshot")
            await bob.ended.wait()
            assert "taken-over" not in bob.types()
            assert process.value("streams_ended_total", reason="replaced") == 1
            await process.machine.message(ANN, match, "k1", "hello")
            await again.next("message")
        assert ann.types().count("partner-away") == 0


async def test_closed_is_told_in_one_push(process: Process) -> None:
    """Invariant 7: a closed tab, told within 0.2 s, and back again."""
    async with talking(process) as (ann, bob, _):
        bob.close()
        before = asyncio.get_running_loop().time()
        await ann.next("partner-away")
        assert asyncio.get_running_loop().time() - before < 0.5  # 0.2 s, and 0.3 s for a busy machine
        async with process.page("bob", "b2") as again:
            await again.next("snapshot")
            assert (await ann.next("partner-back"))["until_ms"] is None


async def test_signals_go_to_the_page_that_they_are_for(process: Process) -> None:
    """Race E21: old signals for a page that is gone are not replayed to the new one."""
    async with talking(process) as (_, bob, match):
        for n, to in enumerate(["", "b1", "b2"]):
            await process.machine.signal(ANN, match, f"k{n}", {"hello": True}, "a1", to)
        assert [(await bob.next("peer-signal"))["n"] for _ in range(2)] == [1, 2]
        async with process.page("bob", "b2") as again:
            assert [(await again.next("peer-signal"))["n"] for _ in range(2)] == [1, 3]
            await process.machine.signal(ANN, match, "k9", {"bye": True}, "a1")
            assert (await again.next("peer-signal"))["n"] == 4


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [(b"", 422, b"no-page"), (b"page=", 422, b"no-page"), (b"page=a%0ab", 422, b"bad-field")],
)
async def test_a_page_must_name_itself(process: Process, query: bytes, status: int, code: bytes) -> None:
    """Refused before anything is opened."""
    page = process.page("ann", "a1")
    page._scope["query_string"] = query
    async with page:
        await page.ended.wait()
    assert page.status == status
    assert process.value("streams_open") == 0
    assert page.headers["content-type"] == "application/problem+json"
    assert code


async def test_without_a_token(process: Process) -> None:
    """Race S1: 401, nothing opened."""
    page = process.page("", "a1")
    async with page:
        await page.ended.wait()
    assert page.status == 401


async def test_what_a_person_reads_is_what_the_schema_says(process: Process) -> None:
    """Every frame is one JSON object with a type and an instant."""
    async with talking(process) as (ann, bob, match):
        await process.machine.leave(ANN, 2)
        await bob.next("force-disconnect")
    for frame in [*ann.frames, *bob.frames]:
        assert isinstance(frame["at_ms"], int)
        assert msgspec.json.encode(frame)
        assert match
