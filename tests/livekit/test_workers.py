"""Those who look after rooms, on a LiveKit server: orphans, vanished rooms, people alone, video away."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from duologue.delivery.clock import SystemClock
from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace, identity
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.media.livekit.webhooks import Webhooks
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import MatchId, Media
from duologue.store.client import Store
from duologue.workers.canary import Canary
from duologue.workers.reconcile import Reconcile
from duologue.workers.suspects import Suspects
from duologue.workers.watchdog import Watchdog
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import Ground, Guest
from tests.livekit.mailbox import Letter, Mailbox
from tests.livekit.people import RULES, People
from tests.livekit.waiting import PATIENCE_S, until
from tests.servers import StoreServer

ROLES = ("polite", "impolite")


class House:
    """A process's workers over one store and one LiveKit server, their rounds called by the test."""

    def __init__(
        self, store: Store, server: Ground, rooms: LiveKitRooms, *, auto_create: bool = False
    ) -> None:
        rules = replace(
            RULES, spare_ms=300, solo_ms=400, round_ms=0, round_spare_ms=0, auto_create=auto_create
        )
        self.people = People(store, rooms, rules)
        self.server = server
        self.metrics = Metrics()
        self.suspects = Suspects()
        outbox, clock = self.people.machine.rooms, SystemClock()
        self.reconcile = Reconcile(rooms, outbox, NAMESPACE, self.suspects, self.metrics, clock)
        self.watchdog = Watchdog(rooms, outbox, NAMESPACE, self.suspects, clock)
        self.canary = Canary(rooms, outbox, NAMESPACE, self.metrics, clock, auto_create=auto_create)

    async def meet(self, media: Media | None = None) -> tuple[MatchId, list[Guest]]:
        """Two people of a match, both in its room; ``media``: what their pages say of it."""
        one, other, match = await self.people.meet()
        await self.people.work()
        guests = [await self.enter(match, role) for role in ROLES]
        if media is not None:
            for person in (one, other):
                await self.people.machine.pulse(person, match, media)
        return match, guests

    async def enter(self, match: MatchId, role: str) -> Guest:
        grants = Grants(self.server.project, NAMESPACE)
        return await self.server.join(grants.mint(NAMESPACE.room(match), identity(match, role)))

    def told(self, letters: list[Letter]) -> None:
        """As the route does with what is posted to it."""
        webhooks = Webhooks(self.server.project, NAMESPACE)
        for letter in letters:
            if fact := webhooks.read(*letter):
                self.suspects.add(fact.match, fact)

    async def is_live(self, match: MatchId) -> bool:
        return match in await self.people.machine.rooms.open()

    async def is_over_after_rounds(self, match: MatchId) -> bool:
        await self.watchdog.run_once()
        return not await self.is_live(match)

    async def is_back_and_gone(self, match: MatchId, mailbox: Mailbox | None) -> bool:
        """The holder of an old grant joins, and is out again after one round of the workers."""
        guest = await self.enter(match, "polite")
        if mailbox is not None:
            joined = [each for each in mailbox.letters if each.event["event"] == "participant_joined"]
            self.told([*joined, await mailbox.first("participant_joined", NAMESPACE.room(match))])
            await self.watchdog.run_once()
        else:
            await self.reconcile.run_once()
        await self.people.work()
        async with asyncio.timeout(PATIENCE_S):
            await guest.sent_away.wait()
        return await self.people.names() == []

    async def awaited(self, match: MatchId) -> bool:
        return match in (await self.people.machine.rooms.look([match])).awaited


@pytest.fixture
async def house(
    valkey9: StoreServer, server: Ground, rooms: LiveKitRooms, auto_create: bool
) -> AsyncIterator[House]:
    async with Store(valkey9.url).running() as store:
        yield House(store, server, rooms, auto_create=auto_create)


