"""The connections that this process holds, and the order of what happens to each.

Rules kept here:

- A connection is registered before its attach runs, and holds what arrives until the
  snapshot is written (race E5).
- Attach, re-attach and detach of one connection wait for each other. When an attach
  answers and its socket is gone by then, the detach follows it (races E16, E34).
- Attaches wait in one queue (``attaches``), and nothing is repeated on a timer while the
  store is away: a stream stays open and is told once that it waits.
- Opening and closing do not wait, so a cancelled stream cannot lose its detach: that
  runs in the hub's own task group. A detach that fails is left to ``stray`` (race E13).
- Publications for connections that we do not hold are dropped (races E14, E15).
"""

import asyncio
import contextlib
import heapq
import itertools
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Protocol

import structlog

from duologue.delivery.attaches import Attaches
from duologue.delivery.clock import Clock
from duologue.delivery.connection import Connection, End, Means
from duologue.delivery.contact import Contact
from duologue.delivery.offer import Offer
from duologue.delivery.poll import Poll
from duologue.delivery.publication import (
    Echo,
    MalformedPublication,
    Publication,
    RoomWake,
    read,
)
from duologue.delivery.stream import Stream
from duologue.media.port import MediaPort
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import (
    NO_MARKS,
    Attached,
    Barred,
    ConnectionId,
    Crowded,
    DetachCause,
    Held,
    LastRead,
    Marks,
    PageId,
    PersonId,
    ProcessId,
    Reattached,
    TakenOver,
)
from duologue.store.client import StoreError

HEARTBEAT_S = 15.0
FIRST_HEARTBEAT_S = 2.0
"""The earliest first heartbeat."""
GOLDEN = 0.618033988749895
"""Multiples of it, modulo 1, are spread evenly, however many there are."""
TICK_S = 0.25
MAX_OF_ONE_PERSON = 4
"""A person has one connection; more are only for the moments until the store said so."""
AGAIN_S = (0.5, 1.0)
"""Pause before a failed attach is queued again while the store answers others; doubled with each failure."""
AGAIN_DOUBLED = 4
"""At most so often."""
UNTOLD_S = 2.0
"""A stream whose attach waits longer is told so: a client takes one for dead that brings nothing for 6 s."""
DRAIN_SPAN_S = 15.0
"""People of a drain come back within this time, however many they are: after 20 s their partners are told."""
AT_ONCE = 200
"""Detaches under way at a time: the size of a re-attach batch, for the same reason."""
NOTHING_READ = LastRead()
FLUSH_S = 2.0
"""How long a drain waits for streams to take their last frame; TCP's own buffers take most at once."""
DETACH_S = 5.0

log = structlog.get_logger(__name__)


class Addresses(Protocol):
    """The part of ``pairing.machine.Machine`` that is about connections; see there."""

    async def attach(
        self,
        person: PersonId,
        connection: ConnectionId,
        process: ProcessId,
        page: str,
        alias: str | None,
        after_match: str,
        after_n: int,
        after_at_ms: int,
        marks: Marks,
        /,
    ) -> Attached | TakenOver | Crowded | Barred:
        """The connection is the person's one connection; the answer is the snapshot."""

    async def detach(self, person: PersonId, connection: ConnectionId, cause: DetachCause, /) -> bool:
        """The connection is gone, if it was still the person's."""

    async def renew(self, person: PersonId, /) -> int:
        """Until when renewals say that the person's session lasts (ms); 0: none is known."""

    async def reattach(self, process: ProcessId, held: Sequence[Held], /) -> list[Reattached]:
        """What the store makes of the connections that a process holds, in the same order."""

    async def stray(self, process: ProcessId, holds: Callable[[PersonId, ConnectionId], bool], /) -> int:
        """Detach people who are listed in the store at this process without a connection here; return
        how many."""


def new_connection_id() -> ConnectionId:
    """96 random bits: never a counter, never used again."""
    return ConnectionId("c_" + secrets.token_urlsafe(12))


