"""The sweep."""

import pytest

from duologue.pairing.vocabulary import Scanned
from duologue.store.client import StoreUnavailable
from duologue.workers.sweep import CALLS_A_ROUND, PERIOD_S, SCANS_A_ROUND, TELLS_A_ROUND, Sweep
from tests.unit.delivery.fakes import PROCESS, FakeClock, Scene

CHANGED_MS = 1_764_000_000_000


def sweep_of(scene: Scene, *pools: str) -> Sweep:
    """One process's sweep."""
    return Sweep(scene.machine, PROCESS, pools or ("main",), scene.clock)


async def test_one_round(scene: Scene) -> None:
    """Deadlines until none are due, the queue until nobody is, then the dead."""
    scene.machine.answers["sweep"] = [True, True, False]
    scene.machine.answers["scan"] = [Scanned(True, 0, 0), Scanned(False, 0, 0)]
    scene.machine.answers["bury"] = [True, False]
    await sweep_of(scene, "main", "de").run_once()
    assert scene.machine.calls == [
        *[("sweep",)] * 3,
        *[("scan", PROCESS)] * 2,
        *[("bury",)] * 2,
    ]


async def test_a_backlog_does_not_keep_the_queue_waiting(scene: Scene) -> None:
    """Every loop is bounded; what is left is done in the next round."""
    scene.machine.usual |= {"sweep": True, "scan": Scanned(True, 0, 0)}
    await sweep_of(scene).run_once()
    assert len(scene.machine.named("sweep")) == CALLS_A_ROUND
    assert len(scene.machine.named("scan")) == SCANS_A_ROUND
    assert scene.machine.named("bury") == [()]


class Pauses(FakeClock):
    """A clock that writes down how long it is asked to sleep, and sleeps for none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)


@pytest.mark.parametrize("kind", ["sweep", "bury"])
async def test_a_backlog_is_worked_off_without_long_pauses(scene: Scene, kind: str) -> None:
    """The pauses are short while more is left than a round does, and as usual afterwards."""
    clock = Pauses()
    sweep = Sweep(scene.machine, PROCESS, ("main",), clock)
    scene.machine.answers[kind] = [True] * (3 * CALLS_A_ROUND) + [False]
    for _ in range(4):
        await sweep.run_once()
        await sweep.pause()
    assert max(clock.asked[:3]) < PERIOD_S / 10
    assert clock.asked[3] > PERIOD_S / 2


async def test_a_store_that_fails_is_not_asked_faster(scene: Scene) -> None:
    """It fails in the middle of a backlog: the next round comes after the usual pause."""
    clock = Pauses()
    sweep = Sweep(scene.machine, PROCESS, ("main",), clock)
    scene.machine.answers["sweep"] = [*[True] * CALLS_A_ROUND, StoreUnavailable("away")]
    await sweep.run_once()
    with pytest.raises(StoreUnavailable):
        await sweep.run_once()
    await sweep.pause()
    assert clock.asked[0] > PERIOD_S / 2


async def test_a_round_costs_the_same_however_many_pools_there_are(scene: Scene) -> None:
    """Three calls for 5,000 pools: with one per pool nothing would fall due for minutes."""
    await sweep_of(scene, *(f"p{n}" for n in range(5_000))).run_once()
    assert scene.machine.calls == [("sweep",), ("scan", PROCESS), ("bury",)]


async def test_where_another_process_scans(scene: Scene) -> None:
    """It is asked again when the claim of the other may have run out, and not in each round."""
    scene.machine.usual["scan"] = Scanned(False, 2_000, 0)
    sweep = sweep_of(scene)
    await sweep.run_once()
    scene.clock.now += 1.9
    await sweep.run_once()
    assert len(scene.machine.named("scan")) == 1
    scene.clock.now += 0.1
    await sweep.run_once()
    assert len(scene.machine.named("scan")) == 2


async def test_pools_are_told_of_video_when_it_changes(scene: Scene) -> None:
    """Each pool until it knows; then nothing, until the next change."""
    scene.machine.usual["scan"] = Scanned(False, 0, CHANGED_MS)
    scene.machine.answers["tell"] = [True, False, False]
    sweep = sweep_of(scene, "main", "de")
    await sweep.run_once()
    await sweep.run_once()
    assert scene.machine.named("tell") == [("main",), ("main",), ("de",)]
    scene.machine.usual["scan"] = Scanned(False, 0, CHANGED_MS + 1)
    await sweep.run_once()
    assert scene.machine.named("tell")[3:] == [("main",), ("de",)]


async def test_many_pools_are_told_over_several_rounds(scene: Scene) -> None:
    """A round tells so many, and the next goes on behind them."""
    pools = [f"p{n}" for n in range(TELLS_A_ROUND + 5)]
    scene.machine.usual["scan"] = Scanned(False, 0, CHANGED_MS)
    sweep = sweep_of(scene, *pools)
    await sweep.run_once()
    assert len(scene.machine.named("tell")) == TELLS_A_ROUND
    await sweep.run_once()
    assert scene.machine.named("tell") == [(pool,) for pool in pools]


async def test_the_store_is_away(scene: Scene) -> None:
    """The round raises; the supervisor counts it."""
    scene.machine.answers["sweep"] = [StoreUnavailable("away")]
    with pytest.raises(StoreUnavailable):
        await sweep_of(scene).run_once()