def dump(valkey9: StoreServer) -> Mapping[bytes, bytes | None]:
    """All that the store holds, without how far the pass of looks has come."""
    with valkey9.client() as client:
        return {key: client.dump(key) for key in client.keys("*") if key != b"{0}looked"}


async def test_an_orphan_is_found_and_deleted(house: House, server: Ground, rooms: LiveKitRooms) -> None:
    """R19: a room of ours without an owner goes; rooms of others, and owned ones of ours, stay."""
    second = Namespace(f"{NAMESPACE.name}-2")
    async with LiveKitRooms(server.project, second).running() as theirs:
        foreign = await theirs.create(second.room(MatchId("m_AAAAAAAAAAAAAAAA")))
        orphan = NAMESPACE.room(MatchId("m_" + secrets.token_urlsafe(12)))
        await rooms.create(orphan)
        _, _, match = await house.people.meet()
        await house.people.work()

        async def is_deleted() -> bool:
            await house.reconcile.run_once()
            await house.people.work()
            return orphan not in await house.people.names()

        await until(is_deleted, "the orphan is deleted")
        assert await house.people.names() == [NAMESPACE.room(match)]
        assert [room.name for room in await theirs.list_rooms()] == [foreign.name]
        await theirs.delete(foreign.name)


async def test_a_canary_left_behind_is_deleted(
    house: House, rooms: LiveKitRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was killed between the two calls; one that has just been made is left alone."""
    canary = NAMESPACE.fresh_canary()
    await rooms.create(canary)
    await house.reconcile.run_once()
    assert await house.people.names() == [canary]
    monkeypatch.setattr("duologue.workers.reconcile.CANARY_MS", 0)
    await house.reconcile.run_once()
    assert await house.people.names() == []


async def test_r20_a_room_that_vanished_is_found(house: House, rooms: LiveKitRooms) -> None:
    """Without any webhook: the match ends, and both go on."""
    match, _ = await house.meet(Media.OPEN)
    await rooms.delete(NAMESPACE.room(match))

    async def is_over() -> bool:
        await house.reconcile.run_once()
        return not await house.is_live(match)

    await until(is_over, "the match ends")


async def test_r20_a_vanished_room_that_was_told(house: House, rooms: LiveKitRooms, mailbox: Mailbox) -> None:
    """``room_finished`` of a live match: the watchdog looks, and need not wait for a listing."""
    match, _ = await house.meet(Media.OPEN)
    await rooms.delete(NAMESPACE.room(match))
    house.told([await mailbox.first("room_finished", NAMESPACE.room(match))])
    await until(lambda: house.is_over_after_rounds(match), "the match ends")


async def test_a_failed_listing_is_no_empty_one(house: House, server: Ground) -> None:
    """LiveKit does not answer: no conversation ends because of that."""
    match, _ = await house.meet(Media.OPEN)
    await server.stop()
    with pytest.raises(LiveKitError):
        await house.reconcile.run_once()
    assert await house.is_live(match)
    await server.start()


async def test_nobody_stays_alone_in_a_room(house: House, mailbox: Mailbox, valkey9: StoreServer) -> None:
    """One of the two goes and nothing else tells: they owe a sign; past the bound, not before, it ends."""
    match, (_, other) = await house.meet(Media.OPEN)
    await other.leave()
    left = await mailbox.first("participant_left", NAMESPACE.room(match))
    before = dump(valkey9)
    house.told([left])
    await house.watchdog.run_once()
    assert dump(valkey9) != before  # the negative control of what changes nothing
    assert await house.is_live(match)
    await until(lambda: house.is_over_after_rounds(match), "the match ends")


async def test_nobody_stays_alone_without_webhooks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing says fewer than two: the watchdog looks."""
    monkeypatch.setattr("duologue.workers.reconcile.SOLO_MS", 0)
    match, (_, other) = await house.meet(Media.OPEN)
    await other.leave()

    async def is_over() -> bool:
        await house.reconcile.run_once()
        return await house.is_over_after_rounds(match)

    await until(is_over, "the match ends")


async def test_whoever_is_back_was_not_alone(house: House) -> None:
    """A reload within the bound: the time begins again with the next absence."""
    match, (_, other) = await house.meet(Media.OPEN)
    await other.leave()
    house.suspects.add(match)
    await house.watchdog.run_once()
    began_ms = (await house.people.machine.rooms.look()).now_ms
    await house.enter(match, "impolite")

    async def the_bound_is_over() -> bool:
        house.suspects.add(match)
        await house.watchdog.run_once()
        return (await house.people.machine.rooms.look()).now_ms - began_ms > 1000

    await until(the_bound_is_over, "1 s is over")
    assert await house.is_live(match)


async def test_who_is_there_counts_where_no_page_speaks(house: House) -> None:
    """An app with a video UI of its own: both in the room is ``media=open``; one of them alone is not."""
    match, (one, _) = await house.meet()
    await one.leave()
    house.suspects.add(match)
    await house.watchdog.run_once()
    assert await house.awaited(match)
    await house.enter(match, "polite")

    async def is_open() -> bool:
        house.suspects.add(match)
        await house.watchdog.run_once()
        return not await house.awaited(match)

    await until(is_open, "the media deadline is met")
    assert await house.is_live(match)


async def test_webhooks_that_come_wrong_change_nothing(
    house: House, mailbox: Mailbox, valkey9: StoreServer
) -> None:
    """R7, S4: all facts of a reload, again and in reverse order, once they are back: not a byte differs."""
    match, (_, other) = await house.meet(Media.OPEN)
    await other.leave()
    await mailbox.first("participant_left", NAMESPACE.room(match))
    await house.enter(match, "impolite")
    joined = "participant_joined"
    await mailbox.until(
        lambda all_: [each.event["event"] for each in all_].count(joined) == 3, "they are back"
    )
    before = dump(valkey9)
    house.told([*mailbox.letters, *reversed(mailbox.letters)])
    await house.watchdog.run_once()
    await house.watchdog.run_once()
    assert dump(valkey9) == before
    assert await house.is_live(match)


async def test_the_canary_finds_livekits_return(house: House, server: Ground) -> None:
    """While no room opens, no one is matched; the first canary that opens changes that; no canary stays."""
    outbox = house.people.machine.rooms
    await house.canary.run_once()
    assert await house.people.names() == []
    await server.stop()
    await outbox.media_down((await outbox.look()).now_ms)
    await house.canary.run_once()
    assert (await outbox.look()).is_video_down
    await server.start()
    await house.canary.run_once()
    assert not (await outbox.look()).is_video_down
    assert await house.people.names() == []
    await house.people.meet()


@pytest.mark.parametrize("auto_create", [True])
async def test_where_joining_makes_rooms_the_canary_finds_the_outage(house: House, server: Ground) -> None:
    """Creates cannot fail there. One failure is ignored, two in a row count."""
    outbox = house.people.machine.rooms
    await house.canary.run_once()
    await server.stop()
    await house.canary.run_once()
    assert not (await outbox.look()).is_video_down
    await house.canary.run_once()
    assert (await outbox.look()).is_video_down
    await server.start()
    await house.canary.run_once()
    assert not (await outbox.look()).is_video_down


@pytest.mark.parametrize("auto_create", [True])
@pytest.mark.parametrize("webhooks", [True, False])
async def test_r6_an_old_grant_brings_no_room_back(house: House, mailbox: Mailbox, webhooks: bool) -> None:
    """Where joining makes rooms: its holder is out at once if webhooks come, else by the next listing."""
    one, _, match = await house.people.meet()
    first = await house.enter(match, "polite")
    await house.people.machine.skip(one, match)
    await until(house.people.nothing_is_left, "the room is deleted")
    async with asyncio.timeout(PATIENCE_S):
        await first.sent_away.wait()
    for _ in range(3):
        assert await house.is_back_and_gone(match, mailbox if webhooks else None)
