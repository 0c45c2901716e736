"""The delivery to one endpoint: what is new is sent, and what failed is tried again.

Events of one person go in order: the next one waits until the one before it has arrived or was given up.
Those of different people do not wait for each other. Before an event is sent nothing is written. ``cursor``
is the number up to which each event has arrived or is noted as owed, so a process that dies leaves nothing
out, and the one that takes over may send an event once more (the same ``webhook-id``).
"""

import asyncio
import json
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from duologue.delivery.clock import Clock
from duologue.metrics import Metrics
from duologue.pairing.events import PAGE, Event, Events
from duologue.webhooks.endpoint import Endpoint
from duologue.webhooks.post import PostFailed
from duologue.webhooks.retries import GIVEN_UP_MS, pause_ms
from duologue.webhooks.signing import signature

AT_ONCE = 16
"""Requests under way to one endpoint."""
WAITING_MOST = 10_000
"""Events that wait in memory; further ones wait in the outbox."""
LOOK_S = 0.25
RETRY_LOOK_S = 5.0
"""How soon an operator's request to try again is seen."""
NOTED_S = 60.0
"""How often it is noted how far an endpoint has come that hears of nothing."""
GONE = 410

log = structlog.get_logger(__name__, ours=True)


class ClaimLost(Exception):
    """Another process delivers now."""


class Post(Protocol):
    """How a request is sent (``Poster.post``)."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer. Raises ``PostFailed``."""


@dataclass(slots=True)
class Item:
    """One event that has not arrived yet."""

    event: Event
    tries: int = 0
    due_ms: float = 0
    since_ms: float = 0
    """When it failed first."""
    is_noted: bool = False
    """The store knows that it is owed."""
    is_busy: bool = False


