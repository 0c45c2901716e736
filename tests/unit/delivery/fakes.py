"""What the units of delivery and workers are tested against: a clock to turn, and a scripted state machine.

``Script`` has no rules of its own: a test says what each call answers, and when.
The same units run on the real machine in ``tests/integration``.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import msgspec

from duologue.delivery.connection import Connection
from duologue.delivery.contact import Contact
from duologue.delivery.hub import Hub
from duologue.delivery.polls import Polls
from duologue.delivery.stream import Stream
from duologue.media.peer import Peer
from duologue.media.port import MediaPort
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import (
    NO_MARKS,
    Attached,
    Beat,
    ConnectionId,
    Crowded,
    DetachCause,
    Held,
    Marks,
    Note,
    PageId,
    PersonId,
    ProcessId,
    Reattached,
    Scanned,
    TakenOver,
)

T = TypeVar("T")

PROCESS = ProcessId("s_1")
ANN = PersonId("ann")
PAGE = PageId("page1")


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def in_own_task(context: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a context in one task: a fixture's two halves run in two, a task group in one."""
    entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        try:
            async with context as value:
                entered.set_result(value)
                await leave.wait()
        except BaseException as error:
            if not entered.done():
                entered.set_exception(error)
            raise

    task = asyncio.ensure_future(hold())
    try:
        yield await entered
    finally:
        leave.set()
        await task


class FakeClock:
    """Time that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall_offset_ms = 1_764_000_000_000.0
        self._due: list[tuple[float, asyncio.Event]] = []

    def monotonic(self) -> float:
        return self.now

    def wall_ms(self) -> float:
        return self.wall_offset_ms + self.now * 1000

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        if seconds <= 0:
            return event.is_set()
        over = asyncio.Event()
        self._due.append((self.now + seconds, over))
        waits = [asyncio.ensure_future(each.wait()) for each in (event, over)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return event.is_set()

    async def turn(self, seconds: float, step: float = 0.05) -> None:
        """Let so much time pass, in steps small enough for whatever waits to see each."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now = min(until, self.now + step)
            for due, over in self._due:
                if due <= self.now:
                    over.set()
            self._due = [each for each in self._due if not each[1].is_set()]
            await settle()


def state(version: int, match: str = "", last: int = 0, **more: Any) -> bytes:
    """A state as the scripts write it."""
    whole: dict[str, Any] = {"state": "matched" if match else "waiting", "version": version, **more}
    if match:
        whole["match"] = {
            "match": match,
            "partner": {"alias": "", "away_until_ms": None},
            "media": {"kind": "peer", "role": "polite"},
            "messages": {"first": 1, "last": last},
        }
    return msgspec.json.encode(whole)


def attached(
    version: int, match: str = "", messages: Sequence[Note] = (), signals: Sequence[Note] = ()
) -> Attached:
    """An attach's answer."""
    message_n = messages[-1].n if messages else 0
    signal_n = signals[-1].n if signals else 0
    return Attached(
        state(version, match, message_n),
        version,
        5000,
        match,
        message_n,
        signal_n,
        list(messages),
        list(signals),
    )


def message(n: int, match: str = "m_1", at_ms: int = 1) -> Note:
    """A kept message."""
    made = {"type": "message", "at_ms": at_ms, "match": match, "n": n, "text": f"text {n}"}
    return Note(n, msgspec.json.encode(made))


def said(connection: Connection, version: int, *frames: bytes, state_: bytes | None = None) -> bytes:
    """A publication of state frames."""
    head = f"S {connection.person} {connection.id} {version}".encode()
    return b"\n".join([head, state_ or state(version), *frames])


def frame(kind: str, **fields: Any) -> bytes:
    """A frame as a script makes it: complete but for the state."""
    return msgspec.json.encode({"type": kind, "at_ms": 1, **fields})


