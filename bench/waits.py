"""Who waits in the queue, played by the scripts alone with a turned clock: minutes of arrivals take seconds.

People come, name interests or a language, and talk once they are matched. Beside them: bots that nobody may
meet, or tens of thousands of people who cannot be paired with each other.
"""

import random
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import redis

from bench.contestants import REDIS7, binary
from bench.figures import Figures
from bench.interests import shares
from bench.sizes import Size
from duologue.bench.crowd import State
from duologue.bench.spread import Spread
from duologue.delivery.publication import numbered
from duologue.lane import Lane
from duologue.pairing import scripts
from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.scripts import Script
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    ConnectionId,
    Media,
    MediaKind,
    PageId,
    PersonId,
    ProcessId,
)
from duologue.workers.sweep import SCANS_A_ROUND
from tests.servers import store_server

T = TypeVar("T")
STEP_MS = 250
HEARTBEAT_MS = 15_000
PROCESS = ProcessId("s_bench___________")
NOON_MS = 1_764_000_000_000
SEED = 15
LANGUAGES = 20
STRANGERS_PER_S = 20.0
"""Arrivals of people who can be paired, beside the people who cannot."""
SAMPLE = 2_000
"""Heartbeats of these that are measured."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody names when they join."""

    tag: str = ""
    language: str = ""


@dataclass(slots=True, eq=False)
class Visitor:
    """One person, from their join to their match (``until``), in seconds."""

    id: PersonId
    interest: str
    since: float
    wish: Wish
    is_bot: bool = False
    until: float = 0.0
    match: str = ""
    beaten_ms: int = 0
    intent: int = 0


