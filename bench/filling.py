"""Fills a store with people who talk: one real conversation is played, and written again under other names.

So the records are those of the present scripts, whatever their format is, and 300,000 people take seconds.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import redis

from duologue.bench.crowd import State
from duologue.pairing import records
from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import ConnectionId, Media, PageId, PersonId, ProcessId, RoomWorkKind

PAIRS_A_WRITE = 500
INTENT = 1_764_000_000_000
QUIET_MS = Timings().quiet_check_ms


class Pair(NamedTuple):
    """Two people who talk."""

    one: PersonId
    other: PersonId
    match: str


class Filled(NamedTuple):
    """Who is in the store."""

    pairs: list[Pair]
    processes: list[ProcessId]
    kb_a_person: float
    """What the store's memory grew by."""


async def fill(client: redis.Redis, machine: Machine, people: int, processes: int) -> Filled:
    """Write so many people, attached to so many processes, matched two by two, with their media open.

    The store must be empty. Their checks for a word, every 5 min, are spread over that time.
    """
    holders = [ProcessId("s_" + fresh_ids(1)) for _ in range(processes)]
    for each in holders:
        await machine.beat(each)
    first = await _played(machine, holders[0])
    copies = _Copies(client, first, holders[0])
    before = _used(client)
    pairs = [first]
    while len(pairs) < people // 2:
        some = [_new_pair() for _ in range(min(PAIRS_A_WRITE, people // 2 - len(pairs)))]
        copies.write(some, holders)
        pairs += some
    return Filled(pairs, holders, (_used(client) - before) / 1024 / max(1, people - 2))


def _new_pair() -> Pair:
    return Pair(PersonId(fresh_ids(1)), PersonId(fresh_ids(1)), "m_" + fresh_ids(1))


def _used(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"])


async def _played(machine: Machine, process: ProcessId) -> Pair:
    one, other = PersonId(fresh_ids(1)), PersonId(fresh_ids(1))
    for person in (one, other):
        await machine.attach(person, ConnectionId("c_" + fresh_ids(1)), process, PageId(fresh_ids(1)))
        await machine.join(person, intent=INTENT, pool="main")
    for work in (await machine.rooms.due(RoomWorkKind.OPEN)).works:
        await machine.rooms.opened(work.match, work.generation)
    state = msgspec.json.decode(await machine.read(one), type=State)
    assert state.match is not None
    for person in (one, other):
        await machine.pulse(person, state.match.match, Media.OPEN)
    return Pair(one, other, state.match.match)


class _Copies:
    """All that the store holds of one pair, to be written again with other ids of the same lengths."""

    def __init__(self, client: redis.Redis, pair: Pair, process: ProcessId) -> None:
        self._client = client
        self._ids = [name.encode() for name in (*pair, process)]
        self._strings: dict[bytes, bytes] = {}
        self._members: list[tuple[bytes, bytes, float | None]] = []
        keys: Any = client.keys("*")
        for key in keys:
            kind: Any = client.type(key)
            if kind == b"string" and self._is_about(key):
                self._strings[key] = client.get(key)  # type: ignore[assignment]  # the library's own gap
            elif kind == b"zset":
                rows: Any = client.zrange(key, 0, -1, withscores=True)
                self._members += [(key, member, score) for member, score in rows if self._is_about(member)]
            elif kind == b"set":
                members: Any = client.smembers(key)
                self._members += [(key, member, None) for member in members if self._is_about(member)]

    def _is_about(self, name: bytes) -> bool:
        return any(each in name for each in self._ids[:3])

    def write(self, pairs: Sequence[Pair], processes: Sequence[ProcessId]) -> None:
        """Write these pairs, in turn with these processes."""
        pipeline = self._client.pipeline(transaction=False)
        for n, pair in enumerate(pairs):
            renamed = _Renaming(self._ids, [name.encode() for name in (*pair, processes[n % len(processes)])])
            checked_ms = random.randrange(QUIET_MS)
            for key, value in self._strings.items():
                pipeline.set(renamed(key), self._aged(key, renamed(value), checked_ms))
            for key, member, score in self._members:
                if score is None:
                    pipeline.sadd(renamed(key), renamed(member))
                else:
                    at = score - checked_ms if key.endswith(b"}quiet") else score
                    pipeline.zadd(renamed(key), {renamed(member): at})
        pipeline.execute()

    def _aged(self, key: bytes, value: bytes, by_ms: int) -> bytes:
        """Of a match, when its people said something last: at every second check they are asked."""
        if b"}m:" not in key:
            return value
        match = records.unpack(value, records.MATCH)
        match["word"] -= by_ms + random.choice((0, QUIET_MS))
        return msgspec.msgpack.encode([*match.values()])


class _Renaming:
    def __init__(self, old: Sequence[bytes], new: Sequence[bytes]) -> None:
        self._pairs: Mapping[bytes, bytes] = dict(zip(old, new, strict=True))

    def __call__(self, text: bytes) -> bytes:
        for old, new in self._pairs.items():
            text = text.replace(old, new)
        return text
