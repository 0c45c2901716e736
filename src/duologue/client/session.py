"""Who this client is: a guest whose token it keeps and renews, or tokens that a host's own back end signs."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec

from duologue.client.api import CALL_S, Api
from duologue.client.backoff import full_jitter
from duologue.client.clock import Clock
from duologue.client.errors import ClientError, Refused, Unreached
from duologue.client.vocabulary import Grant

UNKNOWN_LIFETIME_S = 600.0
"""Of a host's token that says nothing of its end."""
SAME_TOKEN_S = 2.0
"""A host's token that was refused is not asked for anew sooner than this."""
LEAST_S = 1.0
"""A token that is never stretched would be renewed ever sooner as its end comes near."""
RETRY_BASE_S, RETRY_CAP_S = 1.0, 30.0
PATIENCE_S = 60.0
"""A guest that is refused again within this of its beginning ends the session: it would be refused again and
again, and somebody new would begin each time."""

Supply = Callable[[], Awaitable[str]]
"""Gets a token from the host's own back end. ``Refused`` of 4xx ends the session: nobody is logged in."""


class Session:
    """A person's token. ``token``: one kept from before, or an operator's own; else a guest begins.

    ``supply`` stands in for the server: it is asked before the first connection, at half of each token's
    life (its ``exp``), and when the server turns one away.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        alias: str = "",
        token: str = "",
        device: str = "",
        supply: Supply | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.token = token
        self.person = ""
        """Empty until the server has said it; it does not to whom a host signs for."""
        self.alias = alias
        self.device = device
        """Empty until the server has said it. It outlives the session: keep it beside the token."""
        self._clock = clock
        self._patience_s = patience_s
        self._supply = supply
        self._got_at_ms = self._ends_at_ms = 0
        self._got = asyncio.Event()
        self._refused = False
        self._begun_s: float | None = None
        """When somebody new began in place of a refused session; ``None`` once a command was answered."""

    async def ensure(self, api: Api) -> None:
        """There is a token, and not an old one. Raises ``Refused`` and ``Unreached``.

        ``Refused`` with ``session-refused``: a new guest was turned away as well, a moment ago.
        """
        now_ms = self._clock.now_ms()
        if self._supply:
            # One that is only half over will still do while the host's back end is down.
            turned_away = self._refused and now_ms - self._got_at_ms > SAME_TOKEN_S * 1000
            wanted = not self.token or now_ms >= self._ends_at_ms or turned_away
        else:
            wanted = not self.token or self._refused or now_ms >= self._renew_at_ms
            if self._refused and self._is_fruitless:
                self._begun_s = None
                detail = "the server does not accept the token that it has just given: a proxy may remove it"
                raise Refused(HTTPStatus.UNAUTHORIZED, "session-refused", detail)
        if wanted:
            await self.renew(api)

    async def renew(self, api: Api) -> None:
        """Another token, whatever there is. Raises as ``ensure``; the old one is still there then."""
        if self._supply:
            token = await self._supplied(self._supply)
            life_ms = UNKNOWN_LIFETIME_S * 1000
            ends_at_ms = expiry_ms(token) or round(self._clock.now_ms() + life_ms)
        else:
            grant = await self._granted(api)
            if self.person not in ("", grant.person):
                self._begun_s = self._clock.monotonic()
            token, self.person, ends_at_ms = grant.token, grant.person, grant.expires_at_ms
            self.device = grant.device or self.device
        self.token, self._got_at_ms, self._ends_at_ms = token, self._clock.now_ms(), ends_at_ms
        self._refused = False
        self._got.set()

    def refused(self) -> None:
        """The server answered 401: another is asked for before the next connection."""
        self._refused = True

    def recognized(self) -> None:
        """Note that the server knew who asks: a command was answered."""
        self._begun_s = None

    async def keep(self, api: Api, *, renewed: Callable[[], None], random: Callable[[], float]) -> None:
        """At half of its life each token is replaced, and ``renewed`` called, until cancelled.

        A renewal that fails is tried again: the old token is good for as long again.
        """
        attempt = 0
        await self._got.wait()
        while True:
            left_s = (self._renew_at_ms - self._clock.now_ms()) / 1000
            jitter_s = full_jitter(attempt - 1, base_s=RETRY_BASE_S, cap_s=RETRY_CAP_S, random=random)
            await self._clock.sleep(max(LEAST_S, left_s) + (jitter_s if attempt else 0.0))
            if self._clock.now_ms() < self._renew_at_ms:
                continue
            old = self.token
            try:
                await self.renew(api)
            except ClientError:
                attempt += 1
            else:
                attempt = 0
                if self.token != old:
                    renewed()

    @property
    def _is_fruitless(self) -> bool:
        return self._begun_s is not None and self._clock.monotonic() - self._begun_s < self._patience_s

    @property
    def _renew_at_ms(self) -> int:
        """At half-life: who is away for two weeks is still the same person."""
        return self._got_at_ms + max(0, self._ends_at_ms - self._got_at_ms) // 2

    async def _supplied(self, supply: Supply) -> str:
        try:
            async with self._clock.timeout(CALL_S):
                return await supply()
        except ClientError:
            raise
        except Exception as error:  # the host's own code: whatever broke there is tried again
            raise Unreached(f"the host's own token: {error!r}") from error

    async def _granted(self, api: Api) -> Grant:
        try:
            return await api.grant(token=self.token, alias=self.alias, device=self.device)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED or not self.token:
                raise
            # The server does not know this token any more: a guest begins anew.
            self.token = ""
            return await api.grant(token="", alias=self.alias, device=self.device)


class Claims(msgspec.Struct, frozen=True):
    """Of a JWT, as far as a client reads it; the server is who checks it."""

    exp: float = 0.0


def expiry_ms(token: str) -> int:
    """When a JWT says that it ends; 0: it does not say."""
    try:
        payload = token.split(".")[1]
        return round(msgspec.json.decode(base64.urlsafe_b64decode(payload + "=="), type=Claims).exp * 1000)
    except (IndexError, ValueError, binascii.Error, msgspec.MsgspecError):
        return 0
