"""Live updates that something on the way blocks, told from a server that is away."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from duologue.client.transport import Answer
from tests.unit.client.fakes import problem, settle, state
from tests.unit.client.test_line import Setup


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    """A line that has opened its first stream."""
    made = Setup()
    async with made.running():
        yield made


def answers(setup: Setup) -> None:
    """The server answers what is neither a stream nor a poll."""
    found = Answer(200, msgspec.json.encode({"outcome": "noted", "state": state()}))
    setup.server.answers.insert(0, lambda path, _: found if path == "comparisons" else None)


def down(setup: Setup) -> None:
    """It answers nothing of the kind."""
    away = problem(503, "unavailable")
    setup.server.answers.insert(0, lambda path, _: away if path == "comparisons" else None)


async def go_on(setup: Setup, rounds: int) -> None:
    """Each stream breaks off before its first frame; each poll is refused: there are streams only."""
    for _ in range(rounds):
        setup.stream.snap()
        await settle()
        if setup.server.polls and not setup.server.polls[-1].answered.done():
            setup.server.polls[-1].say(problem(403, "polling-off"))
        opened = setup.count
        for _ in range(61):  # until the next stream, for which the line waits up to 30 s
            if setup.count == opened:
                await setup.clock.turn(0.5)


async def test_other_requests_are_answered(setup: Setup) -> None:
    """It is said once two in a row were, and taken back with the first frame."""
    answers(setup)
    await go_on(setup, 3)
    assert setup.blocked == []
    await go_on(setup, 2)
    assert setup.blocked == [True]
    setup.stream.frame("snapshot", state=state(), transports="sse")
    await settle()
    assert setup.blocked == [True, False]


async def test_nothing_is_answered(setup: Setup) -> None:
    """The control: the server is away, and that is all that can be said."""
    down(setup)
    await go_on(setup, 12)
    assert setup.blocked == []
    assert len(setup.server.said("comparisons")) > 2
