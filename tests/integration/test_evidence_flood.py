"""20,000 attempts to push out, overwrite or fill: the genuine report is whole, bytes and memory are bounded.

Each attempt is the scripts of one request on a real store whose memory gets full, 200 requests a pipeline.
``artifacts/evidence-flood-….txt`` has the figures.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import redis
from redis.exceptions import OutOfMemoryError

from duologue.pairing import scripts
from duologue.pairing.invariants import REPORT_BYTES, SAID_BYTES
from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.scripts import Script
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    ConnectionId,
    Held,
    MediaKind,
    NoRoom,
    Outcome,
    PageId,
    PersonId,
    ProcessId,
    ReportReason,
)
from duologue.store.client import Store, StoreFull
from tests.races.direct import Direct, play
from tests.servers import StoreServer

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
ATTEMPTS = 20_000
AT_ONCE = 200
COUPLES = 150
ROOM = 1_048_576
MORE_MEMORY = 12 * 1_048_576
"""What ``maxmemory`` leaves beside what the store had: the flood reaches it before it is over."""
SLACK = 1_048_576
"""A script that began just below ``maxmemory`` writes its kilobytes, and buffers of connections count too."""
PROCESS = ProcessId("s_flood")
THREAT, WHY = "I know where you live", "He threatened me."
LONG = "x" * 2_000
CAPS = ("report-cap", "evidence-cap", "said-cap")


class Couple(NamedTuple):
    """Two in a match."""

    one: PersonId
    other: PersonId
    match: str


def meet(machine: Machine) -> Couple:
    """Two new people in a match; a tag of their own brings them together."""
    tag = fresh_ids(1)
    one, other = people = PersonId(fresh_ids(1)), PersonId(fresh_ids(1))
    held = [Held(p, ConnectionId(f"c_{fresh_ids(1)}"), PageId(fresh_ids(1)), 1, '""') for p in people]
    play(machine.reattach(PROCESS, held))
    for person in people:
        play(machine.join(person, intent=1, pool="main", tags=[tag], language="en"))
    state = msgspec.json.decode(play(machine.read(people[0])))
    return Couple(one, other, state["match"]["match"])


class Flood:
    """What an attacker tries, in turn, and what came of it."""

    def __init__(
        self,
        client: redis.Redis,
        known: Mapping[str, Script],
        genuine: Couple,
        others: list[Couple],
    ) -> None:
        self.client, self.known, self.genuine, self.others = client, known, genuine, others
        self.came_to: Counter[str] = Counter()
        for script in known.values():
            client.script_load(script.source)

    def run(self, first: int, count: int) -> None:
        """So many attempts in one pipeline; each is counted by its last answer."""
        pipeline = self.client.pipeline(transaction=False)
        ends: list[tuple[str, int]] = []
        for n in range(first, first + count):
            what, calls = self._attempt(n)
            for name, person, *args in calls:
                values = ["{0}", "", fresh_ids(7), person, *args]
                pipeline.evalsha(self.known[name].sha1, 1, f"{{0}}p:{person}", *values)
            ends.append((what, len(pipeline) - 1))
        answers = pipeline.execute(raise_on_error=False)
        for what, at in ends:
            self.came_to[f"{what}: {self._word(answers[at])}"] += 1

    @staticmethod
    def _word(answer: Any) -> str:
        if isinstance(answer, OutOfMemoryError):
            return "store full"
        if isinstance(answer, Exception):
            raise answer
        return str(answer[0].decode())

    def _attempt(self, n: int) -> tuple[str, list[tuple[Any, ...]]]:
        g, other = self.genuine, self.others[n // 6 % len(self.others)]
        match n % 6:
            case 0:
                text = LONG if n % 12 else "ha"
                return "writes in the reported match", [("message", g.one, g.match, f"k{n}", f'"{text}"')]
            case 1:
                return "reports the reporter", _report(g.one, g.match, n)
            case 2:
                return "amends a report", _report(self.others[0].one, self.others[0].match, n)
            case 3 | 4:
                sender = other[n % 2]
                return "writes in other matches", [("message", sender, other.match, f"k{n}", f'"{LONG}"')]
            case _:
                return "reports other matches", _report(other[n // 6 % 2], other.match, n)


def _report(person: str, match: str, n: int) -> list[tuple[Any, ...]]:
    """As ``Machine.report`` does it."""
    return [("block", person, match, 0), ("report", person, match, f"k{n}", "other", f'"{LONG}"')]


class Look:
    """What the store holds, read from beside."""

    def __init__(self, client: redis.Redis) -> None:
        self.client: Any = client

    def said(self, match: str) -> list[tuple[str, str]]:
        rows = [json.loads(row) for row in self.client.lrange(f"{{0}}said:{match}", 0, -1)]
        return [(person, text) for _, _, person, text in rows]

    def report(self, person: str, match: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.client.hget(f"{{0}}report:{match}", f"by:{person}"))
        return found

    def counted(self) -> int:
        return int(self.client.get("{0}report_bytes") or 0)

    def held(self) -> tuple[int, int]:
        """The same from the keys themselves, as counted; and as the server counts its memory."""
        counted = memory = 0
        for key in self.client.keys("{0}report:*"):
            fields = self.client.hgetall(key)
            counted += sum(len(v) + REPORT_BYTES for f, v in fields.items() if f.startswith(b"by:"))
            memory += self.client.memory_usage(key, samples=0)
            if fields[b"evidence"] == b"kept":
                said = key.replace(b"report:", b"said:")
                counted += sum(len(row) + SAID_BYTES for row in self.client.lrange(said, 0, -1))
                memory += self.client.memory_usage(said, samples=0) or 0
        return counted, memory

    def used(self) -> int:
        return int(self.client.info("memory")["used_memory"])


@pytest.fixture
def look(store_server_each: StoreServer) -> Iterator[Look]:
    with store_server_each.client() as client:
        yield Look(client)


class Outcomes(NamedTuple):
    """What a flood left."""

    flood: Flood
    genuine: Couple
    limit: int
    most_used: int
    most_counted: int
    took_s: float


def flooded(look: Look, attempts: int, *, without: tuple[str, ...] = ()) -> Outcomes:
    """A genuine report, and then the flood, in a store of bounded memory."""
    timings = Timings(evidence_bytes=ROOM)
    known = scripts.load(timings, MediaKind.PEER, "main", without=without)
    machine = Machine(Direct(look.client), timings, scripts=known)
    genuine = meet(machine)
    play(machine.message(genuine.one, genuine.match, "k1", THREAT))
    play(machine.message(genuine.other, genuine.match, "k1", "stop it"))
    play(machine.report(genuine.other, genuine.match, "k1", ReportReason.VIOLENCE, WHY))
    flood = Flood(look.client, known, genuine, [meet(machine) for _ in range(COUPLES)])
    limit, most_used, most_counted = look.used() + MORE_MEMORY, 0, 0
    look.client.config_set("maxmemory", limit)
    began_s = time.monotonic()
    for first in range(0, attempts, AT_ONCE):
        flood.run(first, AT_ONCE)
        most_used, most_counted = max(most_used, look.used()), max(most_counted, look.counted())
    return Outcomes(flood, genuine, limit, most_used, most_counted, time.monotonic() - began_s)


def test_20_000_attempts(store_server_each: StoreServer, look: Look) -> None:
    """Mixed as they come: the genuine report and what was said are whole to the last character."""
    flood, genuine, limit, most_used, most_counted, took_s = flooded(look, ATTEMPTS)
    counted, memory = look.held()
    print_figures(
        store_server_each.kind,
        {
            "attempts": f"{ATTEMPTS:,} in {took_s:.1f} s",
            **{kind: f"{count:,}" for kind, count in sorted(flood.came_to.items())},
            "reports and evidence, most at any time": f"{most_counted:,} of {ROOM:,} bytes",
            "the same as the server counts it, at the end": f"{memory:,} bytes",
            "memory of the store, most at any time": f"{most_used:,} of {limit:,} bytes",
        },
    )
    assert look.said(genuine.match)[:2] == [(genuine.one, THREAT), (genuine.other, "stop it")]
    report = look.report(genuine.other, genuine.match)
    assert (report["reason"], report["text"], report["amended"]) == ("violence", WHY, 0)
    assert counted == look.counted(), "the sum is exact"
    assert most_counted <= ROOM
    assert memory <= 1.15 * ROOM, "what is counted is what it takes, but for how servers round sizes up"
    assert most_used <= limit + SLACK
    assert any(kind.endswith("store full") for kind in flood.came_to), "the memory was full"
    assert most_counted > ROOM * 7 // 8, "so was the room for evidence"
    assert flood.came_to["writes in the reported match: no-room"] > 0, "so was the side's"


def test_without_the_caps_the_room_is_exceeded(valkey9: StoreServer) -> None:
    """Control: the same flood, a tenth of it, takes more than there is."""
    with valkey9.client() as client:
        assert flooded(Look(client), ATTEMPTS // 10, without=CAPS).most_counted > ROOM


def print_figures(kind: str, rows: dict[str, str]) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    wide = max(map(len, rows))
    text = "\n".join([f"Reports under attack, on {kind}", *(f"  {n:<{wide}}  {v}" for n, v in rows.items())])
    print(f"\n{text}")  # noqa: T201 # the figures are what this test is for
    (ARTIFACTS / f"evidence-flood-{kind}.txt").write_text(f"{text}\n")


async def test_a_report_in_a_full_store(store_server_each: StoreServer, look: Look) -> None:
    """The block, and the skip, hold; the report is refused whole, and is kept when it is sent again later."""
    made = Machine(Direct(look.client))
    live, skipped = meet(made), meet(made)
    for each in (live, skipped):
        play(made.message(each.one, each.match, "k1", THREAT))
    async with Store(store_server_each.url).running() as store:
        machine = Machine(store)
        look.client.config_set("maxmemory", 1)
        used = look.used()
        for each, skip in ((live, False), (skipped, True)):
            for _ in range(50):
                with pytest.raises(StoreFull):
                    await machine.report(each.other, each.match, "k1", ReportReason.VIOLENCE, LONG, skip)
            assert look.client.exists(f"{{0}}report:{each.match}") == 0
            assert look.client.zscore(f"{{0}}blocked:{each.other}", each.one)
        assert look.used() - used < SLACK
        state = msgspec.json.decode(await machine.read(skipped.other))
        assert state["ended"]["reason"] == "skipped"
        with pytest.raises(StoreFull):
            await machine.message(live.one, live.match, "k2", LONG)
        look.client.config_set("maxmemory", 0)
        for each in (live, skipped):
            said = await machine.report(each.other, each.match, "k1", ReportReason.VIOLENCE, LONG)
            assert not isinstance(said, NoRoom)
            assert said.outcome is Outcome.REPORTED
            assert look.said(each.match) == [(each.one, THREAT)]
