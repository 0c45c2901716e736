"""What the machine adds to its scripts: repeats, fresh ids, facts."""

from collections.abc import Sequence
from typing import Any

import pytest

from duologue.lane import Lane
from duologue.pairing.machine import LANES, Machine, fresh_ids, json_text
from duologue.pairing.scripts import Script, load
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import ConnectionId, DetachCause, MediaKind, Outcome, PersonId, ProcessId

ANN = PersonId("ann")


class Interrupted(Exception):
    """The script may or may not have run."""


class Runner:
    """A store that answers what it is told to, and notes what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Sequence[Any]]] = []
        self.lanes: list[Lane] = []

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        self.calls.append((script.name, args))
        self.lanes.append(lane)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_an_interrupted_transition_is_run_once_more_with_fresh_ids() -> None:
    """E11: our own retry repeats the transition, which is fenced; a match made twice has two names."""
    runner = Runner(Interrupted(), [b"skipped", b"{}", []])
    reply = await Machine(runner, interrupted=Interrupted).skip(ANN, "m_1")
    assert reply.outcome is Outcome.SKIPPED
    (_, first), (_, second) = runner.calls
    assert first[2] != second[2], "the ids are fresh"
    assert first[3:] == second[3:], "what is asked is the same"


async def test_a_second_interruption_is_the_callers() -> None:
    """It is raised: the caller is told that the command may not have taken effect."""
    runner = Runner(Interrupted(), Interrupted())
    with pytest.raises(Interrupted):
        await Machine(runner, interrupted=Interrupted).skip(ANN, "m_1")


async def test_without_the_retry_the_command_is_lost() -> None:
    """Negative control: a machine that is told of no interruptions passes the first one on."""
    runner = Runner(Interrupted(), [b"skipped", b"{}", []])
    with pytest.raises(Interrupted):
        await Machine(runner).skip(ANN, "m_1")


async def test_a_repeat_that_the_budget_does_not_allow_is_not_made() -> None:
    """A store in trouble is not asked everything twice; the caller is told instead."""
    runner = Runner(Interrupted(), Interrupted(), [b"left", b"{}", []])
    machine = Machine(runner, interrupted=Interrupted, may_repeat={Lane.INTERACTIVE: False}.__getitem__)
    for _ in range(2):
        with pytest.raises(Interrupted):
            await machine.skip(ANN, "m_1")
    assert len(runner.calls) == 2


async def test_an_attach_is_never_repeated_at_once() -> None:
    """Its caller has a queue for that, and the budget is not asked."""
    runner = Runner(Interrupted())
    with pytest.raises(Interrupted):
        await Machine(runner, interrupted=Interrupted).attach(
            ANN, ConnectionId("c_1"), ProcessId("s_1"), "page"
        )
    assert len(runner.calls) == 1


async def test_each_call_names_its_lane() -> None:
    """Signs of the process, people's commands, their signs of life, and what can wait."""
    runner = Runner([0, 0, 0, 0, 0, 0, 0], [b"skipped", b"{}", []], *[[b"ok", b"{}", []]] * 2)
    machine = Machine(runner)
    await machine.beat(ProcessId("s_1"))
    await machine.skip(ANN, "m_1")
    await machine.pulse(ANN)
    await machine.detach(ANN, ConnectionId("c_1"), DetachCause.CLOSED)
    assert runner.lanes == [Lane.CONTROL, Lane.INTERACTIVE, Lane.SIGNS, Lane.BULK]


def test_the_lanes_name_scripts_that_there_are() -> None:
    """All that work on rooms is control: a refusal would break off the other rooms of its worker."""
    scripts = load(Timings(), MediaKind.LIVEKIT, "main")
    assert LANES.keys() <= scripts.keys()
    assert {LANES.get(name) for name in scripts if name.startswith("room_")} == {Lane.CONTROL}


async def test_facts_are_observed_once() -> None:
    """By the machine whose call made them."""
    seen: list[str] = []
    runner = Runner([b"left", b"{}", [b"ended partner-left 5", b"alone away 7"]])
    await Machine(runner, observe=seen.append).leave(ANN, 1)
    assert seen == ["ended partner-left 5", "alone away 7"]


def test_ids_are_16_characters_of_96_random_bits() -> None:
    """Enough for every id of a step, none of them equal."""
    ids = fresh_ids(100)
    assert len({ids[i : i + 16] for i in range(0, 1600, 16)}) == 100


@pytest.mark.parametrize("text", ["a\r\nb", 'quo"te', "nul\0", "tab\t", "\u2028"])
def test_free_text_stays_on_one_line(text: str) -> None:
    """S6: JSON escapes whatever would end a line or a field of a frame."""
    assert not {"\n", "\r", "\0"} & set(json_text(text))
