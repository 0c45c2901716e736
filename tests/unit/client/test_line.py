"""The stream of a page: how it comes back, and when it must not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from duologue.client.api import Api
from duologue.client.line import Line
from duologue.client.model import By, Link
from duologue.client.poll import Known
from duologue.client.session import Session
from duologue.client.timings import Timings
from tests.unit.client.fakes import FakeClock, FakeServer, FakeStream, problem, settle, state


class Setup:
    """A line on a fake server. ``random`` is the most unless ``draws`` says otherwise, so waits are known."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.frames: list[str] = []
        self.links: list[Link] = []
        self.by = By.SSE
        self.blocked: list[bool] = []
        self.draws: list[float] = []
        self.known = Known(None, "", 0, 0)
        api = Api(self.server, self.clock)
        self.session = Session(self.clock, alias="Ada")
        self.line = Line(
            self.server,
            api,
            self.session,
            self.clock,
            random=lambda: self.draws.pop(0) if self.draws else 1.0,
            known=lambda: self.known,
            on_frame=lambda frame: self.frames.append(frame.type),
            on_link=self._linked,
            timings=Timings(),
            on_blocked=self.blocked.append,
        )

    def _linked(self, link: Link, by: By) -> None:
        self.links.append(link)
        self.by = by

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.line.run("p_1"))
            await settle()
            yield task
            task.cancel()

    @property
    def stream(self) -> FakeStream:
        return self.server.streams[-1]

    @property
    def count(self) -> int:
        return len(self.server.streams)


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def test_it_opens_with_a_session_and_its_page(setup: Setup) -> None:
    """The token goes in the header, never in the address."""
    async with setup.running():
        assert (setup.stream.page, setup.stream.token) == ("p_1", "t_ada")
        assert setup.server.said("sessions") == [{"cookie": False, "alias": "Ada"}]
        setup.stream.frame("snapshot", state=state(), reason="connected")
        await settle()
        assert (setup.frames, setup.links) == (["snapshot"], [Link.CONNECTING, Link.OPEN])


async def test_a_stream_that_ends_is_opened_again_within_its_retry(setup: Setup) -> None:
    """With full jitter on what ``retry:`` said, and from the last message on."""
    async with setup.running():
        setup.stream.frame("snapshot", retry=800, state=state())
        setup.stream.frame("message", id="m_1:4")
        setup.stream.end()
        await setup.clock.turn(0.7)
        assert (setup.count, setup.links[-1]) == (1, Link.AWAY)
        await setup.clock.turn(0.1)
        assert (setup.count, setup.stream.last_event_id) == (2, "m_1:4")


async def test_no_wait_is_longer_than_twice_the_time_away(setup: Setup) -> None:
    """Short draws in a row do not raise the span beyond what was lost."""
    async with setup.running():
        setup.stream.frame("snapshot", retry=800, state=state())
        setup.draws += [0.0, 0.0]
        for _ in range(2):
            setup.stream.end()
            await setup.clock.turn(0.01)
        setup.stream.end()
        before = setup.count
        await setup.clock.turn(0.9)
        assert setup.count == before + 1


async def test_a_broken_stream_is_closed_and_opened_again(setup: Setup) -> None:
    """No socket is left behind."""
    async with setup.running():
        setup.stream.snap()
        await setup.clock.turn(0.5)
        assert [stream.closed for stream in setup.server.streams] == [True, False]


async def test_nothing_for_twenty_seconds_is_a_dead_stream(setup: Setup) -> None:
    """Any bytes count, and the heartbeat comes every 15 s."""
    async with setup.running():
        setup.stream.frame("snapshot", state=state())
        await setup.clock.turn(15)
        setup.stream.frame("heartbeat", version=1)
        await setup.clock.turn(19.9)
        assert setup.count == 1
        await setup.clock.turn(0.6)
        assert (setup.count, setup.server.streams[0].closed) == (2, True)


async def test_a_server_that_is_away_is_asked_ever_more_slowly(setup: Setup) -> None:
    """The first attempts come quickly, the longest pause is 30 s, and a frame resets the pauses."""
    setup.server.reachable = False
    async with setup.running():
        await setup.clock.turn(31.5)
        assert len(setup.server.asked) == 7  # at 0; 0.5, 1.5, 3.5, 7.5, 15.5, 31.5
        await setup.clock.turn(90)
        assert len(setup.server.asked) == 7 + 3  # and then every 30 s
        setup.server.reachable = True
        await setup.clock.turn(30)
        setup.stream.frame("snapshot", state=state())
        setup.stream.end()
        await setup.clock.turn(0.5)
        assert setup.count == 2


