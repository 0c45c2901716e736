"""What the machine adds to its scripts: repeats, fresh ids, facts."""

from collections.abc import Sequence
from typing import Any

import pytest

from duologue.lane import Lane
from duologue.pairing.machine import Machine, fresh_ids, json_text
from duologue.pairing.scripts import Script
from duologue.pairing.vocabulary import Outcome, PersonId

ANN = PersonId("ann")


class Interrupted(Exception):
    """The script may or may not have run."""


class Runner:
    """A store that answers what it is told to, and notes what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Sequence[Any]]] = []

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        self.calls.append((script.name, args))
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
