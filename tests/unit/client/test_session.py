"""Whose client it is: tokens that are replaced in time, and those of a host."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from duologue.client.api import Api
from duologue.client.client import Client
from duologue.client.errors import Refused
from duologue.client.model import Link
from duologue.client.session import Session, expiry_ms
from duologue.client.transport import Answer
from tests.unit.client.fakes import EPOCH_MS, FakeClock, FakeServer, problem, settle, state


def jwt(number: int, exp_s: float | None = None) -> str:
    """As a host signs it; each number another one."""
    claims: dict[str, Any] = {"sub": "ada", "jti": number, **({} if exp_s is None else {"exp": exp_s})}
    payload = base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
    return f"e30.{payload}.sig"


class Host:
    """A back end that signs tokens of an hour; ``error`` is what it raises in place of one."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked = 0
        self.error: Exception | None = None

    async def token(self) -> str:
        self.asked += 1
        if self.error:
            raise self.error
        return jwt(self.asked, self.clock.now_ms() / 1000 + 3600)


class Setup:
    """A client of a guest, or of a host."""

    def __init__(self, *, hosted: bool) -> None:
        self.server, self.clock = FakeServer(), FakeClock()
        self.host = Host(self.clock)
        self.links: list[Link] = []
        self.client = Client(
            self.server,
            clock=self.clock,
            random=lambda: 1.0,
            tokens=self.host.token if hosted else None,
            watch=lambda model, _: self.links.append(model.link),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.client.running("p_1"):
            await settle()
            self.snapshot()
            await settle()
            yield

    def snapshot(self) -> None:
        self.server.streams[-1].frame("snapshot", state=state())

    async def passes(self, seconds: float) -> None:
        """With the heartbeat of each quarter of a minute."""
        while seconds > 0:
            await self.clock.turn(min(15.0, seconds))
            seconds -= 15
            self.server.streams[-1].frame("heartbeat", version=1)
            await settle()


async def test_a_guest_is_renewed_at_half_life_and_nothing_is_dropped() -> None:
    """Another grant with the old token, and a stream with the new one beside the old."""
    setup = Setup(hosted=False)
    grants = ({"person": "ada", "token": f"t_{n}", "expires_at_ms": EPOCH_MS + n * 3_600_000} for n in (1, 2))
    setup.server.answers.insert(
        0, lambda path, _: Answer(201, msgspec.json.encode(next(grants))) if path == "sessions" else None
    )
    async with setup.running():
        await setup.passes(1795)
        assert setup.server.tokens == [""]
        await setup.clock.turn(5)
        assert setup.server.tokens == ["", "t_1"]
        assert [(one.token, one.closed) for one in setup.server.streams] == [("t_1", False), ("t_2", False)]
        setup.snapshot()
        await settle()
        assert [one.closed for one in setup.server.streams] == [True, False]
        assert Link.AWAY not in setup.links


async def test_a_hosts_token_is_replaced_at_half_of_its_life() -> None:
    """Seen on the wire: the stream goes over to it, and was never away."""
    setup = Setup(hosted=True)
    async with setup.running():
        assert [stream.token for stream in setup.server.streams] == [jwt(1, EPOCH_MS / 1000 + 3600)]
        await setup.passes(1795)
        assert setup.host.asked == 1
        await setup.clock.turn(5)
        assert (setup.host.asked, len(setup.server.streams)) == (2, 2)
        assert [stream.closed for stream in setup.server.streams] == [False, False]
        setup.snapshot()
        await settle()
        assert [stream.closed for stream in setup.server.streams] == [True, False]
        assert Link.AWAY not in setup.links
        assert setup.server.said("sessions") == []


async def test_a_host_that_is_down_at_half_life_is_asked_again() -> None:
    """The old token is good for as long again."""
    setup = Setup(hosted=True)
    async with setup.running():
        setup.host.error = OSError("no route")
        await setup.passes(1830)
        setup.host.error = None
        asked = setup.host.asked
        assert asked > 2
        while setup.host.asked == asked:
            await setup.passes(1)
        setup.snapshot()
        await settle()
        assert setup.server.streams[-1].token == jwt(asked + 1, setup.clock.now_ms() / 1000 + 3600)
        assert Link.AWAY not in setup.links


async def test_a_host_that_says_no_ends_the_session() -> None:
    """The person is not logged in at the host."""
    setup = Setup(hosted=True)
    setup.host.error = Refused(401, "log in")
    async with setup.client.running():
        await settle()
        assert (setup.client.model.link, setup.server.streams) == (Link.ENDED, [])


async def test_a_hosts_token_that_the_server_turns_away_is_replaced() -> None:
    """Not sooner than after 2 s: the host may go on giving the same one."""
    setup = Setup(hosted=True)
    async with setup.running():
        setup.server.stream_status = 401
        setup.server.streams[-1].end()
        await setup.clock.turn(10)
        assert 2 <= setup.host.asked <= 4
        setup.server.stream_status = 200
        await setup.clock.turn(8)
        setup.snapshot()
        await settle()
        assert setup.client.model.link is Link.OPEN


async def test_a_command_without_a_session_takes_the_stream_along() -> None:
    """A token that the server does not know is replaced at once, not when the stream notices."""
    setup = Setup(hosted=False)
    async with setup.running():
        setup.server.answers.insert(0, lambda path, _: problem(401, "bad-token") if path == "join" else None)
        setup.client.start()
        await setup.clock.turn(0.5)
        assert (len(setup.server.streams), len(setup.server.said("sessions"))) == (2, 2)


def test_when_a_jwt_says_that_it_ends() -> None:
    """What is none says nothing."""
    assert expiry_ms(jwt(1, 1_764_000_000)) == EPOCH_MS
    assert [expiry_ms(text) for text in ("", "opaque", "a.b.c", "a.!!.c", jwt(1))] == [0] * 5


async def test_a_guest_who_begins_again_is_on_the_same_device() -> None:
    """The server lost the token: a new person begins, and sends the device that was kept."""
    server, clock = FakeServer(), FakeClock()
    api, session = Api(server, clock), Session(clock)
    grant = {"person": "ada", "token": "t_1", "expires_at_ms": EPOCH_MS + 3_600_000, "device": "d_1"}
    server.answers.insert(0, lambda _path, _: Answer(201, msgspec.json.encode(grant)))
    await session.ensure(api)
    refusals = iter([problem(401, "bad-token")])
    server.answers.insert(0, lambda _path, _: next(refusals, None))
    session.refused()
    await session.ensure(api)
    assert [body.get("device") for body in server.said("sessions")] == [None, "d_1", "d_1"]


async def refused_each_time(patience_s: float, *, answered: bool = False) -> tuple[int, str]:
    """Return how many guests begin at a server that grants sessions and refuses their tokens, and with
    which code that ends; ``answered``: it answers commands in between."""
    server, clock = FakeServer(), FakeClock()
    api, session = Api(server, clock), Session(clock, patience_s=patience_s)
    guests: list[str] = []

    def grant(path: str, _: Any) -> Answer | None:
        if path != "sessions":
            return None
        guests.append(f"guest {len(guests) + 1}")
        grant = {"person": guests[-1], "token": guests[-1], "expires_at_ms": EPOCH_MS + 3_600_000}
        return Answer(201, msgspec.json.encode(grant))

    server.answers.insert(0, grant)
    for _ in range(20):
        try:
            await session.ensure(api)
        except Refused as refused:
            return len(guests), refused.code
        if answered:
            session.recognized()
        session.refused()
        await clock.turn(0.5)
    return len(guests), ""


async def test_a_token_that_does_not_come_through_is_two_guests_and_no_more() -> None:
    """Prove that the session ends with a reason, where each new guest would be refused in turn."""
    assert await refused_each_time(60.0) == (2, "session-refused")
    assert await refused_each_time(0.0) == (20, ""), "the control: without an end to its patience"
    assert await refused_each_time(60.0, answered=True) == (20, ""), "a server that forgets is another thing"
