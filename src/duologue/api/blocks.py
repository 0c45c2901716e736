"""``POST /v1/blocks``: never again with this one."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import Id
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, PersonId


class BlockBody(Body):
    """The match whose partner is meant, live or one of the last."""

    match: Id
    skip: bool = False


async def block(desk: Desk, caller: Session, body: BlockBody) -> Answer:
    """The two never meet again; a live match goes on unless ``skip``. The other side is never told."""
    reply = await desk.machine.block(PersonId(caller.person), MatchId(body.match), body.skip)
    return Answer(reply.outcome, reply.state)
