"""People: each has a session, an event stream and a conversation, and answers what a page would answer.

A person pulses once for each sign of life that is owed, with ``media: open``; so a match has one pulse of
each side. A waiting person answers heartbeats. A stream that ends is opened again as the shipped clients do,
after the delay that the server named or with full jitter; so is one that is quiet for 20 s, or brings
nothing for 6 s (``Crowd.watch``). Where there are several servers, a stream goes to the next one each time.
"""

import asyncio
import random
import secrets
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from time import perf_counter
from typing import Any

import msgspec

from duologue.bench.wire import CONNECTION_LOST, Lines, StreamSocket, Target

FIRST_ADDRESS = int(IPv4Address("198.18.0.0"))
ADDRESSES = 1 << 17
"""198.18.0.0/15, which RFC 2544 reserves for benchmarks. Each person has an address, as in life: limits and
the network's mark work as shipped where the server trusts our ``X-Forwarded-For`` (127.0.0.1, by default)."""
OPENING = 48
"""Sessions and streams that are opened at a time."""
FIRST_BACKOFF_S = 0.4
CAP_S = 30.0
"""The longest back-off of the shipped clients."""
QUIET_S = 20.0
FIRST_S = 6.0
"""The shipped clients take a stream for dead that is quiet for so long, or brings no first event."""
FALSE_ENDINGS = frozenset({"partner-lost", "no-show", "media-failed", "you-were-away"})
"""Reasons that nobody in this crowd gives."""
SKIPPED = "skipped"
OK = 200
CREATED = 201
UNAVAILABLE = 503
AGAIN_S = 1.0
PATIENCE_S = 60.0
SETTLE_S = 0.25


class Traffic(Enum):
    """What people say besides skips and pulses."""

    PLAIN = "plain"
    PEER = "peer"
    """Descriptions and candidates, 4 signals of each side per match."""
    LIVEKIT = "livekit"
    """``open`` once the room is, and an ``ack`` for each room that closes."""


class Probe(msgspec.Struct):
    """A sign of life that is owed."""

    probe: str


class MediaState(msgspec.Struct):
    """How the media of a match are."""

    ready: bool = True
    role: str = ""


class MatchState(msgspec.Struct):
    """The conversation."""

    match: str
    media: MediaState = msgspec.field(default_factory=MediaState)


class State(msgspec.Struct):
    """A person's state, as far as it matters here."""

    state: str
    match: MatchState | None = None
    probe: Probe | None = None


class Event(msgspec.Struct):
    """One event of a stream."""

    type: str
    match: str = ""
    state: State | None = None
    after_ms: float = 0
    reason: str = ""


class Reply(msgspec.Struct):
    """The answer to a command."""

    outcome: str = ""
    state: State | None = None


class Granted(msgspec.Struct):
    """The answer that begins a session."""

    token: str


_event = msgspec.json.Decoder(Event)
_reply = msgspec.json.Decoder(Reply)

DESCRIPTION = "v=0\r\n" + "a=candidate-attribute-of-a-description-of-video\r\n" * 60
CANDIDATE = {"candidate": "candidate:1 1 udp 2122260223 198.18.0.1 50000 typ host", "sdpMid": "0"}


@dataclass(slots=True)
class Counts:
    """What happened since the counts were taken last."""

    events: int = 0
    pulses: int = 0
    signals: int = 0
    opened: int = 0
    """Streams opened."""
    endings: int = 0
    """Conversations that ended for a reason that nobody gave, as one of the two read it."""
    told_in_vain: int = 0
    """People who read `unavailable` on a stream that had brought their state, while there was no outage."""
    held_back: int = 0
    """Streams that brought nothing in time."""
    answers: Counter[int] = field(default_factory=Counter)
    """Answers to commands by status; 0 for a connection that was lost."""
    told_s: list[float] = field(default_factory=list)
    """From a skip (when it was due) to the partner's ``force-disconnect``, in seconds."""


