"""Media from browser to browser. It needs no server, and shows each person the other's network address
unless all media is relayed."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from duologue.media.turn import RENEW_S, TTL_S, credentials, needs_credentials, relays
from duologue.pairing.vocabulary import MediaKind


class Peer:
    """Peer media with a list of ICE servers (RTCIceServer objects, W3C WebRTC 4.2.4).

    Example: ``Peer([{"urls": ["stun:stun.example.org"]}])``; ``Peer()`` finds paths on one network only.
    """

    kind = MediaKind.PEER

    def __init__(
        self,
        ice_servers: Sequence[Mapping[str, Any]] = (),
        *,
        turn_secret: str = "",
        relay_only: bool = False,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Take the ICE servers, and how to use them.

        ``turn_secret``: the secret of the TURN servers that were given without a user name. ``relay_only``:
        the pages offer each other only the addresses of TURN servers.
        """
        self._ice_servers = [dict(server) for server in ice_servers]
        self._turn_secret = turn_secret
        self._relay_only = relay_only
        self._now_s = now_s
        self._signs = any(map(self._is_ours, self._ice_servers))
        """Return whether a server needs credentials that we make."""

    @property
    def renew_ms(self) -> float:
        """Return half of the lifetime of our credentials, or infinity without any."""
        return RENEW_S * 1000 if self._signs else math.inf

    @property
    def hint(self) -> dict[str, Any]:
        """Return the ICE servers, if a page can use them before it has a partner.

        With a TURN server it cannot: credentials are made for a match, and each waiting person would occupy
        a place on that server.
        """
        if self._relay_only or any(map(relays, self._ice_servers)):
            return {"kind": self.kind}
        return {"kind": self.kind, "ice_servers": self._ice_servers}

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:
        """Add the ICE servers, with credentials for this person in this match. They are made now and stored
        nowhere."""
        servers = self._ice_servers
        if self._signs:
            servers = [self._let_in(each, f"{match}.{media['role']}") for each in servers]
        dressed = {**media, "ice_servers": servers}
        if self._relay_only:
            dressed["ice_transport_policy"] = "relay"
        return dressed

    def _is_ours(self, server: Mapping[str, Any]) -> bool:
        return bool(self._turn_secret) and needs_credentials(server)

    def _let_in(self, server: dict[str, Any], person: str) -> dict[str, Any]:
        if not self._is_ours(server):
            return server
        return server | credentials(self._turn_secret, person, int(self._now_s()) + TTL_S)
