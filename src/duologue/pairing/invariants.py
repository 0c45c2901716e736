"""What must hold of a shard after every transition, checked on a dump of it.

For tests and audits: reads everything, so never on a busy store.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from duologue.pairing.keys import Keys
from duologue.pairing.records import MATCH, PERSON, ROOM, unpack

PREFIXES = (
    "p", "m", "q", "common", "at", "recent", "blocked", "near", "back", "msg", "sig", "said", "report",
    "compared", "claimed", "troubled", "room", "hook", "until", "limit",
    "ban", "warning", "sanction", "history", "request", "subject", "webhook", "owing",
)  # fmt: skip
RECORDS = {"p": PERSON, "m": MATCH, "room": ROOM}
SETS = (
    "owed",
    "lease",
    "media",
    "silence",
    "quiet",
    "alone",
    "beats",
    "rooms",
    "closing",
    "reports",
    "decided",
    "seek",
    "sanctions",
)
SINGLE = (
    *SETS,
    "queues",
    "held",
    "published",
    "sweep",
    "skipped",
    "report_bytes",
    "video",
    "round",
    "looked",
    "namespace",
    "network-key",
    "audit",
    "audit_head",
    "events",
    "webhooks",
    "servers",
)
REPORT_BYTES, SAID_BYTES = 512, 16
"""What a report and a message count beside their JSON (``lua/include/evidence.lua``)."""
ROOM_STEPS = {"wanted": False, "opening": False, "open": True}
"""Of a live match's room: whether its people read that it is ready."""


class Dump(Protocol):
    """The few read commands of a store client that a snapshot needs (replies undecoded)."""

    async def keys(self, pattern: str) -> list[bytes]: ...
    async def get(self, key: str) -> bytes | None: ...
    async def zrange(self, key: str, start: int, end: int, *, withscores: bool) -> Any: ...
    async def smembers(self, key: str) -> Any: ...
    async def hgetall(self, key: str) -> Any: ...
    async def lrange(self, key: str, start: int, end: int) -> Any: ...


@dataclass(slots=True)
class Snapshot:
    """Everything that the checks need, by id."""

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    matches: dict[str, dict[str, Any]] = field(default_factory=dict)
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    stands: dict[str, dict[str, float]] = field(default_factory=dict)
    """Places by the names of the sets of the queue's index, for each person who is in any."""
    queues: set[str] = field(default_factory=set)
    """The names that ``queues`` lists."""
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    at: dict[str, set[str]] = field(default_factory=dict)
    reports: dict[str, dict[str, bytes]] = field(default_factory=dict)
    said_bytes: dict[str, int] = field(default_factory=dict)
    """What was said in each match, as reports count it."""
    report_bytes: int = 0
    near: dict[str, dict[str, float]] = field(default_factory=dict)
    """People by network; infinite: attached."""
    unknown: list[str] = field(default_factory=list)


async def snapshot(store: Dump, shard: str = "0", key_prefix: str = "") -> Snapshot:
    """Reads the whole shard. Not atomic: call it while nothing runs."""
    prefix, seen = Keys(shard, key_prefix).prefix, Snapshot()
    records = {"p": seen.people, "m": seen.matches, "room": seen.rooms}
    for raw_key in await store.keys("*"):
        key = raw_key.decode()
        kind, _, name = key.removeprefix(prefix).partition(":")
        if not key.startswith(prefix) or kind not in (SINGLE if not name else PREFIXES):
            seen.unknown.append(key)
        elif kind in RECORDS:
            raw = await store.get(key)
            if raw is not None:
                records[kind][name] = unpack(raw, RECORDS[kind])
        elif kind in ("q", "common", "near", *SETS):
            rows = await store.zrange(key, 0, -1, withscores=True)
            _note_scores(seen, kind, name, {m.decode(): s for m, s in rows})
        elif kind == "queues":
            seen.queues = {m.decode().removeprefix(prefix) for m in await store.smembers(key)}
        elif kind == "at":
            seen.at[name] = {m.decode() for m in await store.smembers(key)}
        else:
            await _note_reports(seen, store, kind, name, key)
    return seen


def _note_scores(seen: Snapshot, kind: str, name: str, rows: dict[str, float]) -> None:
    if kind in ("q", "common"):
        for member, place in rows.items():
            seen.stands.setdefault(member, {})[f"{kind}:{name}"] = place
    else:
        (seen.near if kind == "near" else seen.sets)[name or kind] = rows


