"""A clock that a test turns, and a server that answers as the test says."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from duologue.client.errors import Unreached
from duologue.client.model import Effect, Send
from duologue.client.transport import Answer
from duologue.client.vocabulary import Frame, PersonState, Reply

EPOCH_MS = 1_764_000_000_000


class FakeClock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def now_ms(self) -> int:
        return EPOCH_MS + round(self.elapsed_s * 1000)

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._at(seconds, lambda: None if awake.done() else awake.set_result(None))
        await awake

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as limit:
            loop, open_ = asyncio.get_running_loop(), [True]
            self._at(seconds, lambda: limit.reschedule(loop.time()) if open_[0] else None)
            try:
                yield
            finally:
                open_[0] = False

    async def turn(self, seconds: float = 0.0) -> None:
        """Everything that is due within this time happens, in order."""
        end = self.elapsed_s + seconds
        await settle()
        while self._due and self._due[0][0] <= end + 1e-9:
            at, _, act = heapq.heappop(self._due)
            self.elapsed_s = max(self.elapsed_s, at)
            act()
            await settle()
        self.elapsed_s = end

    def _at(self, seconds: float, act: Callable[[], Any]) -> None:
        heapq.heappush(self._due, (self.elapsed_s + seconds, next(self._order), act))


async def settle() -> None:
    """Whatever can run by now has run."""
    for _ in range(30):
        await asyncio.sleep(0)


class FakeStream:
    """An event stream that the test writes to."""

    def __init__(self, page: str, last_event_id: str, token: str) -> None:
        self.page = page
        self.last_event_id = last_event_id
        self.token = token
        self.status = 200
        self.closed = False
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        self._chunks.put_nowait(data)

    def frame(self, kind: str, *, id: str = "", retry: int = 0, **fields: Any) -> None:  # noqa: A002 # the field's name
        head = (f"retry: {retry}\n" if retry else "") + (f"id: {id}\n" if id else "")
        data = msgspec.json.encode({"type": kind, "at_ms": EPOCH_MS, **fields}).decode()
        self.write(f"{head}data: {data}\n\n".encode())

    def end(self) -> None:
        self.write(b"")

    def snap(self) -> None:
        """The socket breaks."""
        self._chunks.put_nowait(None)

    async def read(self) -> bytes:
        chunk = await self._chunks.get()
        if chunk is None:
            raise Unreached("the stream broke")
        return chunk


class FakePoll:
    """A long poll that the test answers."""

    def __init__(self, path: str, token: str) -> None:
        self.query = dict(parse_qsl(path.partition("?")[2]))
        self.token = token
        self.hung_up = False
        self.answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answer(self, found: dict[str, Any], *, transports: str = "both", **fields: Any) -> None:
        body = {"state": found, "messages": [], "signals": [], "people_online": 2, "now_ms": EPOCH_MS}
        self.say(Answer(200, msgspec.json.encode(body | {"transports": transports} | fields)))

    def say(self, answer: Answer) -> None:
        self.answered.set_result(answer)

    async def reply(self) -> Answer:
        try:
            return await self.answered
        except asyncio.CancelledError:
            self.hung_up = True
            raise


Respond = Callable[[str, dict[str, Any]], Answer | None]


class FakeServer:
    """Records each request; the first of ``answers`` that is not ``None`` comes back; else it hangs."""

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.polls: list[FakePoll] = []
        self.stream_hangs = False
        """Streams are not even answered."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.tokens: list[str] = []
        self.answers: list[Respond] = [_grants]
        self.stream_status = 200
        self.reachable = True

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        found: dict[str, Any] = msgspec.json.decode(body) if body else {}
        self.asked.append((path.removeprefix("/v1/"), found))
        self.tokens.append(token)
        if not self.reachable:
            raise Unreached("refused")
        if path.startswith("/v1/state?"):
            self.polls.append(FakePoll(path, token))
            return await self.polls[-1].reply()
        for respond in self.answers:
            answer = respond(path.removeprefix("/v1/"), found)
            if answer is not None:
                return answer
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def stream(self, path: str, *, token: str, last_event_id: str = "") -> AsyncIterator[FakeStream]:
        if not self.reachable:
            raise Unreached("refused")
        stream = FakeStream(path.partition("page=")[2], last_event_id, token)
        stream.status = self.stream_status
        if stream.status != 200:
            stream.write(problem(stream.status, "bad-token").body)
        self.streams.append(stream)
        try:
            if self.stream_hangs:
                await asyncio.Event().wait()
            yield stream
        finally:
            stream.closed = True

    def replies(self, name: str, outcome: str, found: dict[str, Any]) -> None:
        """From now on that command is answered so."""
        answer = Answer(200, msgspec.json.encode({"outcome": outcome, "state": found}))
        self.answers.insert(0, lambda path, _: answer if path == name else None)

    def said(self, name: str) -> list[dict[str, Any]]:
        """The bodies of the commands of that name."""
        return [body for path, body in self.asked if path == name]


