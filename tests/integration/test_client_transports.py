"""The Python client on a real server: polls only, streams that are held back, and both held together."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp

from duologue.client import By, Client, Exchange, Link, Model, SimulatedMedia, Timings, Transport
from duologue.client.http import HttpTransport, http_session
from duologue.client.model import Input
from duologue.client.vocabulary import MediaWord
from tests.relay import Passage, Relay
from tests.servers import StoreServer
from tests.serving import Serving, serving

PATIENCE_S = 30.0
TOLD_S, FREE_S = 3.3, 8.3
BUSY_S = 1.5
"""As the crowd's: two cores for servers, store and people."""
QUICK = Timings(first_frame_s=1.5, return_s=3.0)


class Guest:
    """A client, and what its screen said."""

    def __init__(self, name: str, transport: Transport, exchange: Exchange, timings: Timings = QUICK) -> None:
        self.links: list[tuple[Link, By]] = []
        self.matches: list[str] = []
        self.away = False
        self.client = Client(
            transport, alias=name, media=SimulatedMedia(exchange), watch=self._saw, timings=timings
        )

    def _saw(self, model: Model, event: Input) -> None:
        if not self.links or self.links[-1] != (model.link, model.by):
            self.links.append((model.link, model.by))
        if model.match and model.match_id not in self.matches:
            self.matches.append(model.match_id)
        self.away = self.away or (model.match is not None and model.match.partner.away_until_ms is not None)

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.client.model.chat.messages]

    async def is_by(self, by: By) -> None:
        """Connected so."""
        await self.client.until(lambda model: model.link is Link.OPEN and model.by is by, PATIENCE_S)

    async def reads(self, texts: list[str]) -> None:
        await self.client.until(lambda _: self.texts == texts, PATIENCE_S)


@contextlib.contextmanager
def server(store: StoreServer, transports: str, *options: str) -> Iterator[Serving]:
    given = ("--redis-url", store.url, "--no-page", "--transports", transports, *options)
    with serving(*given, DUOLOGUE_SECRET="s" * 32) as made:
        yield made


@contextlib.asynccontextmanager
async def two(*urls: str) -> AsyncIterator[tuple[Guest, Guest]]:
    """Ada at the first address, Grace at the last, in a conversation with their media up."""
    exchange = Exchange()
    async with http_session() as http:
        ada, grace = (
            Guest(name, HttpTransport(http, url), exchange)
            for name, url in (("Ada", urls[0]), ("Grace", urls[-1]))
        )
        async with ada.client.running(), grace.client.running():
            for guest in (ada, grace):
                guest.client.start()
            for guest in (ada, grace):
                await guest.client.until(lambda m: m.match is not None and m.media.word is MediaWord.OPEN)
            yield ada, grace


async def test_two_who_poll_meet_talk_and_skip(valkey9: StoreServer) -> None:
    """A server without streams: nothing that they do needs one, and each line comes once, in order."""
    with server(valkey9, "poll") as made:
        async with two(made.url) as (ada, grace):
            assert {guest.client.model.by for guest in (ada, grace)} == {By.POLL}
            for n, guest in enumerate((ada, grace, grace, ada)):
                await guest.client.say(f"line {n}")
            for guest in (ada, grace):
                await guest.reads([f"line {n}" for n in range(4)])
            ada.client.next()
            for guest, reason in ((ada, "skipped"), (grace, "partner-skipped")):
                model = await guest.client.until(lambda model: model.waiting)
                assert model.state is not None
                assert model.state.ended is not None
                assert model.state.ended.reason == reason
            assert ada.matches == grace.matches
            assert not ada.away
            assert not grace.away


async def test_a_partner_who_polled_and_vanished(valkey9: StoreServer) -> None:
    """Invariant 7: told 3 s after they are gone, and free after 8 s at the latest."""
    exchange = Exchange()
    with server(valkey9, "poll") as made:
        async with http_session() as http:
            ada, grace = (Guest(name, HttpTransport(http, made.url), exchange) for name in ("Ada", "Grace"))
            async with ada.client.running():
                async with grace.client.running():
                    for guest in (ada, grace):
                        guest.client.start()
                    for guest in (ada, grace):
                        await guest.client.until(
                            lambda m: m.match is not None and m.media.word is MediaWord.OPEN
                        )
                gone_s = time.monotonic()
                await ada.client.until(lambda model: model.media.away_until_ms is not None)
                told_s = time.monotonic() - gone_s
                model = await ada.client.until(lambda model: model.waiting)
                free_s = time.monotonic() - gone_s
        assert model.state is not None
        assert model.state.ended is not None
        assert model.state.ended.reason == "partner-lost"
        assert told_s < TOLD_S + BUSY_S
        assert free_s < FREE_S + BUSY_S


