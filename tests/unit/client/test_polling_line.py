"""The same line where streams do not get through: polls, and the way back."""

from collections.abc import AsyncIterator

import pytest

from duologue.client.model import By, Link
from duologue.client.poll import Known
from duologue.client.transport import Answer
from tests.unit.client.fakes import FakePoll, problem, settle, state
from tests.unit.client.test_line import Setup


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    """A line that runs, its first stream under way."""
    made = Setup()
    async with made.running():
        yield made


@pytest.fixture
async def polling(setup: Setup) -> Setup:
    """Its stream brought nothing, so it polls."""
    await setup.clock.turn(6)
    poll(setup).answer(state(version=7))
    setup.known = Known(7, "", 0, 0)
    await settle()
    return setup


def poll(setup: Setup) -> FakePoll:
    """The last one."""
    return setup.server.polls[-1]


async def keep(setup: Setup, seconds: float, transports: str = "both") -> None:
    """So long a server answers each poll some time before its wait is over: nothing new."""
    while seconds > 12:
        await setup.clock.turn(12)
        seconds -= 12
        poll(setup).answer(state(version=7), transports=transports)
    await setup.clock.turn(seconds)


async def test_a_stream_that_is_held_back_is_given_up_for_polls_after_six_seconds(setup: Setup) -> None:
    """The first poll names no version, and its answer is the snapshot that every connection begins with."""
    await setup.clock.turn(5.9)
    assert setup.server.polls == []
    await setup.clock.turn(0.1)
    assert (setup.stream.closed, poll(setup).query, poll(setup).token) == (True, {"page": "p_1"}, "t_ada")
    poll(setup).answer(state(version=7))
    await settle()
    assert (setup.frames, setup.links[-1], setup.by) == (["snapshot"], Link.OPEN, By.POLL)


async def test_a_stream_that_is_not_answered_at_all_is_held_back_too(setup: Setup) -> None:
    """The two cannot be told apart."""
    setup.server.stream_hangs = True
    setup.stream.end()
    await setup.clock.turn(0.5)
    await setup.clock.turn(6)
    assert len(setup.server.polls) == 1


async def test_the_next_poll_waits_for_news_and_names_what_is_there(polling: Setup) -> None:
    """Version, and of the match the last line and signal."""
    assert poll(polling).query == {"page": "p_1", "version": "7", "wait_ms": "15000"}
    polling.known = Known(8, "m_1", 3, 30)
    line = {"n": 5, "from": "partner", "text": "hello", "at_ms": 1}
    conversation = {
        "match": "m_1",
        "started_at_ms": 1,
        "partner": {"alias": "", "away_until_ms": None},
        "media": {},
        "messages": {"first": 1, "last": 5},
    }
    poll(polling).answer(state("matched", 8, match=conversation), messages=[line])
    await settle()
    assert polling.frames[-1] == "message"
    assert poll(polling).query == {
        "page": "p_1",
        "version": "8",
        "wait_ms": "15000",
        "after": "m_1:5:1",
        "signals_after": "3:30",
    }


@pytest.mark.parametrize(("last", "kind"), [(5, "state"), (4, "snapshot")])
async def test_a_reply_with_fewer_messages_than_were_read_is_a_snapshot(
    polling: Setup, last: int, kind: str
) -> None:
    """Race E8: the store fell back, and what it does not know any more goes from the screen."""
    conversation = {
        "match": "m_1",
        "started_at_ms": 1,
        "partner": {"alias": "", "away_until_ms": None},
        "media": {},
        "messages": {"first": 1, "last": last},
    }
    polling.known = Known(8, "m_1", 0, 0)
    lines = [{"n": n, "from": "partner", "text": "", "at_ms": n} for n in (5, 4)]
    poll(polling).answer(state("matched", 8, match=conversation), messages=lines[:1])
    await settle()
    poll(polling).answer(state("matched", 8, match=conversation), messages=lines[1:])
    await settle()
    assert polling.frames[-2:] == [kind, "message"]