def _grants(path: str, body: dict[str, Any]) -> Answer | None:
    if path != "sessions":
        return None
    grant = {"person": "ada", "token": "t_ada", "expires_at_ms": EPOCH_MS + 30 * 86_400_000}
    return Answer(201, msgspec.json.encode(grant))


def problem(status: int, code: str, **headers: str) -> Answer:
    return Answer(status, msgspec.json.encode({"status": status, "code": code, "detail": "no"}), headers)


# --- states ----------------------------------------------------------------------------


def state(what: str = "idle", version: int = 1, **more: Any) -> dict[str, Any]:
    """A state as the server writes it: before any join, unless told otherwise."""
    base = {
        "state": what,
        "version": version,
        "since_ms": EPOCH_MS,
        "intent": 0,
        "wish": "rest",
        "pool": "main",
    }
    if what == "idle":
        base["idle_reason"] = "never"
    else:
        base |= {"intent": EPOCH_MS, "wish": "talk"}
    return {**base, **more}


def matched(
    match: str = "m_1", version: int = 3, *, away_until_ms: int | None = None, last: int = 0, **more: Any
) -> dict[str, Any]:
    """In a conversation of so many messages; owing no sign unless told so."""
    conversation = {
        "match": match,
        "started_at_ms": EPOCH_MS,
        "partner": {"alias": "Grace", "away_until_ms": away_until_ms},
        "media": {"kind": "peer", "role": "polite", "ice_servers": []},
        "messages": {"first": 1, "last": last},
    }
    return state("matched", version, match=conversation, **more)


def probed(probe: str = "b_1") -> dict[str, Any]:
    """The field of a person who owes a sign."""
    return {"probe": probe, "until_ms": EPOCH_MS + 3_000}


def as_state(found: dict[str, Any]) -> PersonState:
    return msgspec.convert(found, PersonState)


def frame(kind: str, found: dict[str, Any] | None = None, **fields: Any) -> Frame:
    """As read from the stream."""
    body = {"type": kind, "at_ms": EPOCH_MS, **fields}
    return msgspec.convert(body | ({"state": found} if found else {}), Frame)


def message(n: int, text: str, *, match: str = "m_1", sender: str = "partner") -> Frame:
    """A line of text as read from the stream."""
    body = {"type": "message", "at_ms": EPOCH_MS, "match": match, "n": n, "from": sender, "text": text}
    return msgspec.convert(body, Frame)


def reply(outcome: str, found: dict[str, Any]) -> Reply:
    return msgspec.convert({"outcome": outcome, "state": found}, Reply)


def sends(effects: tuple[Effect, ...]) -> list[tuple[str, dict[str, Any]]]:
    """The commands among effects."""
    return [(one.command.name, dict(one.body)) for one in effects if isinstance(one, Send)]
