"""Five hundred people behind one nginx, and what each of them saw: nothing of a restart, one hopes."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import aiohttp

from duologue.client import Client, Exchange, Link, Model, Preferences, SimulatedMedia
from duologue.client.api import Api
from duologue.client.clock import SystemClock
from duologue.client.errors import ClientError, Unreached
from duologue.client.http import HttpStream, HttpTransport
from duologue.client.model import Failed, FrameRead, Input, LinkChanged
from duologue.client.transport import Answer
from duologue.client.vocabulary import Outcome
from tests.chaos.claims import LATEST_CAUSE_MS, Broken
from tests.chaos.gate import now_ms

SAY_S = 2.0
"""Between two messages of one person."""
SKIP_S = (2.0, 5.0)
COMING_AT_ONCE = 25
PRESSED = frozenset({"skipped", "partner-skipped"})
"""Ends of conversations that a person pressed for; any other end is the server's."""


@dataclass(slots=True)
class Seen:
    """What one person saw and did."""

    frames: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """Of the messages of each match, as the frames brought them."""
    accepted: dict[str, list[int]] = field(default_factory=dict)
    """Of the person's own, as the answers said."""
    false_endings: list[Broken] = field(default_factory=list)
    """Conversations that ended although no one pressed for it."""
    away: int = 0
    """Times that the screen said that the partner is not there."""
    back: list[tuple[int, int]] = field(default_factory=list)
    """From the end of a stream to the first frame of the next (ms)."""
    lost: list[str] = field(default_factory=list)
    """Commands that were given up or refused, though they were still meant."""