async def test_streams_that_are_switched_off_are_given_up_at_once(setup: Setup) -> None:
    """404."""
    setup.server.stream_status = 404
    setup.stream.end()
    await setup.clock.turn(0.5)
    assert (len(setup.server.polls), poll(setup).query) == (1, {"page": "p_1"})


async def test_streams_that_break_before_their_first_frame_are_given_up_at_the_third(setup: Setup) -> None:
    """One or two may be chance; whether the server answers polls shows then."""
    for tries in (1, 2, 3):
        assert (setup.count, setup.server.polls) == (tries, [])
        setup.stream.snap()
        await setup.clock.turn(0 if tries == 3 else 2)
    assert len(setup.server.polls) == 1


async def test_a_server_without_polls_keeps_its_page_on_streams(setup: Setup) -> None:
    """403: however often streams break from now on."""
    await setup.clock.turn(6)
    poll(setup).say(problem(403, "polling-off"))
    await setup.clock.turn(4)
    assert (setup.count, setup.line.by) == (2, By.SSE)
    await setup.clock.turn(60)
    assert (len(setup.server.polls), setup.count > 2) == (1, True)


async def test_a_server_that_says_sse_is_never_polled(setup: Setup) -> None:
    """Its snapshot said so."""
    setup.stream.frame("snapshot", state=state(), transports="sse")
    for _ in range(5):
        setup.stream.end()
        await setup.clock.turn(4)
    assert setup.server.polls == []


async def test_a_server_that_had_streams_only_and_now_has_none_is_polled(setup: Setup) -> None:
    """The operator changed the setting."""
    setup.stream.frame("snapshot", state=state(), transports="sse")
    await settle()
    setup.server.stream_status = 404
    setup.stream.end()
    await setup.clock.turn(0.5)
    poll(setup).answer(state(version=7), transports="poll")
    await settle()
    assert (setup.by, setup.links[-1]) == (By.POLL, Link.OPEN)


async def test_who_polls_because_streams_broke_off_tries_one_soon(setup: Setup) -> None:
    """The server may only have been down: after 5 s, and then each minute."""
    for tries in range(3):
        setup.stream.snap()
        await setup.clock.turn(0 if tries == 2 else 2)
    setup.known = Known(7, "", 0, 0)
    poll(setup).answer(state(version=7))
    await setup.clock.turn(6)
    assert setup.count == 4
    setup.stream.snap()
    await keep(setup, 71)
    assert setup.count == 4
    await keep(setup, 1)
    assert setup.count == 5


async def test_who_polls_tries_a_stream_again_each_minute(polling: Setup) -> None:
    """Its first frame decides; until then the poll waits on, and afterwards it hangs up."""
    await keep(polling, 71.9)  # 60 s, and the most of jitter
    assert polling.count == 1
    await polling.clock.turn(0.1)
    assert (polling.count, polling.by, poll(polling).hung_up) == (2, By.POLL, False)
    polling.stream.frame("snapshot", state=state(version=7), transports="both")
    await settle()
    assert (polling.by, polling.links[-1], poll(polling).hung_up) == (By.SSE, Link.OPEN, True)


async def test_a_stream_that_is_still_held_back_changes_nothing(polling: Setup) -> None:
    """The poll beside it waits on, and the trial is closed; a minute later there is another."""
    polling.line.nudge()
    await polling.clock.turn(6)
    assert (polling.count, polling.stream.closed, polling.by) == (2, True, By.POLL)
    assert not poll(polling).hung_up
    await keep(polling, 71)
    assert polling.count == 2
    await keep(polling, 1)
    assert polling.count == 3


async def test_a_poll_that_is_answered_beside_a_trial_gives_it_two_seconds(polling: Setup) -> None:
    """The attempt may have replaced the poll; the next poll would replace the stream, again and again."""
    polling.line.nudge()
    await settle()
    polls = len(polling.server.polls)
    poll(polling).answer(state(version=7))
    await polling.clock.turn(1.9)
    assert len(polling.server.polls) == polls
    await polling.clock.turn(0.1)
    assert (len(polling.server.polls), polling.stream.closed) == (polls + 1, True)


