"""``GET /transports``: how people are reached, and whether polling can be switched off. For the operator."""

from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.answers import as_json
from duologue.api.desk import Desk
from duologue.api.paths import Exact
from duologue.pairing.vocabulary import Usage

ENOUGH = 50
"""People to be compared before their agreement says anything: they have many kinds of network."""
DOUBTED = 1
"""So many people's trouble alone is not a reason: what one client claims is not evidence."""


class Verdict(NamedTuple):
    """Whether polling can be switched off now, and the one sentence that says why."""

    safe: bool
    why: str


def verdict(usage: Usage) -> Verdict:
    """Return whether the people of today and yesterday allow it, and the first thing that speaks against it.

    It counts people, never reads: one person can turn it neither way, whatever their client claims.
    """
    if usage.troubled > DOUBTED:
        return Verdict(
            False,
            f"for {usage.troubled} people a read knew what the stream never brought, or said something else: "
            "find out why",
        )
    doubt = ", for 1 of them a read knew what the stream never brought" if usage.troubled else ""
    if usage.compared < ENOUGH:
        people = "1 person was" if usage.compared == 1 else f"{usage.compared} people were"
        return Verdict(False, f"{people} compared{doubt}, and {ENOUGH} people are needed")
    if usage.on_poll:
        poll = "1 person polls" if usage.on_poll == 1 else f"{usage.on_poll} people poll"
        return Verdict(False, f"{poll}: streams do not reach them")
    agreed = f"the streams of {usage.compared} people agreed with their reads{doubt}"
    return Verdict(True, f"{agreed}, and nobody polls")


def transports(desk: Desk) -> Route:
    """Counts only, as all that is for the operator."""

    async def endpoint(_: Request) -> Response:
        usage = await desk.machine.usage()
        found = verdict(usage)
        whole = {
            "transports": desk.offer.transports,
            "people": {"sse": usage.on_sse, "poll": usage.on_poll},
            "today": usage.today._asdict(),
            "yesterday": usage.yesterday._asdict(),
            "compared": {"people": usage.compared, "troubled": usage.troubled},
            "verdict": found._asdict(),
        }
        return as_json(msgspec.json.encode(whole))

    return Exact("/transports", endpoint, methods=["GET"])
