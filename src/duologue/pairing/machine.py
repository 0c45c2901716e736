"""The state machine as Python calls it: one method a transition, one script a method.

Whether a call can be repeated: all of them can. A transition whose reply was
lost is run again, with fresh ids; it is fenced by the match, the connection or
the intent that it names, so the second run finds its work done.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from duologue.lane import Lane
from duologue.pairing import scripts as lua
from duologue.pairing.events import Events
from duologue.pairing.keys import Keys
from duologue.pairing.moderation import Moderation
from duologue.pairing.rooms import Rooms
from duologue.pairing.scripts import Script
from duologue.pairing.timings import RoomRules, Timings
from duologue.pairing.vocabulary import (
    NO_MARKS,
    Attached,
    Barred,
    Beat,
    Comparison,
    ConnectionId,
    Crowded,
    DetachCause,
    Differs,
    Held,
    Marks,
    Media,
    MediaKind,
    NoRoom,
    Note,
    Outcome,
    PersonId,
    ProcessId,
    Reattached,
    Refused,
    Reply,
    ReportReason,
    Same,
    Scanned,
    Sent,
    TakenOver,
    Usage,
)

ID_LENGTH = 16
"""Characters of one random id: 96 bits."""
IDS_A_MATCH = 3
IDS_A_SWEEP = 112
"""Enough for five endings of each of three kinds, with two new matches each, and five checks: a backlog of
one kind holds up no other."""
IDS_A_SCAN = 24 * IDS_A_MATCH
"""More matches than one call can make of the people that it looks at."""
IDS_A_ROOMFUL = 96
"""When video is back, a whole batch is paired at once."""
NO_ROOM = b"no-room"
BARRED = frozenset({b"barred", b"warned"})
"""What a join answers to a person whom a moderator keeps out, or who has to confirm a warning first."""
NOT_COMPARED = ("", "", 0, 0, 0, 0)
"""In the place of ``Held.seen``."""


LANES: Mapping[str, Lane] = {
    **dict.fromkeys(
        ("echo", "beat", "expire", "bury", "scan", "tell", "network_key", "servers"), Lane.CONTROL
    ),
    # A refused call would break off the other rooms that its worker is busy with.
    **dict.fromkeys(
        (
            "room_audit", "room_claim", "room_failed", "room_gone", "room_hint", "room_list",
            "room_look", "room_lost", "room_opened", "room_round", "video", "namespace",
            "webhook_claim", "webhook_settle",
        ),
        Lane.CONTROL,
    ),
    "pulse": Lane.SIGNS,
    **dict.fromkeys(
        ("attach", "detach", "reattach", "listed", "crowd", "events_read", "events_trim", "webhook_read"),
        Lane.BULK,
    ),
}  # fmt: skip
"""Scripts by lane. All others are interactive: a person waits for them."""
NEVER_REPEATED = frozenset({"attach", "event_note"})
"""Attach: its caller tries again in its own time; after an outage thousands would be repeated in one instant.
Event-note: run twice it would write two events."""


class ScriptRunner(Protocol):
    """The store, as far as the machine knows it."""

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        """Runs one script and returns its reply, undecoded. Raises the store's own errors."""


def fresh_ids(count: int) -> str:
    """``count`` ids of 96 random bits each, one after the other."""
    return base64.urlsafe_b64encode(os.urandom(12 * count)).decode()


