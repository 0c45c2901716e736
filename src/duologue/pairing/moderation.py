"""What moderators do to people, as Python calls it: one method for each script.

Each act is one call of a script: it takes effect everywhere and is in the audit, or nothing has happened. The
entry of the audit names the hash of the entry before it, so the caller makes it (``admin.audit``); ``Moved``
says that another entry came first, and the caller makes it again.
"""

from collections.abc import Awaitable
from typing import Any, NamedTuple, Protocol

from duologue.pairing.keys import Keys
from duologue.pairing.vocabulary import Barred, Outcome, PersonId, Reply, SanctionKind

IDS_AN_ENDING = 7
"""The partner of a person who is taken out may be paired in the same step."""
PAGE = 100
"""Sanctions, or entries of the audit, in one answer at most."""


class Transition(Protocol):
    """``Machine``'s way to run one script: its reply, the facts observed."""

    def __call__(self, name: str, key: str, *args: str | int | bytes, ids: int = 0) -> Awaitable[Any]: ...


class Entry(NamedTuple):
    """An entry of the audit that is to be added with an act, and the request that asks for it."""

    before: str
    """The hash of the last entry; ``""`` if there is none."""
    text: str
    """The entry, as JSON."""
    hash: str
    request: str = ""
    """The request's Idempotency-Key; ``""``: it has none."""
    digest: str = ""
    """A hash of what the request asks for."""


class Done(NamedTuple):
    """The act took effect now, or did when the same request came before."""

    reply: bytes
    """JSON."""


class Moved(NamedTuple):
    """Nothing happened: another entry of the audit came first."""

    head: str
    """The hash of the last entry now."""


class AnotherRequest(NamedTuple):
    """Nothing happened: this Idempotency-Key belongs to a request that asked for something else."""


class NoSuchSanction(NamedTuple):
    """Nothing happened: the person has no sanction of this id."""


Acted = Done | Moved | AnotherRequest
"""What becomes of an act."""


class Sanction(NamedTuple):
    """A decision about a person, with all that the script needs."""

    id: str
    person: PersonId
    kind: SanctionKind
    until_ms: int
    device: bool
    """Whether the person's device is kept out, too."""
    read: str
    """What the person reads, as JSON with the fields ``sanction`` and ``until_ms``."""
    about: str
    """What moderators read, as JSON."""


class KeptSanction(NamedTuple):
    """A sanction as moderators read it later."""

    about: bytes
    device: bool
    lifted_at_ms: int
    """0: it was not lifted."""


class Kept(NamedTuple):
    """One entry of the audit as it is kept."""

    id: str
    text: bytes
    hash: str


class Facts(NamedTuple):
    """What moderators read of a person."""

    state: bytes
    is_known: bool
    """Whether there is a record; ``False``: the person was not here for an hour, or never."""
    is_attached: bool
    device: str
    network: str
    alias: bytes
    """JSON."""
    ban: bytes
    """JSON; empty: none."""
    warning: bytes
    history: list[str]
    """Ids of sanctions, the newest first."""


class Moderation:
    """Sanctions and the audit of one shard."""

    def __init__(self, transition: Transition, keys: Keys) -> None:
        self._transition = transition
        self._keys = keys

    async def act(self, sanction: Sanction, entry: Entry) -> Acted:
        """Let a sanction take effect: the match ends, the partner goes on, the stream ends."""
        reply = await self._transition(
            "sanction",
            self._keys.person(sanction.person),
            *entry,
            sanction.person,
            sanction.kind,
            sanction.id,
            sanction.until_ms,
            int(sanction.device),
            sanction.read,
            sanction.about,
            ids=IDS_AN_ENDING,
        )
        return _acted(reply)

    async def lift(self, person: PersonId, sanction: str, entry: Entry) -> Acted | NoSuchSanction:
        """End a sanction before its time, with all of its marks."""
        reply = await self._transition("lift", self._keys.person(person), *entry, person, sanction)
        return NoSuchSanction() if reply[0] == b"unknown" else _acted(reply)

    async def note(self, entry: Entry) -> Acted:
        """Add an entry to the audit about something that was only read."""
        return _acted(await self._transition("audit_note", self._keys.audit, *entry))

    async def confirm(self, person: PersonId, warning: str) -> Reply:
        """The person has read the warning: ``ok``; ``stale`` if there is another one, or none."""
        reply = await self._transition("confirm", self._keys.person(person), person, warning)
        return Reply(Outcome(reply[0].decode()), reply[1])

    async def barred(self, person: str, device: str) -> Barred | None:
        """Return what keeps this person, or a new person on this device, out."""
        reply = await self._transition("barred", self._keys.person(person), person, device)
        return Barred(reply[1]) if reply[0] == b"barred" else None

    async def facts(self, person: PersonId) -> Facts:
        """Return what moderators may know of a person."""
        reply = await self._transition("person_facts", self._keys.person(person), person)
        known, attached, device, network, alias, ban, warning, history = reply[3]
        return Facts(
            reply[1],
            bool(known),
            bool(attached),
            device.decode(),
            network.decode(),
            alias,
            ban,
            warning,
            [each.decode() for each in history],
        )

    async def kept(self, *ids: str) -> list[KeptSanction | None]:
        """Return sanctions by their ids (at most ``PAGE``); ``None``: there is none, or no longer."""
        reply = await self._transition("sanctions_named", self._keys.sanctions, *ids)
        return [_kept(row) for row in reply[3]]

    async def newest(self, after: str = "", most: int = PAGE) -> list[tuple[str, KeptSanction | None]]:
        """Return sanctions with their ids, the newest first; ``after``: the id of the one before them.

        Of an unknown id they begin with the newest.
        """
        reply = await self._transition("sanctions_listed", self._keys.sanctions, after, most)
        return [(each.decode(), _kept(row)) for each, row in reply[3]]

    async def audit(self, after: str = "", most: int = PAGE) -> tuple[list[Kept], str]:
        """Return entries of the audit behind this id, the oldest first, and the hash of the last of all."""
        reply = await self._transition("audit_read", self._keys.audit, after, most)
        rows = [Kept(each.decode(), text, hash_.decode()) for each, text, hash_ in reply[3]]
        return rows, reply[1].decode()

    async def on_device(self, process: str, cursor: str, device: str) -> tuple[str, list[PersonId]]:
        """Return people of this device who are attached to a process: one page, and the next cursor ("0":
        the end)."""
        reply = await self._transition("on_device", self._keys.at(process), cursor, device)
        return reply[1].decode(), [PersonId(each.decode()) for each in reply[3]]

    async def processes(self) -> list[str]:
        """Return the ids of the server processes that hold people."""
        reply = await self._transition("processes", self._keys.beats)
        return [each.decode() for each in reply[3]]


def _acted(reply: Any) -> Acted:
    match reply[0]:
        case b"moved":
            return Moved(reply[1].decode())
        case b"another":
            return AnotherRequest()
        case _:
            return Done(reply[1])


def _kept(row: Any) -> KeptSanction | None:
    about, device, lifted = row
    return KeptSanction(about, bool(device), int(lifted or 0)) if about else None
