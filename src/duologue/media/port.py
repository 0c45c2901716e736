"""The port: what a process adds to the media of a match when it writes a state.

The scripts store only what is not secret (kind, role, room). Addresses of relays, credentials and grants
are made here, when a state is written, and are stored nowhere.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from duologue.pairing.vocabulary import MediaKind


class MediaPort(Protocol):
    """One kind of media. Adapters: ``media.peer``, ``media.livekit``."""

    @property
    def kind(self) -> MediaKind:
        """What ``state.match.media.kind`` says."""

    @property
    def renew_ms(self) -> float:
        """Return how old a state may become before it is written again, because what ``dress`` added
        expires.

        Infinity means that it does not expire, or is needed only at once.
        """

    @property
    def hint(self) -> Mapping[str, Any]:
        """Return what a page may know about the media of its next match: ``kind``, and what else is
        certain.

        The hint does not expire, and waiting people who use it must cost the operator nothing.
        """

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:
        """Return ``state.match.media`` as its person reads it; the argument is not changed.

        This is called for each state that is written, so it must be quick and must not wait.
        """
