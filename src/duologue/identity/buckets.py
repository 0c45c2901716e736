"""Token buckets: in the store, where all processes share them, and in memory, where they cost no call.

A bucket is one number: the instant at which it is full again. Each token moves that instant (the "generic
cell rate algorithm"). A full bucket needs no record, so keys in the store expire, and memory is bounded by
the number of recent callers.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from duologue.lane import Lane

REMEMBERED = 20_000
"""How many buckets are kept in memory; beyond that, the one that was used longest ago counts as full."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something is allowed: in the long run, and at once."""

    per_min: int
    burst: int

    @property
    def token_ms(self) -> float:
        """Return how long one token takes to come back."""
        return 60_000 / self.per_min


@dataclass(frozen=True, slots=True)
class Script:
    """``spend.lua`` as the store gets it."""

    name: str
    source: bytes
    sha1: str


class Runner(Protocol):
    """The store, as buckets use it."""

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes], *, lane: Lane
    ) -> Any:
        """Run one script and return its reply. Raises the store's own errors."""


def read_script(source: bytes | None = None) -> Script:
    """Return the script; ``source``: another text, for tests."""
    source = source or (Path(__file__).parent / "lua" / "spend.lua").read_bytes()
    # The digest only names the script to the store.
    return Script("spend", source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


class Memory:
    """Buckets of this process only.

    Example: ``Memory().spend("pulse ann", Rate(600, 100))`` is 0.0, or how many ms to wait.
    """

    def __init__(self, now_ms: Callable[[], float], most: int = REMEMBERED) -> None:
        self._now_ms = now_ms
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        return len(self._full_at)

    def spend(self, bucket: str, rate: Rate) -> float:
        """Spend a token and return 0; without one, return how many ms to wait and change nothing."""
        now = self._now_ms()
        full_at = max(self._full_at.get(bucket, now), now) + rate.token_ms
        wait = full_at - now - rate.token_ms * rate.burst
        if wait > 0:
            return wait
        self._keep(bucket, full_at)
        return 0.0

    def wait(self, bucket: str, rate: Rate) -> float:
        """Return for how many ms there is no token; 0 if there is one. Nothing changes."""
        now = self._now_ms()
        full_at = max(self._full_at.get(bucket, now), now) + rate.token_ms
        return max(0.0, full_at - now - rate.token_ms * rate.burst)

    def close(self, bucket: str, wait_ms: float) -> None:
        """Refuse all requests on this bucket for so long; after that the store is asked again."""
        self._keep(bucket, self._now_ms() + wait_ms)

    def closed_for(self, bucket: str) -> float:
        """Return for how many ms ``close`` still holds; 0 if it does not."""
        until = self._full_at.get(bucket)
        return 0.0 if until is None else max(0.0, until - self._now_ms())

    def _keep(self, bucket: str, until: float) -> None:
        self._full_at[bucket] = until
        self._full_at.move_to_end(bucket)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
