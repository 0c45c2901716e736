"""The canary: a room that is made and deleted to find out whether rooms can be made.

While video is unavailable there are no matches that would try, so a canary tries every 2 s. Where joining
makes rooms (``auto_create``), our creates cannot fail, so there the canary always runs and also finds out
that video is unavailable.
"""

import structlog

from duologue.delivery.clock import Clock
from duologue.media.livekit.errors import LiveKitError
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.metrics import Metrics
from duologue.pairing.rooms import Rooms
from duologue.workers.supervisor import jittered

PERIOD_S = 2.0
FAILURES = 2
"""Failures in a row before matches stop: one lost call must not stop all people."""

log = structlog.get_logger(__name__, ours=True)


class Canary:
    """One round: nothing while video is up, unless joining makes rooms; else one room made and deleted."""

    name = "canary"

    def __init__(
        self,
        rooms: LiveKitRooms,
        video: Rooms,
        namespace: Namespace,
        metrics: Metrics,
        clock: Clock,
        *,
        auto_create: bool = False,
    ) -> None:
        self._rooms = rooms
        self._video = video
        self._namespace = namespace
        self._metrics = metrics
        self._clock = clock
        self._always = auto_create
        self._failed_since_ms: list[int] = []

    async def run_once(self) -> None:
        """Raises the store's errors. Cancelled, it may leave a canary, which the reconciler deletes."""
        seen = await self._video.look()
        self._metrics.video(is_up=not seen.is_video_down)
        if not seen.is_video_down and not self._always:
            self._failed_since_ms.clear()
            return
        if await self._opens():
            self._failed_since_ms.clear()
            await self._video.media_up(seen.now_ms)
            return
        self._failed_since_ms.append(seen.now_ms)
        del self._failed_since_ms[:-FAILURES]
        if self._always and len(self._failed_since_ms) == FAILURES:
            await self._video.media_down(self._failed_since_ms[0])

    async def _opens(self) -> bool:
        name = self._namespace.fresh_canary()
        try:
            await self._rooms.create(name)
        except LiveKitError as error:
            self._metrics.canary("failed")
            if not self._failed_since_ms:  # the metric counts them all
                log.warning("no room can be made", error=str(error))
            await self._delete(name)  # it may have come all the same
            return False
        self._metrics.canary("opened")
        await self._delete(name)
        return True

    async def _delete(self, name: str) -> None:
        try:
            await self._rooms.delete(name)
        except LiveKitError:
            self._metrics.canary("left")

    async def pause(self) -> None:
        """Two seconds."""
        await jittered(self._clock, PERIOD_S)
