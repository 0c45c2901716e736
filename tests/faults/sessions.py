"""Streams cut in what a server says when their token has run out (``session-ended``)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from duologue.client import Client
from duologue.client.errors import ClientError, Unreached
from duologue.client.http import HttpTransport, http_session
from duologue.client.model import Link
from duologue.delivery.hub import HEARTBEAT_S
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Session, Tokens
from tests.faults.cuts import Case
from tests.faults.house import SECRET, House, house
from tests.faults.judge import Judgement, judge
from tests.faults.matrix import Row
from tests.faults.people import PATIENCE_S, Person, Town, meet
from tests.faults.traps import Trap

KIND = "session-ended"
LIFETIME_MS = 9_000
"""Long enough to meet before. A stream is told at its first heartbeat after that."""
TOLD_S = LIFETIME_MS / 1000 + HEARTBEAT_S
WHOLE = "behind it"
"""The class of bytes at which the frame has arrived: it counts, and the token is not used again."""


class Login:
    """A host's back end that signs one person's tokens, and is down after each until it ``signs_again``."""

    def __init__(self, subject: str) -> None:
        self.works = True
        self._tokens = Tokens(Keyring.parse(SECRET), lifetime_ms=LIFETIME_MS)
        issued = self._tokens.start(subject)
        read = self._tokens.read(issued.token)
        assert isinstance(read, Session)
        self.session = read

    def signs_again(self) -> None:
        """Once more."""
        self.works = True

    async def __call__(self) -> str:
        """See ``duologue.client.session.Supply``."""
        if not self.works:
            raise Unreached("the host is down")
        self.works = False
        return self._tokens.renew(self.session, "").token


async def row(cases: Iterable[Case]) -> Row:
    """A couple a case. Whose end was cut away comes back by a new token; whose was not has ended for good."""
    cases = list(cases)
    note = f"{len(cases)} cuts at {len({each.where for each in cases})} classes of bytes"
    made = Row(f"cut in `{KIND}`", note)
    pools = [f"c{n}" for n in range(len(cases))]
    try:
        async with (
            house(pools=pools) as home,
            http_session() as http,
            Town(home, http).inhabited() as town,
        ):
            couples = [await _couple(town, pool, case) for pool, case in zip(pools, cases, strict=True)]
            made.judgements += await asyncio.gather(*(each.end(home, town) for each in couples))
    except (TimeoutError, AssertionError, ClientError) as error:
        made.failures.append(repr(error))
    return made


@dataclass(frozen=True, slots=True)
class Couple:
    """They talk; the first one's token will not be renewed, and its end is cut."""

    one: Person
    two: Person
    login: Login
    trap: Trap
    case: Case

    async def end(self, home: House, town: Town) -> Judgement:
        """The end is told, and cut; from then on the host signs again."""
        async with asyncio.timeout(TOLD_S + PATIENCE_S):
            await self.trap.sprung.wait()
        assert not self.trap.has_no_such_byte, f"{KIND} has no byte {self.case.where}"
        self.login.signs_again()
        server = HttpTransport(town.http, home.servers[0].url)
        if self.case.where != WHOLE:
            return await judge(home, (self.one, self.two), server, self.trap.at_s)
        await self.one.until(lambda model: model.link is Link.ENDED)
        judgement = await judge(home, (self.two,), server, self.trap.at_s)
        assert self.one.client.model.link is Link.ENDED, f"{self.one.name} came back"
        return judgement


async def _couple(town: Town, pool: str, case: Case) -> Couple:
    one, login = await town.person(f"{pool} one", pool), Login(pool)
    one.client = Client(one.transport, tokens=login, media=one.media, watch=one._saw)
    one.client.session.person = login.session.person
    await town.connect(one)
    two = await town.arrives(f"{pool} two", pool)
    await meet(one, two)
    trap = Trap(case.kind, case.where)
    one.relays[0].trap, one.relays[0].how = trap, case.how
    return Couple(one, two, login, trap, case)
