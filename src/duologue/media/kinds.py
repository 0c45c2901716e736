"""Serve several kinds of media at once: each match keeps the kind that it began with."""

from collections.abc import Mapping, Sequence
from typing import Any

from duologue.media.port import MediaPort
from duologue.pairing.vocabulary import MediaKind


class Kinds:
    """The port of a process with more than one kind: with a fallback, or with matches from before a setting
    changed."""

    def __init__(self, ports: Sequence[MediaPort]) -> None:
        """Use the kind of the first port for new matches."""
        self.kind: MediaKind = ports[0].kind
        self._ports = {port.kind: port for port in ports}

    @property
    def renew_ms(self) -> float:
        """Return the shortest time of all ports; writing a state once too often does no harm."""
        return min(port.renew_ms for port in self._ports.values())

    @property
    def hint(self) -> Mapping[str, Any]:
        """Return the hint of the kind that new matches get."""
        return self._ports[self.kind].hint

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:
        """Use the port of the match's kind; if this process has no port for it, the media stays as it was
        stored."""
        port = self._ports.get(media["kind"])
        return dict(media) if port is None else port.dress(media, match)
