"""A publication is lost, comes twice or in another order; the two lists of people differ: on real stores.

Nobody is named to the store but under suspicion; what is found is found by numbers and lengths.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import pytest

from duologue.delivery.sequence import Sequence as Numbers
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import (
    ConnectionId,
    Held,
    PageId,
    PersonId,
    ProcessId,
    Reattached,
)
from tests.integration.streams import Page, Process, until
from tests.servers import StoreServer

ANN = PersonId("ann")
SOON_S = 2.0
"""An echo each 0.6 s at most, 0.2 s until a round begins, and a slow machine; a round of 5 s takes longer."""


class Ear:
    """Hears everything, until told otherwise."""

    def __init__(self) -> None:
        self.change: Callable[[bytes], Iterable[bytes]] = lambda raw: (raw,)
        self.numbers: list[bytes] = []

    def __call__(self, raw: bytes) -> Iterable[bytes]:
        if not raw.startswith(b"N "):
            return (raw,)  # an echo
        self.numbers.append(raw.partition(b"\n")[0])
        return self.change(raw)

    def loses(self, count: int) -> None:
        """The next publications, so many, never arrive."""
        left = [count]

        def lose(raw: bytes) -> Iterable[bytes]:
            left[0] -= 1
            return (raw,) if left[0] < 0 else ()

        self.change = lose


class Noting(Machine):
    """The real machine, which notes whom it is asked to re-attach."""

    named: list[PersonId]

    async def reattach(self, process: ProcessId, held: Sequence[Held]) -> list[Reattached]:
        self.named += [each.person for each in held]
        return await super().reattach(process, held)


class Scene:
    """A process with Ann's page."""

    def __init__(self, server: StoreServer, ear: Ear, process: Process, ann: Page) -> None:
        self.server, self.ear, self.process, self.ann = server, ear, process, ann

    @property
    def named(self) -> list[PersonId]:
        """Whom the process named to the store."""
        assert isinstance(self.process.machine, Noting)
        return self.process.machine.named

    def suspected(self, cause: str) -> float:
        """How often."""
        return self.process.value("suspicions_total", cause=cause)

    async def is_told(self, state: str) -> float:
        """Ann's page reads a snapshot of this state; after how long."""
        began = asyncio.get_running_loop().time()
        while True:
            snapshot = await self.ann.next("snapshot")
            if snapshot["state"]["state"] == state:
                return asyncio.get_running_loop().time() - began

    async def goes_on(self) -> None:
        """The next publication arrives without help, and the suspicion ends."""
        await until(lambda: not self.process.contact.suspicious)
        asked = len(self.named)
        self.ann.frames.clear()
        self.ann._read = 0
        await self.process.machine.leave(ANN, 10**13)
        await self.process.machine.join(ANN, intent=2 * 10**13, pool="main")
        await self.ann.next("waiting")
        assert len(self.named) == asked
        assert not self.process.contact.suspicious


@contextlib.asynccontextmanager
async def scene(server: StoreServer) -> AsyncIterator[Scene]:
    """All is well: heard, listed, and not suspicious."""
    ear = Ear()

    def noting(machine: Machine) -> Machine:
        machine.__class__, machine.named = Noting, []  # type: ignore[attr-defined]
        return machine

    async with (
        Process(server.url, wrap=noting, ear=ear).running() as process,
        process.page("ann", "a1") as ann,
    ):
        await ann.next("snapshot")
        await until(lambda: process.contact.sequence._last is not None)
        await until(lambda: not process.contact.suspicious)
        yield Scene(server, ear, process, ann)


@pytest.mark.parametrize("then", ["silence", "another"])
async def test_a_lost_publication(store_server_each: StoreServer, then: str) -> None:
    """Race E39: found by the next number, or in silence by the next echo: not in 5 s but in half a second."""
    async with scene(store_server_each) as here:
        here.ear.loses(1)
        await here.process.join("ann")
        if then == "another":
            async with here.process.page("bob", "b1") as bob:
                await bob.next("snapshot")
                await here.process.join("bob")
                assert (await here.ann.next("new-match"))["state"]["state"] == "matched"
                await until(lambda: ANN in here.named)
        else:
            assert await here.is_told("waiting") < SOON_S
        assert here.suspected("gap") == 1
        assert here.suspected("set-back") == 0


