"""What a moderator can do to a person, each act in one step with its entry in the audit."""

import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from duologue.admin.audit import written
from duologue.admin.tokens import Moderator
from duologue.identity.tokens import now_ms
from duologue.pairing.moderation import (
    Acted,
    AnotherRequest,
    Done,
    Entry,
    Moderation,
    Moved,
    NoSuchSanction,
    Sanction,
)
from duologue.pairing.vocabulary import PersonId, SanctionKind

TRIES = 20
"""Entries of the audit that may come first, one after the other, before an act gives up."""
PAUSE_MOST_MS = 86_400_000
BAN_MOST_MS = 366 * 86_400_000
WARNING_MS = 30 * 86_400_000
"""How long a warning waits to be confirmed."""
REMEMBERED_S = 600.0
REMEMBERED = 64
"""Sanctions of the last ten minutes that are told once more to a store that has lost them, at most."""


class Busy(Exception):
    """Other moderators act at the same instant, again and again; nothing happened."""


class Request(NamedTuple):
    """The request for an act."""

    key: str = ""
    """Its Idempotency-Key, with whom it belongs to; ``""``: it has none."""
    digest: str = ""
    """A hash of what it asks for."""


class Decision(NamedTuple):
    """What a moderator decides."""

    kind: SanctionKind
    rule: str = ""
    """The rule that was broken, as the person reads it."""
    why: str = ""
    """What happened, in one sentence that the person reads."""
    note: str = ""
    """For moderators only."""
    lasts_ms: int = 0
    """For a pause and a ban."""
    device: bool = False
    """Whether the person's device is kept out, too."""


NO_REQUEST = Request()


class Acts:
    """Sanctions of one shard.

    Example::

        acts = Acts(machine.moderation)
        await acts.decide(PersonId(person), Decision(SanctionKind.BAN, "nudity", "…", lasts_ms=…), moderator)
    """

    def __init__(
        self,
        moderation: Moderation,
        clock_ms: Callable[[], int] = now_ms,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._moderation = moderation
        self._clock_ms = clock_ms
        self._monotonic_s = monotonic_s
        self._recent: deque[tuple[float, Sanction, Moderator]] = deque(maxlen=REMEMBERED)
        self._head = ""
        """The hash of the last entry of the audit, as far as we know."""

    async def decide(
        self, person: PersonId, decision: Decision, by: Moderator, request: Request = NO_REQUEST
    ) -> Done | AnotherRequest:
        """Let the decision take effect. Raises ``Busy`` and the store's errors."""
        id_ = "x_" + secrets.token_urlsafe(12)
        at_ms = self._clock_ms()
        until_ms = at_ms + _lasts_ms(decision)
        read = {
            "sanction": id_,
            "kind": decision.kind.value,
            "rule": decision.rule,
            "why": decision.why,
            "automatic": False,
            "at_ms": at_ms,
            "until_ms": until_ms,
        }
        about = {**read, "person": person, "by": by.name, "note": decision.note}
        sanction = Sanction(id_, person, decision.kind, until_ms, decision.device, _json(read), _json(about))
        acted = await self._decided(sanction, by, decision.kind.value, request)
        if isinstance(acted, Done) and decision.kind is not SanctionKind.KICK:
            self._recent.append((self._monotonic_s(), sanction, by))
        return acted

    async def _decided(
        self, sanction: Sanction, by: Moderator, act: str, request: Request
    ) -> Done | AnotherRequest:
        noted = {
            "person": sanction.person,
            "sanction": sanction.id,
            "until_ms": sanction.until_ms,
            "device": sanction.device,
        }
        acted = await self._acted(partial(self._moderation.act, sanction), by, act, noted, request)
        assert not isinstance(acted, NoSuchSanction)
        return acted

    async def remember(self) -> None:
        """Decide once more what a store that was set back has forgotten. Raises the store's errors.

        A failover can lose the last second of writes. Of a sanction that was lifted the store knows that.
        """
        since = self._monotonic_s() - REMEMBERED_S
        recent = [(sanction, by) for at, sanction, by in self._recent if at > since]
        if not recent:
            return
        kept = await self._moderation.kept(*(sanction.id for sanction, _ in recent))
        for (sanction, by), found in zip(recent, kept, strict=True):
            if found is None and sanction.until_ms > self._clock_ms():
                await self._decided(sanction, by, f"{sanction.kind} again", NO_REQUEST)

    async def others_on_device(self, person: PersonId) -> list[PersonId]:
        """Return the people, besides this one, who are attached from the person's device now."""
        device = (await self._moderation.facts(person)).device
        found: list[PersonId] = []
        for process in await self._moderation.processes() if device else ():
            cursor = "0"
            while True:
                cursor, some = await self._moderation.on_device(process, cursor, device)
                found += [each for each in some if each != person and each not in found]
                if cursor == "0":
                    break
        return found

    async def lift(
        self, person: PersonId, sanction: str, by: Moderator, request: Request = NO_REQUEST, why: str = ""
    ) -> Done | AnotherRequest | NoSuchSanction:
        """End a sanction before its time; the audit says why. Raises ``Busy`` and the store's errors."""
        about = {"person": person, "sanction": sanction, "why": why}
        return await self._acted(partial(self._moderation.lift, person, sanction), by, "lift", about, request)

    async def note(self, act: str, about: dict[str, Any], by: Moderator) -> None:
        """Add to the audit that a moderator read something. Raises ``Busy`` and the store's errors."""
        await self._acted(self._moderation.note, by, act, about, NO_REQUEST)

    async def _acted(
        self, act: Callable[[Entry], Any], by: Moderator, name: str, about: dict[str, Any], request: Request
    ) -> Done | AnotherRequest | NoSuchSanction:
        for _ in range(TRIES):
            text, hash_ = written(self._head, self._clock_ms(), by.name, by.role, name, about)
            acted: Acted | NoSuchSanction = await act(Entry(self._head, text, hash_, *request))
            if isinstance(acted, Moved):
                self._head = acted.head
                continue
            if isinstance(acted, Done):
                self._head = hash_
            return acted
        raise Busy


def _lasts_ms(decision: Decision) -> int:
    match decision.kind:
        case SanctionKind.WARN:
            return WARNING_MS
        case SanctionKind.KICK:
            return 0
        case _:
            return decision.lasts_ms


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
