"""What a person costs in memory, and that pairing costs the same however long the queue is."""

import secrets
import time

import msgspec
import pytest
import redis

from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.vocabulary import ConnectionId, Held, MediaKind, PageId, PersonId, ProcessId
from duologue.store.client import Store
from tests.servers import StoreServer

PROCESS = ProcessId("s_" + secrets.token_urlsafe(12))
WAITING_MAX_BYTES = {0: 900, 20: 1_000, 2_000: 1_500}
"""Of a waiting person, by the number of interests among 2,000 people, who name one each or none."""
RECENT_MAX_BYTES = 500
INTENT = 1_764_000_000_000


async def wait_in_queue(
    machine: Machine, people: list[PersonId], tag: str = "", *, tagless: bool = False
) -> None:
    """All attached and waiting, each with a different tag (so that no match is made), this one, or none."""
    for start in range(0, len(people), 60):
        some = people[start : start + 60]
        held = [Held(p, ConnectionId(f"c_{fresh_ids(1)}"), PageId(fresh_ids(1)), INTENT, '""') for p in some]
        await machine.reattach(PROCESS, held)
        for person in some:
            tags = [] if tagless else [tag or person]
            await machine.join(person, intent=INTENT, pool="main", tags=tags, language="en")


def new_people(count: int) -> list[PersonId]:
    return [PersonId(fresh_ids(1)) for _ in range(count)]


def used_memory(client: redis.Redis) -> int:
    info = client.info("memory")
    assert isinstance(info, dict)
    return int(info["used_memory"])


def commands_of(client: redis.Redis) -> int:
    stats = client.info("commandstats")
    assert isinstance(stats, dict)
    return sum(
        row["calls"] for name, row in stats.items() if "info" not in name and "cmdstat_ping" not in name
    )


@pytest.mark.parametrize("interests", WAITING_MAX_BYTES)
async def test_what_a_waiting_person_costs(store_server_each: StoreServer, interests: int) -> None:
    """Record and index, over 2,000 people, as the server counts its memory.

    No room opens meanwhile, so that people who fit are not paired.
    """
    async with Store(store_server_each.url).running() as store:
        machine = Machine(store, media=MediaKind.LIVEKIT)
        assert await machine.rooms.media_down(int(time.time() * 1_000))
        await wait_in_queue(machine, new_people(60))
        with store_server_each.client() as client:
            before = used_memory(client)
            for n in range(interests or 1):
                some = new_people(2_000 // (interests or 1))
                await wait_in_queue(machine, some, f"interest {n}", tagless=not interests)
            cost = (used_memory(client) - before) / 2_000
            assert not client.keys("{0}m:*")
    assert cost <= WAITING_MAX_BYTES[interests], f"{cost:.0f} bytes"


async def test_eight_ended_matches_cost_at_most_500_bytes(store_server_each: StoreServer) -> None:
    """``recent`` with its 8 entries, made by real skips, as the server counts the key."""
    async with Store(store_server_each.url).running() as store:
        machine = Machine(store)
        (person,) = new_people(1)
        await wait_in_queue(machine, [person], tag="one")
        for _ in range(9):
            (stranger,) = new_people(1)
            await wait_in_queue(machine, [stranger], tag="one")
            match = msgspec.json.decode(await machine.read(person))["match"]["match"]
            await machine.skip(person, match)
            await machine.leave(stranger, INTENT + 1)
        with store_server_each.client() as client:
            before = used_memory(client)
            raw = client.get(f"{{0}}recent:{person}")
            assert isinstance(raw, bytes)
            for copy in (copies := new_people(1_000)):
                client.set(f"{{0}}recent:{copy}", raw, px=900_000)
            cost = (used_memory(client) - before) / len(copies)
    assert cost <= RECENT_MAX_BYTES, f"{cost:.0f} bytes"


@pytest.mark.parametrize("queue", [40, 1_500])
async def test_a_join_costs_the_same_in_a_long_queue(valkey9: StoreServer, queue: int) -> None:
    """A join runs a bounded number of commands: 16 candidates, whatever the queue's length."""
    async with Store(valkey9.url).running() as store:
        machine = Machine(store)
        await wait_in_queue(machine, new_people(queue))
        with valkey9.client() as client:
            before = commands_of(client)
            await wait_in_queue(machine, new_people(1))
            spent = commands_of(client) - before
    assert spent <= 16 * 3 + 25


async def test_a_skip_is_one_script_call(valkey9: StoreServer) -> None:
    """Both people's next places, the new match of one and all publications take one call."""
    async with Store(valkey9.url).running() as store:
        machine = Machine(store)
        await wait_in_queue(machine, people := new_people(3), tag="one")
        states = [msgspec.json.decode(await machine.read(p)) for p in people]
        skipper = next(i for i, state in enumerate(states) if state["state"] == "matched")
        await machine.skip(people[0], "m_nobodys")  # the store knows the script from here on
        with valkey9.client() as client:
            before = calls_of(client)
            reply = await machine.skip(people[skipper], states[skipper]["match"]["match"])
            spent = calls_of(client) - before
    assert reply.outcome == "skipped"
    assert spent == 1


def calls_of(client: redis.Redis) -> int:
    stats = client.info("commandstats")
    assert isinstance(stats, dict)
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])
