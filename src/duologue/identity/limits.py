"""How often a person, and a network address, may ask for something.

What changes the store is counted there, one script for a person's bucket and
their address's together; a refusal is remembered by the process, so that a
flood costs the store nothing. Signs of life and reads are counted in memory, by
each process for itself: to ask the store would cost as much as the sign. So a
person, or an address, that reaches several processes has that many buckets.
"""

import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2s
from typing import NamedTuple

from duologue.identity.addresses import REMEMBERED, grouped
from duologue.identity.buckets import Memory, Rate, Runner, Script, read_script
from duologue.lane import Lane


class Kind(StrEnum):
    """What is counted: the word of settings, keys and metrics."""

    SESSIONS = "sessions"
    JOINS = "joins"
    SKIPS = "skips"
    MESSAGES = "messages"
    SIGNALS = "signals"
    REPORTS = "reports"
    """Blocks too."""
    STREAMS = "streams"
    POLLS = "polls"
    PULSES = "pulses"
    """Every sign of life that is a command: ``ack`` and ``leave`` too."""
    SILENCES = "silences"
    """Pulses that call the partner silent; fewer than what they cost the partner in answers (race S7)."""
    READS = "reads"
    """And what a client reports of them."""
    MEASURES = "measures"
    """Pulses whose measurements enter the metrics; of more than that they are left out."""


IN_MEMORY = frozenset({Kind.POLLS, Kind.PULSES, Kind.SILENCES, Kind.READS, Kind.MEASURES})
"""Counted by each process for itself."""

STRANGERS_ONLY = frozenset({Kind.SESSIONS, Kind.STREAMS})
"""An address pays only for new people, not for those who renew or come back: after a restart all do, at once.
New is a session without a person yet, and a stream of somebody of whom the store has no record."""


@dataclass(frozen=True, slots=True)
class TooMany:
    """What was asked for is refused for now; nothing was changed."""

    kind: Kind
    whose: str
    """``person`` or ``address``: whose bucket is empty."""
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of one kind; ``None``: none."""

    person: Rate | None = None
    address: Rate | None = None


DEFAULTS: Mapping[Kind, Rates] = {
    Kind.SESSIONS: Rates(Rate(20, 30), Rate(600, 1_000)),
    Kind.JOINS: Rates(Rate(60, 30), Rate(6_000, 3_000)),
    Kind.SKIPS: Rates(Rate(60, 40), Rate(12_000, 6_000)),
    Kind.MESSAGES: Rates(Rate(120, 60), Rate(12_000, 6_000)),
    Kind.SIGNALS: Rates(Rate(1_200, 600), Rate(120_000, 60_000)),
    Kind.REPORTS: Rates(Rate(20, 20), Rate(600, 300)),
    Kind.STREAMS: Rates(Rate(30, 30), Rate(600, 1_000)),
    Kind.POLLS: Rates(Rate(600, 100), Rate(60_000, 6_000)),
    Kind.PULSES: Rates(Rate(600, 100), Rate(60_000, 6_000)),
    Kind.SILENCES: Rates(Rate(60, 30), Rate(30_000, 3_000)),
    Kind.READS: Rates(Rate(600, 100), Rate(60_000, 6_000)),
    Kind.MEASURES: Rates(Rate(12, 12)),
}
"""What a person does in a lively evening, several times over; of an address, 500 people behind one NAT."""

RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})")


def parsed(text: str) -> tuple[Kind, Rates]:
    """A kind and its limits from ``skips=60/40,12000/6000``: of a person, then of an address.

    Each is a rate per minute and a number at once, or ``off``. What is left out keeps its default. Raises
    ``ValueError``, which says what is wrong.
    """
    word, _, both = text.partition("=")
    if word not in tuple(Kind):
        raise ValueError(f"{word!r} is not a kind of request; there are {', '.join(Kind)}")
    person, comma, address = both.partition(",")
    usual = DEFAULTS[kind := Kind(word)]
    if not person and not address:
        raise ValueError(f"{word} needs a limit, such as {word}={_text(usual)}")
    if address and not usual.address:
        raise ValueError(f"{word} has a limit for each person only, such as {word}={_text(usual)}")
    return kind, Rates(
        _rate(person, usual.person) if person else usual.person,
        _rate(address, usual.address) if comma and address else usual.address,
    )


def _rate(text: str, usual: Rate | None) -> Rate | None:
    if text == "off":
        return None
    if not (found := RATE.fullmatch(text)):
        shown = usual or Rate(60, 40)
        raise ValueError(
            f"{text!r} is not a limit: write {_shown(shown)} for {shown.per_min} a minute and {shown.burst} "
            "at once, or off"
        )
    return Rate(int(found[1]), int(found[2]))


def _text(rates: Rates) -> str:
    return ",".join(_shown(rate) for rate in (rates.person, rates.address) if rate)


def _shown(rate: Rate) -> str:
    return f"{rate.per_min}/{rate.burst}"


class _Counted(NamedTuple):
    """The limits of one kind as its requests need them, made once."""

    rates: Rates
    person_key: str
    """What the name of a person's bucket begins with; in memory the same."""
    address_key: str
    person_rate: tuple[str, int] | None
    """As the script reads it: ms per token, and the burst."""
    address_rate: tuple[str, int] | None

    @classmethod
    def of(cls, kind: Kind, rates: Rates, prefix: str) -> "_Counted":
        key = f"{prefix}limit:{kind}"
        return cls(rates, f"{key}:", f"{key}@", _as_read(rates.person), _as_read(rates.address))


