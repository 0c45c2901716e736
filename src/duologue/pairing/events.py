"""Events for the host application, as Python calls the outbox, and what is noted of their delivery.

``machine.events``. The scripts of the transitions write the events (``lua/include/events.lua``). One process
at a time delivers them (:meth:`Events.claim`). What it notes of deliveries is refused once another one has
taken over. All calls but :meth:`Events.note` can be repeated.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from duologue.pairing.keys import Keys
from duologue.pairing.vocabulary import EventKind, PersonId

PAGE = 100
"""Events in one answer at most."""


class Transition(Protocol):
    """``Machine``'s way to run one script: its reply, the facts observed."""

    def __call__(self, name: str, key: str, *args: str | int | bytes, ids: int = 0) -> Awaitable[Any]: ...


class Event(NamedTuple):
    """One event of the outbox."""

    seq: int
    """Its number; the next one has the next number."""
    kind: str
    at_ms: int
    person: str
    """The person whom it is about; ``""``: nobody."""
    fields: Mapping[str, Any]
    subject: tuple[str, str] | None = None
    """Issuer and subject of the person's token, if the host application signed it."""

    @property
    def id(self) -> str:
        """Return a name that no other event has: after a store was set back, numbers are given again."""
        return f"e_{self.seq}_{self.at_ms}"

    def body(self) -> dict[str, Any]:
        """Return what the host application is told."""
        about: dict[str, Any] = {"person": self.person} if self.person else {}
        if self.subject:
            about |= {"iss": self.subject[0], "sub": self.subject[1]}
        return {
            "type": self.kind,
            "id": self.id,
            "seq": self.seq,
            "timestamp": datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "data": {**about, **self.fields},
        }


class EventPage(NamedTuple):
    """Events behind a number, the oldest first."""

    events: Sequence[Event]
    last: int
    """The number of the newest event that was ever written; 0: there was none."""
    oldest: int
    """The number of the oldest event that is kept; 0: none is."""
    now_ms: int

    def gap(self, after: int) -> bool:
        """Return whether events behind this number are no longer kept, or were lost with the store."""
        return after > self.last or (after < self.last and not self.oldest > 0) or after + 1 < self.oldest


class Delivery(NamedTuple):
    """What is noted of the delivery to one endpoint."""

    state: Mapping[str, Any]
    """Empty: nothing was delivered there yet."""
    retry_ms: int
    """When an operator asked last to try again; 0: never."""
    owing: Mapping[int, Mapping[str, Any]]
    """Events that failed, by number."""
    now_ms: int


class Events:
    """The outbox of one shard.

    Example::

        page = await machine.events.read(after=0)
        for event in page.events:
            print(event.seq, event.body())
    """

    def __init__(self, transition: Transition, keys: Keys) -> None:
        self._transition = transition
        self._keys = keys

    async def read(self, after: int, most: int = PAGE) -> EventPage:
        """Return events behind this number; ``most`` 0: only the numbers."""
        reply = await self._transition("events_read", self._keys.events, after, most)
        return EventPage([_event(row) for row in reply[5]], int(reply[3]), int(reply[4]), int(reply[1]))

    async def trim(self) -> None:
        """Delete events whose time is over."""
        while (await self._transition("events_trim", self._keys.events))[0] == b"more":
            pass

    async def note(self, kind: EventKind, fields: Mapping[str, Any]) -> None:
        """Write an event that no transition makes. If the answer is lost, it may have been written."""
        await self._transition("event_note", self._keys.events, kind, _json(fields))

    async def name(self, person: PersonId, issuer: str, subject: str) -> None:
        """Keep the host application's own name of a person."""
        await self._transition("subject", self._keys.person(person), person, _json([issuer, subject]))

    # --- delivery --------------------------------------------------------------------

    async def claim(self, holder: str) -> bool:
        """Return whether this process delivers, from now on for ``webhook_claim_ms``."""
        reply = await self._transition("webhook_claim", self._keys.webhooks, holder)
        return bool(reply[0] != b"held")

    async def delivery(self, endpoint: str) -> Delivery:
        """Return what is noted of one endpoint."""
        reply = await self._transition("webhook_read", self._keys.webhook(endpoint), endpoint)
        pairs = reply[5]
        owing = {int(pairs[at]): json.loads(pairs[at + 1]) for at in range(0, len(pairs), 2)}
        return Delivery(json.loads(reply[3] or b"{}"), int(reply[4]), owing, int(reply[1]))

    async def settle(
        self,
        endpoint: str,
        holder: str,
        state: Mapping[str, Any],
        owing: Mapping[int, Mapping[str, Any] | None],
        disabled: Mapping[str, Any] | None = None,
    ) -> bool:
        """Note how far it has come; ``None``: an event is owed no longer. False: another process delivers.

        ``disabled``: what the event ``webhook.disabled`` says, which is written in the same step.
        """
        args: list[str | int] = [_json(disabled) if disabled else ""]
        for seq, noted in owing.items():
            args += [seq, _json(noted) if noted is not None else ""]
        key = self._keys.webhook(endpoint)
        reply = await self._transition("webhook_settle", key, endpoint, holder, _json(state), *args)
        return bool(reply[0] == b"ok")

    async def retry(self, endpoint: str) -> bool:
        """Ask for everything that an endpoint is owed to be tried again now. False: it is unknown."""
        reply = await self._transition("webhook_retry", self._keys.webhook(endpoint))
        return bool(reply[0] == b"ok")


def _event(row: Sequence[Any]) -> Event:
    seq, kind, at_ms, person, fields, subject = row
    named = json.loads(subject) if subject else None
    named = (named[0], named[1]) if named else None
    return Event(int(seq), kind.decode(), int(at_ms), person.decode(), json.loads(fields), named)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