@dataclass
class Hall:
    """A store, the machine on it, and the people."""

    client: redis.Redis
    timings: Timings
    now_ms: int = NOON_MS
    by_id: dict[str, Visitor] = field(default_factory=dict)
    join_us: list[float] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    asks: list[Visitor] = field(default_factory=list)
    """People who have read of a new match."""

    def __post_init__(self) -> None:
        made = scripts.load(self.timings, MediaKind.PEER, "main")
        self.names = {script.sha1: name for name, script in made.items()}
        for script in made.values():
            self.client.script_load(script.source)
        self.machine = Machine(self, self.timings, now_ms=lambda: self.now_ms, scripts=made)
        self.mail: Any = self.client.pubsub()  # type: ignore[no-untyped-call]  # the library's own gap
        self.mail.psubscribe("{0}f:*")
        self.client.config_set("slowlog-log-slower-than", 1_000)
        self.client.config_set("slowlog-max-len", 100_000)
        self.client.execute_command("SLOWLOG", "RESET")  # type: ignore[no-untyped-call]  # the same
        play(self.machine.beat(PROCESS))

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,  # noqa: ARG002 # one call at a time needs no lanes
    ) -> Any:
        """Run one script, as the machine asks."""
        return self.client.evalsha(script.sha1, len(keys), *keys, *args)

    @property
    def now_s(self) -> float:
        return (self.now_ms - NOON_MS) / 1000

    def comes(self, wish: Wish, *, is_bot: bool = False, is_timed: bool = False) -> Visitor:
        """Attach and join; ``is_timed``: note what the join costs the store."""
        who = PersonId(fresh_ids(1))
        visitor = Visitor(who, wish.tag or wish.language, self.now_s, wish, is_bot, beaten_ms=self.now_ms)
        self.by_id[who] = visitor
        play(self.machine.attach(who, ConnectionId("c" + fresh_ids(1)), PROCESS, PageId(fresh_ids(1)), ""))
        before = self.spent_us() if is_timed else 0.0
        self.joins(visitor)
        if is_timed:
            self.join_us.append(self.spent_us() - before)
        return visitor

    def joins(self, visitor: Visitor) -> None:
        visitor.intent = max(self.now_ms, visitor.intent + 1)
        tags = (visitor.wish.tag,) if visitor.wish.tag else ()
        play(
            self.machine.join(
                visitor.id, intent=visitor.intent, pool="main", tags=tags, language=visitor.wish.language
            )
        )

    def spent_us(self) -> float:
        """Microseconds that the store has spent on scripts."""
        stats: Any = self.client.info("commandstats")
        return float(stats["cmdstat_evalsha"]["usec"])

    def longest(self) -> tuple[float, str]:
        """Return the longest call of all, in ms, and its script."""
        slow: Any = self.client.slowlog_get(100_000)
        calls = [
            (each["duration"] / 1000, self.names.get(each["command"].split()[1].decode(), ""))
            for each in slow
            if each["command"].startswith(b"EVALSHA")
        ]
        return max(calls, default=(1.0, "none over 1 ms"))

    def reads(self) -> None:
        """What was published: who is matched, and which bot is idle again."""
        self.client.publish("{0}f:end", "")
        while (message := self.mail.get_message(timeout=5)) is not None:
            if message["channel"].endswith(b":end") and message["type"] == "pmessage":
                return
            for part in numbered(message["data"])[1] if message["type"] == "pmessage" else ():
                lines = part.split(b"\n")
                head = lines[0].split()
                visitor = self.by_id.get(head[1].decode()) if head[:1] == [b"S"] else None
                if visitor:
                    self._reads(visitor, msgspec.json.decode(lines[1], type=State))
        raise AssertionError("the store is deaf")

    def _reads(self, visitor: Visitor, state: State) -> None:
        if state.match:
            if visitor.match != state.match.match:
                visitor.match, visitor.until = state.match.match, self.now_s
            self.asks.append(visitor)
        else:
            visitor.match, visitor.until = "", 0.0
            if state.state == "idle" and visitor.is_bot:
                self.asks.append(visitor)

    def answer(self) -> None:
        """People say that their media is up; a bot says nothing, and joins once more when it is idle."""
        self.reads()
        asked, self.asks = self.asks, []
        for visitor in dict.fromkeys(asked):
            if visitor.match and not visitor.is_bot:
                play(self.machine.pulse(visitor.id, visitor.match, Media.OPEN))
            elif not visitor.match and visitor.is_bot:
                self.joins(visitor)

    def step(self) -> None:
        """A quarter of a second of the workers and of heartbeats."""
        self.now_ms += STEP_MS
        play(self.machine.beat(PROCESS))
        while play(self.machine.sweep()):
            pass
        for _ in range(SCANS_A_ROUND):
            if not play(self.machine.scan(PROCESS)).more:
                break
        for visitor in self.by_id.values():
            if (not visitor.match or visitor.is_bot) and self.now_ms - visitor.beaten_ms >= HEARTBEAT_MS:
                visitor.beaten_ms = self.now_ms
                play(self.machine.pulse(visitor.id))
        self.answer()

    def arrive(self, wishes: Iterator[Wish], per_s: float, seconds: float, *, timed_each: int = 7) -> None:
        """People come one after the other."""
        count = int(per_s * seconds)
        began_ms = self.now_ms
        for n in range(count):
            while self.now_ms + STEP_MS <= began_ms + n / per_s * 1000:
                self.step()
            self.comes(next(wishes), is_timed=n % timed_each == 0)
            self.answer()