async def test_a_server_that_goes_away_says_when_to_come_back(setup: Setup) -> None:
    """``reconnect`` is obeyed as it is: the server drew the jitter."""
    async with setup.running():
        setup.stream.frame("reconnect", after_ms=1_700)
        await setup.clock.turn(1.6)
        assert setup.count == 1
        await setup.clock.turn(0.1)
        assert setup.count == 2
        assert (setup.frames, setup.links[-1]) == (["reconnect"], Link.AWAY)


async def test_a_delay_that_the_server_named_is_not_cut_short(setup: Setup) -> None:
    """The delay spreads people who come back; a network that is back does not shorten it."""
    async with setup.running():
        setup.stream.frame("reconnect", after_ms=42_000)
        await settle()
        setup.line.nudge()
        await setup.clock.turn(41.9)
        assert setup.count == 1
        await setup.clock.turn(0.1)
        assert setup.count == 2
        setup.stream.end()
        await settle()
        setup.line.nudge()
        await settle()
        assert setup.count == 3, "it was named once, and is over"


async def test_somebody_of_a_full_network_may_come_sooner_from_another(setup: Setup) -> None:
    """The network may have changed: that is what a nudge says."""
    async with setup.running():
        setup.stream.frame("reconnect", after_ms=30_000, reason="network-full")
        await settle()
        setup.line.nudge()
        await settle()
        assert setup.count == 2


@pytest.mark.parametrize(("kind", "link"), [("taken-over", Link.TAKEN_OVER), ("session-ended", Link.ENDED)])
async def test_two_frames_are_final(setup: Setup, kind: str, link: Link) -> None:
    """Coming back would take over from the page that took over (race E25)."""
    async with setup.running() as task:
        setup.stream.frame(kind)
        await setup.clock.turn(60)
        assert (setup.count, setup.links[-1], task.done()) == (1, link, True)


@pytest.mark.parametrize(("reason", "asks"), [("token-expired", 1), ("banned", 0)])
async def test_a_session_that_a_moderator_ended_is_kept(setup: Setup, reason: str, asks: int) -> None:
    """Another session would be another person; after one that expired a new one is asked for."""
    async with setup.running():
        setup.stream.frame("session-ended", reason=reason)
        await settle()
    before = len(setup.server.tokens)
    async with setup.running():
        assert len(setup.server.tokens) == before + asks


async def test_a_store_that_is_away_keeps_the_stream(setup: Setup) -> None:
    """A snapshot says that it is back; a heartbeat says only that the stream lives."""
    async with setup.running():
        setup.stream.frame("unavailable", retry_ms=1_000)
        setup.stream.frame("heartbeat", now_ms=1, version=1, people_online=1)
        await settle()
        assert setup.links[-1] is Link.AWAY
        setup.stream.frame("snapshot", state=state())
        await settle()
        assert (setup.count, setup.links[-1]) == (1, Link.OPEN)


async def test_a_token_that_is_not_known_any_more_makes_a_new_guest(setup: Setup) -> None:
    """The server's key was lost with its folder."""
    setup.session.token = "t_old"
    refused = [True]

    def once(path: str, body: object) -> object:
        if path == "sessions" and refused:
            refused.pop()
            return problem(401, "bad-token")
        return None

    setup.server.answers.insert(0, once)  # type: ignore[arg-type]
    async with setup.running():
        assert setup.server.tokens == ["t_old", ""]
        assert setup.stream.token == "t_ada"


async def test_a_stream_refused_with_401_asks_for_a_session_first(setup: Setup) -> None:
    """Then it is opened again."""
    setup.server.stream_status = 401
    async with setup.running():
        setup.server.stream_status = 200
        await setup.clock.turn(0.5)
        assert len(setup.server.said("sessions")) == 2
        setup.stream.frame("snapshot", state=state())
        await settle()
        assert setup.links[-1] is Link.OPEN


async def test_other_refusals_are_final(setup: Setup) -> None:
    """The page id is none."""
    setup.server.stream_status = 422
    async with setup.running() as task:
        await settle()
        assert (task.done(), setup.links[-1]) == (True, Link.ENDED)


async def test_a_session_is_renewed_at_half_life(setup: Setup) -> None:
    """Who is away for two weeks is still the same person."""
    async with setup.running():
        setup.stream.frame("snapshot", state=state())
        setup.stream.end()
        await setup.clock.turn(1)
        assert len(setup.server.said("sessions")) == 1
        setup.clock.elapsed_s += 16 * 86_400
        setup.stream.end()
        await setup.clock.turn(5)
        assert setup.server.tokens[-1] == "t_ada"
        assert len(setup.server.said("sessions")) == 2
