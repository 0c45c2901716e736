"""The clock of the store's host steps while people lose their partners: real servers, real clients."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from duologue.client.http import http_session
from duologue.client.vocabulary import MediaWord
from tests.faults.house import house
from tests.faults.outages import now
from tests.faults.people import PATIENCE_S, Person, Town, meet
from tests.servers import redis7_binary, valkey9_binary

QUIET_S = 5.0
"""What a step may add to a bound of invariant 7."""
NOISE_S = 1.2
"""A sweep, a round trip, the tick of a page's pings (0.5 s), and what two shared cores add."""
LATE_S = 1.0
"""How long partners are gone when the clock steps."""
GOOD = 3
"""Couples whose conversation goes on; a fourth is cut from the network for 2 s, a fifth slow to connect."""
SLOW_S = 7.0


@dataclass(frozen=True, slots=True)
class Steps:
    """What the clock does: so far ahead, and after so long where it was."""

    name: str
    ahead_s: int
    back_after_s: float = 0.0
    kinds: tuple[str, ...] = ()
    """The stores on which it is played in a sample."""


EVERY = (
    Steps("90 s back", -90, kinds=("Redis 7",)),
    Steps("15 min back", -900),
    Steps("1 h back", -3_600, kinds=("Valkey 9",)),
    Steps("90 s ahead", 90, kinds=("Valkey 9",)),
    Steps("15 min ahead", 900),
    Steps("1 h ahead", 3_600),
    Steps("1 h ahead for 3 s", 3_600, 3.0, kinds=("Redis 7",)),
)
STORES = {"Redis 7": redis7_binary, "Valkey 9": valkey9_binary}


async def closes(gone: Person, _left: Person) -> None:
    """The browser is closed."""
    gone.media.up = False
    for relay in gone.relays:
        relay.is_down = True
        relay.cut()


async def freezes(gone: Person, _left: Person) -> None:
    """The browser hangs: its socket is open, nothing comes of it."""
    gone.media.frozen = True
    for relay in gone.relays:
        relay.stall()


async def is_heard_no_more(_gone: Person, left: Person) -> None:
    """Everything lives, but the one who is left hears nothing."""
    left.media.deaf = True


async def nothing(_gone: Person, _left: Person) -> None:
    """What is wrong was so from the beginning."""


@dataclass(frozen=True, slots=True)
class Cause:
    """How a partner is lost, and the bounds of invariant 7 (seconds; told 0: the end is what tells)."""

    name: str
    told_s: float
    free_s: float
    begin: Callable[[Person, Person], Awaitable[None]]
    connects: bool = True


CAUSES = (
    Cause("closed tab", 0.2, 5.0, closes),
    Cause("frozen browser", 3.0, 6.0, freezes),
    Cause("one hears nothing", 3.0, 13.0, is_heard_no_more),
    Cause("no media", 0.0, 10.0, nothing, connects=False),
)


