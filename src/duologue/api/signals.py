"""``POST /v1/signal``: what two browsers must tell each other before they see each other."""

from typing import Annotated, Any, Literal

import msgspec

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Id, UnsetType
from duologue.api.problems import Code, Problem
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, PersonId

Candidate = Annotated[dict[str, str | int | None], msgspec.Meta(max_length=16)]
"""An RTCIceCandidateInit. Its fields are the browsers' business, and new ones may come: flat, no more."""


class Description(Body):
    """An RTCSessionDescriptionInit."""

    type: Literal["offer", "answer", "pranswer", "rollback"]
    sdp: str = ""


class SignalData(Body, rename={"sender": "from", "receiver": "to"}):
    """From one page, perhaps to one page, exactly one thing."""

    sender: Id
    receiver: Id | UnsetType = UNSET
    hello: bool | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    candidate: Candidate | UnsetType = UNSET
    bye: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        """What no type can say. A ``ValueError`` here is a ``bad-field`` at ``data``."""
        said = [one for one in (self.hello, self.description, self.candidate, self.bye) if one is not UNSET]
        if len(said) != 1:
            raise ValueError("exactly one of hello, description, candidate, bye is needed")
        if said[0] is False:
            raise ValueError("hello and bye are true")


class SignalBody(Body):
    """A signal to the partner's page; ``key`` is the client's own, a repeat is not relayed twice."""

    match: Id
    key: Id
    data: SignalData


async def signal(desk: Desk, caller: Session, body: SignalBody) -> Answer:
    """Relayed to the partner (``sent``), or ``stale``."""
    data: dict[str, Any] = msgspec.to_builtins(body.data)
    if len(msgspec.json.encode(data)) > (most := desk.sizes.signal_bytes):
        raise Problem(Code.BAD_FIELD, f"a signal may have {most} bytes", field="data")
    to_page = "" if body.data.receiver is UNSET else body.data.receiver
    sent = await desk.machine.signal(
        PersonId(caller.person), MatchId(body.match), body.key, data, body.data.sender, to_page
    )
    return Answer(sent.outcome, sent.state)