class Person:
    """One person."""

    def __init__(self, crowd: "Crowd", number: int, target: Target, lines: Lines) -> None:
        self.crowd = crowd
        self.target = target
        self.lines = lines
        self.address = str(IPv4Address(FIRST_ADDRESS + number % ADDRESSES))
        self.page = secrets.token_urlsafe(9)
        self.token = ""
        self.state = ""
        self.match = ""
        self.is_away = True
        """The stream is closed, or its last word was ``unavailable``."""
        self.back_at = 0.0
        """When a stream said the state after an absence."""
        self.is_ready = False
        """May skip: talks, and the pulse was answered."""
        self.on_state: Callable[[Person], None] | None = None
        self._answered = ""
        self._opened_room = ""
        self._stream: StreamSocket | None = None
        self._tries = 0
        self._head = b""
        self._named_s: float | None = None
        """The delay that the server named for the next stream."""
        self._opened_at = 0.0
        self._heard_at = 0.0
        """When the open stream brought something last; 0.0: nothing yet."""
        self._has_state = False
        """The stream that is open brought a state."""

    async def begin(self) -> None:
        """Begin a session and open the stream; return when the stream said the first state."""
        body = await self._insist("/v1/sessions", b'{"cookie":false}', CREATED)
        self.token = msgspec.json.decode(body, type=Granted).token
        self._head = b""
        arrived = asyncio.Event()
        self.on_state = lambda _: arrived.set()
        self._open()
        async with asyncio.timeout(PATIENCE_S):
            await arrived.wait()
        self.on_state = None

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the answer to one command."""
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        def answered(status: int, said: bytes) -> None:
            if not future.done():
                future.set_result((status, said))

        self.post(path, body, answered)
        async with asyncio.timeout(PATIENCE_S):
            return await future

    async def join(self, *tags: str) -> None:
        """Ask for a partner. Raises ``RuntimeError`` unless that was accepted."""
        wish: dict[str, Any] = {"intent": self.crowd.next_intent(), **({"tags": tags} if tags else {})}
        await self._insist("/v1/join", msgspec.json.encode(wish), OK)

    async def _insist(self, path: str, body: bytes, wanted: int) -> bytes:
        """Return the body of the answer; a server that is busy is asked again. Raises ``RuntimeError``."""
        status, said = CONNECTION_LOST, b""
        for _ in range(round(PATIENCE_S / AGAIN_S)):
            status, said = await self.ask(path, body)
            if status == wanted:
                return said
            if status not in (CONNECTION_LOST, UNAVAILABLE):
                break
            await asyncio.sleep(AGAIN_S)
        raise RuntimeError(f"{path} was answered {status}: {said[:200].decode(errors='replace')}")

    def post(self, path: str, body: bytes, answered: Callable[[int, bytes], None]) -> None:
        """Send a command."""
        head = self._head or self._make_head()
        request = b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (
            path.encode(),
            head,
            len(body),
            body,
        )
        self.lines.ask(request, answered)

    def skip(self, due_at: float, done: Callable[[str], None]) -> None:
        """Skip the partner; ``done`` gets the outcome, or the status of what is not 200."""
        match, self.is_ready = self.match, False
        crowd = self.crowd
        crowd.skips[match] = due_at

        def answered(status: int, body: bytes) -> None:
            crowd.counts.answers[status] += 1
            outcome = _reply.decode(body).outcome if status == OK else str(status)
            if outcome != SKIPPED:
                crowd.skips.pop(match, None)
            if status != OK:
                self._become_ready()
            done(outcome)

        self.post("/v1/skip", b'{"match":"%b"}' % match.encode(), answered)

    def close(self) -> None:
        """Close the stream, without a word."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    # --- within ----------------------------------------------------------------------

    def _make_head(self) -> bytes:
        lines = [f"Host: {self.target.host}:{self.target.port}", f"X-Forwarded-For: {self.address}"]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        head = "".join(f"{line}\r\n" for line in [*lines, "Content-Type: application/json"]).encode()
        self._head = head
        return head

    def _open(self) -> None:
        head = (self._head or self._make_head()).replace(b"Content-Type: application/json\r\n", b"")
        request = b"GET /v1/events?page=%b HTTP/1.1\r\n%bAccept: text/event-stream\r\n\r\n" % (
            self.page.encode(),
            head,
        )
        self._opened_at, self._heard_at, self._has_state = perf_counter(), 0.0, False
        self._stream = stream = StreamSocket(request, self._data, self._ended)
        self.crowd.counts.opened += 1
        self.crowd.spawn(self._connect(stream))

    async def _connect(self, stream: StreamSocket) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: stream, *self.target)
        except OSError:
            self._ended(0)

    def _ended(self, status: int) -> None:
        self.is_away = True
        stream, self._stream = self._stream, None
        if self.crowd.is_closed or stream is None or status in (401, 404, 422):
            return
        named_s, self._named_s = self._named_s, None
        if named_s is None:
            named_s = random.random() * min(CAP_S, FIRST_BACKOFF_S * 2 ** min(self._tries, 16))
            self._tries += 1
        asyncio.get_running_loop().call_later(named_s, self._return)

    def _return(self) -> None:
        if not self.crowd.is_closed and self._stream is None:
            self.target, self.lines = self.crowd.after(self.target)
            self._head = b""
            self._open()

    def look(self, now: float) -> None:
        """Give up a stream that is quiet for too long."""
        if self._stream is None:
            return
        first = self._heard_at == 0.0
        if now - (self._opened_at if first else self._heard_at) > (FIRST_S if first else QUIET_S):
            self.crowd.counts.held_back += first
            self._stream.close()
            self._ended(0)

    def _data(self, data: bytes) -> None:
        event = _event.decode(data)
        crowd = self.crowd
        crowd.counts.events += 1
        self._heard_at = perf_counter()
        self._count(event)
        if event.type == "force-disconnect":
            due_at = crowd.skips.pop(event.match, 0.0)
            if due_at:
                crowd.counts.told_s.append(perf_counter() - due_at)
        elif event.type == "unavailable":
            self.is_away = True
        elif event.type == "reconnect":
            self._named_s = event.after_ms / 1000
        elif event.type == "partner-away":
            self._pulse(b'{"match":"%b","media":"open"}' % self.match.encode(), self.match)
        elif event.type == "heartbeat":
            if self.state == "waiting":
                self._pulse(b"{}", self.match)
        elif event.type == "room-closing":
            self.post("/v1/ack", b'{"match":"%b","of":"room-closing"}' % event.match.encode(), _nothing)
        if event.state is not None:
            self._take(event.state, event.type == "snapshot")

    def _count(self, event: Event) -> None:
        counts = self.crowd.counts
        if event.type in ("force-disconnect", "idle") and event.reason in FALSE_ENDINGS:
            counts.endings += 1
        elif event.type == "unavailable":
            counts.told_in_vain += self._has_state and not self.crowd.is_outage

    def _take(self, state: State, is_snapshot: bool) -> None:
        self._tries, self._has_state = 0, True
        if self.is_away:
            self.is_away, self.back_at = False, perf_counter()
        self.state = state.state
        match = state.match.match if state.match is not None else ""
        if match != self.match:
            self.match, self.is_ready = match, False
            if match and state.match is not None:
                self._greet(match, state.match)
        elif is_snapshot and match and not self.is_ready:
            self._answered = ""
        owed = state.probe.probe if state.probe is not None else match
        if owed and owed != self._answered:
            self._answered = owed
            self._sign(match, state)
        elif state.match is not None and state.match.media.ready and match != self._opened_room:
            self._sign(match, state)  # the room of LiveKit is open now
        if self.on_state is not None:
            self.on_state(self)

    def _sign(self, match: str, state: State) -> None:
        if state.match is None:
            self._pulse(b"{}", match)
        elif state.match.media.ready:
            self._opened_room = match
            self._pulse(b'{"match":"%b","media":"open"}' % match.encode(), match)
        else:
            self._pulse(b'{"match":"%b"}' % match.encode(), match)

    def _pulse(self, body: bytes, match: str) -> None:
        self.crowd.counts.pulses += 1

        def answered(status: int, _: bytes) -> None:
            self.crowd.counts.answers[status] += 1
            if match != self.match:
                return
            if status == OK:
                self._become_ready()
            elif status in (CONNECTION_LOST, UNAVAILABLE) and not self.crowd.is_closed:
                # As the shipped clients: what is owed is said again for as long as it is owed, and a load
                # balancer leads it to a server that lives.
                again_s = AGAIN_S * (1 + random.random())
                if status == CONNECTION_LOST and (next_ := self.crowd.after(self.target)) != (
                    self.target,
                    self.lines,
                ):
                    (self.target, self.lines), self._head, again_s = next_, b"", AGAIN_S / 10
                asyncio.get_running_loop().call_later(again_s, self._pulse_again, body, match)

        self.post("/v1/pulse", body, answered)

    def _pulse_again(self, body: bytes, match: str) -> None:
        if match == self.match and not self.crowd.is_closed:
            self._pulse(body, match)

    def _become_ready(self) -> None:
        if self.match and not self.is_ready:
            self.is_ready = True
            self.crowd.is_ready(self)

    def _greet(self, match: str, state: MatchState) -> None:
        if self.crowd.traffic is not Traffic.PEER:
            return
        kind = "offer" if state.media.role == "impolite" else "answer"
        said: list[dict[str, Any]] = [{"description": {"type": kind, "sdp": DESCRIPTION}}]
        said += [{"candidate": CANDIDATE}] * 3
        for number, each in enumerate(said):
            body = {"match": match, "key": f"{self.page}{number}", "data": {"from": self.page, **each}}
            self.crowd.counts.signals += 1
            self.post("/v1/signal", msgspec.json.encode(body), self._signalled)

    def _signalled(self, status: int, _: bytes) -> None:
        self.crowd.counts.answers[status] += 1


