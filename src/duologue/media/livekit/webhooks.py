"""LiveKit's webhooks: verify the sender, and read what they say about our matches.

https://docs.livekit.io/home/server/webhooks/: the body is JSON, and the ``Authorization`` header is a bare
JWT, signed with the project's key, that carries the SHA-256 of the body. Webhooks arrive late, twice, out
of order or not at all (race R7). So a fact is only a hint: its reader must look into the room, and must
recognise a repeated fact by its ``id``.
"""

import base64
import hashlib
import hmac
from enum import StrEnum
from typing import Any, NamedTuple

import jwt
import msgspec

from duologue.media.livekit.errors import WebhookRefused
from duologue.media.livekit.namespace import Namespace, side_of
from duologue.media.livekit.project import Project
from duologue.pairing.vocabulary import MatchId, Side

LEEWAY_S = 60
"""How far apart the two clocks may be; LiveKit signs for 5 minutes."""


class FactKind(StrEnum):
    """What happened, in LiveKit's words. Other kinds are ignored: they are not about people in a room."""

    ROOM_STARTED = "room_started"
    ROOM_FINISHED = "room_finished"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    PARTICIPANT_CONNECTION_ABORTED = "participant_connection_aborted"
    TRACK_PUBLISHED = "track_published"
    TRACK_UNPUBLISHED = "track_unpublished"


class Fact(NamedTuple):
    """What LiveKit says about the room of one of our matches."""

    id: str
    """The same if the webhook is repeated."""
    kind: FactKind
    match: MatchId
    room_sid: str
    side: Side | None
    """The side that it is about; ``None``: the room, or a participant whom we did not let in."""
    at_ms: int
    """The time by LiveKit's clock, in whole seconds."""


class Webhooks:
    """Read webhooks. It keeps no state."""

    def __init__(self, project: Project, namespace: Namespace) -> None:
        self._project = project
        self._namespace = namespace

    def read(self, body: bytes, authorization: str) -> Fact | None:
        """Return what a webhook says; ``None``: it is genuine, but not about one of our matches.

        Raises ``WebhookRefused``.
        """
        self._verify(body, authorization)
        try:
            event = msgspec.json.decode(body, type=_Event, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WebhookRefused(f"no event of LiveKit's: {error}") from error
        match = self._namespace.match_of(event.room.name)
        if match is None or event.event not in _KINDS or not event.id:
            return None
        return Fact(
            id=event.id,
            kind=FactKind(event.event),
            match=match,
            room_sid=event.room.sid,
            side=side_of(event.participant.identity, match),
            at_ms=event.created_at * 1000,
        )

    def _verify(self, body: bytes, authorization: str) -> None:
        try:
            claims: dict[str, Any] = jwt.decode(
                authorization,
                self._project.secret,
                algorithms=["HS256"],
                issuer=self._project.key,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "sha256"]},
            )
        except jwt.PyJWTError as error:
            raise WebhookRefused(f"not signed by LiveKit: {error}") from error
        # A person's own grant is signed with the same key, and has no such claim.
        said = str(claims["sha256"]).encode()
        if not hmac.compare_digest(said, base64.b64encode(hashlib.sha256(body).digest())):
            raise WebhookRefused("the body is not the one that was signed")


_KINDS = frozenset(FactKind)


class _Room(msgspec.Struct):
    name: str = ""
    sid: str = ""


class _Person(msgspec.Struct):
    identity: str = ""


class _Event(msgspec.Struct, rename="camel"):
    """The parts that we read, as protobuf's JSON mapping writes them: 64-bit numbers are text."""

    event: str = ""
    id: str = ""
    created_at: int = 0
    room: _Room = msgspec.field(default_factory=_Room)
    participant: _Person = msgspec.field(default_factory=_Person)
