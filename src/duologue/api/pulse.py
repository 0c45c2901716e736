"""``POST /v1/pulse``: I am here, and this is how my picture and sound are."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Id, Milliseconds, UnsetType
from duologue.api.problems import Code, Problem
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, Media, PersonId

MEASURES = ("told", "alone", "next_face")
"""The fields of a pulse that carry a measurement, without their unit."""


class Told(Body):
    """What a page sees of its partner, and what it measured."""

    media: Media | UnsetType = UNSET
    told_ms: Milliseconds | UnsetType = UNSET
    alone_ms: Milliseconds | UnsetType = UNSET
    next_face_ms: Milliseconds | UnsetType = UNSET


class PulseBody(Told):
    """A sign of life, in a match or without one."""

    match: Id | UnsetType = UNSET


async def pulse(desk: Desk, caller: Session, body: PulseBody) -> Answer:
    """Whatever the caller owed is met; ``stale``: it was no sign of life, answer the state."""
    if body.media is not UNSET and body.match is UNSET:
        raise Problem(Code.MISSING_FIELD, "media is said of a match", field="match")
    reply = await desk.machine.pulse(
        PersonId(caller.person),
        None if body.match is UNSET else MatchId(body.match),
        None if body.media is UNSET else body.media,
    )
    await measured(desk, caller, body)
    return Answer(reply.outcome, reply.state)


def pulse_counts(body: Told) -> tuple[Kind, ...]:
    """Count what a pulse says of its media: ``failed`` can end a conversation, so it is a skip."""
    if body.media is Media.FAILED:
        return (Kind.SKIPS,)
    return (Kind.SILENCES,) if body.media is Media.SILENT else ()


async def measured(desk: Desk, caller: Session, body: Told) -> None:
    """Hand what the client measured to the metrics, unless this person has told too much this minute."""
    told = {name: ms for name in MEASURES if (ms := getattr(body, f"{name}_ms")) is not UNSET}
    if told and await desk.door.counts(Kind.MEASURES, {}, caller.person):
        for name, ms in told.items():
            desk.metrics.measured(name, ms / 1000)
