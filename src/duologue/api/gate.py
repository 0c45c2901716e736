"""The rate limits, as requests meet them."""

import asyncio
from dataclasses import dataclass

import structlog
from starlette.types import Scope

from duologue.api.problems import Code, Problem
from duologue.delivery.stream import CROWDED_MS
from duologue.identity.limits import Kind, RateLimits, TooMany
from duologue.metrics import Metrics
from duologue.store.client import StoreError

OPEN_AFTER_S = 1.0
"""How long the limits may take for answers that do not need the store (a guest's session, a stream)."""

log = structlog.get_logger(__name__)


def address_of(scope: Scope) -> str:
    """Return the client's network address (``api.proxies`` has settled it); ``""`` if it is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_secure(scope: Scope) -> bool:
    """Return whether the browser asked over TLS, as far as we or a trusted proxy know."""
    return bool(scope.get("scheme") == "https")


@dataclass(frozen=True, slots=True)
class RateLimitGate:
    """Count requests by person and by network address, and refuse those beyond a limit. Without limits all
    are admitted."""

    metrics: Metrics
    limits: RateLimits | None = None

    async def admit(self, kind: Kind, scope: Scope, person: str = "") -> None:
        """Count one more request of this kind. Raises ``Problem`` (429) beyond the limit, and the store's
        errors."""
        refused = await self._refused(kind, scope, person)
        if refused is not None:
            raise too_many(refused)

    async def counts(self, kind: Kind, scope: Scope, person: str = "") -> bool:
        """Return whether one more of this kind is within the limit; for values that are left out without a
        refusal."""
        return await self._refused(kind, scope, person) is None

    async def without_store(self, kind: Kind, scope: Scope, person: str = "") -> TooMany | None:
        """Return a refusal, or ``None``; while the store is unavailable all people are admitted. Raises
        nothing."""
        try:
            async with asyncio.timeout(OPEN_AFTER_S):
                return await self._refused(kind, scope, person)
        except (StoreError, TimeoutError) as error:
            log.info("limits not asked", kind=kind, error=str(error) or type(error).__name__)
            return None

    async def _refused(self, kind: Kind, scope: Scope, person: str) -> TooMany | None:
        if self.limits is None:
            return None
        refused = await self.limits.spend(kind, person=person, address=address_of(scope))
        if refused is not None:
            self.metrics.limited(refused.kind, refused.whose)
            log.debug("rate limited", often=True, kind=kind, whose=refused.whose, person=person)
        return refused


def crowded() -> Problem:
    """Return the problem of a new person from a network from which enough people are here."""
    return Problem(
        Code.NETWORK_FULL,
        "too many people are here from your network already: try again in a while, or from another network",
        retry_after_s=CROWDED_MS // 1000,
    )


def too_many(refused: TooMany) -> Problem:
    """Return the problem of a request beyond a limit; it says when to send it again."""
    after_s = -(-refused.wait_ms // 1000)
    whose = "you" if refused.whose == "person" else "your network address"
    return Problem(
        Code.TOO_MANY,
        f"too many {refused.kind} by {whose}; nothing was changed: send this again in {after_s} s",
        retry_after_s=after_s,
    )
