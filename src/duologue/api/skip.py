"""``POST /v1/skip``: the next one, please."""

from typing import Protocol

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import Id
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, PersonId


class SkipBody(Body):
    """The match that the caller means, which may not be theirs any more."""

    match: Id


class Skips(Protocol):
    """A body that can ask for a skip besides."""

    @property
    def skip(self) -> bool: ...


def skip_counts(body: Skips) -> tuple[Kind, ...]:
    """Count a block or a report that ends the conversation as a skip, too."""
    return (Kind.SKIPS,) if body.skip else ()


async def skip(desk: Desk, caller: Session, body: SkipBody) -> Answer:
    """Both are in the queue again, or already in a new match; ``stale`` changes nothing."""
    reply = await desk.machine.skip(PersonId(caller.person), MatchId(body.match))
    desk.metrics.skip(reply.outcome)
    return Answer(reply.outcome, reply.state)
