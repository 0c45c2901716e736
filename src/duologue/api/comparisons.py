"""``POST /v1/comparisons``: how often the event stream and a read of the state agreed."""

from typing import Annotated

from msgspec import Meta

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import Comparison, PersonId

Count = Annotated[int, Meta(ge=0, le=10_000)]


class ComparisonBody(Body):
    """What a client counted since it last said so."""

    same: Count = 0
    stream_first: Count = 0
    poll_first: Count = 0
    missed: Count = 0
    differ: Count = 0


async def compare(desk: Desk, caller: Session, body: ComparisonBody) -> Answer:
    """Added to the sums of the day; no sign of life."""
    found = Comparison(body.same, body.stream_first, body.poll_first, body.missed, body.differ)
    reply = await desk.machine.compare(PersonId(caller.person), found)
    return Answer(reply.outcome, reply.state)
