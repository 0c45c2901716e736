"""``POST /v1/pulse``: I am here, and this is how my picture and sound are."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Id, Milliseconds, UnsetType
from duologue.api.problems import Code, Problem
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import MatchId, Media, PersonId

BELIEVED_MS = 10 * 60 * 1000
"""What a client measured above this is a clock that jumped, or a joke: accepted, not counted."""


class PulseBody(Body):
    """A sign of life, what the page sees of its partner, and what it measured."""

    match: Id | UnsetType = UNSET
    media: Media | UnsetType = UNSET
    told_ms: Milliseconds | UnsetType = UNSET
    alone_ms: Milliseconds | UnsetType = UNSET
    next_face_ms: Milliseconds | UnsetType = UNSET


async def pulse(desk: Desk, caller: Session, body: PulseBody) -> Answer:
    """Whatever the caller owed is met; ``stale``: it was no sign of life, answer the state."""
    if body.media is not UNSET and body.match is UNSET:
        raise Problem(Code.MISSING_FIELD, "media is said of a match", field="match")
    if body.media is Media.SILENT:
        await desk.door.admit(Kind.SILENCES, {}, caller.person)
    reply = await desk.machine.pulse(
        PersonId(caller.person),
        None if body.match is UNSET else MatchId(body.match),
        None if body.media is UNSET else body.media,
    )
    count(desk.metrics, body)
    return Answer(reply.outcome, reply.state)


def count(metrics: Metrics, body: PulseBody) -> None:
    """Hand what the client measured to the metrics."""
    if body.told_ms is not UNSET and body.told_ms <= BELIEVED_MS:
        metrics.told("client", body.told_ms / 1000)
    if body.alone_ms is not UNSET and body.alone_ms <= BELIEVED_MS:
        metrics.shown_alone(body.alone_ms / 1000)
    if body.next_face_ms is not UNSET and body.next_face_ms <= BELIEVED_MS:
        metrics.next_face(body.next_face_ms / 1000)