def _as_read(rate: Rate | None) -> tuple[str, int] | None:
    return None if rate is None else (f"{rate.token_ms:.3f}", rate.burst)


def monotonic_ms() -> float:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic() * 1000


class RateLimits:
    """The limits of one deployment, as one process enforces them.

    Example::

        rates = {Kind.SKIPS: Rates(Rate(60, 40), Rate(12_000, 6_000))}
        limits = RateLimits(store, rates, secret=b"…", known=Keys("0").person)
        refused = await limits.spend(Kind.SKIPS, person="p", address="192.0.2.7")
    """

    def __init__(
        self,
        runner: Runner,
        rates: Mapping[Kind, Rates],
        *,
        secret: bytes = b"",
        prefix: str = "{0}",
        known: Callable[[str], str],
        interrupted: type[Exception] | tuple[type[Exception], ...] = (),
        may_repeat: Callable[[Lane], bool] = lambda _: True,
        now_ms: Callable[[], float] = monotonic_ms,
        script: Script | None = None,
        store_now_ms: Callable[[], int] | None = None,
    ) -> None:
        """``secret`` hides addresses in the store's keys; ``known``: the key of a person's record.

        ``prefix`` is the shard's hash tag: a person's and an address's bucket lie beside the record.
        ``interrupted``: errors after which the script may have run; it is run once more (a token is lost)
        if ``may_repeat`` allows it (``Store.may_repeat``).
        ``script`` and ``store_now_ms`` are for tests.
        """
        self._runner = runner
        self._counted = {
            kind: _Counted.of(kind, each, prefix) for kind, each in rates.items() if each != Rates()
        }
        self._secret = secret[:32]
        self._known = known
        self._interrupted = interrupted
        self._may_repeat = may_repeat
        self._memory = Memory(now_ms)
        self._refused = Memory(now_ms)
        self._script = script or read_script()
        self._grouped = lru_cache(REMEMBERED)(grouped)
        self._hidden = lru_cache(REMEMBERED)(self._hide)
        self._store_now_ms = store_now_ms

    async def spend(self, kind: Kind, *, person: str = "", address: str = "") -> TooMany | None:
        """One more: ``None``, or it is too many and no bucket was touched.

        ``""`` for whoever is not known, or does not count. Raises the runner's errors, for what is
        counted in the store. Cancelled, a token may have been spent.
        """
        counted = self._counted.get(kind)
        if counted is None:
            return None
        if kind in IN_MEMORY:
            return self._spend_here(kind, counted, person, address)
        buckets = self._buckets(kind, counted, person, address)
        if not buckets:
            return None
        # What spares the people whom the store knows was refused to this one, not to the address.
        whom = f" {person}" if kind in STRANGERS_ONLY else ""
        for whose, key, _ in buckets:
            if wait_ms := self._refused.closed_for(key + whom):
                return TooMany(kind, whose, int(wait_ms) + 1)
        wait_ms, which = await self._ask(kind, person, buckets)
        if not wait_ms:
            return None
        whose, key, _ = buckets[which - 1]
        self._refused.close(key + whom, wait_ms)
        return TooMany(kind, whose, wait_ms)

    def _spend_here(self, kind: Kind, counted: "_Counted", person: str, address: str) -> TooMany | None:
        asked: list[tuple[str, str, Rate]] = []
        rates = counted.rates
        if rates.person is not None and person:
            asked.append(("person", counted.person_key + person, rates.person))
        if rates.address is not None and address:
            asked.append(("address", counted.address_key + self._grouped(address), rates.address))
        for whose, bucket, rate in asked:
            if wait_ms := self._memory.wait(bucket, rate):
                return TooMany(kind, whose, int(wait_ms) + 1)
        for _, bucket, rate in asked:
            self._memory.spend(bucket, rate)
        return None

    def _buckets(
        self, kind: Kind, counted: "_Counted", person: str, address: str
    ) -> list[tuple[str, str, tuple[str, int]]]:
        """Return whose it is, its key, and its rate as the script reads it; the address last."""
        found = []
        if counted.person_rate is not None and person:
            found.append(("person", counted.person_key + person, counted.person_rate))
        if kind is Kind.SESSIONS and person:
            return found
        if counted.address_rate is not None and address:
            found.append(("address", counted.address_key + self._hidden(address), counted.address_rate))
        return found

    def _hide(self, address: str) -> str:
        """An address's name in the store, which nobody without the signing key can read back."""
        digest = blake2s(grouped(address).encode(), key=self._secret, digest_size=12).digest()
        return urlsafe_b64encode(digest).decode()

    async def _ask(
        self, kind: Kind, person: str, buckets: Sequence[tuple[str, str, tuple[str, int]]]
    ) -> tuple[int, int]:
        keys = [key for _, key, _ in buckets]
        spares = kind in STRANGERS_ONLY and person != "" and buckets[-1][0] == "address"
        if spares:
            keys.append(self._known(person))
        now = "" if self._store_now_ms is None else self._store_now_ms()
        args: list[str | int | bytes] = [now, int(spares)]
        for _, _, rate in buckets:
            args += rate
        # A stream opens without its limits if they cannot be asked in time: they must not delay a command.
        lane = Lane.BULK if kind is Kind.STREAMS else Lane.INTERACTIVE
        try:
            wait_ms, which = await self._runner.run(self._script, keys, args, lane=lane)
        except self._interrupted:
            if not self._may_repeat(lane):
                raise
            wait_ms, which = await self._runner.run(self._script, keys, args, lane=lane)
        return int(wait_ms), int(which)