def json_text(value: Any) -> str:
    """JSON without raw line breaks, as the scripts splice it in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lane(name: str) -> Lane:
    return LANES.get(name, Lane.INTERACTIVE)


def _notes(rows: Sequence[Sequence[Any]]) -> list[Note]:
    return [Note(int(n), frame) for n, frame in rows]


def _attached(row: Sequence[Any]) -> Attached:
    _, state, _, version, attached_at, match, message_n, signal_n, messages, signals, *anew = row
    return Attached(
        state,
        int(version),
        int(attached_at),
        match.decode(),
        message_n,
        signal_n,
        _notes(messages),
        _notes(signals),
        anew == [1],
    )


def _reattached(row: Sequence[Any]) -> Reattached:
    word = row[0]
    if word == b"attached":
        return _attached(row)
    return Same() if word == b"same" else Refused()


@dataclass(slots=True)
class _Beats:
    """The beats of one process: how many were sent, and which was the last that was answered."""

    sent: int = 0
    answered: int = 0
    answered_ms: int = 0
    """What the store noted of it."""


class Machine:
    """Who waits, who is with whom. Any number of processes may call it.

    It holds no state but when each process that it speaks for beat last.
    """

    def __init__(
        self,
        runner: ScriptRunner,
        timings: Timings | None = None,
        *,
        shard: str = "0",
        key_prefix: str = "",
        media: MediaKind = MediaKind.PEER,
        room_rules: RoomRules | None = None,
        first_pool: str = "main",
        observe: Callable[[str], None] = lambda _: None,
        now_ms: Callable[[], int] | None = None,
        scripts: Mapping[str, Script] | None = None,
        new_ids: Callable[[int], str] = fresh_ids,
        interrupted: type[Exception] | tuple[type[Exception], ...] = (),
        may_repeat: Callable[[Lane], bool] = lambda _: True,
    ) -> None:
        """``observe`` gets each fact once, by the process whose call made it.

        ``interrupted``: those of the runner's errors after which a script may or may not have run;
        it is run once more if ``may_repeat`` allows it (``Store.may_repeat``: repeats have a budget).

        ``now_ms``, ``scripts`` and ``new_ids`` are for tests: a clock other than
        the store's, scripts with a guard switched off, ids that repeat.
        """
        self._runner = runner
        self._keys = Keys(shard, key_prefix)
        self._observe = observe
        self._now_ms = now_ms
        self._scripts = scripts or lua.load(timings or Timings(), media, first_pool, rooms=room_rules)
        self._new_ids = new_ids
        self._interrupted = interrupted
        self._may_repeat = may_repeat
        self._beats: dict[ProcessId, _Beats] = {}
        self.rooms = Rooms(self._transition, self._keys)
        self.moderation = Moderation(self._transition, self._keys)
        self.events = Events(self._transition, self._keys)

    def channel(self, process: ProcessId) -> str:
        """The channel on which the scripts tell a process of its people."""
        return self._keys.channel(process)

    async def _run(self, name: str, key: str, *args: str | int | bytes, ids: int = 0) -> Any:
        try:
            return await self._run_once(name, key, args, ids)
        except self._interrupted:
            if name in NEVER_REPEATED or not self._may_repeat(_lane(name)):
                raise
            return await self._run_once(name, key, args, ids)

    async def _run_once(self, name: str, key: str, args: Sequence[str | int | bytes], ids: int) -> Any:
        now = "" if self._now_ms is None else self._now_ms()
        fixed = (self._keys.prefix, now, self._new_ids(ids) if ids else "")
        return await self._runner.run(self._scripts[name], [key], [*fixed, *args], lane=_lane(name))

    async def _transition(self, name: str, key: str, *args: str | int | bytes, ids: int = 0) -> Any:
        reply = await self._run(name, key, *args, ids=ids)
        for fact in reply[2]:
            self._observe(fact.decode())
        return reply

    async def _command(
        self, name: str, person: PersonId, *args: str | int | bytes, matches: int = 0
    ) -> Reply:
        ids = matches * IDS_A_MATCH + 1
        reply = await self._transition(name, self._keys.person(person), person, *args, ids=ids)
        return Reply(Outcome(reply[0].decode()), reply[1])

    async def join(
        self,
        person: PersonId,
        *,
        intent: int,
        pool: str,
        tags: Sequence[str] = (),
        language: str = "",
        auto_next: bool = True,
        alias: str = "",
        text_only: bool = False,
    ) -> Reply | Barred:
        """In the queue, or with somebody: ``matched``, ``waiting``; ``stale``: another page decided later.

        ``Barred``: a ban keeps the person out, or they have not confirmed a warning.
        """
        about: tuple[str | int, ...] = (intent, pool, language, int(auto_next), json_text(alias))
        details = (*about, int(text_only), *tags)
        ids = IDS_A_MATCH + 1
        reply = await self._transition("join", self._keys.person(person), person, *details, ids=ids)
        if reply[0] in BARRED:
            return Barred(reply[3])
        return Reply(Outcome(reply[0].decode()), reply[1])

    async def skip(self, person: PersonId, match: str) -> Reply:
        """The match is over and both are in the queue or in their next match: ``skipped``; else ``stale``."""
        return await self._command("skip", person, match, matches=2)

    async def leave(self, person: PersonId, intent: int) -> Reply:
        """The person is idle: ``left``; ``stale`` if another page decided later."""
        return await self._command("leave", person, intent, matches=1)

    async def pulse(self, person: PersonId, match: str | None = None, media: Media | None = None) -> Reply:
        """A sign of life: ``ok``; ``stale`` (and no sign) if it names a match that is not theirs now."""
        return await self._command("pulse", person, match or "", media or "", matches=2)

    async def ack(self, person: PersonId, match: str) -> Reply:
        """The room of an ended match was left: ``ok``; ``stale`` if the match is none of their last 8.

        Once both have, the room may be deleted.
        """
        return await self._command("ack", person, match)

    async def block(self, person: PersonId, match: str, skip: bool = False) -> Reply:
        """Never again with that partner: ``blocked``; ``unknown-match``."""
        return await self._command("block", person, match, int(skip), matches=2)

    async def report(
        self, person: PersonId, match: str, key: str, reason: ReportReason, text: str = "", skip: bool = False
    ) -> Reply | NoRoom:
        """Keep a report for the operator, with what was said in the match: ``reported``; ``unknown-match``.

        The block, and the skip, come first, in a script that runs in a full store: whatever is raised by
        then, or ``NoRoom``, leaves the reporter safe. Said again about the same match, it is the same report,
        amended (at most 10 times); with the same ``key`` it has no second effect.
        """
        blocked = await self.block(person, match, skip)
        if blocked.outcome is not Outcome.BLOCKED:
            return blocked
        args = (person, match, key, reason, json_text(text))
        reply = await self._transition("report", self._keys.person(person), *args)
        return NoRoom() if reply[0] == NO_ROOM else Reply(Outcome(reply[0].decode()), reply[1])

    async def decide(self, match: str) -> bool:
        """Mark the reports about a match as decided, so that they give way when room is needed.

        False: there are none. Decided twice, the first instant counts. A report that comes, or is amended,
        later is undecided again.
        """
        reply = await self._transition("decide", self._keys.report(match), match)
        return bool(reply[0] == b"decided")

    async def _numbered(self, name: str, person: PersonId, *args: str) -> Sent | NoRoom:
        reply = await self._transition(name, self._keys.person(person), person, *args)
        return NoRoom() if reply[0] == NO_ROOM else Sent(Outcome(reply[0].decode()), reply[1], reply[3])

    async def message(self, person: PersonId, match: str, key: str, text: str) -> Sent | NoRoom:
        """Send text to both streams of the match: ``sent`` with its number; ``stale``.

        ``NoRoom``: this side has said as much as is kept of one match; nothing gives way to it.
        """
        return await self._numbered("message", person, match, key, json_text(text))

    async def signal(
        self,
        person: PersonId,
        match: str,
        key: str,
        data: Mapping[str, Any],
        from_page: str,
        to_page: str = "",
    ) -> Sent:
        """From one page to the partner's (``to_page`` empty: to any): ``sent`` with its number; ``stale``.

        Stale, too, if the person's connection is, or was last, another page's.
        """
        body = {**data, "from": from_page, **({"to": to_page} if to_page else {})}
        sent = await self._numbered("signal", person, match, key, json_text(body), to_page, from_page)
        assert isinstance(sent, Sent)
        return sent

    async def compare(self, person: PersonId, found: Comparison) -> Reply:
        """``noted``: added to the sums of the day, as far as one person may claim. No sign of life.

        Told twice, it counts twice.
        """
        return await self._command("compare", person, *found)

    async def usage(self) -> Usage:
        """Whom which transport reaches now, and what comparing found today and yesterday."""
        reply = await self._run("usage", self._keys.beats, *Comparison._fields)
        on_sse, on_poll, *days, people, troubled = reply
        today, yesterday = (Comparison(*map(int, day)) for day in days)
        return Usage(on_sse, on_poll, today, yesterday, people, troubled)

    async def read(self, person: PersonId) -> bytes:
        """The person's state as JSON; changes nothing."""
        state: bytes = (await self._run("read", self._keys.person(person), person))[1]
        return state

    async def renew(self, person: PersonId, until_ms: int = 0) -> int:
        """The session of a person, if attached, lasts until then; 0 only asks.

        Until when it lasts, as the renewals say (ms); 0: none is known, the connection's own token decides.
        """
        reply = await self._transition("renew", self._keys.person(person), person, until_ms)
        return int(reply[3])

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
    ) -> Attached | TakenOver | Crowded | Barred:
        """The connection is the person's one connection; the answer is the snapshot and what was missed.

        Cancelled or failed, it may have happened: detach then.
        """
        written = "" if alias is None else json_text(alias)
        args = (person, process, connection, page, written, after_match, after_n, after_at_ms, *marks)
        reply = await self._transition("attach", self._keys.person(person), *args, ids=2 * IDS_A_MATCH + 1)
        if reply[0] == b"crowded":
            return Crowded()
        if reply[0] == b"barred":
            return Barred(reply[1])
        return TakenOver() if reply[0] == b"taken-over" else _attached(reply)

    async def crowded(self, person: PersonId, network: str) -> bool:
        """Return whether an attach of this person from this network would be answered ``Crowded``."""
        reply = await self._transition("crowd", self._keys.person(person), person, network)
        return bool(reply[0] == b"crowded")

    async def enter(
        self, process: ProcessId, called: str, pools: str, marks: Sequence[str], *, rolls: bool = False
    ) -> Differs | None:
        """Note the settings of a process on which all servers of one store must agree.

        ``called``: how people call the process. ``marks``: of its signing keys, first the one that signs.
        ``rolls``: enter although another process differs. Otherwise nothing is noted then, and the answer
        says which process it is.
        """
        reply = await self._run("servers", self._keys.servers, process, called, int(rolls), pools, *marks)
        if reply[0] == b"ok":
            return None
        return Differs(*(each.decode() for each in reply[3:6]))

    async def quit(self, process: ProcessId) -> None:
        """Forget the settings of a process: it stops."""
        await self._run("servers", self._keys.servers, process, "", 0, "", "")

    async def network_key(self, name: str, proposal: str, *listed: str) -> dict[str, str]:
        """Return the wrapped keys of network marks by name; keep the proposal unless its name is taken.

        ``""`` as name only asks (``identity.networks.store_key``). ``listed``: names whose entries stay
        where there are too many.
        """
        reply = await self._transition("network_key", self._keys.network_key, name, proposal, *listed)
        found = [each.decode() for each in reply[3]]
        return dict(zip(found[::2], found[1::2], strict=True))

    async def detach(self, person: PersonId, connection: ConnectionId, cause: DetachCause) -> bool:
        """The connection is gone, if it was still theirs: true. Whoever waits or talks owes a sign now."""
        reply = await self._transition("detach", self._keys.person(person), person, connection, cause, ids=1)
        return bool(reply[0] == b"ok")

    async def reattach(self, process: ProcessId, held: Sequence[Held]) -> list[Reattached]:
        """What the store makes of the connections that a process holds (≤ 200), in the same order."""
        args = [arg for each in held for arg in (*each[:5], *each.marks, *(each.seen or NOT_COMPARED))]
        ids = IDS_A_MATCH * len(held)
        reply = await self._transition("reattach", self._keys.at(process), process, *args, ids=ids)
        return [_reattached(row) for row in reply[3]]

    async def stray(self, process: ProcessId, holds: Callable[[PersonId, ConnectionId], bool]) -> int:
        """Detaches whoever the store believes the process to hold and it does not; how many.

        ``holds`` is asked after the store answered: a connection that is being attached must be held already.
        """
        cursor, count = "0", 0
        while True:
            next_cursor, found = await self._run("listed", self._keys.at(process), process, cursor)
            for person, connection in zip(found[::2], found[1::2], strict=True):
                who, what = PersonId(person.decode()), ConnectionId(connection.decode())
                if not holds(who, what):
                    count += await self.detach(who, what, DetachCause.CLOSED)
            cursor = next_cursor.decode()
            if cursor == "0":
                return count

    async def beat(
        self, process: ProcessId, on_sse: int = 0, on_poll: int = 0, *, is_slow: bool = False
    ) -> Beat:
        """The process lives, and holds so many people.

        ``is_slow``: their calls wait long, so nothing falls due meanwhile. ``known`` is false if
        it was buried or forgotten: re-attach its people.
        """
        beats = self._beats.setdefault(process, _Beats())
        beats.sent = number = beats.sent + 1
        last = beats.answered_ms, on_sse, on_poll, number, beats.answered, int(is_slow)
        reply = await self._run("beat", self._keys.beats, process, *last)
        known, online, alone, beaten, wall, others, listed = reply
        beats.answered, beats.answered_ms = number, int(beaten)
        return Beat(bool(known), online, alone, int(wall), others, listed)

    async def echo(self, process: ProcessId, token: str) -> int:
        """Publish the token and the number of earlier publications on the process's own channel.

        Return how many subscribers the store gave it to.
        """
        heard_by: int = await self._run("echo", self._keys.published, self.channel(process), token, process)
        return heard_by

    async def sweep(self) -> bool:
        """Whatever is due happens. True: there is more, call again."""
        return await self._more("expire", self._keys.sweep)

    async def bury(self) -> bool:
        """A process without a beat is dead: its people are detached. True: there is more, call again."""
        return await self._more("bury", self._keys.beats)

    async def _more(self, name: str, key: str, *args: str, ids: int = IDS_A_SWEEP) -> bool:
        reply = await self._transition(name, key, *args, ids=ids)
        return bool(reply[0] == b"more")

    async def scan(self, process: ProcessId) -> Scanned:
        """Let people who are due to look for somebody do so: one step, if no other process scans.

        It costs the same however many pools there are and however many people wait.
        """
        reply = await self._transition("scan", self._keys.seek, process, ids=IDS_A_SCAN)
        return Scanned(reply[0] == b"more", int(reply[3]) if reply[0] == b"held" else 0, int(reply[4]))

    async def tell(self, pool: str) -> bool:
        """Tell people who wait in a pool that video went away or came back. True: call again."""
        return await self._more("tell", self._keys.video, pool, ids=IDS_A_ROOMFUL)