class Hub:
    """All connections of one process: the streams, and for ``polls`` those that poll.

    Example::

        contact = Contact(clock, metrics)
        hub = Hub(machine, process, media=Peer(), contact=contact, metrics=metrics, clock=clock)
        async with hub.running():  # ends with a drain
            with hub.open(person, page, alias="") as connection:
                async for data in connection:
                    await write(data)
    """

    def __init__(
        self,
        machine: Addresses,
        process: ProcessId,
        *,
        media: MediaPort,
        contact: Contact,
        metrics: Metrics,
        clock: Clock,
        offer: Offer = Offer(),  # noqa: B008 # it cannot be changed
        wake_rooms: Callable[[], None] = lambda: None,
    ) -> None:
        """``wake_rooms``: called when a room waits to be opened or deleted (LiveKit media)."""
        self.machine = machine
        self.process = process
        self.contact = contact
        self.means = Means(media, contact, metrics, offer, self.doubt)
        self.doubtful: set[Connection] = set()
        self._wake_rooms = wake_rooms
        self.metrics = metrics
        self._clock = clock
        self._by_id: dict[ConnectionId, Connection] = {}
        self._open: dict[Connection, float] = {}
        self._by_person: dict[PersonId, list[Connection]] = {}
        self._heartbeats: list[tuple[float, int, ConnectionId]] = []
        self._heartbeats_begun = 0
        self._group: asyncio.TaskGroup | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._detaching = asyncio.Semaphore(AT_ONCE)
        self.attaches = Attaches(clock)
        self._untold: deque[tuple[float, Stream]] = deque()
        """Streams by when they must have been told something, in order."""
        self._away_told = False
        self._answering = asyncio.Event()
        """Set while the store is not away."""
        self._answering.set()

    # --- life ------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it streams can be opened; leaving it drains. Enter and leave in one task."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            heartbeats = group.create_task(self._keep_beating())
            try:
                yield
            finally:
                await self.drain()
                heartbeats.cancel()

    async def drain(self) -> None:
        """Every stream is told ``reconnect`` and ended, every person detached as our own doing.

        Bounded (7 s at worst); repeatable. From its first step on nobody is let in and
        no beat is sent. People whose detach failed are buried by another process.
        """
        if not self.contact.draining:
            log.info("draining", people=len(self._by_person))
        self.contact.draining = True
        # People who wait go first: until they are detached they can be paired, and a partner would sit alone.
        for connection in sorted(self._open, key=lambda one: one.urgent):
            connection.reconnect(End.DRAIN, self._drain_span_s)
        await self._until_quiet(FLUSH_S)
        for connection in list(self._open):
            self.close(connection)  # a reader who does not take the last frame
        await self._until_quiet(DETACH_S)
        for task in self._under_way:  # calls to a store that hangs would be repeated, each in its own time
            task.cancel()

    @property
    def _drain_span_s(self) -> float:
        return min(self.attaches.pace.span_s(len(self._by_person)), DRAIN_SPAN_S)

    async def _until_quiet(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open or self._under_way:
                    self._changed.clear()
                    await self._changed.wait()

    # --- connections -----------------------------------------------------------------

    @contextlib.contextmanager
    def open(
        self,
        person: PersonId,
        page: PageId,
        *,
        alias: str,
        after: LastRead = NOTHING_READ,
        expires_at_ms: int = 0,
        marks: Marks = NO_MARKS,
    ) -> Iterator[Stream]:
        """A stream of this person, attached in the background; detached when the block is left.

        ``after``: the last message read. Never waits, never raises.
        """
        stream = Stream(
            person,
            page,
            new_connection_id(),
            self.means,
            alias=alias,
            after=after,
            expires_at_ms=expires_at_ms,
            marks=marks,
        )
        self.metrics.stream_opened()
        if self.contact.draining:
            self._open[stream] = self._clock.monotonic()
            stream.reconnect(End.DRAIN, self._drain_span_s)
        else:
            self._begin_heartbeats(stream)
            self.enter(stream)
            self._untold.append((self._clock.monotonic() + UNTOLD_S, stream))
            if self._away_told:
                stream.unavailable()
            self.spawn(self._attach(stream))
        try:
            yield stream
        finally:
            self.close(stream)

    def enter(self, connection: Connection) -> None:
        """It is ours from now on: to be done before its first attach."""
        self._open[connection] = self._clock.monotonic()
        self._by_id[connection.id] = connection
        own = self._by_person.setdefault(connection.person, [])
        own.append(connection)
        self._count(connection, 1)
        live = [one for one in own if one.ended is None]
        if len(live) > MAX_OF_ONE_PERSON:
            live[0].end(End.REPLACED)

    def _forget(self, connection: Connection) -> None:
        self._by_id.pop(connection.id, None)
        own = self._by_person[connection.person]
        own.remove(connection)
        if not own:
            del self._by_person[connection.person]
        self._count(connection, -1)

    def _count(self, connection: Connection, by: int) -> None:
        self.contact.people_here = len(self._by_person)
        if isinstance(connection, Poll):
            self.contact.polls_here += by

    def close(self, connection: Connection) -> None:
        """It ended, or ends now; who is still attached by it is detached. Can be repeated."""
        opened_at = self._open.pop(connection, None)
        if opened_at is None:
            return
        connection.end(End.CLOSED)
        self.attaches.leave(connection)
        self.doubtful.discard(connection)
        why = connection.ended or End.CLOSED
        if isinstance(connection, Stream):
            self.metrics.stream_ended(why, self._clock.monotonic() - opened_at)
            connection.drop_waiting()
        if connection.id in self._by_id:
            self.spawn(self._detach(connection, why.detach))
        self._changed.set()

    async def _attach(self, connection: Connection) -> None:
        """Attach until it is answered; if it fails, say so and wait in the queue again."""
        failures = 0
        while not await self._attach_in_turn(connection):
            connection.unavailable()
            pause_s = random.uniform(*AGAIN_S) * 2 ** min(failures, AGAIN_DOUBLED)
            failures += 1
            await self._clock.sleep(pause_s)
            await self._answering.wait()

    async def _attach_in_turn(self, connection: Connection) -> bool:
        """Return whether nothing is left to be done: it was answered, or it ended before its turn came."""
        async with self.attaches.place(connection) as granted, connection.turn:
            return not granted or connection.ended is not None or await self.attach_once(connection)

    async def attach_once(self, connection: Connection) -> bool:
        """Attach it, in its turn; whether the store answered. A defect ends the connection, and is raised."""
        connection.claimed = True
        generation, suspicions = self.contact.generation, self.contact.suspicions
        try:
            answer = await self.machine.attach(
                connection.person,
                connection.id,
                self.process,
                connection.page,
                connection.alias,
                *connection.after,
                connection.marks,
            )
        except StoreError as error:
            log.info("attach failed", error=str(error))
            self.attaches.pace.interrupted()
            return False
        except Exception:
            connection.end(End.DEFECT)  # or it would stay open for ever and say nothing
            raise
        self.attaches.answered()
        if isinstance(answer, TakenOver):
            connection.claimed = False
            log.debug("taken over", often=True, person=connection.person)
            connection.taken_over()
        elif isinstance(answer, Crowded):
            connection.claimed = False
            self.metrics.limited("people", "network")
            connection.crowded()
        elif isinstance(answer, Barred):
            connection.claimed = False
            connection.barred(answer.sanction)
        else:
            connection.attach_answered(answer, "connected", generation)
            if suspicions != self.contact.suspicions:
                self.doubt(connection)  # the round for everybody may have passed it over
        return True

    async def _detach(self, connection: Connection, cause: DetachCause | None) -> None:
        """Detach it once nothing is under way for it, fenced by its id.

        A connection that was never attached needs no call: it does not wait behind those that do. While the
        store is away they wait as long as it is, and streams come and go all the time.
        """
        async with connection.turn:
            if cause is None or not connection.claimed:
                self._forget(connection)
                return
            async with self._detaching:
                self._forget(connection)
                try:
                    await self.machine.detach(connection.person, connection.id, cause)
                except StoreError as error:
                    self.metrics.detach_failed()
                    log.info("detach failed, left to stray", error=str(error))

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run it in the hub's own task: it goes on when its caller ends, and a drain waits for it."""
        if self._group is None:
            raise RuntimeError("a hub opens streams only within `async with hub.running()`")
        task = self._group.create_task(self._guarded(work))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._changed.set()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            # One stream's trouble must not end the group, that is, everybody's streams.
            self.metrics.worker_failed("hub")
            log.exception("a stream's task failed")

    # --- what arrives ----------------------------------------------------------------

    def deliver(self, raw: bytes) -> None:
        """Take one publication from the feed. Never waits, never raises."""
        try:
            number, parts = read(raw)
        except MalformedPublication:
            log.exception("a publication that we cannot read")
            self.contact.suspect("malformed")
            return
        if number:
            self.contact.sequence.heard(number)
        for publication in parts:
            self._deliver(publication)

    def _deliver(self, publication: Publication) -> None:
        if isinstance(publication, Echo):
            self.contact.sequence.counted(publication.count)
            self.contact.echoed(publication.token)
            return
        if isinstance(publication, RoomWake):
            self._wake_rooms()
            return
        connection = self._by_id.get(publication.connection)
        if connection is None:
            return
        try:
            connection.take(publication)
        except Exception:
            # What one person cannot be told must not silence the feed of all: they come back for a snapshot.
            self.metrics.worker_failed("hub")
            log.exception("a publication that could not be written")
            connection.end(End.DEFECT)

    # --- what the workers call -------------------------------------------------------

    def connections(self) -> list[Connection]:
        """Those that are attached and still open, matched or owing first."""
        live = [one for one in self._open if one.attached and one.ended is None]
        live.sort(key=lambda one: not one.urgent)
        return live

    def holds(self, _person: PersonId, connection: ConnectionId) -> bool:
        """Whether it is ours: from before its attach runs until its detach does."""
        return connection in self._by_id

    def held(self, connections: Iterable[ConnectionId]) -> list[Connection]:
        """Return those of these connections that are still ours, attached and open."""
        known = map(self._by_id.get, connections)
        return [one for one in known if one is not None and one.attached and one.ended is None]

    @property
    def under_way(self) -> int:
        """How many attaches and detaches run or wait: the store may know of them, or not yet."""
        return len(self._under_way)

    @property
    def is_away(self) -> bool:
        """Whether people were told that the store is away."""
        return self._away_told

    def tell_unavailable(self) -> None:
        """No beat is possible: once a time away, on all streams, and on those opened meanwhile."""
        if not self._away_told:
            self._away_told = True
            self._answering.clear()
            self.attaches.stop()
            for connection in list(self._open):
                connection.unavailable()

    def available(self) -> None:
        """Note that beats are possible again; the next outage is told again."""
        if self._away_told:
            self._away_told = False
            self._answering.set()
            self.attaches.go_on()
            for connection in self._open:
                if connection.attached:
                    connection.available()

    @property
    def streams(self) -> int:
        """How many connections are open here; polls count as well."""
        return sum(one.ended is None for one in self._open)

    def send_elsewhere(self, most: int) -> None:
        """Send so many away: the store stays away from us, and another process may see it."""
        staying = (one for one in list(self._open) if one.ended is None)
        for connection in itertools.islice(staying, most):
            connection.reconnect(End.STORE_AWAY, self.attaches.pace.span_s(most))

    def tell_waiting(self) -> None:
        """Tell streams that their attach still waits, once each."""
        now = self._clock.monotonic()
        while self._untold and self._untold[0][0] <= now:
            _, stream = self._untold.popleft()
            if not stream.attached and stream.ended is None:
                stream.unavailable()

    def doubt(self, connection: Connection) -> None:
        """Something was missed on this one: the re-attach loop looks at it now."""
        self.doubtful.add(connection)
        self.contact.attention.set()

    async def _renewed_or_ended(self, stream: Stream) -> None:
        """A token ran out (race R21). Renewed in time, by whatever process, the conversation goes on."""
        try:
            until_ms = await self.machine.renew(stream.person)
        except StoreError as error:
            log.info("renewal not asked, again at the next heartbeat", error=str(error))
            return
        stream.expires_at_ms = max(stream.expires_at_ms, until_ms)
        if stream.token_ended():
            stream.session_ended()

    # --- heartbeats ------------------------------------------------------------------

    async def _keep_beating(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            try:
                self.tell_waiting()
                self.beat_hearts()
            except Exception:
                self.metrics.worker_failed("heartbeats")
                log.exception("a round of heartbeats failed")

    def _begin_heartbeats(self, stream: Stream) -> None:
        """Spread the first heartbeats of streams that open in one instant, and so all later ones.

        The queue names the stream and does not keep it: one that closed may have 256 KiB to say.

        After a restart thousands of clients open theirs within milliseconds: their heartbeats, and the
        answers of those who wait, would come in one burst every 15 s.
        """
        self._heartbeats_begun += 1
        spread = HEARTBEAT_S - FIRST_HEARTBEAT_S
        first_s = FIRST_HEARTBEAT_S + self._heartbeats_begun * GOLDEN % 1 * spread
        entry = (self._clock.monotonic() + first_s, self._heartbeats_begun, stream.id)
        heapq.heappush(self._heartbeats, entry)

    def beat_hearts(self) -> None:
        """Send the heartbeats that are due."""
        now = self._clock.monotonic()
        while self._heartbeats and self._heartbeats[0][0] <= now:
            due, n, which = heapq.heappop(self._heartbeats)
            stream = self._by_id.get(which)
            if isinstance(stream, Stream) and stream in self._open and stream.ended is None:
                stream.heartbeat()
                if stream.token_ended():
                    self.spawn(self._renewed_or_ended(stream))
                # From when it was due, not from now: the ticks' lateness must not add up.
                heapq.heappush(self._heartbeats, (max(due + HEARTBEAT_S, now), n, which))
