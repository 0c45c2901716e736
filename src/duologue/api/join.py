"""``POST /v1/join``: I want a partner."""

from typing import Literal

import msgspec

from duologue.api.answers import Answer
from duologue.api.bodies import Body
from duologue.api.desk import Desk
from duologue.api.fields import UNSET, Intent, Language, Pool, Tags, UnsetType
from duologue.api.naming import tags_of
from duologue.api.problems import Code, Problem
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import PersonId


class JoinBody(Body):
    """The press of Start, and whom the caller would like to meet."""

    intent: Intent
    pool: Pool | UnsetType = UNSET
    tags: Tags = msgspec.field(default_factory=list)
    language: Language | UnsetType = UNSET
    auto_next: bool = True
    media: Literal["text"] | UnsetType = UNSET
    """``text``: this page cannot have a call (it has no WebRTC), so its matches are without one."""


async def join(desk: Desk, caller: Session, body: JoinBody) -> Answer:
    """Waiting or matched, or ``stale`` if a later press decided otherwise."""
    reply = await desk.machine.join(
        PersonId(caller.person),
        intent=body.intent,
        pool=pool_of(desk, caller, body),
        tags=tags_of(body.tags),
        # Language tags do not depend on case (RFC 5646 section 2.1.1); the scripts compare bytes.
        language="" if body.language is UNSET else body.language.lower(),
        auto_next=body.auto_next,
        alias=caller.alias,
        text_only=body.media == "text",
    )
    return Answer(reply.outcome, reply.state)


def pool_of(desk: Desk, caller: Session, body: JoinBody) -> str:
    """The pool asked for, the token's, or the first. Raises ``Problem``: no name is made up (S9)."""
    default = desk.pools[0] if caller.pool is None else caller.pool
    pool = default if body.pool is UNSET else body.pool
    if pool not in desk.pools or (caller.pool is not None and pool != caller.pool):
        raise Problem(Code.UNKNOWN_POOL, "there is no such pool for this caller", field="pool")
    return pool
