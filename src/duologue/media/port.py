"""The port: what a process adds to a match's media when it writes a state.

The scripts store only what is nobody's secret (kind, role, room); addresses of
relays, credentials and grants are made here, at the moment of writing, and
stored nowhere.
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
        """How old a state may get before it is written again, since what ``dress`` added runs out.

        Infinity: it does not, or is needed only at once.
        """

    @property
    def hint(self) -> Mapping[str, Any]:
        """Return what a page may know of the media of its next match: ``kind``, and what else is certain.

        Nothing in it runs out, and its use costs an operator nothing for each person who waits.
        """

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:
        """``state.match.media`` as its person shall read it; the argument stays as it was.

        Called for each state written: must be quick, and must not wait for anything.
        """