async def test_control_without_the_numbers(valkey9: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the last publication before silence stays lost."""
    monkeypatch.setattr(Numbers, "_compare", lambda *_: None)
    async with scene(valkey9) as here:
        here.ear.loses(1)
        await here.process.join("ann")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON_S / 2):
                await here.is_told("waiting")


async def test_only_those_who_missed_something_are_told(valkey9: StoreServer) -> None:
    """All people are compared; a page that has read everything gets no snapshot."""
    async with scene(valkey9) as here, here.process.page("bob", "b1") as bob:
        await bob.next("snapshot")
        here.ear.loses(1)
        await here.process.join("ann")
        await here.is_told("waiting")
        await until(lambda: not here.process.contact.suspicious)
        assert bob.types() == ["snapshot"]
        assert {*here.named} == {ANN, PersonId("bob")}


@pytest.mark.parametrize("how", ["twice", "in another order"])
async def test_a_publication_comes_twice_or_late(valkey9: StoreServer, how: str) -> None:
    """One suspicion each, which ends; and the page reads each state once, and the newest last."""
    async with scene(valkey9) as here:
        kept: list[bytes] = []

        def change(raw: bytes) -> Iterable[bytes]:
            if how == "twice":
                return (raw, raw)
            kept.append(raw)
            return () if len(kept) == 1 else reversed(kept)

        here.ear.change = change
        await here.process.join("ann")
        await here.process.machine.leave(ANN, 10**13 - 1)
        await until(lambda: "idle" in here.ann.types())
        here.ear.change = lambda raw: (raw,)
        await here.goes_on()
        assert here.suspected("set-back") + here.suspected("gap") <= 3
        versions = [each["state"]["version"] for each in here.ann.frames if "state" in each]
        assert versions == sorted(versions)


async def test_the_store_is_set_back_and_no_connection_ends(valkey9: StoreServer) -> None:
    """The count is smaller than what was heard: at the next echo every person is owed a snapshot (race
    E35)."""
    async with scene(valkey9) as here:
        await here.process.join("ann")
        await here.ann.next("waiting")
        with here.server.client() as client:
            client.hincrby("{0}published", here.process.id, -1)
        assert await here.is_told("waiting") < SOON_S
        assert here.suspected("set-back") == 1
        await here.goes_on()


async def test_the_store_forgets_everything(valkey9: StoreServer) -> None:
    """Race E18: FLUSHALL. The count, and the beat, say so at once."""
    async with scene(valkey9) as here:
        await here.process.join("ann")
        await here.ann.next("waiting")
        with here.server.client() as client:
            client.flushall()
        assert await here.is_told("idle") < SOON_S
        assert here.suspected("set-back") + here.suspected("unknown") >= 1
        await here.goes_on()


@pytest.mark.parametrize("meanwhile", ["nothing", "something"])
async def test_the_subscription_ends_and_is_opened_again(valkey9: StoreServer, meanwhile: str) -> None:
    """Race E10: publications in between are found by their number; if there were none, no one is told."""
    async with scene(valkey9) as here:
        with here.server.client() as client:
            beats = here.process.contact.sequence
            opened = asyncio.Event()
            again = beats.opened

            def noted(run: str) -> None:
                opened.set()
                again(run)

            here.process.feed._opened = noted
            here.process.stop_beating()  # a probe that falls into the gap says, rightly, that we are deaf
            client.client_kill_filter(_type="pubsub")
            if meanwhile == "something":
                await here.process.join("ann")
            await opened.wait()
        here.process.start_beating()
        if meanwhile == "something":
            assert await here.is_told("waiting") < SOON_S
            assert here.suspected("gap") == 1
        heard = here.process.contact._heard_at
        await until(lambda: here.process.contact._heard_at > heard)
        assert here.suspected("feed") == 0
        await here.goes_on()


async def test_a_stray_is_found_by_the_length_of_the_list(valkey9: StoreServer) -> None:
    """Races E13, E16: the store lists a person without a connection here; no names are sent to find that."""
    async with scene(valkey9) as here:
        machine, process = here.process.machine, here.process
        await machine.attach(PersonId("zoe"), ConnectionId("c_gone"), process.id, PageId("z1"))
        await until(lambda: process.value("lists_mended_total", what="stray") == 1)
        assert (await machine.beat(process.id)).listed == 1
        assert here.named == []


async def test_a_missing_person_is_found_by_the_length_of_the_list(valkey9: StoreServer) -> None:
    """Race E17: Ann's record was lost, and her page joins again; only she is named, and she is told."""
    async with scene(valkey9) as here, here.process.page("bob", "b1") as bob:
        await bob.next("snapshot")
        with here.server.client() as client:
            client.delete("{0}p:ann")
        await here.process.join("ann")
        assert await here.is_told("waiting") < 2 * SOON_S + 1
        assert {*here.named} == {ANN}
        assert here.process.value("lists_mended_total", what="missing") == 1


@pytest.mark.parametrize("waits", [True, pytest.param(False, marks=pytest.mark.xfail(strict=True))])
async def test_a_start_beside_another_process(valkey9: StoreServer, waits: bool) -> None:
    """Race E47: the scripts are loaded, so the first self check is quicker than the subscription.

    The control: without waiting for the subscription the process takes itself for deaf, leaves the
    subscription for another one, and what is published meanwhile is lost.
    """
    async with Process(valkey9.url).running():
        slow = Process(valkey9.url, ear=lambda raw: (raw,))
        subscribe = slow.feed._subscribe

        @contextlib.asynccontextmanager
        async def later(channel: str) -> AsyncIterator[Any]:
            await asyncio.sleep(0.02)
            async with subscribe(channel) as opened:
                yield opened

        slow.feed._subscribe = later
        if not waits:
            slow.contact.sequence.begun.set()
        async with slow.running():
            await until(lambda: slow.contact.sequence._last is not None)
        assert slow.value("suspicions_total", cause="deaf") == 0


async def test_a_process_id_is_used_again(valkey9: StoreServer) -> None:
    """People of its former life are listed, and the numbers go on: they go, nothing is suspected for that."""
    async with scene(valkey9) as here:
        again = Process(here.server.url)
        again.id = again.hub.process = ProcessId("s_again")
        again.feed._channel = again.machine.channel(again.id)
        with here.server.client() as client:
            client.hset("{0}published", again.id, 40)
        former = PersonId("yan"), ConnectionId("c_former"), again.id, PageId("y1")
        await here.process.machine.attach(*former)
        async with again.running(), again.page("cat", "c1") as cat:
            await cat.next("snapshot")
            await until(lambda: again.value("lists_mended_total", what="stray") == 1)
            await again.join("cat")
            await cat.next("waiting")
            causes = ("gap", "set-back", "feed")
            assert [again.value("suspicions_total", cause=cause) for cause in causes] == [0, 0, 0]