class Wire:
    """HTTP, and the answers counted that a person must never see."""

    def __init__(self, inner: HttpTransport, failed: Counter[str]) -> None:
        self._inner = inner
        self._failed = failed

    async def request(self, method: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        """As the inner one."""
        try:
            answer = await self._inner.request(method, path, token=token, body=body)
        except Unreached:
            self._failed["no answer"] += 1
            raise
        if answer.status >= 400:
            self._failed[str(answer.status)] += 1
        return answer

    @asynccontextmanager
    async def stream(self, path: str, *, token: str, last_event_id: str = "") -> AsyncIterator[HttpStream]:
        """As the inner one."""
        async with self._inner.stream(path, token=token, last_event_id=last_event_id) as stream:
            if stream.status != 200:
                self._failed[f"stream {stream.status}"] += 1
            yield stream


class Guest:
    """One person, who does what the kind of person does."""

    def __init__(self, kind: str, transport: Wire, exchange: Exchange, random: Random) -> None:
        self.kind = kind
        self.seen = Seen()
        self.quiet = asyncio.Event()
        """Set: they do nothing any more."""
        self.client = Client(transport, media=SimulatedMedia(exchange), watch=self._saw, asks=False)
        self._api = Api(transport, SystemClock())
        self._random = random
        self._match = ""
        self._ended = ""
        self._was_away = False
        self._left_ms = 0

    async def live(self) -> None:
        """Talk or skip until it is quiet."""
        self.client.start(Preferences(pool=self.kind))
        while not self.quiet.is_set():
            pause = SAY_S if self.kind == "talk" else self._random.uniform(*SKIP_S)
            try:
                await asyncio.wait_for(self.quiet.wait(), pause)
            except TimeoutError:
                await self.act()

    async def act(self) -> None:
        """What this kind does now and then."""
        match = self.client.model.match_id
        if not match:
            return
        if self.kind == "skip":
            self.client.next()
        elif self.kind == "talk":
            await self._say(match)

    async def _say(self, match: str) -> None:
        try:
            reply = await self.client.say(f"{time.monotonic():.3f}")
        except ClientError as error:
            if self.client.model.match_id == match:  # else it was called off with the conversation
                self.seen.lost.append(f"messages: {error}")
            return
        if reply.outcome is Outcome.SENT:
            self.seen.accepted.setdefault(match, []).append(reply.n)

    async def differs(self) -> str:
        """How the person's screen differs from the server's state; empty: not at all."""
        own, theirs = self.client.model, await self._api.state(token=self.client.session.token)
        if own.state is None or own.state.version != theirs.version:
            return f"{own.state and own.state.version} is not {theirs.version}"
        if own.match and theirs.match and own.chat.match == theirs.match.match:
            read = [message.n for message in own.chat.messages]
            if read != list(range(1, theirs.match.messages.last + 1)):
                return f"messages {read} of {theirs.match.messages.last}"
        return ""

    def _saw(self, model: Model, event: Input) -> None:
        match event:
            case FrameRead(frame):
                self.seen.frames[frame.type] += 1
                if frame.type == "message":
                    self.seen.numbers.setdefault(frame.match, []).append(frame.n)
            case LinkChanged(link):
                self._line(link)
            case Failed(to=command, status=status, code=code) if command.name in ("join", "skip", "leave"):
                self.seen.lost.append(f"{command.name}: {status} {code}")
            case _:
                pass
        self._look(model)

    def _line(self, link: Link) -> None:
        if link is Link.OPEN and self._left_ms:
            self.seen.back.append((self._left_ms, now_ms()))
            self._left_ms = 0
        elif link is not Link.OPEN and not self._left_ms and self.seen.frames:
            self._left_ms = now_ms()

    def _look(self, model: Model) -> None:
        away = bool(model.match and model.match.partner.away_until_ms is not None)
        self.seen.away += away and not self._was_away
        self._was_away = away
        ended = model.state.ended if model.state else None
        if ended and ended.match != self._ended:
            self._ended = ended.match
            if ended.reason not in PRESSED:
                what = f"a conversation ended: {ended.reason}"
                self.seen.false_endings.append(Broken(what, ended.at_ms - LATEST_CAUSE_MS, ended.at_ms))


@dataclass(frozen=True, slots=True)
class Account:
    """What a whole crowd saw."""

    missed: int
    twice: int
    away: int
    false_endings: list[Broken]
    lost: list[str]
    failed: Counter[str]
    messages: int
    skips: int
    back: list[tuple[int, int]]

    def __str__(self) -> str:
        late = sorted(until - since for since, until in self.back) or [0]
        p50, p99 = (late[min(len(late) - 1, len(late) * p // 100)] for p in (50, 99))
        why = Counter(each.what for each in self.false_endings)
        return (
            f"frames missed {self.missed}, twice {self.twice}; partner-away shown {self.away}; "
            f"false endings {len(self.false_endings)} {dict(why)}; commands lost {len(self.lost)} "
            f"of {self.messages} messages and {self.skips} skips, failed at first {dict(self.failed)}; "
            f"{len(late)} streams back after p50 {p50} ms, p99 {p99} ms, max {late[-1]} ms"
        )


class Crowd:
    """All of them; ``account`` is of everything since they came."""

    def __init__(self, guests: list[Guest], failed: Counter[str]) -> None:
        self.guests = guests
        self._failed = failed

    @property
    def streams(self) -> int:
        """How many are open, with a frame read."""
        return sum(guest.client.model.link is Link.OPEN for guest in self.guests)

    @property
    def matched(self) -> int:
        """How many are in a conversation."""
        return sum(bool(guest.client.model.match_id) for guest in self.guests)

    def be_quiet(self) -> None:
        """Stop all actions; what is in progress comes to its end."""
        for guest in self.guests:
            guest.quiet.set()

    async def differing(self) -> list[str]:
        """Whose screen is not what the server says."""
        found = []
        for start in range(0, len(self.guests), COMING_AT_ONCE):
            some = self.guests[start : start + COMING_AT_ONCE]
            found += await asyncio.gather(*(guest.differs() for guest in some))
        return [each for each in found if each]

    def account(self) -> Account:
        """Counted from what each saw."""
        seen = [guest.seen for guest in self.guests]
        gaps, again = zip(*(_gaps(each) for each in seen), strict=True)
        return Account(
            missed=sum(gaps),
            twice=sum(again),
            away=sum(each.away for each in seen),
            false_endings=[one for each in seen for one in each.false_endings],
            lost=[one for each in seen for one in each.lost],
            failed=self._failed,
            messages=sum(len(numbers) for each in seen for numbers in each.accepted.values()),
            skips=sum(each.frames["skip-confirmed"] for each in seen),
            back=[one for each in seen for one in each.back],
        )


def _gaps(seen: Seen) -> tuple[int, int]:
    """Messages that never came, or came behind a later one; and those that came twice.

    An own one that was answered must come too.
    """
    missed = twice = 0
    for match, read in seen.numbers.items():
        expected = set(range(1, max(read) + 1)) | set(seen.accepted.get(match, ()))
        twice += len(read) - len(set(read))
        missed += len(expected - set(read)) + sum(a > b for a, b in itertools.pairwise(read))
    missed += sum(len(ns) for match, ns in seen.accepted.items() if match not in seen.numbers)
    return missed, twice


def _kinds(people: int) -> Iterator[str]:
    """Six of ten talk, two skip, two sit and look at one another."""
    for n in range(people):
        yield "talk" if n % 10 < 6 else "skip" if n % 10 < 8 else "look"


POOLS = "talk,skip,look"


@asynccontextmanager
async def crowd(url: str, people: int, random: Random) -> AsyncIterator[Crowd]:
    """They come, a few at a time, and go at the end."""
    failed: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with (
        aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as http,
        asyncio.TaskGroup() as group,
    ):
        wire, exchange = Wire(HttpTransport(http, url), failed), Exchange()
        guests = [Guest(kind, wire, exchange, random) for kind in _kinds(people)]
        going = asyncio.Event()
        arriving = asyncio.Semaphore(COMING_AT_ONCE)
        for guest in guests:
            group.create_task(_stay(guest, arriving, going))
        try:
            yield Crowd(guests, failed)
        finally:
            going.set()


async def _stay(guest: Guest, arriving: asyncio.Semaphore, going: asyncio.Event) -> None:
    await arriving.acquire()
    async with guest.client.running():
        try:
            await guest.client.until(lambda model: model.state is not None)
        finally:
            arriving.release()
        await guest.live()
        await going.wait()