async def _note_reports(seen: Snapshot, store: Dump, kind: str, name: str, key: str) -> None:
    if kind == "report":
        seen.reports[name] = {f.decode(): v for f, v in (await store.hgetall(key)).items()}
    elif kind == "said":
        seen.said_bytes[name] = sum(len(each) + SAID_BYTES for each in await store.lrange(key, 0, -1))
    elif kind == "report_bytes":
        seen.report_bytes = int(await store.get(key) or 0)


def violations(seen: Snapshot) -> list[str]:
    """Every broken invariant in words; empty when all hold."""
    found = [f"key of no known kind: {key}" for key in seen.unknown]
    for person, r in seen.people.items():
        found += [f"{person}: {what}" for what in _person(person, r, seen)]
    for match, m in seen.matches.items():
        found += [f"{match}: {what}" for what in _match(match, m, seen)]
    for match, e in seen.rooms.items():
        found += [f"room of {match}: {what}" for what in _room(match, e, seen)]
    for match, report in seen.reports.items():
        found += [f"reports about {match}: {what}" for what in _reports(match, report, seen)]
    if seen.report_bytes != sum(int(each.get("bytes", 0)) for each in seen.reports.values()):
        found.append(f"reports take {seen.report_bytes} bytes in all, which is not their sum")
    return found + _queue(seen) + _indexes(seen) + _networks(seen)


def _person(person: str, r: Mapping[str, Any], seen: Snapshot) -> list[str]:
    found = _connection(person, r, seen)
    stands = seen.stands.get(person, {})
    pairable = r["state"] == "waiting" and r["connection"] != "" and r["probe"] == ""
    if stands.keys() != (_sets_of(r) if pairable else set()):
        found.append(f"is in the queues {sorted(stands)}, state {r['state']}, pairable {pairable}")
    if bool(r["pairable"]) != bool(stands):
        found.append("pairable_since and queue differ")
    if stands and set(stands.values()) != {r["place"]}:
        found.append("place and score differ")
    if not r["pairable"] and (r["relaxed"] or r["looked"] or person in seen.sets.get("seek", {})):
        found.append("is not pairable, and still looks for somebody")
    found += _match_of(person, r, seen)
    if (r["state"] == "waiting") != (person in seen.sets.get("lease", {})):
        found.append(f"{r['state']} and lease differ")
    if (r["probe"] != "") != (person in seen.sets.get("owed", {})):
        found.append("owed sign and its deadline differ")
    if r["state"] == "idle" and r["probe"]:
        found.append("idle and owes a sign")
    if r["state"] == "matched" and r["video_off"]:
        found.append("matched, and video is away")
    return found


def _sets_of(r: Mapping[str, Any]) -> set[str]:
    """Return the sets of the index that a pairable person's wishes name."""
    languages = (r["language"], "*") if r["language"] else ("",)
    interests = (*(f"#{tag}" for tag in r["tags"]), "*") if r["tags"] else ("",)
    named = {f"q:{r['pool']}:{language}:{interest}" for language in languages for interest in interests}
    return named | ({f"common:{r['pool']}"} if r["relaxed"] else set())


def _queue(seen: Snapshot) -> list[str]:
    found = [f"the queues list the unknown {p}" for p in seen.stands if p not in seen.people]
    named = {name for names in seen.stands.values() for name in names}
    found += [f"queues does not name {name}" for name in sorted(named - seen.queues)]
    return found + [f"queues names {name}, which has no members" for name in sorted(seen.queues - named)]


def _match_of(person: str, r: Mapping[str, Any], seen: Snapshot) -> list[str]:
    if (r["state"] == "matched") != (r["match"] != ""):
        return [f"{r['state']} with match {r['match']!r}"]
    if not r["match"]:
        return []
    m = seen.matches.get(r["match"])
    return [] if m and person in (m["a"], m["b"]) else [f"match {r['match']} is not theirs"]


