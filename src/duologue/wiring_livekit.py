"""What ``wiring`` builds for LiveKit: imported only where it is used, for its library is an extra."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from duologue.api.exchange import Endpoint
from duologue.api.webhook import webhook
from duologue.delivery.clock import Clock
from duologue.media.livekit.errors import LiveKitDenied, LiveKitError
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.limits import LIMITS
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.media.livekit.webhooks import Webhooks
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from duologue.pairing.timings import RoomRules
from duologue.pairing.vocabulary import RoomWorkKind
from duologue.settings import Settings, SettingsError
from duologue.store.client import Store
from duologue.workers.canary import Canary
from duologue.workers.reconcile import Reconcile
from duologue.workers.rooms import RoomWorker
from duologue.workers.supervisor import Loop
from duologue.workers.suspects import Suspects
from duologue.workers.watchdog import Watchdog

ANSWER_S = 2.5
"""A call to LiveKit, at most: less than a claim lasts (``RoomRules.claim_ms``), or two work on one room."""

DENIED = (
    "LiveKit at {} refuses the API key: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to those of that project, "
    "and compare the clocks of both machines"
)

log = structlog.get_logger(__name__, ours=True)


class Workers(NamedTuple):
    """What runs in a process that serves LiveKit rooms, and how it is reached."""

    loops: tuple[Loop, ...]
    wake: Callable[[], None]
    """There may be rooms to open or to delete."""
    webhook: Endpoint
    """Where LiveKit posts to."""


@dataclass(frozen=True, slots=True)
class LiveKit:
    """What a process that serves LiveKit rooms is made of besides."""

    rooms: LiveKitRooms
    grants: Grants
    webhooks: Webhooks
    namespace: Namespace
    rules: RoomRules
    url: str
    """Where browsers find it."""

    def workers(self, machine: Machine, metrics: Metrics, clock: Clock) -> "Workers":
        """Those who open, close and look after rooms, and the ways to tell them something."""
        outbox = machine.rooms
        ours = (outbox, self.namespace)
        working = [RoomWorker(kind, outbox, self.rooms, self.namespace, clock) for kind in RoomWorkKind]
        suspects = Suspects()
        loops: tuple[Loop, ...] = (
            *working,
            Reconcile(self.rooms, *ours, suspects, metrics, clock),
            Watchdog(self.rooms, *ours, suspects, clock),
            Canary(self.rooms, *ours, metrics, clock, auto_create=self.rules.auto_create),
        )

        def wake() -> None:
            for worker in working:
                worker.wake()

        return Workers(loops, wake, webhook(self.webhooks, suspects.add, metrics))


@contextlib.asynccontextmanager
async def livekit(settings: Settings, store: Store) -> AsyncIterator[LiveKit]:
    """The project of the settings; its server need not be there yet. Raises ``StoreError``."""
    proposal = settings.livekit_namespace or "duologue-" + secrets.token_hex(5)
    # What was given wins over what was made up at an earlier start, and is not kept.
    name = settings.livekit_namespace or await Machine(store, key_prefix=settings.key_prefix).rooms.namespace(
        proposal
    )
    namespace = Namespace(name)
    project = Project(
        settings.livekit_api_url or settings.livekit_url,
        settings.livekit_api_key,
        settings.livekit_api_secret,
    )
    browsers = Project(settings.livekit_url, project.key, project.secret).ws_url
    async with LiveKitRooms(project, namespace, answer_s=ANSWER_S).running() as rooms:
        auto_create = await _auto_create(settings, rooms)
        limits = LIMITS if auto_create else None
        yield LiveKit(
            rooms,
            Grants(project, namespace, public_url=browsers, joining_makes_rooms=limits),
            Webhooks(project, namespace),
            namespace,
            RoomRules(namespace=name, auto_create=auto_create, fallback=settings.media_fallback),
            browsers,
        )


async def _auto_create(settings: Settings, rooms: LiveKitRooms) -> bool:
    """Whether joining makes rooms there, and one line about it. Raises ``SettingsError`` for wrong keys."""
    try:
        makes = await rooms.makes_rooms_by_itself()
    except LiveKitDenied as error:
        raise SettingsError(DENIED.format(settings.livekit_api_url or settings.livekit_url)) from error
    except LiveKitError as error:
        log.warning("LiveKit does not answer yet", mode=settings.livekit_auto_create, error=str(error))
        return settings.livekit_auto_create == "on"
    if settings.livekit_auto_create != "ask":
        return settings.livekit_auto_create == "on"
    if makes:
        log.warning(
            "LiveKit makes a room when a person joins; set auto_create: false there if you can",
            mode="auto-create",
        )
    else:
        log.info("LiveKit makes rooms only when we ask for them", mode="rooms")
    return makes