class Script(Machine):
    """A state machine that answers what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, list[Any]] = defaultdict(list)
        """By method: what the next calls answer; an exception is raised, an event is waited for first."""
        self.usual: dict[str, Any] = {
            "attach": attached(10),
            "detach": True,
            "renew": 0,
            "reattach": [],
            "stray": 0,
            "echo": 1,
            "beat": Beat(True, 7, 1, 1_764_001_000_000),
            "sweep": False,
            "bury": False,
            "scan": Scanned(False, 0, 0),
            "tell": False,
        }
        self.on_echo: Callable[[str], None] = lambda _: None

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of this method."""
        return [call[1:] for call in self.calls if call[0] == name]

    async def _answer(self, name: str, *args: Any) -> Any:
        self.calls.append((name, *args))
        while self.answers[name]:
            answer = self.answers[name].pop(0)
            if isinstance(answer, asyncio.Event):
                await answer.wait()
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer
        return self.usual[name]

    async def attach(
        self,
        person: PersonId,
        connection: ConnectionId,
        process: ProcessId,
        page: str,
        alias: str | None = None,
        after_match: str = "",
        after_n: int = 0,
        after_at_ms: int = 0,
        marks: Marks = NO_MARKS,
    ) -> Attached | TakenOver | Crowded:
        known = (marks,) if any(marks) else ()
        answer: Attached | TakenOver | Crowded = await self._answer(
            "attach", person, connection, process, page, alias, after_match, after_n, after_at_ms, *known
        )
        return answer

    async def detach(self, person: PersonId, connection: ConnectionId, cause: DetachCause) -> bool:
        return bool(await self._answer("detach", person, connection, cause))

    async def renew(self, person: PersonId, until_ms: int = 0) -> int:
        return int(await self._answer("renew", person))

    async def reattach(self, process: ProcessId, held: Sequence[Held]) -> list[Reattached]:
        answer: list[Reattached] = await self._answer("reattach", process, list(held))
        return answer

    async def stray(self, process: ProcessId, holds: Callable[[PersonId, ConnectionId], bool]) -> int:
        return int(await self._answer("stray", process, holds))

    async def echo(self, process: ProcessId, token: str) -> int:
        heard_by = int(await self._answer("echo", process, token))
        self.on_echo(token)
        return heard_by

    async def beat(
        self, process: ProcessId, on_sse: int = 0, on_poll: int = 0, *, is_slow: bool = False
    ) -> Beat:
        answer: Beat = await self._answer("beat", process, on_sse, on_poll, *(("slow",) if is_slow else ()))
        return answer

    async def sweep(self) -> bool:
        return bool(await self._answer("sweep"))

    async def bury(self) -> bool:
        return bool(await self._answer("bury"))

    async def scan(self, process: ProcessId) -> Scanned:
        answer: Scanned = await self._answer("scan", process)
        return answer

    async def tell(self, pool: str) -> bool:
        return bool(await self._answer("tell", pool))


class Scene:
    """A hub on a scripted machine and a clock to turn."""

    def __init__(self, media: MediaPort | None = None) -> None:
        self.clock = FakeClock()
        self.metrics = Metrics()
        self.machine = Script()
        self.contact = Contact(self.clock, self.metrics)
        self.contact.sequence.begun.set()
        self.contact.sequence.opened("run1")
        self.contact.sequence.counted(0)
        self.hub = Hub(
            self.machine,
            PROCESS,
            media=media or Peer([{"urls": ["stun:s"]}]),
            contact=self.contact,
            metrics=self.metrics,
            clock=self.clock,
            wake_rooms=lambda: self.wakes.append("R"),
        )
        self.wakes: list[str] = []
        """Each time that the workers of rooms were woken."""
        self.polls = Polls(self.hub, self.clock)

    def value(self, name: str, **labels: str) -> float:
        """A metric's value now."""
        return self.metrics.registry.get_sample_value(f"duologue_{name}", labels) or 0.0


async def frames(connection: Stream) -> list[dict[str, Any]]:
    """What waits to be written, as frames; empty if nothing does."""
    await settle()
    taken: list[bytes] = []
    while connection.has_waiting:
        taken.append(await anext(connection))
    return parsed(b"".join(taken))


def parsed(raw: bytes) -> list[dict[str, Any]]:
    """The ``data`` of each block, with the other fields of the block under ``sse``."""
    found = []
    for block in raw.decode().split("\n\n"):
        if not block:
            continue
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data: dict[str, Any] = msgspec.json.decode(fields.pop("data"))
        data["sse"] = fields
        found.append(data)
    return found