async def test_a_server_without_streams_is_not_asked_for_one(setup: Setup) -> None:
    """``transports: poll``."""
    await setup.clock.turn(6)
    poll(setup).answer(state(version=7), transports="poll")
    setup.known = Known(7, "", 0, 0)
    await keep(setup, 100, transports="poll")
    assert (setup.count, setup.links[-1]) == (1, Link.OPEN)


async def test_a_poll_that_failed_is_repeated_when_the_server_says(polling: Setup) -> None:
    """503 and 429, with ``Retry-After``; then as a new connection: without a version."""
    for status in (503, 429):
        polls = len(polling.server.polls)
        poll(polling).say(problem(status, "x", **{"retry-after": "3"}))
        await polling.clock.turn(2.9)
        assert (len(polling.server.polls), polling.links[-1]) == (polls, Link.AWAY)
        await polling.clock.turn(2)
        assert (len(polling.server.polls), poll(polling).query) == (polls + 1, {"page": "p_1"})
        poll(polling).answer(state(version=7))
        await settle()


async def test_three_polls_in_a_row_that_fail_may_be_what_does_not_get_through(polling: Setup) -> None:
    """Then it is the stream's turn again."""
    for _ in range(4):
        poll(polling).say(Answer(502))
        await polling.clock.turn(4)
    assert polling.count == 2


async def test_a_page_that_was_taken_over_polls_no_more(polling: Setup) -> None:
    """Final, as on a stream."""
    polls = len(polling.server.polls)
    poll(polling).say(Answer(200, b'{"taken_over": true}'))
    await polling.clock.turn(100)
    assert (polling.links[-1], len(polling.server.polls)) == (Link.TAKEN_OVER, polls)


async def test_a_poll_with_an_ended_token_asks_for_a_session_first(polling: Setup) -> None:
    """401."""
    poll(polling).say(problem(401, "bad-token"))
    await polling.clock.turn(1)
    assert len(polling.server.said("sessions")) == 2


async def test_answers_that_bring_nothing_are_no_loop(polling: Setup) -> None:
    """A server that drains answers at once: the next polls come after a little wait each."""
    polls = len(polling.server.polls)
    for number, wait_s in enumerate((0.25, 0.5, 1, 2, 2), polls):
        poll(polling).answer(state(version=7))
        await polling.clock.turn(wait_s - 0.01)
        assert len(polling.server.polls) == number
        await polling.clock.turn(0.01)
        assert len(polling.server.polls) == number + 1


async def test_a_renewed_token_gets_a_stream_beside_the_old_one(setup: Setup) -> None:
    """Nothing is missed between the two."""
    setup.stream.frame("snapshot", state=state())
    await settle()
    setup.line.renewed()
    await settle()
    assert [stream.closed for stream in setup.server.streams] == [False, False]
    setup.stream.frame("snapshot", state=state())
    await settle()
    assert [stream.closed for stream in setup.server.streams] == [True, False]
    assert set(setup.links) == {Link.CONNECTING, Link.OPEN}


@pytest.mark.parametrize(("code", "told"), [("network-full", ["reconnect"]), ("too-many", [])])
async def test_a_poll_from_a_full_network_is_told_as_a_stream_tells_it(
    polling: Setup, code: str, told: list[str]
) -> None:
    """The page learns why; the next poll comes when ``Retry-After`` says, as after any 429."""
    polling.frames.clear()
    polls = len(polling.server.polls)
    poll(polling).say(problem(429, code, **{"retry-after": "30"}))
    await settle()
    assert (polling.frames, polling.links[-1]) == (told, Link.AWAY)
    await polling.clock.turn(29.9)
    assert len(polling.server.polls) == polls
    await polling.clock.turn(0.7)
    assert len(polling.server.polls) == polls + 1
