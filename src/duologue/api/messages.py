"""``POST /v1/messages``: text chat."""

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import Id, Text
from duologue.api.problems import Code, Problem
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, NoRoom, Outcome, PersonId


class MessageBody(Body):
    """What the caller says to their partner; ``key`` is the client's own, a repeat is not said twice."""

    match: Id
    key: Id
    text: Text


async def message(desk: Desk, caller: Session, body: MessageBody) -> Answer:
    """Answer ``sent`` and the message's number in the match, or ``stale``."""
    if len(body.text) > (most := desk.sizes.message_chars):
        raise Problem(Code.BAD_FIELD, f"a message may have {most} characters", field="text")
    sent = await desk.machine.message(PersonId(caller.person), MatchId(body.match), body.key, body.text)
    if isinstance(sent, NoRoom):
        raise Problem(
            Code.CONVERSATION_FULL,
            "you have written as much as one conversation can hold; go on by voice, or press next",
        )
    return Answer(sent.outcome, sent.state, sent.n if sent.outcome is Outcome.SENT else None)