class Sender:
    """One endpoint, served by the process that has the claim.

    Example::

        await Sender(endpoint, machine.events, holder, Poster().post, metrics, clock).run()
    """

    def __init__(
        self, endpoint: Endpoint, outbox: Events, holder: str, post: Post, metrics: Metrics, clock: Clock
    ) -> None:
        self._endpoint = endpoint
        self._outbox = outbox
        self._holder = holder
        self._post = post
        self._metrics = metrics
        self._clock = clock
        self._items: dict[int, Item] = {}
        self._of_person: dict[str, list[int]] = {}
        self._changes: dict[int, Mapping[str, Any] | None] = {}
        self._woken = asyncio.Event()
        self._under_way = 0
        self._read = 0
        """The number of the last event that was read from the outbox."""
        self._failing_since_ms = 0.0
        self._disabled_at_ms = 0.0
        self._why = ""
        self._delivered_at_ms = 0.0
        self._retried_ms = 0
        self._is_changed = False
        self._disabled_now: Mapping[str, Any] | None = None
        self._noted_at = self._looked_at = clock.monotonic()
        self._noted_cursor = 0

    # --- rounds ----------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled. Raises ``ClaimLost`` and the store's errors."""
        await self.load()
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                if await self.step(group):
                    self._woken.set()
                await self._clock.wait(self._woken, LOOK_S)

    async def step(self, group: asyncio.TaskGroup) -> bool:
        """Read what is new, begin what is due, and note what became of the rest. True: there is more."""
        await self._look_for_retry()
        more = False
        if not self._disabled_at_ms:
            more = await self._take()
            self._begin(group)
        await self._settle()
        return more

    async def load(self) -> None:
        """Go on where the last process stopped; an address that is new begins with the next event."""
        found = await self._outbox.delivery(self._endpoint.id)
        state = found.state
        if not state:
            self._read = (await self._outbox.read(0, 0)).last
            self._is_changed = True
            await self._settle()
            return
        self._read = self._noted_cursor = state["cursor"]
        self._failing_since_ms, self._why = state["failing_since_ms"], state["why"]
        self._disabled_at_ms, self._delivered_at_ms = state["disabled_at_ms"], state["delivered_at_ms"]
        self._retried_ms = state["retried_ms"]
        await self._load_owing(found.owing)
        self._retry(found.retry_ms)

    async def _load_owing(self, owing: Mapping[int, Mapping[str, Any]]) -> None:
        left = dict(owing)
        after = min(left, default=1) - 1
        while left:
            page = await self._outbox.read(after)
            for event in page.events:
                noted = left.pop(event.seq, None)
                if noted is not None:
                    self._add(Item(event, noted["tries"], noted["due_ms"], noted["since_ms"], is_noted=True))
            if not page.events:
                break
            after = page.events[-1].seq
        for seq in left:
            self._changes[seq] = None
        self._count_lost(len(left))

    # --- the outbox ------------------------------------------------------------------

    async def _take(self) -> bool:
        if len(self._items) >= WAITING_MOST:
            return False
        page = await self._outbox.read(self._read)
        if page.last < self._read:
            log.warning("the store lost events: what it has is read again", endpoint=self._endpoint.id)
            self._read = self._noted_cursor if self._noted_cursor <= page.last else 0
            return True
        if page.gap(self._read):
            oldest = page.oldest or page.last + 1
            self._count_lost(oldest - 1 - self._read)
            self._read = oldest - 1
        for event in page.events:
            self._read = event.seq
            if event.seq not in self._items and self._endpoint.hears(event):
                self._add(Item(event))
        return len(page.events) == PAGE

    def _count_lost(self, count: int) -> None:
        if count:
            self._metrics.webhook_deliveries("lost", count)
            log.warning(
                "events left the outbox before they were delivered", endpoint=self._endpoint.id, count=count
            )

    def _add(self, item: Item) -> None:
        seq, person = item.event.seq, item.event.person
        self._items[seq] = item
        if person:
            insort(self._of_person.setdefault(person, []), seq)

    def _drop(self, item: Item) -> None:
        seq, person = item.event.seq, item.event.person
        del self._items[seq]
        if person:
            line = self._of_person[person]
            line.remove(seq)
            if not line:
                del self._of_person[person]
        if item.is_noted:
            self._changes[seq] = None
        self._is_changed = True

    @property
    def _cursor(self) -> int:
        """The number up to which each event has arrived or is noted as owed."""
        return (
            min((seq for seq, item in self._items.items() if not item.is_noted), default=self._read + 1) - 1
        )

    # --- sending ---------------------------------------------------------------------

    def _begin(self, group: asyncio.TaskGroup) -> None:
        now = self._clock.wall_ms()
        for item in self._items.values():
            if self._under_way >= AT_ONCE:
                return
            if not item.is_busy and item.due_ms <= now and self._is_next(item):
                item.is_busy = True
                self._under_way += 1
                group.create_task(self._send(item))

    def _is_next(self, item: Item) -> bool:
        """Return whether no earlier event of its person has still to arrive."""
        person = item.event.person
        return not person or self._of_person[person][0] == item.event.seq

    async def _send(self, item: Item) -> None:
        try:
            status, why = await self._post(self._endpoint.address.url, *self._request(item)), ""
        except PostFailed as error:
            status, why = 0, str(error)
        finally:
            self._under_way -= 1
            item.is_busy = False
            self._woken.set()
        if 200 <= status < 300:  # success, in HTTP
            self._arrived(item)
        else:
            self._failed(item, why or f"answered {status}", is_gone=status == GONE)

    def _request(self, item: Item) -> tuple[Mapping[str, str], bytes]:
        body = json.dumps(item.event.body(), ensure_ascii=False, separators=(",", ":")).encode()
        at_s = int(self._clock.wall_ms() / 1000)
        id_ = item.event.id
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature(self._endpoint.secrets, id_, at_s, body),
        }, body

    def _arrived(self, item: Item) -> None:
        now = self._clock.wall_ms()
        if self._failing_since_ms:
            log.info("a webhook succeeds again", endpoint=self._endpoint.id)
        self._failing_since_ms, self._why, self._delivered_at_ms = 0, "", now
        self._drop(item)
        self._metrics.webhook_delivered((now - item.event.at_ms) / 1000)

    def _failed(self, item: Item, why: str, *, is_gone: bool) -> None:
        now = self._clock.wall_ms()
        self._metrics.webhook_deliveries("failed")
        if not self._failing_since_ms:  # the metric counts them all
            log.warning("a webhook fails", endpoint=self._endpoint.id, error=why)
            self._failing_since_ms = now
        self._why = why
        item.since_ms = item.since_ms or now
        is_over = now - self._failing_since_ms >= GIVEN_UP_MS
        if not is_over and not is_gone and now - item.since_ms >= GIVEN_UP_MS:
            self._metrics.webhook_deliveries("given-up")
            log.warning(
                "a webhook is given up", endpoint=self._endpoint.id, event_id=item.event.id, error=why
            )
            self._drop(item)
            return
        item.tries += 1
        item.due_ms = now + pause_ms(item.tries)
        self._note(item)
        if is_gone or is_over:
            self._disable("gone" if is_gone else "failing", why)

    def _note(self, item: Item) -> None:
        item.is_noted = True
        self._changes[item.event.seq] = {
            "tries": item.tries, "due_ms": item.due_ms, "since_ms": item.since_ms,
        }  # fmt: skip
        self._is_changed = True

    def _disable(self, reason: str, why: str) -> None:
        if self._disabled_at_ms:
            return
        self._disabled_at_ms, self._is_changed = self._clock.wall_ms(), True
        self._disabled_now = {"endpoint": self._endpoint.id, "reason": reason}
        self._metrics.webhook_deliveries("disabled")
        log.error(
            "a webhook is disabled: mend the endpoint, then run duologue admin webhooks retry",
            endpoint=self._endpoint.id,
            error=why,
        )

    # --- what the store knows --------------------------------------------------------

    async def _settle(self) -> None:
        cursor, now = self._cursor, self._clock.monotonic()
        is_due = now - self._noted_at >= NOTED_S  # also so that the state does not expire
        if not self._is_changed and not self._changes and not is_due:
            return
        changes, self._changes, self._is_changed = self._changes, {}, False
        disabled, self._disabled_now = self._disabled_now, None
        state = {
            "cursor": cursor,
            "url": self._endpoint.address.shown,
            "failing_since_ms": self._failing_since_ms,
            "disabled_at_ms": self._disabled_at_ms,
            "delivered_at_ms": self._delivered_at_ms,
            "retried_ms": self._retried_ms,
            "why": self._why,
        }
        self._noted_at, self._noted_cursor = now, cursor
        if not await self._outbox.settle(self._endpoint.id, self._holder, state, changes, disabled):
            raise ClaimLost

    async def _look_for_retry(self) -> None:
        if self._clock.monotonic() - self._looked_at >= RETRY_LOOK_S:
            self._looked_at = self._clock.monotonic()
            self._retry((await self._outbox.delivery(self._endpoint.id)).retry_ms)

    def _retry(self, asked_ms: int) -> None:
        """An operator asked for another try: everything that is owed is due."""
        if asked_ms <= self._retried_ms:
            return
        self._retried_ms, self._is_changed = asked_ms, True
        self._disabled_at_ms = self._failing_since_ms = 0
        for item in self._items.values():
            item.due_ms = item.since_ms = 0
