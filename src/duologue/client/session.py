"""Who this client is: a guest whose token it keeps and renews, or a token that was handed in."""

from http import HTTPStatus

from duologue.client.api import Api
from duologue.client.clock import Clock
from duologue.client.errors import Refused
from duologue.client.vocabulary import Grant


class Session:
    """A person's token. ``token``: one kept from before, or an operator's own; else a guest begins."""

    def __init__(self, clock: Clock, *, alias: str = "", token: str = "") -> None:
        self.token = token
        self.person = ""
        self.alias = alias
        self._clock = clock
        self._renew_at_ms = 0

    async def ensure(self, api: Api) -> None:
        """There is a token, and not an old one. Raises ``Refused`` and ``Unreached``."""
        now_ms = self._clock.now_ms()
        if self.token and now_ms < self._renew_at_ms:
            return
        grant = await self._granted(api)
        self.token, self.person = grant.token, grant.person
        # At half-life: who is away for two weeks is still the same person.
        self._renew_at_ms = now_ms + max(0, grant.expires_at_ms - now_ms) // 2

    def refused(self) -> None:
        """The server answered 401: it is asked anew before the next stream."""
        self._renew_at_ms = 0

    async def _granted(self, api: Api) -> Grant:
        try:
            return await api.grant(token=self.token, alias=self.alias)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED or not self.token:
                raise
            # The server does not know this token any more: a guest begins anew.
            self.token = ""
            return await api.grant(token="", alias=self.alias)
