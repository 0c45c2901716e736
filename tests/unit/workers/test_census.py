"""When the census looks, and what it then does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from duologue.pairing.vocabulary import (
    ConnectionId,
    Held,
    PersonId,
    ProcessId,
    Reattached,
    Same,
)
from duologue.workers.census import PERIOD_S, Census
from duologue.workers.supervisor import repeat
from tests.unit.delivery.fakes import ANN, PAGE, PROCESS, Scene, attached, in_own_task, settle

PEOPLE = 30


class Listed:
    """What the store lists, and whom it was asked about."""

    def __init__(self, scene: Scene) -> None:
        self.people: dict[PersonId, ConnectionId] = {}
        self.asked: list[PersonId] = []
        self.looks = 0
        scene.machine.stray = self.stray  # type: ignore[method-assign, assignment]
        scene.machine.reattach = self.reattach  # type: ignore[method-assign, assignment]

    async def stray(self, process: ProcessId, holds: Callable[[PersonId, ConnectionId], bool], /) -> int:
        assert process == PROCESS
        self.looks += 1
        strays = [person for person, connection in self.people.items() if not holds(person, connection)]
        for person in strays:
            del self.people[person]
        return len(strays)

    async def reattach(self, process: ProcessId, held: Sequence[Held], /) -> list[Reattached]:
        self.asked += [each.person for each in held]
        answers: list[Reattached] = []
        for each in held:
            known = self.people.get(each.person) == each.connection
            self.people[each.person] = each.connection
            answers.append(Same() if known else attached(20))
        return answers


@contextlib.asynccontextmanager
async def at_work(scene: Scene, people: int) -> AsyncIterator[Listed]:
    """So many people are attached, the store lists them, and the loop is at work."""
    listed = Listed(scene)
    async with scene.hub.running(), asyncio.TaskGroup() as group, contextlib.AsyncExitStack() as stack:
        for n in range(people):
            person = PersonId(f"person{n}")
            one = stack.enter_context(scene.hub.open(person, PAGE, alias=""))
            listed.people[person] = one.id
        await settle()
        task = group.create_task(repeat(Census(scene.hub, scene.contact, scene.clock), scene.metrics))
        await settle()
        yield listed
        task.cancel()


@pytest.fixture
async def listed(scene: Scene) -> AsyncIterator[Listed]:
    """Thirty people."""
    async with in_own_task(at_work(scene, PEOPLE)) as made:
        yield made


async def differ(scene: Scene, listed: Listed) -> None:
    """Beats bring the two lengths until they are a reason, and the loop acts."""
    for _ in range(4):
        scene.contact.lists.counted(len(listed.people), scene.contact.people_here, scene.hub.under_way)
    await settle()


async def test_everybody_once_in_five_minutes(scene: Scene, listed: Listed) -> None:
    """A few every 5 s, and then the list; nothing before."""
    await scene.clock.turn(PERIOD_S, step=1)
    listed.asked.clear()
    listed.looks = 0
    for _ in range(60):
        before = len(listed.asked)
        await scene.clock.turn(PERIOD_S / 60, step=1)
        assert len(listed.asked) - before <= 2
    assert sorted(set(listed.asked)) == sorted(listed.people)
    assert len(listed.asked) <= PEOPLE + 2
    assert listed.looks == 1


async def test_a_stray_is_found_by_the_length(scene: Scene, listed: Listed) -> None:
    """The store lists a person without a connection here: detached, and no one else is named."""
    listed.people[ANN] = ConnectionId("c_gone")
    await differ(scene, listed)
    assert ANN not in listed.people
    assert listed.asked == []
    assert scene.value("lists_mended_total", what="stray") == 1


async def test_a_missing_person_is_found_by_the_length(scene: Scene, listed: Listed) -> None:
    """The store does not list a person who is connected here: only they are re-attached."""
    lost = PersonId("person7")
    del listed.people[lost]
    await differ(scene, listed)
    assert listed.asked == [lost]
    assert lost in listed.people
    assert scene.value("lists_mended_total", what="missing") == 1


async def test_one_of_each_kind_is_found_by_the_net(scene: Scene, listed: Listed) -> None:
    """The lengths agree: nothing shows it for at most five minutes."""
    del listed.people[PersonId("person7")]
    listed.people[ANN] = ConnectionId("c_gone")
    await differ(scene, listed)
    assert listed.looks == 0
    await scene.clock.turn(2 * PERIOD_S, step=1)
    assert ANN not in listed.people
    assert PersonId("person7") in listed.people


async def test_control_without_the_lengths(scene: Scene, listed: Listed) -> None:
    """Control: a beat that brings no length leaves the stray to the net."""
    listed.people[ANN] = ConnectionId("c_gone")
    await scene.clock.turn(20, step=1)
    assert ANN in listed.people


async def test_under_suspicion_it_does_nothing(scene: Scene, listed: Listed) -> None:
    """All people are named in any case; the lists are compared once that is over."""
    listed.people[ANN] = ConnectionId("c_gone")
    scene.contact.suspect("feed")
    await differ(scene, listed)
    await scene.clock.turn(30, step=1)
    assert (listed.asked, listed.looks) == ([], 0)


async def test_what_else_a_store_may_have_lost(scene: Scene) -> None:
    """It is told every 5 s, as before: an eviction shows itself in no number."""
    told: list[float] = []

    async def remember() -> None:
        told.append(scene.clock.now)

    loop = Census(scene.hub, scene.contact, scene.clock, remember=remember)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(repeat(loop, scene.metrics))
        await scene.clock.turn(14)
        task.cancel()
    assert len(told) == 3
