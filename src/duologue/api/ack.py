"""``POST /v1/ack``: I left the room (LiveKit media)."""

from typing import Literal

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import Id
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, PersonId


class AckBody(Body):
    """The match whose room was left; it has ended by nature."""

    match: Id
    of: Literal["room-closing"]


async def ack(desk: Desk, caller: Session, body: AckBody) -> Answer:
    """The room waits for this caller no longer; ``stale``: none of the caller's last matches."""
    reply = await desk.machine.ack(PersonId(caller.person), MatchId(body.match))
    return Answer(reply.outcome, reply.state)
