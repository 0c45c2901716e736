"""Browser to browser: nothing to set up, and each stranger sees the other's network address."""

from collections.abc import Mapping, Sequence
from typing import Any

from duologue.pairing.vocabulary import MediaKind


class Peer:
    """Peer media with a fixed list of ICE servers (RTCIceServer objects, W3C WebRTC 4.2.4).

    Example: ``Peer([{"urls": ["stun:stun.example.org"]}])``; ``Peer()`` finds paths on one network only.
    """

    kind = MediaKind.PEER

    def __init__(self, ice_servers: Sequence[Mapping[str, Any]] = ()) -> None:
        self._ice_servers = [dict(server) for server in ice_servers]

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:  # noqa: ARG002 - the port's
        """Add the ICE servers; the same for everybody, so ``match`` is not looked at."""
        return {**media, "ice_servers": self._ice_servers}
