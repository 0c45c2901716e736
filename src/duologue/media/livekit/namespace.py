"""Names of rooms and of the people in them. A name that does not parse belongs to another app."""

import re
import secrets
from dataclasses import dataclass

from duologue.pairing.vocabulary import MatchId, Side

ROLES = {"polite": Side.POLITE, "impolite": Side.IMPOLITE}
"""The words of ``state.match.media.role``, and the same sides in the records."""

_MATCH = re.compile(r"m_[A-Za-z0-9_-]{16}")
_CANARY = re.compile(r"canary-[A-Za-z0-9_-]{16}")
_NAMESPACE = re.compile(r"[A-Za-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class Namespace:
    """One Duologue on a LiveKit project that others may share: ``<namespace>_<match>``, each name used once.

    A namespace has no underscore, and a match id has a fixed length and form: no room of one
    namespace can be read as another's, not even when one is the beginning of the other.
    """

    name: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a namespace that cannot be used."""
        if not _NAMESPACE.fullmatch(self.name):
            raise ValueError(f"a room namespace is 1 to 32 letters, digits or '-', not {self.name!r}")

    def room(self, match: MatchId) -> str:
        """Return the name of a match's room."""
        return f"{self.name}_{match}"

    def fresh_canary(self) -> str:
        """Return the name of a test room (a canary): a new name with each call."""
        return f"{self.name}_canary-{secrets.token_urlsafe(12)}"

    def match_of(self, room: str) -> MatchId | None:
        """Return the match of this room; ``None`` for a canary and for rooms of other apps."""
        rest = self._rest(room)
        return MatchId(rest) if _MATCH.fullmatch(rest) else None

    def owns(self, room: str) -> bool:
        """Return whether the room is ours: a match's room or a canary."""
        rest = self._rest(room)
        return bool(_MATCH.fullmatch(rest) or _CANARY.fullmatch(rest))

    def _rest(self, room: str) -> str:
        namespace, _, rest = room.partition("_")
        return rest if namespace == self.name else ""


def identity(match: MatchId, role: str) -> str:
    """Return the identity of a person in the room. It is the same after a reload, so the person replaces
    their earlier participant.

    ``role``: that of ``state.match.media``.
    """
    return f"{match}.{role}"


def side_of(person: str, match: MatchId) -> Side | None:
    """Return whose identity it is; ``None`` for a participant whom we did not let in."""
    return next((side for role, side in ROLES.items() if person == identity(match, role)), None)