def _nothing(_: int, __: bytes) -> None:
    """Take an answer that says nothing more."""


class Crowd:
    """All people of one generator, spread evenly over the servers.

    Example::

        async with Crowd(["http://127.0.0.1:8000"]) as crowd:
            await crowd.come(100)
    """

    def __init__(
        self, urls: Sequence[str], *, traffic: Traffic = Traffic.PLAIN, first_number: int = 0
    ) -> None:
        """``first_number``: where the addresses of these people begin."""
        self.people: list[Person] = []
        self.traffic = traffic
        self.counts = Counts()
        self.skips: dict[str, float] = {}
        """When the skip of a match was due; until its partner was told."""
        self.is_closed = False
        self.is_outage = False
        """The store is away on purpose: everybody is affected."""
        self._targets = [Target.parse(url) for url in urls]
        self._lines = [Lines(target) for target in self._targets]
        self._first_number = first_number
        self._ready: deque[Person] = deque()
        self._wanted: deque[Callable[[Person], None]] = deque()
        self._intent = 1_764_000_000_000
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Crowd":
        """Return the crowd itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all sockets."""
        self.is_closed = True
        for person in self.people:
            person.close()
        for lines in self._lines:
            await lines.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def new_person(self) -> Person:
        """Return one more person, who has not begun."""
        number = len(self.people)
        place = number % len(self._targets)
        person = Person(self, self._first_number + number, self._targets[place], self._lines[place])
        self.people.append(person)
        return person

    async def come(self, count: int) -> None:
        """Bring so many people, who look for a partner; return when the last join was answered."""
        people = iter([self.new_person() for _ in range(count)])

        async def some() -> None:
            for person in people:
                await person.begin()
                await person.join()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(OPENING, count)):
                group.create_task(some())

    async def settle(self) -> None:
        """Return when as many people talk as will: most of them, and no more than a moment before.

        Raises ``TimeoutError`` if half of the people do not find a partner.
        """
        talking = -1
        async with asyncio.timeout(PATIENCE_S):
            while (now := self.talking) != talking or now < len(self.people) // 2:
                talking = now
                await asyncio.sleep(SETTLE_S)

    def after(self, target: Target) -> tuple[Target, Lines]:
        """Return the server after this one, as a load balancer would lead there."""
        place = (self._targets.index(target) + 1) % len(self._targets)
        return self._targets[place], self._lines[place]

    async def watch(self) -> None:
        """Give up streams that are quiet for too long, until the crowd is closed."""
        while not self.is_closed:  # it looks at the time, too
            await asyncio.sleep(SETTLE_S)
            now = perf_counter()
            for person in self.people:
                person.look(now)

    @property
    def talking(self) -> int:
        """How many people are in a conversation and have answered what they owed."""
        return sum(person.is_ready for person in self.people)

    def spawn(self, work: Any) -> None:
        """Run a coroutine that ends with the crowd."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def next_intent(self) -> int:
        """Return a number for a press."""
        self._intent += 1
        return self._intent

    def taken(self) -> Counts:
        """Return what was counted, and count from nothing."""
        counts, self.counts = self.counts, Counts()
        return counts

    # --- who skips next: the one who has talked longest --------------------------------

    def is_ready(self, person: Person) -> None:
        """Let this person skip; one who was asked for skips at once."""
        if self._wanted:
            self._wanted.popleft()(person)
        else:
            self._ready.append(person)

    def want(self, take: Callable[[Person], None]) -> None:
        """Give ``take`` a person who may skip, now or when there is one."""
        while self._ready:
            person = self._ready.popleft()
            if person.is_ready and person.match and person.match not in self.skips:
                take(person)
                return
        self._wanted.append(take)

    def unwant(self) -> None:
        """Forget everybody who was asked for and has not come."""
        self._wanted.clear()
