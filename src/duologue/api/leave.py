"""``POST /v1/leave``: enough for now."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import Intent
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import PersonId


class LeaveBody(Body):
    """The press of Stop. It names no match: it ends whatever there is."""

    intent: Intent


async def leave(desk: Desk, caller: Session, body: LeaveBody) -> Answer:
    """The caller is idle, a partner talks to the queue; ``stale`` if a later press decided otherwise."""
    reply = await desk.machine.leave(PersonId(caller.person), body.intent)
    return Answer(reply.outcome, reply.state)
