"""What a room costs beside its match, and that the next match does not wait for one."""

import msgspec
import pytest

from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import MediaKind, Outcome, PersonId, RoomWorkKind
from duologue.store.client import Store
from tests.integration.pairing.test_cost import calls_of, new_people, used_memory, wait_in_queue
from tests.servers import StoreServer

ROOM_MAX_BYTES = 450
PAIRS = 500


async def pair_up(machine: Machine, pairs: int) -> list[tuple[PersonId, str]]:
    """Two by two, each pair with a tag of its own: one of each, and their match."""
    met = []
    for n in range(pairs):
        one, other = new_people(2)
        await wait_in_queue(machine, [one, other], tag=f"pair-{n}")
        met.append((one, await match_of(machine, one)))
    return met


async def match_of(machine: Machine, person: PersonId) -> str:
    match: str = msgspec.json.decode(await machine.read(person))["match"]["match"]
    return match


async def open_rooms(machine: Machine) -> None:
    while works := (await machine.rooms.due(RoomWorkKind.OPEN)).works:
        for work in works:
            assert work.kind is RoomWorkKind.OPEN
            await machine.rooms.opened(work.match, work.generation)


async def cost_of_a_match(server: StoreServer, media: MediaKind) -> float:
    """Records and index entries of a match and its two people, as the server counts its memory."""
    server.flush()
    async with Store(server.url).running() as store:
        machine = Machine(store, media=media)
        await pair_up(machine, 20)
        await open_rooms(machine)
        with server.client() as client:
            before = used_memory(client)
            await pair_up(machine, PAIRS)
            await open_rooms(machine)
            return (used_memory(client) - before) / PAIRS


async def test_an_open_room_costs_at_most_450_bytes(store_server_each: StoreServer) -> None:
    """Its entry in the outbox, over 500 matches, against the same with peer media in the same run."""
    peer = await cost_of_a_match(store_server_each, MediaKind.PEER)
    cost = await cost_of_a_match(store_server_each, MediaKind.LIVEKIT) - peer
    assert cost <= ROOM_MAX_BYTES, f"{cost:.0f} bytes more than the {peer:.0f} of a match with peer media"


@pytest.mark.parametrize("media", [MediaKind.PEER, MediaKind.LIVEKIT])
async def test_a_skip_is_one_call_whatever_the_media(valkey9: StoreServer, media: MediaKind) -> None:
    """The room of the match that ends is handed over in the same step."""
    async with Store(valkey9.url).running() as store:
        machine = Machine(store, media=media)
        ((one, match),) = await pair_up(machine, 1)
        await open_rooms(machine)
        await machine.skip(one, "m_nobodys")  # the store knows the script from here on
        with valkey9.client() as client:
            before = calls_of(client)
            reply = await machine.skip(one, match)
            spent = calls_of(client) - before
    assert reply.outcome is Outcome.SKIPPED
    assert spent == 1


async def test_work_on_rooms_is_claimed_in_one_call(valkey9: StoreServer) -> None:
    """However many there are, up to 64: a burst of matches is opened at once."""
    async with Store(valkey9.url).running() as store:
        machine = Machine(store, media=MediaKind.LIVEKIT)
        await pair_up(machine, 70)
        due = await machine.rooms.due(RoomWorkKind.OPEN)
        assert len(due.works) == 64
        assert due.more
        assert len({work.generation for work in due.works}) == 64
        rest = await machine.rooms.due(RoomWorkKind.OPEN)
        assert len(rest.works) == 6
        assert not rest.more
