"""When the re-attach loop comes round."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from duologue.delivery.connection import Connection
from duologue.pairing.vocabulary import Same
from duologue.store.client import StoreUnavailable
from duologue.workers import reattach
from duologue.workers.reattach import Reattach
from duologue.workers.supervisor import repeat
from tests.unit.delivery.fakes import ANN, PAGE, PROCESS, Scene, frames, in_own_task, settle


@contextlib.asynccontextmanager
async def at_work(scene: Scene) -> AsyncIterator[Connection]:
    """An attached person, and the loop, until the end of the block."""
    scene.machine.usual["reattach"] = [Same()]
    loop = Reattach(scene.hub, scene.contact, scene.clock)
    async with scene.hub.running(), asyncio.TaskGroup() as group:
        with scene.hub.open(ANN, PAGE, alias="") as one:
            await frames(one)
            task = group.create_task(repeat(loop, scene.metrics))
            await settle()
            yield one
            task.cancel()


@pytest.fixture
async def connection(scene: Scene) -> AsyncIterator[Connection]:
    """An attached person, and the loop at work."""
    async with in_own_task(at_work(scene)) as one:
        yield one


def rounds(scene: Scene) -> int:
    """How often the store was asked."""
    return len(scene.machine.named("reattach"))


async def test_without_a_suspicion_nobody_is_named(scene: Scene, connection: Connection) -> None:
    """However long it lasts: numbers show what is lost, and the census looks for the rest."""
    await scene.clock.turn(400, step=0.5)
    assert rounds(scene) == 0
    assert scene.machine.named("stray") == []


async def test_a_suspicion_looks_for_strays_too(scene: Scene, connection: Connection) -> None:
    """Those whom the store lists and we do not hold; they are counted as a comparison's are."""
    scene.machine.answers["stray"] = [1]
    scene.contact.suspect("feed")
    await scene.clock.turn(0.5)
    assert scene.value("lists_mended_total", what="stray") == 1
    ((process, holds),) = scene.machine.named("stray")
    assert process == PROCESS
    assert holds(ANN, connection.id)
    assert not holds(ANN, "c_other")


async def test_what_else_a_store_may_have_lost(scene: Scene) -> None:
    """It is told with each round, behind the people."""
    told: list[int] = []

    async def remember() -> None:
        told.append(rounds(scene))

    loop = Reattach(scene.hub, scene.contact, scene.clock, remember=remember)
    scene.machine.usual["reattach"] = [Same()]
    async with scene.hub.running():
        with scene.hub.open(ANN, PAGE, alias="") as one:
            await frames(one)
            await loop.run_once()
            assert told == [], "it is not time for everybody"
            loop.due()
            await loop.run_once()
    assert told == [1]


async def test_on_suspicion_within_half_a_second_and_each_second(
    scene: Scene, connection: Connection
) -> None:
    """Race E29: until an echo came and a whole round ran after it."""
    scene.contact.suspect("deaf")
    await scene.clock.turn(0.5)
    assert rounds(scene) == 1
    await scene.clock.turn(3)
    assert 3 <= rounds(scene) <= 4
    scene.contact.echoed(scene.contact.probe())
    await scene.clock.turn(1.1)
    assert not scene.contact.suspicious
    after = rounds(scene)
    await scene.clock.turn(3)
    assert rounds(scene) == after


async def test_a_round_that_fails_is_tried_again_in_a_second(scene: Scene, connection: Connection) -> None:
    """The suspicion stays until a whole round succeeded."""
    scene.contact.suspect("store")
    scene.contact.echoed(scene.contact.probe())
    scene.machine.answers["reattach"] = [StoreUnavailable("away")] * 2
    await scene.clock.turn(0.5)
    assert scene.value("worker_failures_total", worker="reattach") == 1
    await scene.clock.turn(2.2)
    assert not scene.contact.suspicious
    assert scene.value("worker_failures_total", worker="reattach") == 2


@pytest.mark.parametrize(("took_s", "rest_s"), [(0.0, 1.0), (3.0, 12.0)])
async def test_a_round_that_took_long_is_followed_by_a_rest(
    scene: Scene, connection: Connection, took_s: float, rest_s: float
) -> None:
    """Four times as long, whatever is suspected meanwhile; single connections do not wait."""
    slow = asyncio.Event()
    scene.machine.answers["reattach"] = [slow, [Same()]] if took_s else []
    scene.contact.suspect("store")
    await scene.clock.turn(0.3)
    assert rounds(scene) == 1
    await scene.clock.turn(took_s)
    slow.set()
    await settle()
    ended, strays = scene.clock.now, len(scene.machine.named("stray"))
    while len(scene.machine.named("stray")) == strays:
        scene.contact.suspect("unknown")
        await scene.clock.turn(0.1)
    assert rest_s <= scene.clock.now - ended + 0.3 + 0.01 <= rest_s + 1.5
    scene.hub.doubt(connection)
    before = rounds(scene)
    await scene.clock.turn(0.4)
    assert rounds(scene) > before, "single connections do not wait"


async def test_control_without_the_rest_rounds_follow_each_other(
    scene: Scene, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow store is asked about all people again a second after the last answer."""
    monkeypatch.setattr(reattach, "REST", 0)
    slow = asyncio.Event()
    scene.machine.answers["reattach"] = [slow, [Same()]]
    scene.contact.suspect("store")
    await scene.clock.turn(3.3)
    slow.set()
    await settle()
    await scene.clock.turn(1.5)
    assert rounds(scene) == 2


async def test_a_single_gap_is_looked_at_at_once(scene: Scene, connection: Connection) -> None:
    """Only that connection, without strays."""
    scene.hub.deliver(f"M ann {connection.id} m_9 1\n{{}}".encode())
    await scene.clock.turn(0.4)
    assert rounds(scene) == 1
    assert scene.machine.named("stray") == []


async def test_a_doubt_that_could_not_be_looked_at_stays(scene: Scene, connection: Connection) -> None:
    """The store was unavailable, and then another had the turn: there is no later round to rely on."""
    scene.machine.answers["reattach"] = [StoreUnavailable("away")]
    scene.hub.doubt(connection)
    await scene.clock.turn(0.4)
    assert scene.hub.doubtful == {connection}
    await connection.turn.take()
    await scene.clock.turn(2)
    assert rounds(scene) == 1
    connection.turn.give_back()
    await scene.clock.turn(1.3)
    assert rounds(scene) == 2
    assert not scene.hub.doubtful


async def test_nothing_after_the_drain(scene: Scene, connection: Connection) -> None:
    """A drained process has no people."""
    scene.contact.draining = True
    scene.contact.suspect("deaf")
    await scene.clock.turn(12)
    assert rounds(scene) == 0