def _connection(person: str, r: Mapping[str, Any], seen: Snapshot) -> list[str]:
    found = []
    if (r["connection"] == "") != (r["process"] == ""):
        found.append("connection without process")
    if r["connection"] and person not in seen.at.get(r["process"], set()):
        found.append("attached, but not listed at the process")
    if r["page"] in r["pages"] and r["page"]:
        found.append("its page is among the superseded")
    if r["connection"] and r["network"] and seen.near.get(r["network"], {}).get(person) != math.inf:
        found.append("attached, but not among the people of its network")
    return found


def _match(match: str, m: Mapping[str, Any], seen: Snapshot) -> list[str]:
    found = []
    if m["a"] == m["b"]:
        found.append("one person twice")
    for person in (m["a"], m["b"]):
        r = seen.people.get(person)
        if r is None or r["match"] != match:
            found.append(f"{person} is elsewhere")
    if match not in seen.sets.get("quiet", {}):
        found.append("nobody will ask about it")
    both_open = m["open_a"] and m["open_b"]
    if not both_open and match not in seen.sets.get("media", {}):
        found.append("not open on both sides and without a media deadline")
    if (m["kind"] == "livekit") != (match in seen.rooms):
        found.append("a room without an entry, or an entry without a room")
    return found


def _room(match: str, e: Mapping[str, Any], seen: Snapshot) -> list[str]:
    found, m = [], seen.matches.get(match)
    due = seen.sets.get("closing" if e["step"] == "closing" else "rooms", {}).get(match)
    if (e["step"] == "closing") == (m is not None):
        found.append(f"{e['step']}, and the match {'lives' if m else 'is over'}")
    if m and ROOM_STEPS.get(e["step"]) != bool(m["ready"]):
        found.append(f"{e['step']}, and its people read ready {m['ready']}")
    if m and (e["a"], e["b"]) != (m["a"], m["b"]):
        found.append("it is for other people")
    if due is None or math.isinf(due) != (e["step"] == "open"):
        found.append(f"{e['step']}, and work on it is due at {due}")
    return found


def _reports(match: str, report: Mapping[str, bytes], seen: Snapshot) -> list[str]:
    found, m = [], seen.matches.get(match)
    is_kept = report["evidence"] == b"kept"
    takes = sum(len(text) + REPORT_BYTES for name, text in report.items() if name.startswith("by:"))
    takes += seen.said_bytes.get(match, 0) if is_kept else 0
    if int(report["bytes"]) != takes:
        found.append(f"count {report['bytes'].decode()} bytes and take {takes}")
    if m and bool(m["reported"]) != is_kept:
        found.append("the match says otherwise of its evidence")
    if match not in seen.sets.get("reports", {}):
        found.append("they never run out")
    if ("decided_at_ms" in report) != (match in seen.sets.get("decided", {})):
        found.append("decided and its index differ")
    return found


def _indexes(seen: Snapshot) -> list[str]:
    found = []
    for name in ("media", "quiet"):
        found += [f"{name} lists the dead {m}" for m in seen.sets.get(name, {}) if m not in seen.matches]
    found += [
        f"silence lists the dead {m}"
        for m in seen.sets.get("silence", {})
        if m.partition(":")[0] not in seen.matches
    ]
    for name, closing in (("rooms", False), ("closing", True)):
        for m in seen.sets.get(name, {}):
            if m not in seen.rooms or (seen.rooms[m]["step"] == "closing") != closing:
                found.append(f"{name} lists {m}, which has no such room")
    for name in ("reports", "decided"):
        found += [
            f"{name} lists {m}, of which there are none"
            for m in seen.sets.get(name, {})
            if m not in seen.reports
        ]
    for m, record in seen.matches.items():
        if record["reported"] and m not in seen.reports:
            found.append(f"{m} has lost its reports")
    for name in ("owed", "lease", "alone", "seek"):
        found += [f"{name} lists the unknown {p}" for p in seen.sets.get(name, {}) if p not in seen.people]
    for process, listed in seen.at.items():
        found += [
            f"{process} lists {p}, who is elsewhere"
            for p in listed
            if seen.people.get(p, {}).get("process") != process
        ]
    return found


def _networks(seen: Snapshot) -> list[str]:
    found = []
    for network, people in seen.near.items():
        for person, until in people.items():
            r = seen.people.get(person)  # without a record: it was lost, and the place is given up later
            if until == math.inf and r and (not r["connection"] or r["network"] != network):
                found.append(f"the network {network} lists {person}, who is not attached from it")
    return found
