"""Sockets cut in what a server says to all at once: that it goes (``reconnect``), that its store has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from duologue.client.http import HttpTransport, http_session
from tests.faults.cuts import Case
from tests.faults.house import House, house
from tests.faults.judge import judge
from tests.faults.matrix import Row
from tests.faults.outages import now
from tests.faults.people import PATIENCE_S, Person, Town
from tests.faults.traps import CLASSES, Trap
from tests.relay import Cut

Part = Callable[[House, Awaitable[object]], Awaitable[None]]
"""Send the frame to all people, and end the fault once all streams have been cut."""


async def server_goes(made: House, all_cut: Awaitable[object]) -> None:
    """SIGTERM to one of two servers."""
    stopping = asyncio.ensure_future(made.servers[0].stop())
    await all_cut
    await stopping


async def store_goes(made: House, all_cut: Awaitable[object]) -> None:
    """It says nothing for as long as it takes."""
    made.servers[0].relay.stall()
    await all_cut
    made.servers[0].relay.flow()


PARTINGS: Mapping[str, tuple[int, Part]] = {"reconnect": (2, server_goes), "unavailable": (1, store_goes)}
"""How many servers, and what happens, by type of frame."""


def every_case(kind: str) -> list[Case]:
    """At each class of bytes that such a frame has; only the one that says goodbye has a ``retry:``."""
    fitting = [
        where
        for where in CLASSES
        if "`id" not in where and where != "in a character" and ("`retry" not in where or kind == "reconnect")
    ]
    return [Case(kind, where, how) for where in fitting for how in Cut]


async def row(kind: str, cases: Iterable[Case]) -> Row:
    """One person a case, each in a pool of their own; all are cut by the same event."""
    cases = list(cases)
    made = Row(
        f"cut in `{kind}`", f"{len(cases)} cuts at {len({each.where for each in cases})} classes of bytes"
    )
    servers, part = PARTINGS[kind]
    pools = [f"c{n}" for n in range(len(cases))]
    try:
        async with (
            house(servers, pools=pools) as home,
            http_session() as http,
            Town(home, http).inhabited() as town,
        ):
            people = [await town.arrives(pool, pool) for pool in pools]
            traps = [await _armed(person, case) for person, case in zip(people, cases, strict=True)]
            await part(home, _all(traps))
            made.failures += [
                f"no byte {case.where}"
                for trap, case in zip(traps, cases, strict=True)
                if trap.has_no_such_byte
            ]
            server = HttpTransport(http, home.servers[-1].url)
            made.judgements.append(await judge(home, people, server, now()))
    except (TimeoutError, AssertionError) as error:
        made.failures.append(repr(error))
    return made


async def _armed(person: Person, case: Case) -> Trap:
    """They wait in their queue, and the next such frame is cut."""
    person.start()
    await person.until(lambda model: model.waiting)
    trap = Trap(case.kind, case.where)
    person.relays[0].trap, person.relays[0].how = trap, case.how
    return trap


async def _all(traps: Iterable[Trap]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(trap.sprung.wait() for trap in traps))
