"""``POST /v1/reports``: the operator should look at this one."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Id, Text, UnsetType
from duologue.api.problems import report_not_kept
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, NoRoom, PersonId, ReportReason
from duologue.store.client import StoreFull


class ReportBody(Body):
    """What was wrong; the messages of the match are kept with it. A report implies a block."""

    match: Id
    key: Id
    reason: ReportReason
    text: Text | UnsetType = UNSET
    skip: bool = False


async def report(desk: Desk, caller: Session, body: ReportBody) -> Answer:
    """Keep the report; a live match goes on unless ``skip``. The other side is never told.

    Raises ``Problem`` when there is no room for the report. The block holds even then.
    """
    text = "" if body.text is UNSET else body.text
    try:
        reply = await desk.machine.report(
            PersonId(caller.person), MatchId(body.match), body.key, body.reason, text, body.skip
        )
    except StoreFull as full:  # raised by the report alone: the block before it runs in a full store
        raise report_not_kept() from full
    if isinstance(reply, NoRoom):
        raise report_not_kept()
    return Answer(reply.outcome, reply.state)