@dataclass(slots=True)
class Row:
    """One step on one store."""

    steps: str
    store: str
    told_s: dict[str, float] = field(default_factory=dict)
    free_s: dict[str, float] = field(default_factory=dict)
    false_endings: list[str] = field(default_factory=list)
    conversations: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All that is claimed and was not so."""
        late = [
            f"{cause.name}: {what} after {seconds:.1f} s"
            for cause in CAUSES
            for what, measured, bound in (
                ("told", self.told_s, cause.told_s),
                ("free", self.free_s, cause.free_s),
            )
            for seconds in [measured.get(cause.name, 0.0 if what == "told" and not bound else float("inf"))]
            if seconds > bound + QUIET_S + NOISE_S
        ]
        said = [*late, *(f"false ending: {each}" for each in self.false_endings), *self.failures]
        return [f"{self.steps}, {self.store}: {each}" for each in said]

    def line(self) -> str:
        """Of the table."""
        cells = [
            f"{self.told_s.get(cause.name, 0.0):.1f} / {self.free_s.get(cause.name, float('inf')):.1f}"
            for cause in CAUSES
        ]
        false = f"{len(self.false_endings)} of {self.conversations}"
        verdict = "**not so**" if self.wrong else ""
        return f"| {self.steps} | {self.store} | {' | '.join(cells)} | {false} | {verdict} |"


def markdown(rows: Iterable[Row]) -> str:
    """The table, with what its figures are."""
    rows = list(rows)
    head = [
        "| the store's clock | store |",
        *(f" {c.name} (told {c.told_s:g}, free {c.free_s:g}) |" for c in CAUSES),
    ]
    free = [seconds for row in rows for seconds in row.free_s.values()]
    foot = (
        "Seconds until told / free, of the partner who is left; the bounds of invariant 7 stand in the head, "
        f"a step may add {QUIET_S:g} s. The clock steps {LATE_S:g} s after the partner is gone. "
        f"Median of free: {statistics.median(free) if free else 0:.1f} s."
    )
    lines = ["".join([*head, " false endings | |"]), "|---" * (len(CAUSES) + 4) + "|"]
    return "\n".join([*lines, *(row.line() for row in rows), "", foot, ""])


async def rows(*, whole: bool, at_once: int = 4) -> list[Row]:
    """Every step on both stores, or the sample."""
    turns = asyncio.Semaphore(at_once)

    async def one(steps: Steps, store: str) -> Row:
        async with turns:
            return await row(steps, store)

    chosen = [(each, store) for each in EVERY for store in STORES if whole or store in each.kinds]
    return list(await asyncio.gather(*(one(*each) for each in chosen)))


async def row(steps: Steps, store: str, *, without: str = "") -> Row:
    """Play it with all people at once, each couple in a separate pool. ``without``: a guard that is off."""
    made = Row(steps.name, store)
    pools = [f"c{n}" for n in range(len(CAUSES))] + [f"g{n}" for n in range(GOOD + 2)]
    try:
        async with (
            asyncio.timeout(120),
            house(pools=pools, clock=True, binary=STORES[store]() or "", without=without) as home,
            http_session() as http,
            Town(home, http).inhabited() as town,
        ):
            good = [await town.couple(f"g{n}") for n in range(GOOD + 1)]
            lost = [await _couple(town, f"c{n}", cause) for n, cause in enumerate(CAUSES)]
            began = now()
            measured = [
                asyncio.ensure_future(_measure(cause, *couple, made))
                for cause, couple in zip(CAUSES, lost, strict=True)
            ]
            slow = await _slow(town, f"g{GOOD + 1}")
            await asyncio.sleep(max(0.0, began + LATE_S - now()))
            home.store.set_clock(steps.ahead_s)
            blip = asyncio.ensure_future(_blip(good[-1][0]))
            connects = asyncio.ensure_future(_connects(slow))
            if steps.back_after_s:
                await asyncio.sleep(steps.back_after_s)
                home.store.set_clock(0)
            await asyncio.gather(*measured, blip, connects)
            await asyncio.sleep(2)  # a late ending has come by now
            made.conversations = len(good) + 1
            made.false_endings = [
                f"{a.name}: {a.reasons}" for a, b in [*good, slow] if a.reasons or a.match != b.match
            ]
    except (TimeoutError, AssertionError) as error:
        made.failures.append(repr(error))
    return made


async def _couple(town: Town, pool: str, cause: Cause) -> tuple[Person, Person]:
    """The one who goes, and the one who is left."""
    if cause.connects:
        return await town.couple(pool)
    gone, left = await town.arrives(f"{pool} one", pool), await town.arrives(f"{pool} two", pool)
    gone.media.up = False
    await _matched(gone, left)
    return gone, left


async def _matched(one: Person, two: Person) -> None:
    for person in (one, two):
        person.start()
    for person in (one, two):
        await person.until(lambda model: model.match is not None)


async def _measure(cause: Cause, gone: Person, left: Person, made: Row) -> None:
    """How soon the one who is left is told, and free."""
    match, began = left.match, now()
    await cause.begin(gone, left)
    if cause.told_s:
        with contextlib.suppress(TimeoutError):
            await left.client.until(lambda model: _is_told(left) or model.match_id != match, PATIENCE_S)
            made.told_s[cause.name] = now() - began
    with contextlib.suppress(TimeoutError):
        await left.client.until(lambda model: model.match_id != match, PATIENCE_S * 2)
        made.free_s[cause.name] = now() - began


def _is_told(person: Person) -> bool:
    media = person.client.model.media
    return media.away_until_ms is not None or media.word is MediaWord.SILENT


async def _slow(town: Town, pool: str) -> tuple[Person, Person]:
    one, two = await town.arrives(f"{pool} one", pool), await town.arrives(f"{pool} two", pool)
    one.media.up = False
    await _matched(one, two)
    return one, two


async def _connects(couple: Sequence[Person]) -> None:
    await asyncio.sleep(SLOW_S)
    couple[0].media.up = True


async def _blip(person: Person) -> None:
    """The connections to the server are cut, and refused for 2 s; media flows."""
    for relay in person.relays:
        relay.is_down = True
        relay.cut()
    await asyncio.sleep(2)
    for relay in person.relays:
        relay.is_down = False


async def crash(*, away_s: float = 40.0, without: str = "") -> list[str]:
    """Kill one of two servers; its person is back only after 40 s, but the media flows. What was wrong."""
    async with (
        asyncio.timeout(away_s + 60),
        house(2, pools=("main",), without=without) as home,
        http_session() as http,
        Town(home, http).inhabited() as town,
    ):
        gone = await town.arrives("one", first=0)
        left = await town.arrives("two", first=1)
        match = await meet(gone, left)
        for relay in gone.relays[1:]:
            relay.is_down = True
            relay.cut()
        await home.servers[0].kill()
        until = now() + away_s
        with contextlib.suppress(TimeoutError):
            await left.client.until(lambda model: model.match_id != match, away_s)
        for relay in gone.relays:
            relay.is_down = False
        wrong = (
            [] if left.match == match else [f"ended after {away_s - (until - now()):.0f} s: {left.reasons}"]
        )
        if not wrong:
            await gone.until(lambda model: model.state is not None and model.match_id == match)
            await asyncio.sleep(3)
            wrong = [] if left.match == gone.match == match else ["ended when both were there again"]
        return wrong
