"""Much that happens at once: each call of the store does a bounded amount, and the next one goes on."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from duologue.pairing.scripts import Script
from duologue.pairing.vocabulary import Media, ProcessId
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Stage

PEOPLE = 160
MOST_COMMANDS = 400
"""Of a call. It takes 2 to 3 ms of the store, most of it in the script (``bench/shard.py``)."""


def commands_of(stage: Stage) -> int:
    """How many commands the store has run, those within scripts included."""
    stats: Any = stage.client.info("commandstats")
    return sum(row["calls"] for row in stats.values())


def counted(stage: Stage) -> dict[str, list[int]]:
    """From now on, the commands of each call by its script's name."""
    calls: dict[str, list[int]] = defaultdict(list)
    run = stage.direct.run

    async def noted(
        script: Script, keys: Sequence[str], args: Sequence[str | int | bytes], **lane: Any
    ) -> Any:
        before = commands_of(stage)
        reply = await run(script, keys, args, **lane)
        calls[script.name].append(commands_of(stage) - before)
        return reply

    stage.direct.run = noted  # type: ignore[method-assign]
    return calls


def crowd(stage: Stage, process: str) -> None:
    """All talk, and one process holds them."""
    stage.pools = []
    stage.beat(process)
    for n in range(PEOPLE):
        stage.attach(f"p{n}", process=process)
        stage.join(f"p{n}")
    for n in range(PEOPLE):
        stage.pulse(f"p{n}", stage.match(f"p{n}"), Media.OPEN)


def until_all_is_over(stage: Stage) -> None:
    """The process dies, and none of its people comes back."""
    stage.beating.discard("s9")
    stage.wait(60_000)
    assert {stage.idle(f"p{n}") for n in range(PEOPLE)} == {"you-were-away"}


@held_by("burial-bounded")
def test_the_burial_of_a_crowd_is_in_small_calls(stage: Stage) -> None:
    """Each call detaches 50 people at most, and in the end all are detached."""
    crowd(stage, "s9")
    calls = counted(stage)
    until_all_is_over(stage)
    assert max(calls["bury"]) < MOST_COMMANDS


@held_by("sweep-bounded")
def test_what_falls_due_at_once_is_in_small_calls(stage: Stage) -> None:
    """All people of the dead process are given up in the same instant."""
    crowd(stage, "s9")
    calls = counted(stage)
    until_all_is_over(stage)
    assert max(calls["expire"]) < MOST_COMMANDS


def wait_with_interests(stage: Stage) -> None:
    """All wait, and each has 16 interests of their own, so each stands in 34 sets."""
    stage.pools = []
    stage.beat("s9")
    for n in range(PEOPLE // 4):
        stage.attach(f"p{n}", process="s9")
        stage.join(f"p{n}", language="en", tags=tuple(f"tag{n}x{k}" for k in range(16)))


@held_by("cost-bounded")
def test_people_with_many_interests_are_fewer_in_a_call(stage: Stage) -> None:
    """When they leave the index, each call stays as small as with plain people."""
    wait_with_interests(stage)
    calls = counted(stage)
    stage.beating.discard("s9")
    stage.wait(60_000)
    assert {stage.idle(f"p{n}") for n in range(PEOPLE // 4)} == {"you-were-away"}
    assert max(calls["bury"]) < MOST_COMMANDS
    assert max(calls["expire"]) < MOST_COMMANDS


@held_by("counted-once")
def test_many_processes_do_not_each_count_all_people(stage: Stage) -> None:
    """Of 40 beats in one instant, one looks at the people of all 40 processes."""
    processes = [f"s{n}" for n in range(40)]
    stage.beating = set()
    for n, process in enumerate(processes):
        stage.beat(process)
        stage.attach(f"p{n}", process=process)
    stage.clock.turn(500)
    calls = counted(stage)
    answers = [play(stage.machine.beat(ProcessId(process))) for process in processes]
    assert {answer.people_online for answer in answers} == {40}
    assert sum(calls["beat"]) < 40 * 15


def test_few_processes_always_count(stage: Stage) -> None:
    """So that a small site never reads an old number."""
    assert stage.beat("s1").people_online == 0
    stage.attach("ann")
    assert stage.beat("s1").people_online == 1


def test_a_count_from_the_future_is_made_again(stage: Stage) -> None:
    """The store was set back, or lost its clock."""
    for n in range(40):
        stage.beat(f"s{n}")
    stage.client.hset("{0}sweep", mapping={"counted": str(stage.clock() + 3_600_000), "online": "7"})
    assert stage.beat("s1").people_online == 0