async def test_streams_that_are_held_back_and_come_through_again(valkey9: StoreServer) -> None:
    """Commands and polls get through meanwhile: one conversation, every line once, and back on the stream."""

    def hold_back(passage: Passage) -> None:
        passage.stall(up=False, down=True)

    with server(valkey9, "both", "--compare-percent", "0") as made:
        async with Relay(made.url).running() as relay, two(relay.url, made.url) as (ada, grace):
            for guest in (ada, grace):
                await guest.is_by(By.SSE)  # on a busy machine not from the first try
            ada.links.clear()
            await grace.client.say("before")
            await ada.reads(["before"])
            relay.on_stream = hold_back
            relay.cut(lambda passage: passage.is_stream)
            await ada.is_by(By.POLL)
            await grace.client.say("while it polls")
            await ada.client.say("indeed")
            await ada.reads(["before", "while it polls", "indeed"])
            relay.on_stream = None
            await ada.is_by(By.SSE)
            await grace.client.say("after")
            for guest in (ada, grace):
                await guest.reads(["before", "while it polls", "indeed", "after"])
            assert ada.matches == grace.matches
            assert len(ada.matches) == 1
            returned = ada.links.index((Link.OPEN, By.POLL))
            assert Link.AWAY not in [link for link, _ in ada.links[returned:]]


async def test_a_small_crowd_that_skips_is_compared(valkey9: StoreServer) -> None:
    """Streams and reads agree, whenever people skip: none is missed, none differs; some cross."""
    timings = Timings(compare_s=0.2, report_s=0.5)
    exchange = Exchange()
    with server(valkey9, "both", "--compare-percent", "100") as made:
        async with http_session() as http, contextlib.AsyncExitStack() as stack:
            crowd = [Guest(f"Guest {n}", HttpTransport(http, made.url), exchange, timings) for n in range(10)]
            for guest in crowd:
                await stack.enter_async_context(guest.client.running())
                guest.client.start()
            seen: dict[str, dict[str, int]] = {"today": {}}
            async with asyncio.timeout(PATIENCE_S):
                while sum(seen["today"].values()) < 300:
                    for guest in crowd[::3]:
                        guest.client.next()
                    await asyncio.sleep(0.3)
                    seen = await operator_reads(http, made)
        assert len({match for guest in crowd for match in guest.matches}) > 10
        assert seen["people"] == {"sse": 10, "poll": 0}
        assert (seen["today"]["missed"], seen["today"]["differ"]) == (0, 0)
        assert seen["today"]["same"] > 200


async def test_a_stream_that_loses_what_reads_know_is_no_reason_to_switch_polling_off(
    valkey9: StoreServer,
) -> None:
    """Swallowed in mid-stream, with no end: the read knew, the stream never said. The client acts on it."""
    timings = Timings(compare_s=0.2, report_s=0.5)
    exchange = Exchange()
    with server(valkey9, "both", "--compare-percent", "100") as made:
        async with Relay(made.url).running() as relay, http_session() as http:
            ada = Guest("Ada", HttpTransport(http, relay.url), exchange, timings)
            grace = Guest("Grace", HttpTransport(http, made.url), exchange, timings)
            async with ada.client.running(), grace.client.running():
                for guest in (ada, grace):
                    guest.client.start()
                for guest in (ada, grace):
                    await guest.client.until(lambda model: model.media.word is MediaWord.OPEN)
                relay.stall(lambda passage: passage.is_stream, up=False)
                grace.client.next()
                await ada.client.until(lambda model: model.waiting, PATIENCE_S)
                async with asyncio.timeout(PATIENCE_S):
                    found = await operator_reads(http, made)
                    while not found["today"]["missed"]:
                        await asyncio.sleep(0.1)
                        found = await operator_reads(http, made)
        assert found["verdict"]["safe"] is False
        assert "knew what the stream never brought" in str(found["verdict"]["why"])


async def operator_reads(http: aiohttp.ClientSession, made: Serving) -> dict[str, dict[str, int]]:
    """``GET /transports``."""
    async with http.get(f"{made.ops_url}/transports") as answer:
        found: dict[str, dict[str, int]] = await answer.json()
        return found
