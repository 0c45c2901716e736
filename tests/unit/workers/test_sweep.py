"""The sweep."""

import pytest

from duologue.store.client import StoreUnavailable
from duologue.workers.sweep import CALLS_A_ROUND, Sweep
from tests.unit.delivery.fakes import Scene


async def test_one_round(scene: Scene) -> None:
    """Deadlines until none are due, a pass of each pool, then the dead."""
    scene.machine.answers["sweep"] = [True, True, False]
    scene.machine.answers["bury"] = [True, False]
    await Sweep(scene.machine, ["main", "de"], scene.clock).run_once()
    assert scene.machine.calls == [
        *[("sweep",)] * 3,
        ("scan", "main"),
        ("scan", "de"),
        *[("bury",)] * 2,
    ]


async def test_a_backlog_does_not_keep_the_pools_waiting(scene: Scene) -> None:
    """Every loop is bounded; what is left is done in the next round."""
    scene.machine.usual["sweep"] = True
    await Sweep(scene.machine, ["main"], scene.clock).run_once()
    assert len(scene.machine.named("sweep")) == CALLS_A_ROUND
    assert scene.machine.named("scan") == [("main",)]


async def test_the_store_is_away(scene: Scene) -> None:
    """The round raises; the supervisor counts it."""
    scene.machine.answers["sweep"] = [StoreUnavailable("away")]
    with pytest.raises(StoreUnavailable):
        await Sweep(scene.machine, ["main"], scene.clock).run_once()
