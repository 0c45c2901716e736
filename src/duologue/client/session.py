"""Who this client is: a guest, whose token it keeps and renews, or a person with tokens of a host's back
end."""

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
"""Assumed life of a host's token without an end."""
SAME_TOKEN_S = 2.0
"""A host's token that was refused is not asked for again sooner than this."""
LEAST_S = 1.0
"""Minimum time between two renewals: a token that cannot be extended would be renewed more and more often
near its end."""
RETRY_BASE_S, RETRY_CAP_S = 1.0, 30.0
PATIENCE_S = 60.0
"""A guest that is refused within this time of its beginning ends the session: it would be refused again and
again, and a new person would begin each time."""

Supply = Callable[[], Awaitable[str]]
"""Gets a token from the host's back end. ``Refused`` of 4xx ends the session: the person is not logged in."""


class Session:
    """A person's token. ``token``: one of an earlier session, or an operator's; without it a guest begins.

    ``supply`` replaces the server: it is called before the first connection, after half of each token's
    life (``exp``), and when the server refuses one.
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
        """The person, empty until the server has said it. For tokens of a host it stays empty."""
        self.alias = alias
        self.device = device
        """The device, empty until the server has said it. It lasts longer than the session: keep it beside
        the token."""
        self._clock = clock
        self._patience_s = patience_s
        self._supply = supply
        self._got_at_ms = self._ends_at_ms = 0
        self._got = asyncio.Event()
        self._refused = False
        self._begun_s: float | None = None
        """When a new person began in place of a refused session; ``None`` once a command was answered."""

    async def ensure(self, api: Api) -> None:
        """Make sure that there is a token that is not old. Raises ``Refused`` and ``Unreached``.

        ``Refused`` with ``session-refused``: a new guest was refused, too, a moment ago.
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
        """Get another token in any case. Raises as ``ensure``; the old token is still there then."""
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
        """Note a 401 of the server: another token is asked for before the next connection."""
        self._refused = True

    def recognized(self) -> None:
        """Note that the server accepted the token: a command was answered."""
        self._begun_s = None

    async def keep(self, api: Api, *, renewed: Callable[[], None], random: Callable[[], float]) -> None:
        """Replace each token after half of its life and call ``renewed``, until cancelled.

        A renewal that fails is tried again; the old token is valid for the same time again.
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
        """Return the half of its life: a person who is away for two weeks is still the same person."""
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
    """The claims of a JWT that a client reads; only the server verifies it."""

    exp: float = 0.0


def expiry_ms(token: str) -> int:
    """Return the end of a JWT; 0 if it has none."""
    try:
        payload = token.split(".")[1]
        return round(msgspec.json.decode(base64.urlsafe_b64decode(payload + "=="), type=Claims).exp * 1000)
    except (IndexError, ValueError, binascii.Error, msgspec.MsgspecError):
        return 0
