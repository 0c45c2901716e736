"""``POST /v1/signal``: what two browsers must tell each other before they see each other.

A page whose pulse is due at the same moment sends it along, so that one request says both.
"""

from typing import Annotated, Any, Literal

import msgspec

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Id, UnsetType
from duologue.api.problems import Code, Problem
from duologue.api.pulse import Told, measured, pulse_counts
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import MatchId, Outcome, PersonId

Candidate = Annotated[dict[str, str | int | None], msgspec.Meta(max_length=16)]
"""An RTCIceCandidateInit. Its fields are the browsers' business, and new ones may come: flat, no more."""


Candidates = Annotated[list[Candidate], msgspec.Meta(min_length=1, max_length=64)]
"""Those that a page found within one moment."""


class Description(Body):
    """An RTCSessionDescriptionInit."""

    type: Literal["offer", "answer", "pranswer", "rollback"]
    sdp: str = ""


class SignalData(Body, rename={"sender": "from", "receiver": "to"}):
    """From one page, perhaps to one page, exactly one thing; ``lists``: that page reads ``candidates``."""

    sender: Id
    receiver: Id | UnsetType = UNSET
    hello: bool | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    candidate: Candidate | UnsetType = UNSET
    candidates: Candidates | UnsetType = UNSET
    bye: bool | UnsetType = UNSET
    lists: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        """What no type can say. A ``ValueError`` here is a ``bad-field`` at ``data``."""
        kinds = (self.hello, self.description, self.candidate, self.candidates, self.bye)
        said = [one for one in kinds if one is not UNSET]
        if len(said) != 1:
            raise ValueError("exactly one of hello, description, candidate, candidates, bye is needed")
        if said[0] is False or self.lists is False:
            raise ValueError("hello, bye and lists are true")


class SignalBody(Body):
    """A signal to the partner's page; ``key`` is the client's own, a repeat is not relayed twice.

    ``pulse``: what a pulse of the same match would say now.
    """

    match: Id
    key: Id
    data: SignalData
    pulse: Told | UnsetType = UNSET


def signal_counts(body: SignalBody) -> tuple[Kind, ...]:
    """Count the pulse that comes along as a pulse, and as what it says of its media."""
    return () if body.pulse is UNSET else (Kind.PULSES, *pulse_counts(body.pulse))


async def signal(desk: Desk, caller: Session, body: SignalBody) -> Answer:
    """Relayed to the partner (``sent``), or ``stale``.

    A signal is a sign of life already, so only what the pulse says of its media needs a script of its own.
    """
    data: dict[str, Any] = msgspec.to_builtins(body.data)
    if len(msgspec.json.encode(data)) > (most := desk.sizes.signal_bytes):
        raise Problem(Code.BAD_FIELD, f"a signal may have {most} bytes", field="data")
    person, match = PersonId(caller.person), MatchId(body.match)
    if body.pulse is not UNSET and body.pulse.media is not UNSET:
        pulsed = await desk.machine.pulse(person, match, body.pulse.media)
        if pulsed.outcome is Outcome.STALE:
            return Answer(pulsed.outcome, pulsed.state)
    to_page = "" if body.data.receiver is UNSET else body.data.receiver
    sent = await desk.machine.signal(person, match, body.key, data, body.data.sender, to_page)
    if body.pulse is not UNSET:
        await measured(desk, caller, body.pulse)
    return Answer(sent.outcome, sent.state)
