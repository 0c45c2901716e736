"""LiveKit's webhooks: who sent it, and what it says, if it is about a match of ours.

https://docs.livekit.io/home/server/webhooks/: the body is JSON, and the
``Authorization`` header is a bare JWT, signed with the project's key, that
carries the SHA-256 of the body. They come late, twice, out of order or not at all (race R7), so a
fact is a hint: whoever is told of one must look, and must know it by its ``id`` when it comes again.
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
    """What happened, in LiveKit's words. It sends others too: they are not about people in a room."""

    ROOM_STARTED = "room_started"
    ROOM_FINISHED = "room_finished"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    PARTICIPANT_CONNECTION_ABORTED = "participant_connection_aborted"
    TRACK_PUBLISHED = "track_published"
    TRACK_UNPUBLISHED = "track_unpublished"


class Fact(NamedTuple):
    """What LiveKit says about the room of a match of ours."""

    id: str
    """The same when it comes again."""
    kind: FactKind
    match: MatchId
    room_sid: str
    side: Side | None
    """Whom it is about; ``None``: the room, or nobody whom we let in."""
    at_ms: int
    """By LiveKit's clock, whole seconds."""


class Webhooks:
    """Reads what is posted to us. Holds nothing."""

    def __init__(self, project: Project, namespace: Namespace) -> None:
        self._project = project
        self._namespace = namespace

    def read(self, body: bytes, authorization: str) -> Fact | None:
        """What it says; ``None``: it is genuine, and not about a match of ours.

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
    """The parts that are read, of what protobuf's JSON mapping makes: 64-bit numbers are text."""

    event: str = ""
    id: str = ""
    created_at: int = 0
    room: _Room = msgspec.field(default_factory=_Room)
    participant: _Person = msgspec.field(default_factory=_Person)
