"""A stage to play an interleaving on: real scripts, people by name, and nothing but the play happens."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.client import PubSub

from duologue.admin.acts import Acts, Decision
from duologue.admin.tokens import Moderator, Role
from duologue.delivery.publication import numbered
from duologue.pairing import scripts
from duologue.pairing.invariants import snapshot
from duologue.pairing.machine import Machine, fresh_ids
from duologue.pairing.moderation import Done
from duologue.pairing.records import unpack_recent
from duologue.pairing.timings import RoomRules, Timings
from duologue.pairing.vocabulary import (
    NO_MARKS,
    Attached,
    Barred,
    Beat,
    ConnectionId,
    DetachCause,
    Held,
    Marks,
    Media,
    MediaKind,
    NoRoom,
    Outcome,
    PageId,
    PersonId,
    ProcessId,
    Reattached,
    ReportReason,
    SanctionKind,
    Scanned,
)
from duologue.workers.sweep import SCANS_A_ROUND
from tests.races.direct import Clock, Direct, play

MODERATOR = Moderator("mona", Role.MODERATOR)
SWEEP_MS = 250
SAID_AGAIN_MS = 2_500
HEARTBEAT_MS = 15_000


def usual_ids(count: int) -> str:
    """Fresh ids by whose draw two people who met wait no longer than ``relax_after_ms`` to meet once more."""
    ids = fresh_ids(count)
    return "".join("zz" + ids[at + 2 : at + 16] for at in range(0, len(ids), 16))


Saved = Mapping[bytes, tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Socket:
    """One connection of one page, as the process that holds it knows it."""

    person: str
    connection: ConnectionId
    process: str
    page: PageId
    attached_at_ms: int
    marks: Marks = NO_MARKS

    @property
    def held(self) -> Held:
        alias, marks = json.dumps(self.person), self.marks
        who, at = PersonId(self.person), self.attached_at_ms
        return Held(who, self.connection, self.page, at, alias, marks=marks)


class Stage:
    """People are their names; each has a stream on process ``s1`` unless the play says otherwise."""

    def __init__(
        self,
        client: redis.Redis,
        without: Iterable[str] = (),
        *,
        new_ids: Callable[[int], str] = usual_ids,
        passes: bool = True,
        media: MediaKind = MediaKind.PEER,
        rules: RoomRules | None = None,
        timings: Timings | None = None,
    ) -> None:
        self.client, self.clock, self.direct = client, Clock(), Direct(client)
        self.facts: list[str] = []
        self.machine = Machine(
            self.direct,
            media=media,
            now_ms=self.clock,
            scripts=scripts.load(timings or Timings(), media, "main", rooms=rules, without=without),
            observe=self.facts.append,
            new_ids=new_ids,
        )
        self.acts = Acts(self.machine.moderation, self.clock)
        self.pools = ["main", "de"]
        self.passes = passes
        self.sockets: dict[ConnectionId, Socket] = {}
        self.marks: dict[str, Marks] = {}
        """Where people come from, by name; those who are not in it have no marks."""
        self.beating = {"s1", "s2"}
        self.slow: set[str] = set()
        """Processes in which calls wait long, as they say with each beat."""
        self._intents: dict[str, int] = {}
        self._made = 0
        self._mail: PubSub = client.pubsub()  # type: ignore[no-untyped-call]  # the library's own gap
        self._mail.psubscribe("*")
        self.mail()
        for process in sorted(self.beating):
            self.beat(process)

    def close(self) -> None:
        self._mail.close()

    def _new(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made}"

    # Commands

    def attach(self, person: str, *, page: str = "", process: str = "s1") -> Socket | None:
        """A new stream; None if its page was taken over, or its network is full. Without a page: a new
        load."""
        connection, chosen = ConnectionId(self._new("c_")), PageId(page or self._new("page_"))
        who, marks = PersonId(person), self.marks.get(person, NO_MARKS)
        call = self.machine.attach(who, connection, ProcessId(process), chosen, person, marks=marks)
        answer = play(call)
        if not isinstance(answer, Attached):
            return None
        socket = Socket(person, connection, process, chosen, answer.attached_at_ms, marks)
        self.sockets[connection] = socket
        return socket

    def detach(self, socket: Socket, cause: DetachCause = DetachCause.CLOSED) -> bool:
        self.sockets.pop(socket.connection, None)
        return play(self.machine.detach(PersonId(socket.person), socket.connection, cause))

    def closes(self, person: str) -> None:
        """The person's newest socket closes."""
        self.detach(self.socket(person))

    def socket(self, person: str) -> Socket:
        return [s for s in self.sockets.values() if s.person == person][-1]

    def join(
        self,
        person: str,
        *,
        intent: int = 0,
        pool: str = "main",
        language: str = "",
        tags: tuple[str, ...] = (),
        auto_next: bool = True,
        text_only: bool = False,
    ) -> Outcome | None:
        """A press of Start, unless it names an earlier press. None: a moderator keeps the person out."""
        number = intent or self.press(person)
        reply = play(
            self.machine.join(
                PersonId(person),
                intent=number,
                pool=pool,
                tags=tags,
                language=language,
                auto_next=auto_next,
                alias=person,
                text_only=text_only,
            )
        )
        return None if isinstance(reply, Barred) else reply.outcome

    def press(self, person: str) -> int:
        """The number of a press of Start or Stop."""
        number = max(self.clock(), self._intents.get(person, 0) + 1)
        self._intents[person] = number
        return number

    def leave(self, person: str, intent: int = 0) -> Outcome:
        return play(self.machine.leave(PersonId(person), intent or self.press(person))).outcome

    def skip(self, person: str, match: str = "") -> Outcome:
        return play(self.machine.skip(PersonId(person), match or self.match(person))).outcome

    def block(self, person: str, match: str, *, skip: bool = False) -> Outcome:
        return play(self.machine.block(PersonId(person), match, skip)).outcome

    def report(
        self,
        person: str,
        match: str,
        key: str = "k",
        *,
        reason: ReportReason = ReportReason.OTHER,
        text: str = "",
        skip: bool = False,
    ) -> Outcome | None:
        """None: there is no room for it."""
        reply = play(self.machine.report(PersonId(person), match, key, reason, text, skip))
        return None if isinstance(reply, NoRoom) else reply.outcome

    def say(self, person: str, match: str, text: str, key: str = "") -> Outcome | None:
        """One message; without a key: a new one. None: this side has said too much."""
        sent = play(self.machine.message(PersonId(person), match, key or self._new("k"), text))
        return None if isinstance(sent, NoRoom) else sent.outcome

    def decide(self, match: str) -> bool:
        return play(self.machine.decide(match))

    def sanction(
        self, person: str, kind: SanctionKind = SanctionKind.BAN, *, hours: float = 168, device: bool = False
    ) -> str:
        """A moderator's decision; its id."""
        decision = Decision(kind, "rule", "why", lasts_ms=round(hours * 3_600_000), device=device)
        done = play(self.acts.decide(PersonId(person), decision, MODERATOR))
        assert isinstance(done, Done)
        return str(json.loads(done.reply)["sanction"])

    def lift(self, person: str, sanction: str) -> bool:
        return isinstance(play(self.acts.lift(PersonId(person), sanction, MODERATOR)), Done)

    def confirm(self, person: str, sanction: str) -> Outcome:
        """The person has read the warning."""
        return play(self.machine.moderation.confirm(PersonId(person), sanction)).outcome

    def pulse(self, person: str, match: str | None = None, media: Media | None = None) -> Outcome:
        return play(self.machine.pulse(PersonId(person), match, media)).outcome

    def says(self, media: Media, *people: str) -> None:
        """Each pulses with this media, in the match that they read."""
        for person in people:
            assert self.pulse(person, self.match(person), media) == Outcome.OK

    def reattach(self, *sockets: Socket) -> list[Reattached]:
        """By the process of the first."""
        return play(self.machine.reattach(ProcessId(sockets[0].process), [s.held for s in sockets]))

    def stray(self, process: str) -> int:
        return play(self.machine.stray(ProcessId(process), lambda _, connection: connection in self.sockets))

    def beat(self, process: str) -> Beat:
        return play(self.machine.beat(ProcessId(process), is_slow=process in self.slow))

    # Scenes

    def comes(
        self,
        *people: str,
        pool: str = "main",
        language: str = "",
        tags: tuple[str, ...] = (),
        auto_next: bool = True,
    ) -> None:
        """Each opens the page and presses Start."""
        for person in people:
            self.attach(person)
            self.join(person, pool=pool, language=language, tags=tags, auto_next=auto_next)

    def meet(self, one: str, other: str, *, media: Media | None = None) -> str:
        """Both come, meet and answer; the match."""
        match = self.meet_unanswered(one, other)
        for person in (one, other):
            self.pulse(person, match, media)
        return match

    def meet_unanswered(self, one: str, other: str) -> str:
        """Both come and meet; neither has answered yet."""
        self.comes(one, other)
        assert self.together(one, other)
        return self.match(one)

    def answer(self, *people: str) -> None:
        """Each answers the match that they read."""
        for person in people:
            assert self.pulse(person, self.match(person)) == Outcome.OK

    def wait(self, ms: int, *alive: str, says: Mapping[str, Media] | None = None) -> None:
        """Time passes, the workers work. Those alive answer probes and heartbeats; ``says``: every 2.5 s."""
        says = says or {}
        for at in range(0, ms, SWEEP_MS):
            self.clock.turn(min(SWEEP_MS, ms - at))
            for process in sorted(self.beating):
                self.beat(process)
            self.work()
            for person in alive:
                state = self.state(person)
                heartbeat = state["state"] == "waiting" and at % HEARTBEAT_MS == 0
                if "probe" in state or heartbeat:
                    self.pulse(person, self.match(person) or None)
            for person, media in says.items():
                if (at + SWEEP_MS) % SAID_AGAIN_MS == 0 and self.match(person):
                    self.says(media, person)

    def work(self) -> None:
        """One round of a process's workers: what is due, whom no arrival paired, whose process is dead."""
        while self.work_once():
            pass
        if self.passes:
            self.scan()

    def scan(self, process: str = "s1") -> Scanned:
        """One round of the process that scans the queue."""
        scanned = play(self.machine.scan(ProcessId(process)))
        for _ in range(SCANS_A_ROUND - 1):
            if not scanned.more:
                break
            scanned = play(self.machine.scan(ProcessId(process)))
        if scanned.video_at_ms:
            for pool in self.pools:
                while play(self.machine.tell(pool)):
                    pass
        return scanned

    def work_once(self) -> bool:
        """One call of each loop; true if one has more to do."""
        more = [play(self.machine.sweep()), play(self.machine.bury())]
        return any(more)

    # What is seen

    def state(self, person: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(play(self.machine.read(PersonId(person))))
        return state

    def match(self, person: str) -> str:
        """``""`` unless matched."""
        state = self.state(person)
        return str(state["match"]["match"]) if "match" in state else ""

    def partner(self, person: str) -> str:
        state = self.state(person)
        return str(state["match"]["partner"]["alias"]) if "match" in state else ""

    def together(self, one: str, other: str) -> bool:
        mutual = self.partner(one) == other and self.partner(other) == one
        return mutual and self.match(one) == self.match(other)

    def records(self) -> dict[str, int]:
        """Since when each person who is pairable is."""
        seen = play(snapshot(self.direct))
        return {who: int(r["pairable"]) for who, r in seen.people.items() if r["pairable"]}

    def recent(self, person: str) -> list[str]:
        """Whom the person met last, at most 8."""
        raw: Any = self.client.get(f"{{0}}recent:{person}")
        return [each.partner for each in unpack_recent(raw)] if raw else []

    def waits(self, person: str) -> bool:
        return bool(self.state(person)["state"] == "waiting")

    def idle(self, person: str) -> str:
        """Why the person is idle; ``""`` if they are not."""
        return str(self.state(person).get("idle_reason", ""))

    def ended(self, person: str) -> str:
        """Why their last conversation ended."""
        return str(self.state(person).get("ended", {}).get("reason", ""))

    def away(self, person: str) -> int | None:
        """Until when they read that their partner may come back."""
        until: int | None = self.state(person)["match"]["partner"]["away_until_ms"]
        return until

    def sound(self) -> bool:
        """The invariants hold."""
        return not self.direct.broken()

    def mail(self) -> list[str]:
        """Every publication since last asked, as ``<channel's process> <head line> <frame types>``."""
        self.client.publish("end", "")
        found: list[str] = []
        while True:
            message = self._mail.get_message(timeout=1)
            assert message is not None
            channel = message["channel"].decode()
            if message["type"] != "pmessage":
                continue
            if channel == "end":
                return found
            for part in numbered(message["data"])[1]:
                head, *lines = part.decode().split("\n")
                types = [json.loads(line).get("type", "") for line in lines]
                found.append(" ".join([channel.partition("f:")[2], *head.split()[:3], *filter(None, types)]))

    # The store's own mishaps

    def save(self) -> Saved:
        """Every key as it is now."""
        keys: Any = self.client.keys("*")
        dumps: Any = {key: (self.client.dump(key), max(0, int(self.client.pttl(key)))) for key in keys}
        saved: Saved = dumps
        return saved

    def fall_back(self, saved: Saved) -> None:
        """A failover that lost the tail, or an older copy restored."""
        self.client.flushall()
        for key, (dump, ttl_ms) in saved.items():
            self.client.restore(key, ttl_ms, dump)

    def let_expire(self) -> None:
        """Whatever carries a time to live outlives it."""
        keys: Any = self.client.keys("*")
        for key in keys:
            if int(self.client.pttl(key)) >= 0:
                self.client.delete(key)
