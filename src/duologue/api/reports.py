"""``POST /v1/reports``: the operator should look at this one."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Id, Text, UnsetType
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, PersonId, ReportReason


class ReportBody(Body):
    """What was wrong; the messages of the match are kept with it. A report implies a block."""

    match: Id
    key: Id
    reason: ReportReason
    text: Text | UnsetType = UNSET
    skip: bool = False


async def report(desk: Desk, caller: Session, body: ReportBody) -> Answer:
    """The report is kept; a live match goes on unless ``skip``. The other side is never told."""
    reply = await desk.machine.report(
        PersonId(caller.person),
        MatchId(body.match),
        body.key,
        body.reason,
        "" if body.text is UNSET else body.text,
        body.skip,
    )
    return Answer(reply.outcome, reply.state)