def play(call: Coroutine[Any, Any, T]) -> T:
    """Return what a call answers that waits for nothing: the store is asked by a blocking client."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits for something")


async def measure(size: Size, figures: Figures) -> None:
    """Play each scene on a store of its own, and add its figures."""
    with store_server(REDIS7, binary(REDIS7)) as server:
        for name, scene in _scenes(size).items():
            server.flush()
            with server.client() as client:
                _note(figures, name, scene.play(client))


@dataclass(frozen=True, slots=True)
class Scene:
    """Arrivals, and who waits there already."""

    wishes: Iterator[Wish]
    per_s: float
    seconds: float
    strict: bool = False
    bots: int = 0
    unfit: int = 0

    def play(self, client: redis.Redis) -> dict[str, float | str]:
        """Return its figures."""
        hall = Hall(client, Timings(strict_tags=self.strict))
        self._fill(hall)
        hall.step()
        hall.join_us.clear()
        client.execute_command("SLOWLOG", "RESET")  # type: ignore[no-untyped-call]  # the library's own gap
        crowd, before, began_s = set(hall.by_id), hall.spent_us(), hall.now_s
        beats_us = self._beats(hall) if self.unfit else 0.0
        before += beats_us * min(SAMPLE, self.unfit)
        hall_beats = {who: v for who, v in hall.by_id.items() if not self.unfit or who not in crowd}
        hall.by_id, whole = hall_beats, hall.by_id
        hall.arrive(self.wishes, self.per_s, self.seconds)
        spent_us, played_s = hall.spent_us() - before, hall.now_s - began_s
        visitors = [v for who, v in hall.by_id.items() if who not in crowd]
        hall.by_id = whole
        heartbeats_us = beats_us * self.unfit / (HEARTBEAT_MS / 1000)
        return _figures(hall, visitors, spent_us / played_s + heartbeats_us) | {"heartbeat_us": beats_us}

    def _fill(self, hall: Hall) -> None:
        bots = [hall.comes(Wish(language=f"x{n}"), is_bot=True) for n in range(self.bots)]
        for bot in bots:
            others: dict[str, int] = {each.id: hall.now_ms for each in bots if each is not bot}
            hall.client.zadd(f"{{0}}blocked:{bot.id}", {**others})
        for n in range(self.unfit):
            hall.comes(Wish(f"only{n}"))
            if n % 200 == 0:
                hall.now_ms += 50
                play(hall.machine.beat(PROCESS))
                play(hall.machine.sweep())

    def _beats(self, hall: Hall) -> float:
        """Return what a heartbeat of one of those who do not fit costs the store, µs."""
        people = [*hall.by_id.values()][:SAMPLE]
        before = hall.spent_us()
        for visitor in people:
            play(hall.machine.pulse(visitor.id))
        return (hall.spent_us() - before) / len(people)


def _figures(hall: Hall, visitors: Sequence[Visitor], us_per_s: float) -> dict[str, float | str]:
    for visitor in visitors:
        visitor.until = visitor.until or hall.now_s
    beside, alike = shares(visitors)
    waits = sorted(visitor.until - visitor.since for visitor in visitors)
    longest_ms, script = hall.longest()
    join = Spread.of(hall.join_us)
    return {
        "arrived": float(len(visitors)),
        "beside": 100 * beside,
        "paired": 100 * alike,
        "waiting_in_the_end": float(sum(not visitor.match for visitor in visitors)),
        "wait_p50_s": waits[len(waits) // 2],
        "wait_p95_s": waits[int(len(waits) * 0.95)],
        "wait_max_s": waits[-1],
        "join_us": join.median if join else 0.0,
        "store_ms_per_s": us_per_s / 1000,
        "longest_ms": longest_ms,
        "longest": script,
    }


def _note(figures: Figures, name: str, found: dict[str, float | str]) -> None:
    for figure, value in found.items():
        if isinstance(value, str):
            figures.note(f"queue, {name}", figure, value)
        else:
            figures.add(f"queue, {name}", figure, value)


def _drawn(kind: str, count: int) -> Iterator[Wish]:
    drawn = random.Random(SEED)
    while True:
        value = f"{kind}{drawn.randrange(count)}"
        yield Wish(tag=value) if kind == "i" else Wish(language=value)


def _alike() -> Iterator[Wish]:
    while True:
        yield Wish(language="en")


def _couples() -> Iterator[Wish]:
    """Two after each other name the same, and nobody else does."""
    n = 0
    while True:
        yield Wish(f"pair{n // 2}")
        n += 1


def _scenes(size: Size) -> dict[str, Scene]:
    some, many = size.interests, size.interests * 4 // 3
    per_s, more_per_s, seconds = size.arrivals_per_s, size.arrivals_per_s * 1.5, size.arriving_s
    return {
        f"{some} interests, {per_s:g}/s": Scene(_drawn("i", some), per_s, seconds),
        f"{many} interests, {more_per_s:g}/s": Scene(_drawn("i", many), more_per_s, seconds),
        f"{many} interests, {more_per_s:g}/s, strict": Scene(
            _drawn("i", many), more_per_s, seconds, strict=True
        ),
        f"{LANGUAGES} languages, {more_per_s:g}/s": Scene(_drawn("l", LANGUAGES), more_per_s, seconds),
        f"{size.hostile} bots, {per_s:g}/s": Scene(_alike(), per_s, seconds, bots=size.hostile),
        f"{size.unfit:,} who cannot be paired, {STRANGERS_PER_S:g}/s": Scene(
            _couples(), STRANGERS_PER_S, seconds / 3, strict=True, unfit=size.unfit
        ),
    }
