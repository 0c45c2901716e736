"""The canary's round."""

from duologue.metrics import Metrics
from duologue.workers.canary import Canary
from tests.unit.delivery.fakes import FakeClock
from tests.unit.workers.rooms import NAMESPACE, NOW_MS, ScriptedLiveKit, ScriptedOutbox


class Round:
    def __init__(self, *, auto_create: bool = False, is_down: bool = True) -> None:
        self.livekit = ScriptedLiveKit()
        self.outbox = ScriptedOutbox()
        self.outbox.seen = self.outbox.seen._replace(is_video_down=is_down)
        self.metrics = Metrics()
        self.worker = Canary(
            self.livekit, self.outbox, NAMESPACE, self.metrics, FakeClock(), auto_create=auto_create
        )

    def count(self, what: str) -> float | None:
        return self.metrics.registry.get_sample_value("duologue_canaries_total", {"what": what})


async def test_nothing_is_made_while_rooms_open() -> None:
    """Matches make rooms then, and notice failures."""
    it = Round(is_down=False)
    await it.worker.run_once()
    assert it.livekit.calls == []
    assert it.metrics.registry.get_sample_value("duologue_video_up") == 1


async def test_made_deleted_and_told() -> None:
    """A room of our namespace, and the instant before it was asked for."""
    it = Round()
    await it.worker.run_once()
    (made, room), (deleted, same) = it.livekit.calls
    assert (made, deleted, room) == ("create", "delete", same)
    assert isinstance(room, str)
    assert NAMESPACE.owns(room)
    assert it.outbox.told == [("up", NOW_MS)]
    assert it.count("opened") == 1


async def test_a_create_that_failed_is_deleted_all_the_same() -> None:
    """It may have landed. Nothing is told: video is down already."""
    it = Round()
    it.livekit.away = {"create", "delete"}
    for _ in range(3):
        await it.worker.run_once()
    assert [what for what, _ in it.livekit.calls] == ["create", "delete"] * 3
    assert it.outbox.told == []
    assert (it.count("failed"), it.count("left")) == (3, 3)


async def test_a_success_in_between_forgives_a_failure() -> None:
    """With ``auto_create``: two in a row take video down, as of the first; one does not."""
    it = Round(auto_create=True, is_down=False)
    for is_away in (True, False, True):
        it.livekit.away = {"create"} if is_away else set()
        await it.worker.run_once()
    assert it.outbox.told == [("up", NOW_MS)]
    it.outbox.seen = it.outbox.seen._replace(now_ms=NOW_MS + 2_000)
    await it.worker.run_once()
    assert it.outbox.told[1:] == [("down", NOW_MS)]
